"""Live: the accounts of real money that the settings name, behind the engine's venue port."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bot.assembly import Account, AccountPlan, Depth, Opening
from bot.cli.refusal import CommandRefused
from bot.settings import Settings
from bot.venue_settings import VenueSettings
from engine.errors import InvalidInput
from engine.orders import Order, OrderKind
from engine.ports import Clock, Gate, Quotes, VenueRefusal, VenueUnavailable
from engine.reports import SubmitAnswer, SubmitWithheld
from engine.runtime import SUBMIT_TIMEOUT_S
from engine.state import State
from engine.venues.live.account import LiveAccount
from engine.venues.live.capabilities import of
from engine.venues.live.market_store import MarketStore
from engine.venues.live.timed import TimedVenue
from storage.database import Database

log = logging.getLogger(__name__)


@dataclass(slots=True)
class StateLater:
    """Give the engine's State to a venue, which is made before the engine is."""

    read: Callable[[], State] = State
    holds_lease: Callable[[], bool] = lambda: False

    def only_entries(self, venue: str) -> bool:
        """Tell whether entries of ours rest at a venue, and nothing that protects or is foreign.

        Without the lease another process may rest a stop there that is not known here.
        """
        state = self.read()
        if not self.holds_lease() or state.external_orders.get(venue):
            return False
        orders = [order for order in state.orders.values() if order.venue == venue]
        rests = any(order.is_exit and order.kind is not OrderKind.MARKET for order in orders)
        return not rests and any(not order.is_exit for order in orders)

    def symbols(self, venue: str) -> tuple[str, ...]:
        """Give the symbols of a venue that are held, open, or just done."""
        state = self.read()
        keys = [*state.positions, *(order.key for order in state.orders.values())]
        keys += [order.key for order in state.orders_finished.values()]
        head = f"{venue}:"
        return tuple(dict.fromkeys(k.removeprefix(head) for k in keys if k.startswith(head)))


def check_venues(venues: tuple[VenueSettings, ...]) -> None:
    """See that every venue can be traded live. Raises: CommandRefused."""
    for each in venues:
        try:
            of(each.venue)
        except InvalidInput as fault:
            raise CommandRefused(str(fault)) from fault


def live_account(venue: VenueSettings) -> LiveAccount:
    """Give a venue's credentials and addresses. Raises: CommandRefused without its keys."""
    if venue.api_key is None or venue.api_secret is None:
        name = venue.venue.upper()
        raise CommandRefused(
            f"Trading live at {venue.venue} needs {name}_API_KEY and {name}_API_SECRET."
        )
    return LiveAccount(
        venue=venue.venue,
        api_key=venue.api_key.reveal(),
        api_secret=venue.api_secret.reveal(),
        api_password=None if venue.api_password is None else venue.api_password.reveal(),
        sandbox=venue.sandbox,
        api_url=venue.api_url,
        ws_url=venue.ws_url,
    )


def withdrawal_refusal(venue: str) -> str:
    """Say why a key is refused that may withdraw, and how to mend it."""
    return (
        f"The key of {venue} may withdraw money, which nothing here needs: take that right from "
        f"it at {venue}, or make a key that may only read and trade."
    )


class GuardedVenue(TimedVenue):
    """Trade an account only with a key that may not withdraw, where the venue tells.

    What is open there is watched and closed whatever the key may do.
    """

    _is_known = False

    async def start(self) -> None:
        """Open the account. Raises: CommandRefused for a key that may withdraw."""
        await super().start()
        if not self.instruments:
            return  # silent: the first entry asks
        try:
            refusal = await self._refusal()
        except VenueUnavailable as fault:
            log.warning("what the key of %s may do is not known: %s", self.name, fault)
            return
        if refusal is not None:
            raise CommandRefused(refusal)

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create; no entry before it is known what the key may do."""
        if order.is_exit or self._is_known:
            return await super().submit(order, gate)
        try:
            refusal = await self._refusal()
        except VenueUnavailable as fault:
            refusal = f"What the key of {self.name} may do is not known yet: {fault}."
        if refusal is not None:
            return SubmitWithheld(client_order_id=order.client_order_id, text=refusal)
        return await super().submit(order, gate)

    async def _refusal(self) -> str | None:
        """Say why no entry may leave with this key. Raises: VenueUnavailable when it is silent."""
        try:
            can_withdraw = (await self.permissions()).can_withdraw
        except VenueRefusal as fault:
            log.warning("%s does not say what its key may do: %s", self.name, fault)
            can_withdraw = None
        if can_withdraw:
            return withdrawal_refusal(self.name)
        self._is_known = True
        return None


def live_venues(
    settings: Settings, metadata: MarketStore, later: StateLater, *, any_key: bool = False
) -> Opening:
    """Give what makes the accounts of a plan; `later` learns of the engine's State afterwards.

    With `any_key` a key that may withdraw is taken, too: a stop from a shell is never refused.
    """

    def opened(
        plan: AccountPlan, market: Quotes, clock: Clock, database: Database, depth: Depth | None
    ) -> Mapping[str, Account]:
        del market, database, depth
        known = {venue.venue: venue for venue in settings.venues}
        missing = [each for each in plan.accounts if each not in known]
        if missing:
            raise CommandRefused(
                f"The journal trades at {', '.join(missing)}: put that back into VENUES."
            )
        return {
            account: (TimedVenue if any_key else GuardedVenue)(
                live_account(known[account]),
                clock=clock,
                jitter=random.Random(),  # noqa: S311 - it spreads load, it guards nothing
                timeout_s=SUBMIT_TIMEOUT_S,
                metadata=metadata,
                symbols=partial(later.symbols, account),
                dead_man_s=known[account].dead_man_s,
                only_entries=partial(later.only_entries, account),
            )
            for account in plan.accounts
        }

    return opened

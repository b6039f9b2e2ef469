"""Tickets: what a person is asked to confirm, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bot.views.positions import LevelView
from bot.views.scene import Listing, Scene, listing
from engine.asking import may_second, seconds_asked
from engine.events import Breach, OrderDenied
from engine.instruments import Instrument
from engine.numbers import ONE, ZERO
from engine.orders import Order, OrderPurpose, OrderSide
from engine.quotes import Quote
from engine.state import State
from engine.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """Show a ticket; every amount stands in the ticket itself.

    `opens_short` when the sell opens or adds to a short; `now` is the quote of the moment, for a
    ticket whose price moved; `order` is what it became. Where a first person confirmed and another
    has to, `is_second` says that the viewer may, and `owners_asked` how many owners may.
    """

    scene: Scene
    listing: Listing
    ticket: Ticket
    is_exit: bool
    opens_short: bool
    rest: timedelta
    targets: tuple[LevelView, ...]
    now: Quote | None = None
    order: Order | None = None
    drift_bps_max: Decimal = ZERO
    ended_by_viewer: bool = False
    is_second: bool = False
    owners_asked: int = 0

    @property
    def word(self) -> str:
        """Say what the order does: buy, sell, short."""
        if self.ticket.side is OrderSide.BUY:
            return "buy"
        return "short" if self.opens_short else "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedView:
    """Show why an order was denied; `passing` is the amount that passes every rule, if one does."""

    scene: Scene
    listing: Listing
    seq: int
    side: OrderSide | None
    quantity: Decimal | None
    notional: Decimal | None
    breaches: tuple[Breach, ...]
    passing: Decimal | None
    quote: Quote | None
    suggestions: tuple[str, ...]
    by: str


def ticket_view(
    scene: Scene,
    ticket: Ticket,
    state: State,
    instruments: Mapping[str, Instrument],
    quote_now: Quote | None = None,
) -> TicketView:
    """Show a ticket, open or ended; `quote_now` is the quote at its refusal."""
    full = sum((target.fraction for target in ticket.targets), ZERO) == ONE
    is_exit = ticket.purpose is OrderPurpose.EXIT
    return TicketView(
        scene=scene,
        listing=listing(ticket.key, instruments),
        ticket=ticket,
        is_exit=is_exit,
        opens_short=ticket.side is OrderSide.SELL and not is_exit,
        rest=max(timedelta(), ticket.expires_at - scene.now),
        targets=tuple(
            LevelView(
                price=target.price,
                fraction=target.fraction,
                pnl=target.pnl,
                is_rest=full and number == len(ticket.targets) > 1,
            )
            for number, target in enumerate(ticket.targets, start=1)
        ),
        now=quote_now,
        order=state.order(ticket.client_order_id),
        drift_bps_max=state.limits.drift_bps_max,
        # A group has no person of its own: whoever taps there is judged by who it is.
        is_second=may_second(state, ticket, scene.user_id) or scene.user_id == 0,
        owners_asked=seconds_asked(state, ticket),
        ended_by_viewer=ticket.ended_by is not None
        and ticket.ended_by.split(" ")[-1] == str(scene.user_id),
    )


def denied_view(
    scene: Scene, event: OrderDenied, seq: int, instruments: Mapping[str, Instrument]
) -> DeniedView:
    """Show a denial; `seq` is the event's number."""
    passes = [breach.passes for breach in event.breaches]
    known = [amount for amount in passes if amount is not None]
    is_possible = bool(passes) and len(known) == len(passes)
    return DeniedView(
        scene=scene,
        listing=listing(f"{event.venue}:{event.symbol}", instruments),
        seq=seq,
        side=event.side,
        quantity=event.quantity,
        notional=event.notional,
        breaches=event.breaches,
        passing=min(known) if is_possible and min(known) > ZERO else None,
        quote=event.quote,
        suggestions=event.suggestions,
        by=event.actor.text,
    )

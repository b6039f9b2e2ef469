"""LiveVenue: an exchange account through ccxt, behind the engine's `Venue` port.

A create is sent once, by the trading client. Cancels go through a client of their own and before
everything else in the request budget. Whatever the venue does not say in so many words is no
answer, and never evidence of absence.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from engine.errors import InvalidInput
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.markets.budget import Sleep
from engine.numbers import ONE
from engine.orders import Order
from engine.ports import Clock, Gate, VenueUnavailable
from engine.reports import (
    CancelAnswer,
    CancelUnanswered,
    FillReported,
    LookupAnswer,
    OrderNotSeen,
    OrderSeen,
    OrdersOpen,
    SubmitAccepted,
    SubmitAnswer,
    SubmitUnanswered,
    SubmitWithheld,
    VenueSnapshot,
)
from engine.venues.live import calls, client_ids, leverage
from engine.venues.live.account import LiveAccount
from engine.venues.live.answers import cancel_answer, is_about_clock, submit_answer
from engine.venues.live.books import Books
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call
from engine.venues.live.capabilities import of
from engine.venues.live.capabilities_terms import Capabilities
from engine.venues.live.clients import Clients
from engine.venues.live.executions import Executions
from engine.venues.live.line import Line, Withheld
from engine.venues.live.market_store import MarketStore
from engine.venues.live.search import NOT_THERE, Search, is_not_found
from engine.venues.live.stream import OrderStream
from engine.venues.live.venue_time import VenueTime
from engine.venues.live.vitals import KeyPermissions, VenueVitals, told

# Beside those that the engine names; some venues list trades by symbol only.
SYMBOLS_MAX: Final = 30
log = logging.getLogger("engine.venues.live")


class LiveVenue:
    """Trade one account. `symbols` gives those whose trades matter: held, open, or just done."""

    def __init__(
        self,
        account: LiveAccount,
        *,
        clock: Clock,
        jitter: random.Random,
        timeout_s: float,
        metadata: MarketStore,
        symbols: Callable[[], Collection[str]],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._account = account
        self._clock = clock
        self._timeout_s = timeout_s
        self._wanted = symbols
        self._capabilities = of(account.venue)
        self._line = Line(
            venue=account.venue, clock=clock, jitter=jitter, timeout_s=timeout_s, sleep=sleep
        )
        self._clients = Clients(account=account, metadata=metadata, timeout_s=timeout_s)
        self._time = VenueTime(clients=self._clients, line=self._line, clock=clock, sleep=sleep)
        self._seen_symbols: dict[str, None] = {}
        self._executions = Executions(
            capabilities=self._used,
            clients=self._clients,
            line=self._line,
            clock=clock,
            symbols=self._symbols,
        )
        self._books = Books(
            capabilities=self._used,
            clients=self._clients,
            line=self._line,
            saw=self._executions.learn,
        )
        self._search = Search(capabilities=self._capabilities, line=self._line)
        self._listed: Mapping[str, Instrument] | None = None
        self._leverage: dict[str, Decimal] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Give the venue's ccxt id."""
        return self._account.venue

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Give what the venue lists, by key; empty before it has told."""
        return self._clients.instruments

    @property
    def vitals(self) -> VenueVitals:
        """Show how the account is doing."""
        pulse, budget = self._line.pulse, self._line.budget
        return VenueVitals(
            venue=self.name,
            latency_ms=pulse.latency_ms,
            latency_last_ms=pulse.latency_last_ms,
            answered_at=pulse.answered_at,
            error=pulse.error,
            error_at=pulse.error_at,
            budget_left=budget.left,
            budget_max=budget.weight_max,
            waiting=budget.waiting,
            banned_s=round(budget.banned_s),
            clock_skew_ms=pulse.clock_skew_ms,
            is_streaming=pulse.is_streaming,
        )

    async def start(self) -> None:
        """Connect, and compare the clocks; a venue that is silent is tried again for ever."""
        is_there = True
        try:
            await self._clients.start()
        except VenueUnavailable as fault:
            is_there = False
            log.warning("%s is not there yet: %s", self.name, fault)
        for client in (self._clients.trading, self._clients.emergency, self._clients.data):
            client.options.update(self._capabilities.options)
            self._line.hooked(client)
        if is_there:
            await self._time.compare()
        # start and stop are two calls, so this task is held here and cancelled by stop()
        self._task = asyncio.create_task(self._time.keep(), name=f"clock {self.name}")  # see above

    async def stop(self) -> None:
        """Close the connections; what waits for its turn is given up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._line.budget.close()
        await self._clients.close()

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create, once, if the gate lets it pass directly before the socket write."""
        name = order.client_order_id
        self._saw(order.symbol)
        try:
            call = calls.create(self._capabilities, order, self._instrument(order.symbol))
            await self._set_leverage(order)
            outcome = await self._line.send(self._clients.trading, call, order, gate)
        except (Withheld, InvalidInput, VenueUnavailable) as reason:
            return SubmitWithheld(client_order_id=name, text=str(reason))
        if isinstance(outcome, BaseException) and is_about_clock(self.name, outcome):
            await self._time.compare()
        segment = calls.section_of(self._capabilities, order.symbol)
        echoed = client_ids.seen(segment, outcome) if isinstance(outcome, Mapping) else None
        answer = submit_answer(self.name, name, outcome, echoed=echoed)
        if isinstance(answer, SubmitAccepted) and answer.venue_order_id is not None:
            self._executions.learn(order.symbol, answer.venue_order_id, name)
        if isinstance(answer, SubmitUnanswered):
            log.warning("%s did not answer a create", self.name, extra={"client_order_id": name})
        return answer

    async def cancel(self, order: Order) -> CancelAnswer:
        """Send one cancel; where only the venue's own id is understood, that is looked up first."""
        name = order.client_order_id
        try:
            asked = self._cancels(order)
            if not asked:
                instrument = self._instrument(order.symbol)
                client = self._clients.emergency
                seen = await self._search.found(client, order, instrument, Priority.CANCEL)
                if not isinstance(seen, OrderSeen):
                    return CancelUnanswered(client_order_id=name, text=seen.text)
                asked = self._cancels(replace(order, venue_order_id=seen.venue_order_id))
            outcome: object = VenueUnavailable(NOT_THERE)
            for call in asked:
                outcome = await self._line.outcome(self._clients.emergency, call, Priority.CANCEL)
                if not is_not_found(outcome):
                    break
        except (InvalidInput, VenueUnavailable) as silent:
            return CancelUnanswered(client_order_id=name, text=str(silent))
        proof = calls.section_of(self._capabilities, order.symbol).cancel_proof
        return cancel_answer(self.name, name, outcome, proof=proof)

    async def lookup(self, order: Order) -> LookupAnswer:
        """Search for an order in every source the venue has."""
        self._saw(order.symbol)
        priority = Priority.EXIT if order.is_exit else Priority.QUERY
        client = self._clients.emergency if order.is_exit else self._clients.data
        try:
            instrument = self._instrument(order.symbol)
            seen = await self._search.found(client, order, instrument, priority)
        except (InvalidInput, VenueUnavailable) as silent:
            return OrderNotSeen(
                client_order_id=order.client_order_id, complete=False, text=str(silent)
            )
        if isinstance(seen, OrderSeen):
            self._executions.learn(order.symbol, seen.venue_order_id, order.client_order_id)
        return seen

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        """Give all own fills since a time, oldest first. Raises: VenueUnavailable."""
        return await self._executions.since(since)

    async def open_orders(self) -> OrdersOpen:
        """Give the open orders of both books. Raises: VenueUnavailable."""
        at = self._clock.now()
        orders = await self._books.open_orders(self._symbols())
        for order in orders:
            self._saw(order.symbol)
        return OrdersOpen(venue=self.name, at=at, orders=orders)

    async def snapshot(self) -> VenueSnapshot:
        """Give open orders of both books, balances, positions. Raises: VenueUnavailable."""
        standing = await self.open_orders()
        positions = await self._books.positions()
        held = await self._books.balances()
        for position in positions:
            self._saw(position.symbol)
        return VenueSnapshot(
            venue=self.name,
            at=standing.at,
            orders=standing.orders,
            balances=held.total,
            positions=positions,
            free=held.free,
            clock_skew_ms=self._line.pulse.clock_skew_ms,
        )

    async def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        """Stream fills and order changes; for ever silent where the venue streams none."""
        if not self._account.streams or not self._capabilities.has_order_stream:
            await asyncio.Event().wait()
        stream = OrderStream(
            venue=self.name,
            open_client=self._clients.stream_client,
            order_of=self._books.heard,
            fill_of=self._executions.heard,
        )
        try:
            async for report in stream.reports():
                self._line.pulse.is_streaming = True
                yield report
        finally:
            self._line.pulse.is_streaming = False

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do. Raises: VenueUnavailable."""
        check = self._capabilities.key_check
        if check is None:
            return KeyPermissions(can_withdraw=None, text=f"{self.name} does not tell")
        found = await self._line.answer(
            self._clients.data, Call(method=check.method, params=check.params)
        )
        can_withdraw = told(found, check.path, check.withdraw_words)
        return KeyPermissions(
            can_withdraw=can_withdraw,
            can_trade=told(found, check.trade_path, check.trade_words),
            text="" if can_withdraw is not None else f"{self.name} did not tell",
        )

    async def balances(self) -> Mapping[str, Decimal]:
        """Give the totals by currency. Raises: VenueUnavailable."""
        return (await self._books.balances()).total

    def _used(self) -> Capabilities:
        """Give what of the venue is asked: kinds of which it lists nothing are left alone."""
        instruments = self._clients.instruments
        if instruments is not self._listed:
            kinds = {each.kind for each in instruments.values()} or set(InstrumentKind)
            unused = frozenset(InstrumentKind) - kinds
            self._listed, self._capabilities = (
                instruments,
                replace(self._capabilities, unused=unused),
            )
        return self._capabilities

    def _saw(self, symbol: str) -> None:
        """Remember a symbol whose trades matter; the latest of them."""
        self._seen_symbols.pop(symbol, None)
        self._seen_symbols[symbol] = None
        if len(self._seen_symbols) > SYMBOLS_MAX:
            del self._seen_symbols[next(iter(self._seen_symbols))]

    def _symbols(self) -> list[str]:
        return sorted({*self._wanted(), *self._seen_symbols})

    def _instrument(self, symbol: str) -> Instrument:
        found = self._clients.instruments.get(instrument_key(self.name, symbol))
        if found is None:
            raise VenueUnavailable(f"{self.name} lists no {symbol}")
        return found

    def _cancels(self, order: Order) -> tuple[Call, ...]:
        if order.client_order_id:
            return calls.cancels(self._capabilities, order)
        # An external order has no name of ours; either book may hold it.
        named = Call(
            method="cancel_order", args=(order.venue_order_id, order.symbol), symbol=order.symbol
        )
        if order.price_trigger is None:
            return (named,)
        return (replace(named, params={"trigger": True}), named)

    async def _set_leverage(self, order: Order) -> None:
        """Set a swap's leverage before its first entry at it. Raises: VenueUnavailable."""
        segment = calls.section_of(self._capabilities, order.symbol)
        if order.is_exit or segment.kind is not InstrumentKind.SWAP:
            return
        if self._leverage.get(order.symbol) == order.leverage:
            return
        call = calls.leverage(self._capabilities, order.symbol, order.leverage or ONE)
        outcome = await self._line.outcome(self._clients.trading, call, Priority.ENTRY)
        reason = leverage.fault(self.name, outcome, order.leverage or ONE)
        if reason is not None:
            raise VenueUnavailable(reason)
        self._leverage[order.symbol] = order.leverage

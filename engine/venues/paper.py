"""The paper venue: a simulated account behind the engine's `Venue` port, and the tests' venue.

This module is the near side: the line to the venue, with its latency and its faults. What the venue
knows and does lives on the far side (`exchange`, `desk`, `matching`, `account`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from engine.orders import Order, OrderSide
from engine.ports import Clock, Gate, Quotes, VenueUnavailable
from engine.reports import (
    CancelAnswer,
    CancelUnanswered,
    FillReported,
    LookupAnswer,
    OrderNotSeen,
    OrderSeen,
    OrdersOpen,
    SubmitAnswer,
    SubmitRefused,
    SubmitUnanswered,
    SubmitWithheld,
    VenueSnapshot,
)
from engine.venues.account import Account
from engine.venues.desk import Desk
from engine.venues.exchange import PaperExchange, Sleep, TooManyRequests
from engine.venues.faults import Fault, FaultKind, Operation, PaperFaults
from engine.venues.ledger import LedgerStore
from engine.venues.matching import Depth
from engine.venues.stream import Message, ReportStream
from engine.venues.terms import PaperSettings, RefusalCode

IN_TRANSIT_MAX = 10_000
AnswerT = TypeVar("AnswerT")


class PaperVenue:
    """Trade on paper at the prices of `quotes`.

    `cash` is credited once, when the stored ledger is empty. `sleep` is how the line waits; a test
    with a virtual clock gives its own. Without latency and late faults nothing sleeps but the
    sweep. `faults` decides what goes wrong. `depth` overrides the book's depth where the market
    knows it, as the simulated market does.
    """

    def __init__(
        self,
        *,
        name: str,
        quotes: Quotes,
        clock: Clock,
        store: LedgerStore,
        cash: Mapping[str, Decimal],
        settings: PaperSettings | None = None,
        faults: PaperFaults | None = None,
        depth: Depth | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings or PaperSettings()
        self.faults = faults or PaperFaults(seed=self._settings.seed)
        self._name = name
        self._sleep = sleep
        self._streams: list[ReportStream] = []
        self._held_back: list[Message] = []
        self._in_transit: set[asyncio.Task[None]] = set()
        self._stale: VenueSnapshot | None = None
        self._exchange = PaperExchange(
            name=name,
            quotes=quotes,
            clock=clock,
            store=store,
            cash=cash,
            settings=self._settings,
            depth=depth,
            publish=self._publish,
            sleep=sleep,
        )

    @property
    def name(self) -> str:
        """Give the ccxt id of the venue that is simulated."""
        return self._name

    @property
    def ledger(self) -> Account:
        """Show what the venue knows, past every fault; for reading only."""
        return self._exchange.account

    async def start(self) -> None:
        """Open the ledger, let resting orders go on, and serve. Raises: LedgerError."""
        await self._exchange.start()

    async def stop(self) -> None:
        """Cut the line and stop matching; the ledger stays as it was stored."""
        for task in tuple(self._in_transit):
            task.cancel()
        await asyncio.gather(*self._in_transit, return_exceptions=True)
        await self._exchange.stop()
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create, once, if the gate lets it pass."""
        name = order.client_order_id
        withheld = gate(order)
        if withheld is not None:
            return SubmitWithheld(client_order_id=name, text=withheld)
        fault = self.faults.draw(Operation.SUBMIT)
        if fault is not None and fault.kind is FaultKind.REFUSED and not self.faults.is_down:
            return SubmitRefused(client_order_id=name, code=fault.code, text=fault.text)
        try:
            return await self._ask(lambda desk: desk.create(order), fault)
        except TooManyRequests as refused:
            code = RefusalCode.TOO_MANY_REQUESTS
            return SubmitRefused(client_order_id=name, code=code, text=str(refused))
        except VenueUnavailable as silent:
            return SubmitUnanswered(client_order_id=name, text=str(silent))

    async def cancel(self, order: Order) -> CancelAnswer:
        """Send one cancel."""
        name = order.client_order_id
        fault = self.faults.draw(Operation.CANCEL)
        if fault is not None and fault.kind is FaultKind.NOT_FOUND and not self.faults.is_down:
            return CancelUnanswered(client_order_id=name, text="order not found")
        try:
            return await self._ask(lambda desk: desk.cancel(name, order.venue_order_id), fault)
        except VenueUnavailable as silent:
            return CancelUnanswered(client_order_id=name, text=str(silent))

    async def lookup(self, order: Order) -> LookupAnswer:
        """Search for an order by its client order id among all there ever were."""
        name = order.client_order_id
        fault = self.faults.draw(Operation.LOOKUP)
        kind = fault.kind if fault is not None and not self.faults.is_down else None
        if kind in (FaultKind.STALE, FaultKind.INCOMPLETE):
            is_stale = kind is FaultKind.STALE
            text = "order not found" if is_stale else "not every source answered"
            return OrderNotSeen(client_order_id=name, complete=is_stale, text=text)
        try:
            return await self._ask(lambda desk: desk.lookup(name), fault)
        except VenueUnavailable as silent:
            return OrderNotSeen(client_order_id=name, complete=False, text=str(silent))

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        """Give all own fills since a time, oldest first. Raises: VenueUnavailable."""
        fault = self.faults.draw(Operation.FILLS)
        found = await self._ask(lambda desk: desk.fills(since), fault)
        return found[:-1] if fault is not None and fault.kind is FaultKind.STALE else found

    async def open_orders(self) -> OrdersOpen:
        """Give the open orders of both books. Raises: VenueUnavailable."""
        fault = self.faults.draw(Operation.OPEN_ORDERS)
        return await self._ask(lambda desk: desk.open_orders(), fault)

    async def snapshot(self) -> VenueSnapshot:
        """Give open orders of both books, balances, positions. Raises: VenueUnavailable."""
        fault = self.faults.draw(Operation.SNAPSHOT)
        before = self._stale
        self._stale = await self._ask(lambda desk: desk.snapshot(), fault)
        is_stale = fault is not None and fault.kind is FaultKind.STALE
        return before if is_stale and before is not None else self._stale

    def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        """Stream fills and order changes from this call on; each caller gets all of them."""
        self._streams = [stream for stream in self._streams if not stream.is_closed]
        stream = ReportStream(messages_max=self._settings.reports_max)
        self._streams.append(stream)
        return stream

    async def trade_by_hand(
        self, symbol: str, side: OrderSide, quantity: Decimal, price_limit: Decimal | None = None
    ) -> SubmitAnswer:
        """Let somebody else trade on this account at the venue itself; a limit price rests."""
        return await self._exchange.post(
            lambda desk: desk.create_by_hand(symbol, side, quantity, price_limit)
        )

    async def transfer(self, currency: str, amount: Decimal) -> None:
        """Deposit (positive) or withdraw. Raises: ValueError when less is free."""
        await self._exchange.post(lambda desk: desk.transfer(currency, amount))

    async def settle(self) -> None:
        """Wait until the venue has worked off everything that has arrived, quotes included."""
        await self._exchange.post(lambda desk: None)

    async def _ask(self, work: Callable[[Desk], AnswerT], fault: Fault | None) -> AnswerT:
        """Send a request over the line and wait for its answer. Raises: VenueUnavailable."""
        kind = fault.kind if fault is not None else None
        if self.faults.is_down or kind is FaultKind.DROPPED:
            raise VenueUnavailable(f"{self._name}: the connection was refused")
        if kind is FaultKind.SWALLOWED:
            await _for_ever()
        late_s = fault.delay_s if fault is not None and kind is FaultKind.LATE else 0.0
        answer = self._send(work, self._settings.latency_s / 2 + late_s)
        # the venue goes on when the caller loses patience
        result = await asyncio.shield(answer)
        if kind is FaultKind.HANGING:
            await _for_ever()
        if kind is FaultKind.LOST or self.faults.is_down:
            raise VenueUnavailable(f"{self._name}: the connection was reset")
        if self._settings.latency_s > 0:
            await self._sleep(self._settings.latency_s / 2)
        return result

    def _send(self, work: Callable[[Desk], AnswerT], delay_s: float) -> asyncio.Future[AnswerT]:
        if delay_s <= 0:
            return _quiet(self._exchange.post(work))
        if len(self._in_transit) >= IN_TRANSIT_MAX:
            raise TooManyRequests(f"{self._name}: too many requests")
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        # what is on its way arrives even when its sender has gone; stop() cancels it
        task = asyncio.create_task(self._carry(work, delay_s, _quiet(answer)))  # see above
        self._in_transit.add(task)
        task.add_done_callback(self._in_transit.discard)
        return answer

    async def _carry(
        self, work: Callable[[Desk], AnswerT], delay_s: float, answer: asyncio.Future[AnswerT]
    ) -> None:
        try:
            await self._sleep(delay_s)
            result = await self._exchange.post(work)
        except (VenueUnavailable, ValueError) as fault:
            answer.set_exception(fault)
        except asyncio.CancelledError:
            answer.set_exception(VenueUnavailable(f"{self._name}: the line was cut"))
            raise
        else:
            answer.set_result(result)

    def _publish(self, message: Message) -> None:
        if self.faults.is_down or not self._streams:
            return
        fault = self.faults.draw(Operation.STREAM)
        held, self._held_back = self._held_back, []
        match fault.kind if fault is not None else None:
            case FaultKind.DROPPED:
                messages = held
            case FaultKind.DUPLICATED:
                messages = [message, message, *held]
            case FaultKind.REORDERED:
                self._held_back = [message]
                messages = held
            case _:
                messages = [message, *held]
        for each in messages:
            for stream in self._streams:
                stream.put(each)


def _quiet(answer: asyncio.Future[AnswerT]) -> asyncio.Future[AnswerT]:
    """Let nobody be warned of a failed answer whose caller has gone."""
    answer.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return answer


async def _for_ever() -> None:
    """Wait until the caller gives up."""
    await asyncio.Event().wait()

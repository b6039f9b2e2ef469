"""The line to the venue: the process speaks over it, the venue goes on without the process."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.orders import Order
from engine.ports import Gate
from engine.reports import (
    CancelAnswer,
    FillReported,
    LookupAnswer,
    OrderSeen,
    OrdersOpen,
    SubmitAnswer,
    SubmitWithheld,
    VenueSnapshot,
)
from engine.venues.paper import PaperVenue
from engine.venues.stream import ReportStream
from tests.simulation.life import Life
from tests.simulation.trace import Trace

GATE_OPEN = None


@dataclass(slots=True, kw_only=True)
class LineFaults:
    """How often, as shares: a create waits for its budget, an answer is garbage, a page is cut."""

    waits: float = 0.0
    garbage: float = 0.0
    cut_pages: float = 0.0

    def calm(self) -> None:
        """Let everything go well."""
        self.waits = self.garbage = self.cut_pages = 0.0


class Line:
    """Carry requests of one process to the venue; `on_send` hears of each create that leaves."""

    def __init__(
        self,
        *,
        venue: PaperVenue,
        life: Life,
        trace: Trace,
        faults: LineFaults,
        dice: random.Random,
        on_send: Callable[[Order], None],
    ) -> None:
        self._venue = venue
        self._life = life
        self._trace = trace
        self._faults = faults
        self._dice = dice
        self._on_send = on_send
        self._streams: list[ReportStream] = []

    @property
    def name(self) -> str:
        return self._venue.name

    async def start(self) -> None:
        """Do nothing: the venue is there, whoever connects."""

    async def stop(self) -> None:
        """Hang up."""
        self.cut()

    def cut(self) -> None:
        """End the streams of this process."""
        for stream in self._streams:
            stream.close()

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        if self._dice.random() < self._faults.waits:
            await asyncio.sleep(self._dice.choice((0.1, 1.0, 1.9, 2.5)))
        self._life.check()
        withheld = gate(order)
        if withheld is not None:
            self._trace.note("HOLDS", f"{order.short_id} {withheld}")
            return SubmitWithheld(client_order_id=order.client_order_id, text=withheld)
        self._life.point("before a create")
        self._on_send(order)
        self._trace.note(
            "SENDS",
            f"{order.short_id} {order.side} {order.quantity} {order.symbol} {order.kind}"
            f"{' exit' if order.is_exit else ''}",
        )
        answer = await self._life.ask("a create", self._venue.submit(order, _pass))
        self._trace.note("HEARS", f"{order.short_id} {type(answer).__name__}")
        self._garble()
        return answer

    async def cancel(self, order: Order) -> CancelAnswer:
        self._trace.note("CANCEL", order.short_id)
        answer = await self._life.ask("a cancel", self._venue.cancel(order))
        self._garble()
        return answer

    async def lookup(self, order: Order) -> LookupAnswer:
        answer = await self._life.ask("a lookup", self._venue.lookup(order))
        self._garble()
        self._trace.note("asks", f"{order.short_id} {type(answer).__name__}")
        return answer

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        found = await self._life.ask("a query of fills", self._venue.fills(since))
        self._garble()
        if found and self._dice.random() < self._faults.cut_pages:
            # What a page leaves out may lie in its middle: a venue's index lags behind.
            cut = self._dice.randrange(len(found))
            return [*found[:cut], *found[cut + 1 :]]
        return found

    async def open_orders(self) -> OrdersOpen:
        answer = await self._life.ask("a query of orders", self._venue.open_orders())
        self._garble()
        return answer

    async def snapshot(self) -> VenueSnapshot:
        answer = await self._life.ask("a snapshot", self._venue.snapshot())
        self._garble()
        return answer

    async def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        self._life.check()
        stream = self._venue.reports()
        assert isinstance(stream, ReportStream)
        self._streams.append(stream)
        async for report in stream:
            self._life.check()
            yield report

    def _garble(self) -> None:
        if self._dice.random() < self._faults.garbage:
            raise ValueError("an answer that is no JSON")


def _pass(_order: Order) -> str | None:
    return GATE_OPEN

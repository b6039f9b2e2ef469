"""Processes that die at one of their steps: an append of the journal, or a call of a venue."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from engine.journal_memory import MemoryJournal
from engine.orders import Order
from engine.ports import Gate, Step, Venue
from engine.reports import (
    CancelAnswer,
    FillReported,
    LookupAnswer,
    OrderSeen,
    OrdersOpen,
    SubmitAnswer,
    VenueSnapshot,
)
from engine.state import State

R = TypeVar("R")


class Process:
    """Let the process die at one of its steps: an append, or a call of the venue."""

    def __init__(self) -> None:
        self.steps_left: int | None = None
        self.is_done = False
        self.crashed = asyncio.Event()

    async def step(self) -> bool:
        """Tell whether this step is to be done and not answered; without return it never is."""
        if self.crashed.is_set():
            await asyncio.Event().wait()
        if self.steps_left is None:
            return False
        self.steps_left -= 1
        if self.steps_left >= 0:
            return False
        self.crashed.set()
        if not self.is_done:
            await asyncio.Event().wait()  # nobody lives to see the answer
        return True


class DyingJournal(MemoryJournal):
    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        dies = await self.process.step()
        await super().append(steps, before, after)
        if dies:
            await asyncio.Event().wait()


class DyingVenue:
    """Reach a venue as a process that may die before or after each call."""

    def __init__(self, venue: Venue, process: Process) -> None:
        self._venue = venue
        self._process = process
        self.name = venue.name

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        return await self._called(self._venue.submit(order, gate))

    async def cancel(self, order: Order) -> CancelAnswer:
        return await self._called(self._venue.cancel(order))

    async def lookup(self, order: Order) -> LookupAnswer:
        return await self._called(self._venue.lookup(order))

    async def snapshot(self) -> VenueSnapshot:
        return await self._called(self._venue.snapshot())

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        return await self._venue.fills(since)

    async def open_orders(self) -> OrdersOpen:
        return await self._venue.open_orders()

    def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        return self._venue.reports()

    async def _called(self, call: Coroutine[Any, Any, R]) -> R:
        try:
            dies = await self._process.step()
        except BaseException:
            call.close()
            raise
        answer = await call
        if dies:
            await asyncio.Event().wait()
        return answer

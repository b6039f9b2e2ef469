"""The plant of a simulation: a journal that fails, and a line to the venue that is tapped."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime

from engine.errors import AppendUncertain, JournalUnavailable
from engine.events import Event
from engine.journal_memory import MemoryJournal
from engine.orders import Order
from engine.ports import Gate, Known, Step
from engine.reports import (
    CancelAnswer,
    FillReported,
    LookupAnswer,
    OrderSeen,
    SubmitAnswer,
    VenueSnapshot,
)
from engine.state import State
from engine.venues.paper import PaperVenue


class FailingJournal(MemoryJournal):
    """Fail, stall, or leave it open whether an append happened; `is_down` fails everything."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self.fail_share = 0.0
        self.is_down = False

    async def open(self) -> State:
        if self.is_down:
            raise JournalUnavailable("down")
        return await super().open()

    async def known(self, commands: Collection[str], fills: Collection[str]) -> Known:
        self._read()
        return await super().known(commands, fills)

    async def find_command(self, command_id: str) -> Sequence[Event]:
        self._read()
        return await super().find_command(command_id)

    async def find_order(self, client_order_id: str) -> Order | None:
        self._read()
        return await super().find_order(client_order_id)

    def _read(self) -> None:
        if self.is_down or self._dice.random() < self.fail_share:
            raise JournalUnavailable("it cannot be read")

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        if self.is_down:
            raise JournalUnavailable("down")
        failing = self._dice.random() < self.fail_share
        if self._dice.random() < self.fail_share:
            await asyncio.sleep(self._dice.uniform(0, 0.3))
        how = self._dice.randrange(3) if failing else 3
        if how == 0:
            raise JournalUnavailable("the disk is full")
        if how == 1:
            raise AppendUncertain("the commit was not answered")
        await super().append(steps, before, after)
        if how == 2:
            raise AppendUncertain("the commit was not answered")


class TappedVenue:
    """Hand everything on to the venue; `on_send` hears of each create that is let through."""

    def __init__(self, venue: PaperVenue, on_send: Callable[[Order], None]) -> None:
        self._venue = venue
        self._on_send = on_send

    @property
    def name(self) -> str:
        return self._venue.name

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        def tapped(sent: Order) -> str | None:
            withheld = gate(sent)
            if withheld is None:
                self._on_send(sent)
            return withheld

        return await self._venue.submit(order, tapped)

    async def cancel(self, order: Order) -> CancelAnswer:
        return await self._venue.cancel(order)

    async def lookup(self, order: Order) -> LookupAnswer:
        return await self._venue.lookup(order)

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        return await self._venue.fills(since)

    async def snapshot(self) -> VenueSnapshot:
        return await self._venue.snapshot()

    def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        return self._venue.reports()

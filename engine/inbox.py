"""The inbox: the one queue that the engine's writer reads. Bounded, with a fast lane for stops."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from engine import commands as c
from engine import reports as r
from engine.commands import ActorKind, CommandBase, Flatten, Halt, RearmBreaker, Resume, TripBreaker
from engine.decide import Message
from engine.errors import QueueFull
from engine.receipts import Receipt
from engine.risk_limits import TradingState

HALTS = (Halt, Flatten)
_STOPS = (*HALTS, TripBreaker)
_ALLOWING = (Resume, RearmBreaker)


def is_tightening(message: Message) -> TypeGuard[c.SetTradingState]:
    """Tell whether a message holds a scope back, whoever wants it."""
    return isinstance(message, c.SetTradingState) and message.trading is not TradingState.ACTIVE


def _is_allowing(message: Message) -> bool:
    is_loosening = isinstance(message, c.SetTradingState) and not is_tightening(message)
    return is_loosening or isinstance(message, _ALLOWING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that waits, who waits for its receipt, and since when (monotonic seconds)."""

    message: Message
    future: asyncio.Future[Receipt] | None
    received_s: float


class Inbox:
    """Hold messages in order; stops and trips go first and are never refused."""

    def __init__(self, length_max: int) -> None:
        """Bound the commands that wait; reports are bounded by the orders that are open."""
        self._length_max = length_max
        self._first: deque[Entry] = deque()
        self._rest: deque[Entry] = deque()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        """Give how many messages wait."""
        return len(self._first) + len(self._rest)

    def put(self, entry: Entry) -> None:
        """Add a message.

        Raises: QueueFull for a person's or a program's command beyond the bound.
        """
        message = entry.message
        if isinstance(message, _STOPS) or is_tightening(message):
            self._first.extend(self._overtaken())
            self._first.append(entry)
        else:
            if self._is_bounded(message) and len(self._rest) >= self._length_max:
                raise QueueFull(f"{self._length_max} commands wait already; try again shortly.")
            self._rest.append(entry)
        self._arrived.set()

    def _overtaken(self) -> list[Entry]:
        """Take out what waits to allow entries again: a later stop must come after it."""
        allowing = [entry for entry in self._rest if _is_allowing(entry.message)]
        if allowing:
            self._rest = deque(e for e in self._rest if not _is_allowing(e.message))
        return allowing

    def put_back(self, entries: list[Entry]) -> None:
        """Return messages that could not be journaled, in front of everything else."""
        for entry in reversed(entries):
            is_stop = isinstance(entry.message, _STOPS) or is_tightening(entry.message)
            lane = self._first if is_stop else self._rest
            lane.appendleft(entry)
        self._arrived.set()

    async def take(self, count_max: int) -> list[Entry]:
        """Wait for messages and give at most `count_max`, stops first."""
        while not len(self):
            self._arrived.clear()
            await self._arrived.wait()
        taken: list[Entry] = []
        while self._first and len(taken) < count_max:
            taken.append(self._first.popleft())
        while self._rest and len(taken) < count_max:
            taken.append(self._rest.popleft())
        return taken

    def drain(self) -> list[Entry]:
        """Give everything that waits, without waiting."""
        left = [*self._first, *self._rest]
        self._first.clear()
        self._rest.clear()
        return left

    @staticmethod
    def _is_bounded(message: Message) -> bool:
        if not isinstance(message, CommandBase):
            return False
        return message.actor.kind not in (ActorKind.ENGINE, ActorKind.SCHEDULE)


def worth_keeping(entries: Sequence[Entry]) -> list[Entry]:
    """Give stops, answers to submits, and each fill once: what nobody says a second time.

    Whatever else a venue shows is asked for again, so what waits is bounded by orders and fills.
    """
    kept: list[Entry] = []
    fills: set[str] = set()
    for entry in entries:
        match entry.message:
            case (
                c.Halt()
                | c.Flatten()
                | c.TripBreaker()
                | r.SubmitAccepted()
                | r.SubmitRefused()
                | r.SubmitUnanswered()
                | r.SubmitWithheld()
            ):
                kept.append(entry)
            case c.SetTradingState() if is_tightening(entry.message):
                kept.append(entry)
            case r.FillReported(fill=fill) if fill.identity not in fills:
                fills.add(fill.identity)
                kept.append(entry)
            case _:
                continue
    return kept


def fail(entries: Sequence[Entry], fault: BaseException) -> None:
    """Tell whoever waits for these entries that they came to nothing."""
    for entry in entries:
        if entry.future is not None and not entry.future.done():
            entry.future.set_exception(fault)

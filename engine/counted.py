"""Counted: a venue whose answers and silences are counted on their way; nothing else changes."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from engine.calls import CallTally
from engine.orders import Order
from engine.ports import Clock, Gate, Venue
from engine.reports import (
    CancelAnswer,
    CancelUnanswered,
    FillReported,
    LookupAnswer,
    OrderNotSeen,
    OrderSeen,
    OrdersOpen,
    SubmitAnswer,
    SubmitUnanswered,
    SubmitWithheld,
    VenueSnapshot,
)

CALLS_MAX = 500

T = TypeVar("T")


class Counted:
    """Pass every question on, and remember when each ended and whether it was answered."""

    def __init__(self, venue: Venue, clock: Clock) -> None:
        """Wrap a venue."""
        self._venue = venue
        self._clock = clock
        self._told: deque[tuple[timedelta, bool]] = deque(maxlen=CALLS_MAX)

    def tally(self, window: timedelta) -> CallTally | None:
        """Count what ended in the window; None while nothing did."""
        now = self._now()
        lately = [(at, answered) for at, answered in self._told if now - at <= window]
        if not lately:
            return None
        errors = sum(not answered for _, answered in lately)
        return CallTally(calls=len(lately), errors=errors, oldest=now - lately[0][0])

    def _now(self) -> timedelta:
        return timedelta(seconds=self._clock.monotonic())

    async def _counted(self, call: Awaitable[T], *silences: type) -> T:
        """Await a call; what broke, was given up by its caller, or says nothing is no answer."""
        answered = False
        try:
            answer = await call
            answered = not isinstance(answer, silences)
        finally:
            self._told.append((self._now(), answered))
        return answer

    @property
    def name(self) -> str:
        """Give the venue's ccxt id."""
        return self._venue.name

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        """Give all own fills since a time, oldest first. Raises: VenueUnavailable."""
        return await self._counted(self._venue.fills(since))

    async def open_orders(self) -> OrdersOpen:
        """Give the open orders of both books. Raises: VenueUnavailable."""
        return await self._counted(self._venue.open_orders())

    async def snapshot(self) -> VenueSnapshot:
        """Give open orders of both books, balances, positions. Raises: VenueUnavailable."""
        return await self._counted(self._venue.snapshot())

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create, once; one that was withheld asked nobody and does not count."""
        answer: SubmitAnswer | None = None
        try:
            answer = await self._venue.submit(order, gate)
        finally:
            if not isinstance(answer, SubmitWithheld):
                silent = answer is None or isinstance(answer, SubmitUnanswered)
                self._told.append((self._now(), not silent))
        return answer

    async def cancel(self, order: Order) -> CancelAnswer:
        """Send one cancel."""
        return await self._counted(self._venue.cancel(order), CancelUnanswered)

    async def lookup(self, order: Order) -> LookupAnswer:
        """Search for an order; that it is nowhere is an answer, if every source gave one."""
        answer: LookupAnswer | None = None
        try:
            answer = await self._venue.lookup(order)
        finally:
            partial = isinstance(answer, OrderNotSeen) and not answer.complete
            self._told.append((self._now(), answer is not None and not partial))
        return answer

    def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        """Stream fills and order changes; a stream asks nothing and does not count."""
        return self._venue.reports()

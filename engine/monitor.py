"""OrderMonitor: turns what one venue says about orders into reports.

Streams are hints, `fills` is the truth. Open orders are polled: every 0.5 s while something
happens, growing by 1.2 to 5 s while nothing does, and to 10 s beside a stream that speaks. A
stream that ends, or leaves out what a poll then finds, is not relied on until it speaks again.
Whoever sent them, open orders are compared every 10 s, balances and positions too every minute,
and every five minutes the fills since the last such sweep once more: a venue may list one late.
An unknown order is searched with backoff until the venue's word settles it. A cancel is repeated
until its order is seen finished.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from engine.external import ExternalOrder, as_order
from engine.orders import Order, OrderStatus
from engine.ports import Clock, Gate, Venue, VenueUnavailable
from engine.reports import (
    CancelUnanswered,
    FillReported,
    OrderNotSeen,
    OrderSeen,
    Report,
    SubmitUnanswered,
    VenueSilent,
)
from engine.state import State

POLL_MIN_S = 0.5
POLL_MAX_S = 5.0
POLL_STREAMED_S = 10.0  # in its place beside a stream that speaks
POLL_GROWTH = 1.2  # at each quiet poll, up to POLL_MAX_S
SEARCH_MAX_S = 20.0
CANCEL_MAX_S = 5.0
FILLS_OVERLAP = timedelta(seconds=60)
ORDERS_EVERY_S = 10.0
BOOKS_EVERY_S = 60.0
SWEEP_EVERY_S = 300.0

log = logging.getLogger("engine.monitor")

T = TypeVar("T")


class OrderMonitor:
    """Send, cancel, look up and follow the orders of one venue; every call has a timeout."""

    def __init__(
        self,
        *,
        venue: Venue,
        clock: Clock,
        state: Callable[[], State],
        report: Callable[[Report], None],
        timeout_s: float,
        jitter: random.Random,
    ) -> None:
        """Wire the monitor: `report` leaves a report with the engine's loop."""
        self._venue = venue
        self._clock = clock
        self._state = state
        self._report = report
        self._timeout_s = timeout_s
        self._jitter = jitter
        self._awake = asyncio.Event()
        self._interval_s = POLL_MIN_S
        self._is_streamed = False
        self._cursor: datetime | None = None
        self._told: dict[str, datetime] = {}
        self._fetching = asyncio.Lock()
        self._fetches_begun = 0
        self._fetch_answered = False
        self._has_looked = False
        self._sweep_since: datetime | None = None
        self._cancelling: set[str] = set()
        self._searching: set[str] = set()

    async def submit(self, order: Order, gate: Gate) -> None:
        """Send one create, once. No answer in time makes the order unknown."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer: Report = await self._venue.submit(order, gate)
        except TimeoutError:
            text = f"no answer from {self._venue.name} in {self._timeout_s:.0f} s"
            answer = SubmitUnanswered(client_order_id=order.client_order_id, text=text)
        except Exception as fault:  # task boundary: whatever broke, the venue may have the order
            log.exception("submit of %s broke", order.client_order_id)
            text = f"the answer could not be read ({type(fault).__name__})"
            answer = SubmitUnanswered(client_order_id=order.client_order_id, text=text)
        self._report(answer)
        self.wake()

    async def cancel(self, client_order_id: str) -> None:
        """Repeat a cancel, with backoff, until the order is seen finished."""
        if client_order_id in self._cancelling:
            return
        self._cancelling.add(client_order_id)
        pause_s = POLL_MIN_S
        try:
            while (order := self._open(client_order_id)) is not None:
                answer = await self._within(self._venue.cancel(order))
                if answer is None:
                    text = f"no answer from {self._venue.name}"
                    answer = CancelUnanswered(client_order_id=client_order_id, text=text)
                self._report(answer)
                await self._look(order)
                await asyncio.sleep(0)
                if self._open(client_order_id) is None:
                    return
                await self._pause(pause_s)
                pause_s = min(CANCEL_MAX_S, pause_s * 2)
        finally:
            self._cancelling.discard(client_order_id)

    async def cancel_external(self, external: ExternalOrder) -> None:
        """Send one cancel of an order that nobody here sent; the next attempt repeats it.

        Such an order has no client id of ours, so the venue goes by its own.
        """
        await self._within(self._venue.cancel(as_order(external)))

    async def search(self, client_order_id: str) -> None:
        """Look for an unknown order, with backoff, until it is unknown no more."""
        if client_order_id in self._searching:
            return
        self._searching.add(client_order_id)
        pause_s = POLL_MIN_S
        try:
            while (order := self._open(client_order_id)) is not None:
                if order.status is not OrderStatus.UNKNOWN:
                    return
                await self._look(order)
                await self._pause(pause_s)
                pause_s = min(SEARCH_MAX_S, pause_s * 2)
        finally:
            self._searching.discard(client_order_id)

    async def ask(self, client_order_id: str) -> None:
        """Look an order up now, because a person wants to know."""
        order = self._open(client_order_id)
        if order is not None:
            await self._look(order)

    async def books(self) -> None:
        """Ask for everything the venue shows, and report it or its silence."""
        await self.fetch_fills()
        snapshot = await self._within(self._venue.snapshot())
        if snapshot is None:
            text = f"no answer from {self._venue.name}"
            self._report(VenueSilent(venue=self._venue.name, text=text))
            return
        self._has_looked = True
        self._report(snapshot)

    async def watch_books(self) -> None:
        """Compare the books for ever; often while the venue is silent or shows something else."""
        books_s = self._clock.monotonic() + BOOKS_EVERY_S
        while True:
            is_doubtful = self._is_doubtful()
            await self._pause(POLL_MAX_S if is_doubtful else ORDERS_EVERY_S)
            if not is_doubtful and self._clock.monotonic() < books_s and await self._orders_open():
                continue
            books_s = self._clock.monotonic() + BOOKS_EVERY_S
            await self.books()

    async def sweep_fills(self) -> None:
        """Read the fills since the last sweep once more, for ever."""
        while True:
            since = self._clock.now()
            await self._pause(SWEEP_EVERY_S)
            self._sweep_since = min(self._sweep_since or since, since)
            await self.fetch_fills()

    def _is_doubtful(self) -> bool:
        state, name = self._state(), self._venue.name
        return (
            not self._has_looked
            or name in state.venues_silent
            or name in state.books_differ
            or any(purse.startswith(f"{name}:") for purse in state.cash_doubts)
        )

    async def _orders_open(self) -> bool:
        """Report what stands open; False when the venue did not say, which all its books tell."""
        standing = await self._within(self._venue.open_orders())
        if standing is None:
            return False
        self._report(standing)
        return True

    async def follow(self) -> None:
        """Follow the venue's stream for ever; a stream that ends is opened again."""
        pause_s = POLL_MIN_S
        while True:
            try:
                async for report in self._venue.reports():
                    self._report(report)
                    if isinstance(report, FillReported):
                        self._told[report.fill.identity] = report.fill.at
                    pause_s = POLL_MIN_S
                    if not self._is_streamed:
                        self._is_streamed = True
                        # What happened before it was heard again is in the fills.
                        self.wake()
            except VenueUnavailable as fault:
                # A venue that stays away is told once, not at every attempt.
                level = logging.WARNING if pause_s == POLL_MIN_S else logging.INFO
                log.log(level, "the stream of %s ended: %s", self._venue.name, fault)
            self._distrust()
            await self._pause(pause_s)
            pause_s = min(SEARCH_MAX_S, pause_s * 2)

    async def poll(self) -> None:
        """Poll open orders for ever, adaptively."""
        while True:
            orders = self._orders()
            if not orders:
                await self._awake.wait()
                await self._rest()
                continue
            before = self._state().seq
            await self.fetch_fills()
            for each in orders:
                order = self._open(each.client_order_id)
                if order is not None and not self._is_asked_about(order):
                    await self._look_up(order)
            quiet = self._state().seq == before
            interval_max_s = POLL_STREAMED_S if self._is_streamed else POLL_MAX_S
            grown = min(interval_max_s, self._interval_s * POLL_GROWTH)
            self._interval_s = grown if quiet else POLL_MIN_S
            await self._rest()

    def wake(self) -> None:
        """Say that there is something new to poll: soon, whatever the interval has grown to."""
        self._interval_s = POLL_MIN_S
        self._awake.set()

    def _distrust(self) -> None:
        """Rely on the stream no more, and poll at once, until it speaks again."""
        self._is_streamed = False
        self.wake()

    async def fetch_fills(self) -> bool:
        """Report the fills since the last ones, overlapping; False when the venue is silent.

        Who asks while one request is under way shares the next one: a hundred unknown orders ask
        the venue once.
        """
        begun = self._fetches_begun
        async with self._fetching:
            if self._fetches_begun > begun:
                return self._fetch_answered
            self._fetches_begun += 1
            self._fetch_answered = await self._fetch()
            return self._fetch_answered

    async def _fetch(self) -> bool:
        since = (self._cursor or self._start()) - FILLS_OVERLAP
        swept, self._sweep_since = self._sweep_since, None
        asked = since if swept is None else min(since, swept - FILLS_OVERLAP)
        found = await self._within(self._venue.fills(asked))
        if found is None:
            self._sweep_since = swept
            return False
        # What was reported once is in the inbox or journaled; only the overlap is remembered.
        self._told = {name: at for name, at in self._told.items() if at >= since}
        for report in found:
            identity = report.fill.identity
            if identity not in self._told and identity not in self._state().fills_known:
                self._report(report)
                # What is older was told before it was forgotten here, or the venue itself was late.
                if self._is_streamed and report.fill.at >= since:
                    self._distrust()
            self._told[identity] = report.fill.at
            if self._cursor is None or report.fill.at > self._cursor:
                self._cursor = report.fill.at
        return True

    async def _look(self, order: Order) -> None:
        """Fetch fills, then the order's status: a finished order needs its fills first."""
        answered = await self.fetch_fills()
        await self._look_up(order, complete=answered)

    async def _look_up(self, order: Order, *, complete: bool = True) -> None:
        answer = await self._within(self._venue.lookup(order))
        if answer is None:
            text = f"no answer from {self._venue.name}"
            answer = OrderNotSeen(client_order_id=order.client_order_id, complete=False, text=text)
        elif isinstance(answer, OrderNotSeen) and not complete:
            answer = OrderNotSeen(
                client_order_id=order.client_order_id, complete=False, text=answer.text
            )
        if isinstance(answer, OrderSeen) and answer.filled > order.filled:
            # The fills behind a newer count may have come after the last fetch.
            await self.fetch_fills()
        self._report(answer)

    async def _within(self, call: Awaitable[T]) -> T | None:
        """Wait for an answer, in time; None when there is none, or none that can be read."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await call
        except (VenueUnavailable, TimeoutError) as fault:
            log.info("no answer from %s: %s", self._venue.name, fault)
        except Exception:  # task boundary: a broken answer is none, and asking goes on
            log.exception("an answer of %s could not be read", self._venue.name)
        return None

    async def _rest(self) -> None:
        """Wait for the next poll; what is new is polled at the shortest interval."""
        try:
            async with asyncio.timeout(self._interval_s * self._jitter.uniform(0.8, 1.2)):
                await self._awake.wait()
        except TimeoutError:
            return
        self._awake.clear()
        await self._pause(POLL_MIN_S)

    async def _pause(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s * self._jitter.uniform(0.8, 1.2))

    @staticmethod
    def _is_asked_about(order: Order) -> bool:
        """Tell whether another task asks: the submit, which has not ended, a search, a cancel."""
        waiting = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
        return order.status in waiting or order.cancel_requested

    def _orders(self) -> list[Order]:
        return [o for o in self._state().orders.values() if o.venue == self._venue.name]

    def _open(self, client_order_id: str) -> Order | None:
        return self._state().orders.get(client_order_id)

    def _start(self) -> datetime:
        """Give where to begin reading fills: at the oldest open order, or where the last ended.

        What was filled while nobody looked came after that.
        """
        finished = [
            order.finished_at
            for order in self._state().orders_finished.values()
            if order.venue == self._venue.name and order.finished_at is not None
        ]
        open_since = [o.submitted_at for o in self._orders() if o.submitted_at is not None]
        return min([*open_since, max(finished, default=self._clock.now())])

"""Events out: a task that reads the journal and appends to a capped stream, in the journal's order.

    journal -> after the last published number -> XADD with the id `seq-0` -> remote readers

How far it came is read from the stream itself, so that a crash, a lost answer or an old backup of
Redis neither loses an event nor repeats one. The journal's writer never waits for it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from engine.errors import JournalError
from engine.events import Event
from engine.ports import Clock
from engine.state import State
from storage.cache_faults import CacheAway, CacheFault
from storage.streams_journal import StoredEvents
from storage.streams_link import StreamLink
from storage.streams_records import EVENTS_MAX, StreamNames, Top

if TYPE_CHECKING:
    from storage.streams_wire import StreamWire

# One pipeline must not keep a stop waiting for more than a millisecond or two.
BATCH_MAX: Final = 32
PACE_S: Final = 0.01
IDLE_S: Final = 5
END_S: Final = 0.5

log = logging.getLogger("storage.streams")


class EventPublisher:
    """Publish every event of one journal; `last` gives the number of the last one committed."""

    def __init__(
        self,
        *,
        link: StreamLink,
        journal: StoredEvents,
        clock: Clock,
        names: Callable[[], StreamNames],
        last: Callable[[], int],
    ) -> None:
        self._link = link
        self._journal = journal
        self.clock = clock
        self._names = names
        self._last = last
        self._wake = asyncio.Event()
        self._published: int | None = None
        self._reached: int | None = None
        self._is_new = False
        self._looked_s = 0.0

    @property
    def link(self) -> StreamLink:
        """Give the way to Redis, which knows what is wrong with it."""
        return self._link

    @property
    def behind(self) -> int | None:
        """Count the events that are journaled and not published; None before that is known."""
        return None if self._reached is None else max(0, self._last() - self._reached)

    def see(self, _event: Event, _state: State, _received_s: float) -> None:
        """Take note that there is something to publish."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        tries = 0
        while True:
            try:
                await self._turn()
                tries = 0
            except CacheFault as fault:
                # Whether the last events arrived is asked of the stream itself.
                self._published = None
                await self._link.back_off(fault)
            except JournalError as fault:
                if tries == 0:
                    log.warning("the stream of events waits for the journal: %s", fault)
                tries = min(tries + 1, 10)
                await self._link.pause(tries)
            except Exception as bug:  # task boundary: a library's bug must not end the stream
                if self._link.trouble is None:
                    log.exception("the stream of events broke and is started again")
                self._published = None
                await self._link.back_off(CacheAway(f"the stream broke ({type(bug).__name__})"))

    async def end(self) -> None:
        """Publish what is left if Redis takes it within half a second, and let go."""
        if self._link.trouble is None:
            try:
                async with asyncio.timeout(END_S):
                    end_s, is_more = self.clock.monotonic() + END_S, True
                    while is_more and self.clock.monotonic() < end_s:
                        is_more = await self._step()
            except (CacheFault, JournalError, TimeoutError) as fault:
                log.info("the last events were not published", extra={"fault": str(fault)})
        await self._link.close()

    async def _turn(self) -> None:
        """Wait for something to do, and do some of it. Raises: CacheFault, JournalError."""
        await self._due()
        if self.clock.monotonic() >= self._looked_s + IDLE_S:
            self._published = None
        await self._step()
        await asyncio.sleep(PACE_S)

    async def _due(self) -> None:
        """Wait until there is something to publish, or the stream was not looked at for a while."""
        while self._published is not None and self._published >= self._last():
            wait_s = self._looked_s + IDLE_S - self.clock.monotonic()
            if wait_s <= 0:
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _step(self) -> bool:
        """Look at the stream, or publish the next events; False when there are none left."""
        if self._published is None:
            await self._find(await self._link.wire())
            return True
        events = await self._journal.after(self._published, BATCH_MAX)
        if not events:
            return False
        wire = await self._link.wire()
        name = self._names().events
        # What goes wrong on the way leaves unknown what arrived.
        self._published = None
        if await wire.publish(name, events, is_new=self._is_new):
            self._published = self._reached = events[-1].seq
            self._is_new = False
            self._link.answered()
        return True

    async def _find(self, wire: "StreamWire") -> None:
        """Find out from the stream how far it reaches; one that is none of ours is set aside."""
        names = self._names()
        top = await wire.top(names.events)
        # The journal is looked at later than the stream: it can only be ahead of it.
        head = await self._journal.head()
        if top is not None and not await self._is_ours(top, head):
            to = f"{names.events}:aside:{self.clock.now():%Y%m%dT%H%M%S}"
            log.warning("the stream of events tells of another history; it is kept as %s", to)
            await wire.move_aside(names.events, to)
            top = None
        self._is_new = top is None
        reached = None if top is None else top.seq
        self._published = max(0, head - EVENTS_MAX) if reached is None else reached
        self._reached = self._published
        self._looked_s = self.clock.monotonic()
        if self._published >= self._last():
            # A full Redis can be looked at, too: what waits must have gone out.
            self._link.answered()

    async def _is_ours(self, top: Top, head: int) -> bool:
        """Tell whether a stream was written from this very journal."""
        if top.seq is None or top.seq > head:
            return False
        if top.entry_seq is None:
            return top.hash is None
        return top.hash == await self._journal.hash_of(top.entry_seq)

"""The link of a stream's task to Redis: opened when needed, noted once when it fails, tried again.

Nothing that trades waits for it: whoever holds a link is a task of its own.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from engine.ports import Clock
from storage.cache import Trouble
from storage.cache_faults import CacheAway, CacheFault

if TYPE_CHECKING:
    from storage.streams_wire import StreamWire

BACKOFF_S: Final = 0.25
BACKOFF_S_MAX: Final = 15
FAILURES_NOTED: Final = 3

log = logging.getLogger("storage.streams")

Dial = Callable[[], Awaitable["StreamWire"]]
"""Gives a new wire; nothing is connected yet. Raises: CacheAway."""


class StreamLink:
    """Keep one wire, and what is wrong with it; `what` says what waits meanwhile."""

    def __init__(self, *, what: str, dial: Dial, clock: Clock, jitter: random.Random) -> None:
        self._what = what
        self._dial = dial
        self._clock = clock
        self._jitter = jitter
        self._wire: StreamWire | None = None
        self._failures = 0
        self.trouble: Trouble | None = None

    async def wire(self) -> "StreamWire":
        """Give the wire. Raises: CacheAway."""
        if self._wire is None:
            self._wire = await self._dial()
        return self._wire

    def answered(self) -> None:
        """Take note that Redis did what it was asked."""
        self._failures = 0
        if self.trouble is not None:
            since = self.trouble.since.isoformat(timespec="seconds")
            log.info("Redis is well again; %s no longer", self._what, extra={"ill_since": since})
            self.trouble = None

    async def back_off(self, fault: CacheFault) -> None:
        """Note an outage once, let go of a connection that is lost, and wait: 15 s at most."""
        self._failures += 1
        # One slow answer is no outage.
        if self._failures >= FAILURES_NOTED and self.trouble is None:
            away = isinstance(fault, CacheAway)
            self.trouble = Trouble(since=self._clock.now(), reason=str(fault), is_away=away)
            log.warning("%s; %s, trading goes on", fault, self._what)
        if isinstance(fault, CacheAway):
            await self.close()
        await self.pause(min(self._failures, 10))

    async def pause(self, tries: int) -> None:
        """Wait for the next of several tries: half of a growing time to all of it."""
        longest_s = min(BACKOFF_S_MAX, BACKOFF_S * (1 << max(tries - 1, 0)))
        await asyncio.sleep(longest_s * (500 + self._jitter.randrange(501)) / 1000)

    async def close(self) -> None:
        """Let go of the connections."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

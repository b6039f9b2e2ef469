"""Cache: the latest word on orders, quotes and instruments, for who looks from outside.

Nothing is decided from it. State and the journal are the truth, so an empty, slow, stale or lost
cache is never wrong: a record that cannot be had is a miss, and whoever puts one in never waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast

from engine.copies import quick
from engine.ports import Clock
from storage.cache_records import Key, Record, RecordT, name_of, ttl_s_of

ENTRIES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Say since when the cache serves nobody, or takes nothing in, and why."""

    since: datetime
    reason: str
    is_away: bool


class Cache(Protocol):
    """What may be looked up by others, and may be lost at any time."""

    @property
    def trouble(self) -> Trouble | None:
        """Give what is wrong, if anything is."""
        ...

    @property
    def lost(self) -> int:
        """Give how many records were let go of unwritten, as nobody took them."""
        ...

    async def start(self) -> None:
        """Begin; returns at once, and never fails for want of a server."""
        ...

    async def stop(self) -> None:
        """Write what waits if that is quick, and let go."""
        ...

    def put(self, record: Record) -> None:
        """Leave a record in place of the one before; returns at once, and may lose it."""
        ...

    async def lookup(self, key: Key[RecordT]) -> RecordT | None:
        """Find a record in one round trip; None where there is none, or it cannot be had now."""
        ...


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Hold a record until the clock's monotonic time says `ends_s`."""

    record: Record
    ends_s: float


class MemoryCache:
    """Keep records in the process: the oldest gives way, and each has its time to live."""

    def __init__(self, clock: Clock, *, entries_max: int = ENTRIES_MAX) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._entries: dict[str, _Kept] = {}

    @property
    def trouble(self) -> Trouble | None:
        """Give None: memory is always there."""
        return None

    @property
    def lost(self) -> int:
        """Give 0: memory takes everything in."""
        return 0

    async def start(self) -> None:
        """Begin, empty."""
        self._entries.clear()

    async def stop(self) -> None:
        """Let go of everything."""
        self._entries.clear()

    def put(self, record: Record) -> None:
        """Keep a record in place of the one before."""
        name = name_of(record)
        ends_s = self._clock.monotonic() + ttl_s_of(type(record))
        # The newest stand last, so that the first is the one to let go of.
        self._entries.pop(name, None)
        self._entries[name] = _Kept(record=record, ends_s=ends_s)
        if len(self._entries) > self._entries_max:
            del self._entries[next(iter(self._entries))]

    async def lookup(self, key: Key[RecordT]) -> RecordT | None:
        """Find a record that still lives."""
        kept = self._entries.get(key.name)
        if kept is None:
            return None
        if self._clock.monotonic() >= kept.ends_s:
            del self._entries[key.name]
            return None
        # A name has its class: both come from the same Key.
        return cast(RecordT, kept.record)


Namespace = Callable[[], str | None]
"""Gives the journal's id, once there is one."""

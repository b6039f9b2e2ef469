"""The cache on Redis: writes queue up in memory and leave in pipelines, from one task.

    put -> pending (bounded, latest word wins) -> the task -> Redis
    lookup -> one GET, given up after 50 ms -> a record or a miss

Redis lost, slow, full, flushed or locked is noted once, tried again with growing pauses, and
written anew from State when it is back. Nobody ever waits for it.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.ports import Clock
from engine.quotes import Quote
from storage.cache import Namespace, Trouble
from storage.cache_faults import CacheAway, CacheFault, CacheRefused
from storage.cache_records import (
    KEY_CHARACTERS_MAX,
    Entry,
    Key,
    Record,
    RecordT,
    decoded,
    encoded,
    full_name,
    name_of,
    ttl_s_of,
)
from storage.endings import ended

if TYPE_CHECKING:
    from storage.cache_wire import RedisWire

PENDING_MAX: Final = 2_000
# One pipeline costs the event loop about 1.5 ms; a stop must not wait for more than that.
BATCH_MAX: Final = 64
PACE_S: Final = 0.02
QUOTES_EVERY_S: Final = 0.5
REFRESH_S: Final = 60
IDLE_S: Final = 5
LOOKUP_S: Final = 0.05
BACKOFF_S: Final = 0.25
BACKOFF_S_MAX: Final = 15
STOP_S: Final = 0.2
FAILURES_NOTED: Final = 3

log = logging.getLogger(__name__)

Contents = Callable[[datetime | None], Iterable[Record]]
"""Gives what should stand in the cache: with a time only what changed since, or may expire."""


class RedisCache:
    """Keep the latest records in Redis, under the journal's id; implements `storage.cache.Cache`.

    `contents` is asked at the start, each minute, and when Redis was away: so a flushed or new
    server is filled again, and an order that rests for days does not expire. A quote is written
    twice a second at most.
    """

    def __init__(
        self,
        *,
        url: str,
        clock: Clock,
        jitter: random.Random,
        namespace: Namespace,
        contents: Contents,
    ) -> None:
        self._url = url
        self._clock = clock
        self._jitter = jitter
        self._namespace = namespace
        self._contents = contents
        self._wire: RedisWire | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._pending: dict[str, Record] = {}
        self._quotes: dict[str, Record] = {}
        self._quotes_s = self._answered_s = 0.0
        self._refreshed_s: float | None = None
        self._failures = 0
        self._is_doubted = False
        self._is_corrupt_noted = False
        self._trouble: Trouble | None = None
        self._lost = 0

    @property
    def trouble(self) -> Trouble | None:
        """Give what is wrong with Redis, if anything is."""
        return self._trouble

    @property
    def lost(self) -> int:
        """Give how many records were let go of because too many waited."""
        return self._lost

    async def start(self) -> None:
        """Begin to connect and to write, in a task of its own."""
        if self._task is None:
            # No TaskGroup: start and stop are two calls; `stop` cancels and awaits it.
            self._task = asyncio.create_task(self._run(), name="cache")

    async def stop(self) -> None:
        """Write what waits, if Redis takes it within 200 ms, and close the connections."""
        task, self._task = self._task, None
        await ended(task)
        if self._wire is not None and self._trouble is None:
            try:
                async with asyncio.timeout(STOP_S):
                    while batch := self._batch(self._clock.monotonic(), is_last=True):
                        await self._write(self._wire, batch)
            except (CacheFault, TimeoutError) as fault:
                log.info("the cache's last records were not written", extra={"fault": str(fault)})
        await self._close()

    def put(self, record: Record) -> None:
        """Leave a record for the task; the oldest that waits gives way where too many do."""
        name = name_of(record)
        if len(name) > KEY_CHARACTERS_MAX:
            self._lost += 1
            return
        if isinstance(record, Quote):
            if not self._quotes:
                self._wake.set()
            self._lost += _left(self._quotes, name, record)
        else:
            self._lost += _left(self._pending, name, record)
            self._wake.set()

    async def lookup(self, key: Key[RecordT]) -> RecordT | None:
        """Find a record in one round trip; what makes no sense is a miss, and noted once."""
        journal_id, wire = self._namespace(), self._wire
        is_away = self._trouble is not None and self._trouble.is_away
        if journal_id is None or wire is None or is_away:
            return None
        try:
            async with asyncio.timeout(LOOKUP_S):
                payload = await wire.read(full_name(journal_id, key.name))
        except CacheRefused:
            self._note_corrupt(key)
            return None
        except (CacheFault, TimeoutError):
            # The task finds out whether Redis is away or was slow once.
            self._is_doubted = True
            self._wake.set()
            return None
        record = None if payload is None else decoded(key, payload)
        if payload is not None and record is None:
            self._note_corrupt(key)
        return record

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except CacheFault as fault:
                await self._back_off(fault)
            except Exception as bug:  # task boundary: a library's bug must not end the cache
                if self._trouble is None:
                    log.exception("the cache broke and is started again")
                await self._back_off(CacheAway(f"the cache broke ({type(bug).__name__})"))

    async def _turn(self) -> None:
        """Wait for work, and do some of it. Raises: CacheFault; what was to be written waits."""
        await self._due()
        wire = self._wire
        if wire is None:
            wire = self._wire = await asyncio.to_thread(_new_wire, self._url)
        now_s = self._clock.monotonic()
        is_known = self._namespace() is not None
        # While Redis is in trouble the first try carries little: it may well be in vain.
        if is_known and self._trouble is None and now_s >= self._refresh_s():
            self._refresh(now_s)
        batch = self._batch(now_s) if is_known else []
        if batch:
            await self._write(wire, batch)
        else:
            await wire.ping()
        self._answered()
        await asyncio.sleep(PACE_S)

    async def _due(self) -> None:
        """Wait until something is to be written, or Redis was not heard of for a while."""
        while (wait_s := self._wait_s()) > 0:
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _wait_s(self) -> float:
        if self._wire is None or self._is_doubted or self._trouble is not None:
            return 0
        due_s = self._answered_s + IDLE_S
        if self._namespace() is not None:
            if self._pending:
                return 0
            if self._quotes:
                due_s = min(due_s, self._quotes_s + QUOTES_EVERY_S)
            due_s = min(due_s, self._refresh_s())
        return due_s - self._clock.monotonic()

    def _refresh_s(self) -> float:
        return 0 if self._refreshed_s is None else self._refreshed_s + REFRESH_S

    def _refresh(self, now_s: float) -> None:
        """Let everything be written again; after a start or an outage the tail of orders, too."""
        recently = self._clock.now() - timedelta(seconds=2 * REFRESH_S)
        for record in self._contents(None if self._refreshed_s is None else recently):
            self.put(record)
        self._refreshed_s = now_s

    def _batch(self, now_s: float, *, is_last: bool = False) -> list[Record]:
        """Take what is due, orders before quotes."""
        batch = _taken(self._pending, BATCH_MAX)
        if is_last or now_s >= self._quotes_s + QUOTES_EVERY_S:
            batch += _taken(self._quotes, BATCH_MAX - len(batch))
            if not self._quotes:
                self._quotes_s = now_s
        return batch

    async def _write(self, wire: "RedisWire", batch: list[Record]) -> None:
        """Write a batch; where that fails it waits again, but for what has newer words by now."""
        journal_id = self._namespace()
        assert journal_id is not None, "a batch is taken once the journal is known"
        try:
            await wire.write([_entry(journal_id, record) for record in batch])
        except BaseException:
            for record in batch:
                waiting = self._quotes if isinstance(record, Quote) else self._pending
                if name_of(record) not in waiting:
                    self.put(record)
            raise

    def _answered(self) -> None:
        self._answered_s = self._clock.monotonic()
        self._failures = 0
        self._is_doubted = False
        if self._trouble is not None:
            since = self._trouble.since.isoformat(timespec="seconds")
            log.info("Redis is well again", extra={"ill_since": since})
            self._trouble = self._refreshed_s = None

    async def _back_off(self, fault: CacheFault) -> None:
        """Note an outage once, let go of the connections, and wait before the next try."""
        self._failures += 1
        # A slow answer is no outage, nor is a loop that stood still for 50 ms.
        if self._failures >= FAILURES_NOTED or isinstance(fault, CacheRefused):
            self._note(fault)
        if isinstance(fault, CacheAway):
            await self._close()
        longest_s = min(BACKOFF_S_MAX, BACKOFF_S * (1 << min(self._failures - 1, 10)))
        await asyncio.sleep(longest_s * (500 + self._jitter.randrange(501)) / 1000)

    def _note(self, fault: CacheFault) -> None:
        is_away, before = isinstance(fault, CacheAway), self._trouble
        if before is not None and before.is_away is is_away:
            return
        since = self._clock.now() if before is None else before.since
        self._trouble = Trouble(since=since, reason=str(fault), is_away=is_away)
        log.warning("%s; trading goes on without it", fault)

    def _note_corrupt(self, key: Key[RecordT]) -> None:
        if not self._is_corrupt_noted:
            self._is_corrupt_noted = True
            log.warning(
                "Redis holds a value that is none of ours; it counts as missing",
                extra={"key": key.name},
            )

    async def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()


def _new_wire(url: str) -> "RedisWire":
    # redis-py costs 50 to 80 ms and 5 MB at the start, which who has no Redis is spared; and who
    # has one does not wait for it, because this runs in a thread, beside everything else.
    from storage.cache_wire import RedisWire  # noqa: PLC0415 - see above

    return RedisWire(url)


def _entry(journal_id: str, record: Record) -> Entry:
    return Entry(
        name=full_name(journal_id, name_of(record)),
        payload=encoded(record),
        ttl_s=ttl_s_of(type(record)),
    )


def _left(waiting: dict[str, Record], name: str, record: Record) -> int:
    """Leave a record with those that wait; give how many had to go for it."""
    waiting[name] = record
    if len(waiting) <= PENDING_MAX:
        return 0
    del waiting[next(iter(waiting))]
    return 1


def _taken(waiting: dict[str, Record], count_max: int) -> list[Record]:
    """Take the records that have waited longest."""
    return [waiting.pop(name) for name in list(islice(waiting, count_max))]

"""The wire of the streams: Redis' stream commands, each with a timeout and with our own faults.

Imported when streams are set, as it loads redis-py. Needs Redis 6.2 or newer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from storage.cache_faults import CacheAway, CacheFault, GroupGone
from storage.cache_wire import FAULTS, fault_of
from storage.streams_records import (
    ASIDE_S,
    EVENTS_MAX,
    GROUP,
    REJECTED_MAX,
    SIGNALS_MAX,
    InEntry,
    OutEvent,
    Top,
)

ANSWER_S: Final = 1.0
BLOCK_S: Final = 1.0
CONNECTIONS_MAX: Final = 4
OWED_MAX: Final = 256
DEAD_MS: Final = 86_400_000


class StreamWire:
    """Read and write streams on one Redis.

    Connecting and each answer are given up after `answer_s`, and reading after `block_s` more.
    """

    def __init__(self, url: str, *, answer_s: float = ANSWER_S, block_s: float = BLOCK_S) -> None:
        """Prepare; nothing is connected yet. Raises: CacheAway for an address that is none."""
        self._block_ms = int(block_s * 1000)
        try:
            options: dict[str, Any] = dict(parse_url(url))
            self._pool = BlockingConnectionPool(
                **options
                | {
                    "max_connections": CONNECTIONS_MAX,
                    "timeout": answer_s,
                    # A read that blocks holds its connection for so long by itself.
                    "socket_timeout": answer_s + block_s,
                    "socket_connect_timeout": answer_s,
                    "retry": Retry(NoBackoff(), 0),
                    "health_check_interval": 0,
                    "protocol": 2,
                }
            )
        except FAULTS as fault:
            raise CacheAway("REDIS_URL cannot be used") from fault
        # Typed for both of its APIs, so that every answer would need a cast.
        self._client: Any = Redis(connection_pool=self._pool)

    async def top(self, name: str) -> Top | None:
        """Say how far a stream reaches; None when there is none. Raises: CacheFault."""
        try:
            found = await self._client.xinfo_stream(name)
        except ResponseError as fault:
            if "no such key" in str(fault).lower():
                return None
            raise fault_of(fault) from fault
        except FAULTS as fault:
            raise fault_of(fault) from fault
        last = found["last-entry"]
        if last is None:
            return Top(seq=_seq_of(found["last-generated-id"]))
        link = last[1].get(b"hash", b"")
        return Top(
            seq=_seq_of(found["last-generated-id"]),
            entry_seq=_seq_of(last[0]),
            hash=link.decode(errors="replace"),
        )

    async def publish(self, name: str, events: Sequence[OutEvent], *, is_new: bool) -> bool:
        """Append events, all or none, and cut the stream to its cap.

        False when nothing was appended because the stream is not as expected: it is gone, or there
        although it `is_new`, or it has these events already. Raises: CacheFault, and what became of
        the events is then unknown.
        """
        # One transaction: an event refused in the middle could never be put in its place again.
        pipeline = self._client.pipeline(transaction=True)
        for event in events:
            pipeline.xadd(
                name,
                {
                    "seq": event.seq,
                    "at": event.at,
                    "kind": event.kind,
                    "version": event.version,
                    "payload": event.payload,
                    "hash": event.hash,
                },
                id=event.entry_id,
                maxlen=EVENTS_MAX,
                approximate=True,
                # Without a stream there is a gap before these events, which must be filled first.
                nomkstream=not is_new,
            )
        answers = await self._asked(pipeline.execute(raise_on_error=False))
        for answer in answers:
            if isinstance(answer, ResponseError) and "equal or smaller" in str(answer):
                return False
            if isinstance(answer, Exception):
                raise fault_of(answer) from answer
        return None not in answers

    async def move_aside(self, name: str, to: str) -> None:
        """Rename a stream that is none of ours, for a week. Raises: CacheFault."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.rename(name, to)
        pipeline.expire(to, ASIDE_S)
        await self._asked(pipeline.execute())

    async def join(self, name: str) -> None:
        """Make the group, and the stream, where there is none. Raises: CacheFault."""
        try:
            # From the beginning: what was sent before us waits for us.
            await self._client.xgroup_create(name, GROUP, id="0", mkstream=True)
        except ResponseError as fault:
            if "BUSYGROUP" not in str(fault):
                raise fault_of(fault) from fault
        except FAULTS as fault:
            raise fault_of(fault) from fault

    async def read(self, name: str, consumer: str, count_max: int) -> list[InEntry]:
        """Wait, bounded, for entries that nobody has had. Raises: CacheFault, GroupGone."""
        answer = await self._asked(
            self._client.xreadgroup(
                GROUP, consumer, {name: ">"}, count=count_max, block=self._block_ms
            )
        )
        return [_entry(found) for _, entries in answer or () for found in entries if found[1]]

    async def owed(self, name: str, consumer: str, count_max: int) -> list[InEntry]:
        """Give again what this consumer was given and has not settled. Raises: as `read`."""
        answer = await self._asked(
            self._client.xreadgroup(GROUP, consumer, {name: "0"}, count=count_max)
        )
        found = [each for _, entries in answer or () for each in entries]
        return await self._counted(name, consumer, found)

    async def reclaim(
        self, name: str, consumer: str, *, idle_s: int, count_max: int
    ) -> list[InEntry]:
        """Take over what any consumer has left lying for so long. Raises: as `read`."""
        answer = await self._asked(
            self._client.xautoclaim(
                name, GROUP, consumer, min_idle_time=idle_s * 1000, count=count_max
            )
        )
        return await self._counted(name, consumer, answer[1]) if answer[1] else []

    async def _counted(self, name: str, consumer: str, found: Sequence[Any]) -> list[InEntry]:
        """Add how often each entry was delivered; settle those that are no longer stored."""
        rows = await self._asked(
            self._client.xpending_range(
                name, GROUP, min="-", max="+", count=OWED_MAX, consumername=consumer
            )
        )
        deliveries = {row["message_id"]: row["times_delivered"] for row in rows}
        kept = [each for each in found if each[0] is not None and each[1]]
        if len(kept) < len(found):
            for entry_id in [each for each in deliveries if each not in {k[0] for k in kept}]:
                if not await self._asked(self._client.xrange(name, entry_id, entry_id)):
                    await self.settle(name, entry_id.decode())
        return [_entry(each, deliveries.get(each[0], 1)) for each in kept]

    async def settle(self, name: str, entry_id: str) -> None:
        """Say that an entry is done with. Raises: CacheFault."""
        await self._asked(self._client.xack(name, GROUP, entry_id))

    async def set_aside(
        self, name: str, rejected: str, entry_id: str, fields: Mapping[str, bytes | str | int]
    ) -> None:
        """Write down why an entry is not obeyed and settle it, or neither. Raises: CacheFault."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xadd(rejected, dict(fields), maxlen=REJECTED_MAX, approximate=True)
        pipeline.xack(name, GROUP, entry_id)
        await self._asked(pipeline.execute())

    async def pending(self, name: str) -> int:
        """Count the entries that were delivered and are not settled. Raises: as `read`."""
        answer = await self._asked(self._client.xpending(name, GROUP))
        return int(answer["pending"])

    async def tidy(self, name: str, consumer: str) -> None:
        """Cut what was settled long ago, and forget consumers that died. Raises: as `read`.

        To be called when everything has been read: only the newest stay.
        """
        await self._asked(self._client.xtrim(name, maxlen=SIGNALS_MAX, approximate=True))
        for each in await self._asked(self._client.xinfo_consumers(name, GROUP)):
            # What a consumer still owes would be lost with it; who was silent for a day is dead.
            if each["pending"] == 0 and each["idle"] > DEAD_MS and each["name"] != consumer:
                await self._asked(self._client.xgroup_delconsumer(name, GROUP, each["name"]))

    async def close(self) -> None:
        """Close every connection, whatever state it is in."""
        try:
            await self._pool.disconnect(inuse_connections=True)
        except FAULTS:
            # A broken connection that breaks again on closing is closed.
            return

    async def _asked(self, question: Any) -> Any:
        try:
            return await question
        except FAULTS as fault:
            raise _fault_of(fault) from fault


def _fault_of(fault: Exception) -> CacheFault:
    words = str(fault)
    if isinstance(fault, ResponseError) and words.startswith(("NOGROUP", "UNBLOCKED")):
        return GroupGone("the consumer group is gone")
    return fault_of(fault)


def _entry(found: Any, deliveries: int = 1) -> InEntry:
    return InEntry(entry_id=found[0].decode(), fields=found[1], deliveries=deliveries)


def _seq_of(entry_id: bytes) -> int | None:
    """Read an event's number from its entry's id; None for an id that is none of ours."""
    seq, _, rest = entry_id.decode().partition("-")
    return int(seq) if rest == "0" else None

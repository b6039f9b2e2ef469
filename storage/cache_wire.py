"""The wire to Redis: single round trips on a bounded pool; every fault comes out as one of ours.

This module is the only one that imports redis-py, and is itself imported when REDIS_URL is set.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from storage.cache_faults import CacheAway, CacheFault, CacheRefused
from storage.cache_records import Entry

ANSWER_S: Final = 0.05
# A TLS handshake takes two or three round trips, and 30 ms to load whom to trust. Only the task
# that writes waits for it: a lookup has its own 50 ms, whatever they are spent on.
CONNECT_S: Final = 1.0
CONNECTIONS_MAX: Final = 4
# What a server that is none sends makes the client's parser stumble in its own ways.
FAULTS: Final = (RedisError, OSError, EOFError, ValueError, TypeError, LookupError, AttributeError)


class RedisWire:
    """Read and write on one Redis; an answer is given up after `answer_s`, connecting after 1 s."""

    def __init__(self, url: str, *, answer_s: float = ANSWER_S) -> None:
        """Prepare; nothing is connected yet. Raises: CacheAway for an address that is none."""
        try:
            options: dict[str, Any] = dict(parse_url(url))
            self._pool = BlockingConnectionPool(
                **options
                | {
                    "max_connections": CONNECTIONS_MAX,
                    "timeout": answer_s,
                    "socket_timeout": answer_s,
                    "socket_connect_timeout": max(answer_s, CONNECT_S),
                    # redis-py repeats three times by itself, with pauses: nobody waits for that.
                    "retry": Retry(NoBackoff(), 0),
                    "health_check_interval": 0,
                    "protocol": 2,
                }
            )
        except FAULTS as fault:
            raise CacheAway("REDIS_URL cannot be used") from fault
        self._client = Redis(connection_pool=self._pool)

    async def ping(self) -> None:
        """See whether it answers. Raises: CacheFault."""
        await self._asked(self._client.ping())

    async def read(self, name: str) -> bytes | None:
        """Get one value. Raises: CacheFault."""
        found = await self._asked(self._client.get(name))
        return found if isinstance(found, bytes) else None

    async def write(self, entries: Sequence[Entry]) -> None:
        """Set values in one round trip; those taken before a fault stand. Raises: CacheFault."""
        pipeline = self._client.pipeline(transaction=False)
        for entry in entries:
            pipeline.set(entry.name, entry.payload, ex=entry.ttl_s)
        for answer in await self._asked(pipeline.execute(raise_on_error=False)):
            if isinstance(answer, Exception):
                raise fault_of(answer) from answer

    async def facts(self) -> Mapping[str, str]:
        """Give what the server tells of itself, for example its version. Raises: CacheFault."""
        found = await self._asked(self._client.info("everything"))
        return {str(name): str(value) for name, value in found.items()}

    async def close(self) -> None:
        """Close every connection, whatever state it is in."""
        try:
            await self._pool.disconnect(inuse_connections=True)
        except FAULTS:
            # A broken connection that breaks again on closing is closed.
            return

    async def _asked(self, question: Any) -> Any:  # redis-py types its answers for both of its APIs
        try:
            return await question
        except FAULTS as fault:
            raise fault_of(fault) from fault


def fault_of(fault: Exception) -> CacheFault:
    """Say what a fault of the client means, without what it says: that may name the address."""
    # What goes wrong while connecting is wrapped by the client in a ConnectionError.
    inner = fault.__cause__ or fault.__context__
    match inner if isinstance(inner, AuthenticationError) else fault:
        case AuthenticationError():
            return CacheAway("Redis does not accept the password in REDIS_URL")
        case OutOfMemoryError():
            return CacheRefused("Redis is full (maxmemory) and takes nothing in")
        case ReadOnlyError():
            return CacheRefused("Redis is a read-only replica")
        case NoPermissionError():
            return CacheRefused("Redis does not allow this user what we need")
        case ResponseError():
            word = str(fault).partition(" ")[0]
            return CacheRefused(f"Redis refuses a command ({word[:20]})")
        case _:
            return CacheAway(f"Redis does not answer ({type(fault).__name__})")

"""Lookup: a record from the Redis cache, beside a bare GET from the same real server."""

import asyncio
import random
from dataclasses import replace
from time import perf_counter

from redis.asyncio import Redis

from bot.clock import SystemClock
from storage.cache_records import Key, OrderRecord, order_key
from storage.cache_redis import RedisCache
from tests.benchmarks.baselines import bare_redis
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, baseline_of, p99_below, row_of
from tests.storage.cached import ORDER
from tests.storage.redis_server import RedisServer

NAME = "bench"
FILLED_S, TURN_S = 60.0, 0.02


async def lookups(effort: Effort) -> list[Row]:
    """Look an order's status up, in turn with a GET of as many bytes."""
    server = RedisServer(folder=effort.room("lookup"))
    await asyncio.to_thread(server.start)
    cache = RedisCache(
        url=server.url,
        clock=SystemClock(),
        jitter=random.Random(1),
        namespace=lambda: NAME,
        contents=lambda _since: [ORDER],
    )
    bare = Redis.from_url(server.url, decode_responses=True)
    try:
        await cache.start()
        return [await _row(cache, bare, effort.n(2000, quick=300))]
    finally:
        await cache.stop()
        await bare.aclose()
        await asyncio.to_thread(server.kill)


async def _row(cache: RedisCache, bare: "Redis", n: int) -> Row:
    key = order_key(ORDER.client_order_id)
    await _until_there(cache, key)
    await bare.set("bare", "x" * 600)
    ours: list[float] = []
    beside: list[float] = []
    given_up = 0
    for _ in range(n):
        begun = perf_counter()
        record = await cache.lookup(key)
        spent = (perf_counter() - begun) * MS
        if record is None:
            # Given up after 50 ms: on a busy machine it happens, and is a miss, never an error.
            given_up += 1
            await _until_there(cache, key)
            continue
        ours.append(spent)
        begun = perf_counter()
        value = await bare_redis.found(bare, "bare")
        beside.append((perf_counter() - begun) * MS)
        assert value is not None
    return row_of(
        "lookup",
        "ms",
        ours,
        p99_below(1.0),
        beside=baseline_of("bare redis-py", "ms", beside, note="await client.get, not decoded"),
        note="an order's status from Redis, read, checked and made a record, one round trip; "
        f"{given_up} given up",
        cause="one round trip over a socket, and this loop's other work",
    )


async def _until_there(cache: RedisCache, key: Key[OrderRecord]) -> None:
    """Put a record in, and wait until it can be had."""
    cache.put(replace(ORDER, seq=ORDER.seq + 1))
    async with asyncio.timeout(FILLED_S):
        while await cache.lookup(key) is None:  # noqa: ASYNC110 - what changes is a server
            await asyncio.sleep(TURN_S)

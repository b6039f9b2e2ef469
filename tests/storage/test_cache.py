"""What both caches keep: in the process, and on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.orders import OrderStatus
from storage.cache import Cache, MemoryCache
from storage.cache_records import (
    MARKET_TTL_S,
    ORDER_TTL_S,
    QUOTE_TTL_S,
    Key,
    Record,
    market_key,
    name_of,
    order_key,
    quote_key,
)
from tests.storage.cached import (
    MARKET,
    ORDER,
    QUOTE,
    ShiftedClock,
    bid,
    found,
    redis_cache,
    until,
)
from tests.storage.redis_server import RedisServer

QUOTE_KEY = quote_key("binance", "BTC/USDT")
ORDER_KEY = order_key("qd2345")


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    built: Cache
    if request.param == "memory":
        built = MemoryCache(ShiftedClock())
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        built = redis_cache(server.url)
    await built.start()
    yield built
    await built.stop()


@pytest.mark.parametrize(
    ("key", "record"),
    [(ORDER_KEY, ORDER), (QUOTE_KEY, QUOTE), (market_key("binance"), MARKET)],
    ids=["order", "quote", "market"],
)
async def test_a_record_is_found_as_it_was_put(
    cache: Cache, key: Key[Record], record: Record
) -> None:
    cache.put(record)

    # Every digit and trailing zero of it: the texts are compared, too.
    there = await found(cache, key)
    assert there == record
    assert repr(there) == repr(record)


async def test_what_nobody_put_is_missing(cache: Cache) -> None:
    cache.put(QUOTE)
    await found(cache, QUOTE_KEY)

    assert await cache.lookup(quote_key("binance", "ETH/USDT")) is None
    assert await cache.lookup(quote_key("kraken", "BTC/USDT")) is None
    assert await cache.lookup(order_key("BTC/USDT")) is None
    assert await cache.lookup(market_key("binance")) is None


async def test_the_last_word_on_an_order_stands(cache: Cache) -> None:
    for seq, status in enumerate(OrderStatus):
        cache.put(replace(ORDER, status=status, seq=seq))
    last = replace(ORDER, status=OrderStatus.FILLED, filled=ORDER.quantity, seq=99)
    cache.put(last)

    assert await found(cache, ORDER_KEY, lambda order: order.seq == 99) == last


async def test_the_last_quote_stands(cache: Cache) -> None:
    for price in range(60_000, 61_000):
        cache.put(bid(str(price)))

    there = await found(cache, QUOTE_KEY, lambda quote: quote.bid >= 60_999)

    assert there.bid == Decimal(60_999)


async def test_a_crowd_of_orders_is_all_there(cache: Cache) -> None:
    orders = [replace(ORDER, client_order_id=f"qd{number}") for number in range(300)]
    for order in orders:
        cache.put(order)

    there = [await found(cache, order_key(order.client_order_id)) for order in orders]

    assert there == orders
    assert cache.lost == 0


async def test_many_may_look_at_once(cache: Cache) -> None:
    cache.put(ORDER)
    cache.put(QUOTE)
    await found(cache, ORDER_KEY)
    await found(cache, QUOTE_KEY)

    # Fewer than wait on the socket's 50 ms, more than there are connections.
    orders, quotes = await asyncio.gather(
        asyncio.gather(*(found(cache, ORDER_KEY) for _ in range(20))),
        asyncio.gather(*(found(cache, QUOTE_KEY) for _ in range(20))),
    )

    assert set(orders) == {ORDER}
    assert set(quotes) == {QUOTE}


async def test_a_stopped_cache_takes_and_gives_nothing_and_leaves_no_task(cache: Cache) -> None:
    cache.put(QUOTE)
    await found(cache, QUOTE_KEY)

    await cache.stop()
    await cache.stop()

    assert await cache.lookup(QUOTE_KEY) is None
    await until(lambda: not any(task.get_name() == "cache" for task in asyncio.all_tasks()))


async def test_memory_lets_a_record_go_when_its_time_is_over() -> None:
    clock = ShiftedClock()
    cache = MemoryCache(clock)
    for record in (ORDER, QUOTE, MARKET):
        cache.put(record)

    lives = {name_of(ORDER): ORDER_TTL_S, name_of(QUOTE): QUOTE_TTL_S}
    lives[name_of(MARKET)] = MARKET_TTL_S
    for key in (QUOTE_KEY, market_key("binance"), ORDER_KEY):
        clock.ahead_s = lives[key.name] - 1
        assert await cache.lookup(key) is not None
        clock.ahead_s = lives[key.name] + 1
        assert await cache.lookup(key) is None


async def test_memory_is_bounded_and_lets_the_oldest_go() -> None:
    cache = MemoryCache(ShiftedClock(), entries_max=3)
    for name in ("a", "b", "c", "a", "d"):
        cache.put(replace(ORDER, client_order_id=name))

    left = [name for name in "abcd" if await cache.lookup(order_key(name)) is not None]

    assert left == ["a", "c", "d"]

"""The cache on Redis: its keys, its pace, and a Redis that is lost, slow, full, flushed, locked."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from redis import Redis

from storage.cache_records import (
    KEY_CHARACTERS_MAX,
    MARKET_TTL_S,
    ORDER_TTL_S,
    QUOTE_TTL_S,
    Key,
    Record,
    market_key,
    order_key,
    quote_key,
)
from storage.cache_redis import FAILURES_NOTED, IDLE_S, PENDING_MAX, REFRESH_S, RedisCache
from tests.storage.cached import (
    JOURNAL,
    MARKET,
    ORDER,
    QUOTE,
    Shelf,
    ShiftedClock,
    bid,
    found,
    redis_cache,
    running,
    until,
)
from tests.storage.redis_server import RedisServer

QUOTE_KEY = quote_key("binance", "BTC/USDT")
ORDER_KEY = order_key("qd2345")
PREFIX = f"quarterdeck:1:{JOURNAL}"
PASSWORD = "swordfish-swordfish"


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    async with running(redis_cache(redis_server.url)) as built:
        yield built


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="storage.cache_redis")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was warned of a server that is there, each once per outage.

    On a machine that stands still a server that is there counts as away for a moment, and what is
    wrong with it is then said anew.
    """
    lines = warned(caplog)
    others = [line for line in lines if "does not answer" not in line]
    return others if len(others) == len(lines) else list(dict.fromkeys(others))


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


async def test_the_keys_and_forms_are_those_that_are_documented(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    for record in (ORDER, QUOTE, replace(MARKET, instruments=MARKET.instruments[:1])):
        cache.put(record)
    for key in (ORDER_KEY, QUOTE_KEY, market_key("binance")):
        await found(cache, key)

    with redis_server.client as client:
        names = {name.decode() for name in client.keys("*")}
        stored = {name.rpartition(f"{JOURNAL}:")[2]: read(client, name) for name in names}
        lives = {name: int(client.ttl(name)) for name in names}

    assert names == {
        f"{PREFIX}:order:qd2345", f"{PREFIX}:quote:binance:BTC/USDT", f"{PREFIX}:market:binance",
    }  # fmt: skip
    assert stored == {
        "order:qd2345": {
            "client_order_id": "qd2345", "venue": "binance", "symbol": "BTC/USDT", "side": "buy",
            "kind": "market", "purpose": "entry", "status": "submitted", "quantity": "0.00489",
            "filled": "0", "price_limit": "61200.00", "price_trigger": None,
            "price_average": None, "fees": "0E-8", "strategy": "manual", "venue_order_id": None,
            "submitted_at": "2026-03-01T12:30:15.123456Z", "finished_at": None,
            "at": "2026-03-01T12:30:15.123456Z", "seq": 7,
        },
        "quote:binance:BTC/USDT": {
            "venue": "binance", "symbol": "BTC/USDT", "bid": "61000.10", "ask": "61000.20",
            "mark": "61000.150", "at": "2026-03-01T12:30:15.123456Z", "change_pct": None,
        },
        "market:binance": {
            "venue": "binance", "at": "2026-03-01T12:30:15.123456Z",
            "instruments": [{
                "venue": "binance", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT",
                "kind": "spot", "price_tick": "0.01", "quantity_step": "0.00001",
                "quantity_min": "0.00001", "quantity_max": "1000", "notional_min": "5",
                "contract_size": "1", "fee_maker": "0.001", "fee_taker": "0.001",
                "leverage_max": "1", "active": True, "price_digits": None,
                "listed_at": None,
            }],
        },
    }  # fmt: skip
    for part, ttl_s in (("order", ORDER_TTL_S), ("quote", QUOTE_TTL_S), ("market", MARKET_TTL_S)):
        (life,) = (life for name, life in lives.items() if f":{part}:" in name)
        assert 0 < life <= ttl_s
        assert life > ttl_s - 50


def read(client: Redis, name: str) -> object:
    stored = client.get(name)
    assert isinstance(stored, bytes)
    return json.loads(stored)


async def test_two_journals_on_one_redis_do_not_meet(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    cache.put(QUOTE)
    await found(cache, QUOTE_KEY)

    async with running(redis_cache(redis_server.url, namespace=lambda: "another")) as other:
        other.put(bid("1"))
        await found(other, QUOTE_KEY)

        assert (await found(other, QUOTE_KEY)).bid == 1
        assert (await found(cache, QUOTE_KEY)).bid == QUOTE.bid


async def test_nothing_is_written_before_the_journal_has_its_id(
    redis_server: RedisServer,
) -> None:
    named: list[str] = []
    cache = redis_cache(redis_server.url, namespace=lambda: named[0] if named else None)
    async with running(cache):
        cache.put(ORDER)
        await asyncio.sleep(0.3)
        with redis_server.client as client:
            assert client.keys("*") == []
        assert await cache.lookup(ORDER_KEY) is None

        named.append(JOURNAL)
        cache.put(replace(ORDER, client_order_id="qd9"))

        assert await found(cache, ORDER_KEY) == ORDER


async def test_a_quote_is_written_twice_a_second_at_most(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    with redis_server.client as client:
        cache.put(QUOTE)
        await found(cache, QUOTE_KEY)
        before = sets(client)
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        while (spent_s := clock() - begun_s) < 1.2:
            cache.put(bid(str(60_000 + spent_s)))
            await asyncio.sleep(0.01)
        written, spent_s = sets(client) - before, clock() - begun_s

    assert 1 <= written <= spent_s / 0.5 + 1


def sets(client: Redis) -> int:
    """Count what was written so far, by the server's own books."""
    stats = client.info("commandstats")
    return int(stats.get("cmdstat_set", {}).get("calls", 0))


BROKEN = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"61000.1",
    b"\xff\xfe",
    json.dumps({"venue": "binance", "symbol": "BTC/USDT"}).encode(),
]


def quote_with(**changed: object) -> bytes:
    fields = {
        "venue": "binance", "symbol": "BTC/USDT", "bid": "61000.1", "ask": "61000.2",
        "mark": "61000.15", "at": "2026-03-01T12:30:15Z", "change_pct": None,
    }  # fmt: skip
    return json.dumps(fields | changed).encode()


WRONG: list[dict[str, object]] = [
    {"bid": "NaN"}, {"bid": "-1"}, {"bid": "0"}, {"ask": "Infinity"}, {"ask": "61000.0"},
    {"mark": "cheap"}, {"at": "2026-03-01T12:30:15"}, {"at": 7}, {"symbol": "ETH/USDT"},
    {"change_pct": "NaN"},
]  # fmt: skip


@pytest.mark.parametrize("payload", [*BROKEN, *(quote_with(**each) for each in WRONG)])
async def test_a_value_that_is_none_of_ours_is_a_miss_and_noted_once(
    redis_server: RedisServer,
    cache: RedisCache,
    caplog: pytest.LogCaptureFixture,
    payload: bytes,
) -> None:
    await set_outside(redis_server, cache, QUOTE_KEY, quote_with())
    assert await found(cache, QUOTE_KEY) is not None
    caplog.clear()

    await set_outside(redis_server, cache, QUOTE_KEY, payload)

    assert [await cache.lookup(QUOTE_KEY) for _ in range(3)] == [None] * 3
    assert told(caplog) == ["Redis holds a value that is none of ours; it counts as missing"]


@pytest.mark.parametrize(
    ("record", "good", "bad"),
    [
        (ORDER, '"quantity":"0.00489"', '"quantity":"-0.00489"'),
        (ORDER, '"filled":"0"', '"filled":"sNaN"'),
        (ORDER, '"price_limit":"61200.00"', '"price_limit":"0"'),
        (ORDER, '"fees":"0E-8"', '"fees":"-Infinity"'),
        (
            ORDER,
            '"submitted_at":"2026-03-01T12:30:15.123456Z"',
            '"submitted_at":"2026-03-01T12:30"',
        ),
        (ORDER, '"status":"submitted"', '"status":"perhaps"'),
        (ORDER, "qd2345", "qd2346"),
        (MARKET, '"price_tick":"0.01"', '"price_tick":"0"'),
        (MARKET, '"fee_taker":"0.001"', '"fee_taker":"NaN"'),
        (MARKET, '"quantity_min":"0.00001"', '"quantity_min":"-1"'),
        (MARKET, '{"venue":"binance","symbol"', '{"venue":"kraken","symbol"'),
        (MARKET, '15.123456Z"', '15.123456"'),
    ],
)
async def test_an_order_or_a_market_that_makes_no_sense_is_a_miss(
    redis_server: RedisServer, cache: RedisCache, record: Record, good: str, bad: str
) -> None:
    keys: dict[bool, Key[Record]] = {True: ORDER_KEY, False: market_key("binance")}
    key = keys[record is ORDER]
    cache.put(record)
    await found(cache, key)
    with redis_server.client as client:
        stored = client.get(f"{PREFIX}:{key.name}")
    assert isinstance(stored, bytes)
    assert good.encode() in stored

    await set_outside(redis_server, cache, key, stored.replace(good.encode(), bad.encode(), 1))

    assert await cache.lookup(key) is None


async def test_a_key_of_another_type_is_a_miss_and_is_written_over(
    redis_server: RedisServer, cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server.client as client:
        client.rpush(f"{PREFIX}:order:qd2345", "a", "b")
    cache.put(QUOTE)
    await found(cache, QUOTE_KEY)

    assert await cache.lookup(ORDER_KEY) is None
    assert len(told(caplog)) == 1
    cache.put(ORDER)

    assert await found(cache, ORDER_KEY) == ORDER


async def set_outside(
    server: RedisServer, cache: RedisCache, key: Key[Record], payload: bytes
) -> None:
    """Set a value as another program would, once the cache is connected."""
    await until(lambda: cache._wire is not None)
    with server.client as client:
        client.set(f"{PREFIX}:{key.name}", payload)


async def test_a_redis_that_is_not_there_keeps_nobody_waiting_and_is_noted_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(folder=tmp_path)
    async with running(redis_cache(server.url)) as cache:
        for number in range(50):
            cache.put(replace(ORDER, client_order_id=f"qd{number}"))
        assert await cache.lookup(ORDER_KEY) is None
        await until(lambda: cache._failures >= 1)
        # One failure is no outage yet, three are.
        assert cache.trouble is None or cache._failures >= FAILURES_NOTED
        await until(lambda: cache._failures >= 3)

        assert cache.trouble is not None
        assert cache.trouble.is_away
        assert warned(caplog) == [
            "Redis does not answer (ConnectionError); trading goes on without it"
        ]

        server.start()
        try:
            assert await found(cache, order_key("qd49")) is not None
            await until(lambda: cache.trouble is None)
        finally:
            server.kill()


async def test_a_redis_that_stands_still_is_a_miss_and_goes_on_with_the_last_word(
    redis_server: RedisServer, cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put(ORDER)
    await found(cache, ORDER_KEY)

    redis_server.pause()
    caplog.clear()
    cache.put(replace(ORDER, seq=8))
    # The newer word comes while the older one is on its way, which will fail.
    await until(lambda: not cache._pending)
    cache.put(replace(ORDER, seq=19))
    assert await cache.lookup(ORDER_KEY) is None
    await until(lambda: cache.trouble is not None)
    assert await cache.lookup(ORDER_KEY) is None
    await until(lambda: cache._failures >= FAILURES_NOTED + 1)
    assert len(warned(caplog)) == 1
    redis_server.resume()

    assert (await found(cache, ORDER_KEY, lambda order: order.seq > 7)).seq == 19
    await until(lambda: cache.trouble is None)


async def test_one_slow_answer_is_no_outage_and_never_the_answer_to_another_question(
    redis_server: RedisServer, cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    orders = [replace(ORDER, client_order_id=f"qd{number}") for number in range(8)]
    for order in orders:
        cache.put(order)
    for order in orders:
        await found(cache, order_key(order.client_order_id))

    with redis_server.client as client:
        await asyncio.gather(
            asyncio.to_thread(client.execute_command, "DEBUG", "SLEEP", "0.12"),
            *(cache.lookup(order_key(order.client_order_id)) for order in orders),
        )

    there = [await found(cache, order_key(order.client_order_id)) for order in orders]
    assert there == orders
    assert not any("none of ours" in words for words in warned(caplog))


async def test_a_redis_that_lost_everything_is_filled_again(redis_server: RedisServer) -> None:
    shelf, clock = Shelf([ORDER, QUOTE, MARKET]), ShiftedClock()
    async with running(redis_cache(redis_server.url, contents=shelf, clock=clock)) as cache:
        await found(cache, ORDER_KEY)
        redis_server.kill()
        cache.put(replace(ORDER, client_order_id="qd9"))
        await until(lambda: cache.trouble is not None)
        redis_server.start()

        assert await found(cache, ORDER_KEY) == ORDER
        assert await found(cache, market_key("binance")) == MARKET
        # After an outage what ended in it is asked for, too.
        assert shelf.asked == [None, None]


async def test_a_flushed_redis_has_everything_again_within_a_minute(
    redis_server: RedisServer,
) -> None:
    shelf, clock = Shelf([ORDER, QUOTE, MARKET]), ShiftedClock()
    async with running(redis_cache(redis_server.url, contents=shelf, clock=clock)) as cache:
        for key in (ORDER_KEY, QUOTE_KEY, market_key("binance")):
            await found(cache, key)
        with redis_server.client as client:
            client.flushall()
        assert await cache.lookup(ORDER_KEY) is None

        clock.ahead_s = REFRESH_S
        cache.put(replace(ORDER, client_order_id="qd9"))

        assert await found(cache, ORDER_KEY) == ORDER
        assert await found(cache, market_key("binance")) == MARKET
        assert await found(cache, QUOTE_KEY) == QUOTE
        first, again = shelf.asked
        assert first is None
        assert again is not None
        assert again < clock.now()


async def test_an_outage_is_noticed_though_nothing_is_written(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    cache.put(ORDER)
    await found(cache, ORDER_KEY)

    redis_server.kill()

    await until(lambda: cache.trouble is not None)
    assert IDLE_S < 10


async def test_a_full_redis_is_noted_once_and_still_read(
    redis_server: RedisServer, cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put(QUOTE)
    await found(cache, QUOTE_KEY)
    with redis_server.client as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")

        cache.put(ORDER)
        await until(lambda: bool(told(caplog)) and cache._failures >= 3)

        assert cache.trouble is not None
        assert await found(cache, QUOTE_KEY) == QUOTE
        assert told(caplog) == [
            "Redis is full (maxmemory) and takes nothing in; trading goes on without it"
        ]
        client.config_set("maxmemory", "0")

    assert await found(cache, ORDER_KEY) == ORDER
    await until(lambda: cache.trouble is None)


async def test_a_read_only_replica_is_noted_once(
    redis_server: RedisServer, cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server.client as client:
        client.replicaof("127.0.0.1", 1)
    cache.put(ORDER)
    await until(lambda: cache._failures >= 3)

    assert told(caplog) == ["Redis is a read-only replica; trading goes on without it"]


@pytest.mark.parametrize("given", [PASSWORD + "x", None])
async def test_a_wrong_password_is_noted_once_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: str | None
) -> None:
    server = RedisServer(folder=tmp_path, password=PASSWORD)
    server.start()
    wrong = RedisServer(folder=tmp_path, password=given)
    try:
        async with running(redis_cache(wrong.url)) as cache:
            cache.put(ORDER)
            await until(lambda: cache._failures >= 3)

            assert await cache.lookup(ORDER_KEY) is None
            assert told(caplog) == [
                "Redis does not accept the password in REDIS_URL; trading goes on without it"
            ]
            assert PASSWORD not in caplog.text + repr(cache.trouble)
    finally:
        server.kill()


async def test_a_user_without_rights_is_noted_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server.client as client:
        client.execute_command("ACL", "SETUSER", "looker", "on", "nopass", "~*", "+@read", "+ping")
    url = f"unix://looker:any@{redis_server.socket}"
    async with running(redis_cache(url)) as cache:
        cache.put(ORDER)
        await until(lambda: cache._failures >= 3)

        assert told(caplog) == [
            "Redis does not allow this user what we need; trading goes on without it"
        ]


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$x\r\n", b"*9\r\n", b""])
async def test_a_server_that_is_no_redis_is_away(
    words: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with running(redis_cache(f"redis://127.0.0.1:{port}")) as cache:
            cache.put(ORDER)
            assert await cache.lookup(ORDER_KEY) is None
            await until(lambda: cache._failures >= 3)

            assert cache.trouble is not None
            assert cache.trouble.is_away
            assert len(warned(caplog)) == 1


@pytest.mark.parametrize("url", ["redis://host?wrong=option", "redis://host?socket_timeout=soon"])
async def test_an_address_with_strange_options_is_away(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(redis_cache(url)) as cache:
        await until(lambda: cache._failures >= FAILURES_NOTED)

        assert cache.trouble is not None
        assert len(warned(caplog)) == 1


async def test_a_bug_under_the_cache_is_logged_whole_and_the_cache_goes_on(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    bugs = [ZeroDivisionError("ours")]

    def contents(_since: datetime | None) -> Iterator[Record]:
        if bugs:
            raise bugs.pop()
        yield ORDER

    async with running(redis_cache(redis_server.url, contents=contents)) as cache:
        assert await found(cache, ORDER_KEY) == ORDER

    (line,) = (one for one in caplog.records if one.levelno >= logging.ERROR)
    assert line.getMessage() == "the cache broke and is started again"
    assert line.exc_info is not None
    assert line.exc_info[0] is ZeroDivisionError


async def test_what_waits_for_a_lost_redis_is_bounded_and_the_newest_stays(
    tmp_path: Path,
) -> None:
    server = RedisServer(folder=tmp_path)
    async with running(redis_cache(server.url)) as cache:
        for number in range(PENDING_MAX + 10):
            cache.put(replace(ORDER, client_order_id=f"qd{number}"))
        assert cache.lost == 10
        await until(lambda: cache._failures >= 2)
        assert len(cache._pending) == PENDING_MAX

        server.start()
        try:
            assert await found(cache, order_key(f"qd{PENDING_MAX + 9}")) is not None
            assert await cache.lookup(order_key("qd0")) is None
        finally:
            server.kill()


async def test_a_name_that_is_too_long_is_let_go(cache: RedisCache) -> None:
    cache.put(replace(ORDER, client_order_id="x" * KEY_CHARACTERS_MAX))

    assert cache.lost == 1
    assert cache._pending == {}


async def test_what_waits_at_the_end_is_written(redis_server: RedisServer) -> None:
    async with running(redis_cache(redis_server.url)) as cache:
        cache.put(ORDER)
        await found(cache, ORDER_KEY)
        for number in range(100):
            cache.put(replace(ORDER, client_order_id=f"qd{number}"))
        cache.put(bid("59000"))

    with redis_server.client as client:
        names = client.keys(f"{PREFIX}:*")
    assert len(names) == 102


async def test_the_end_does_not_wait_for_a_redis_that_stands_still(
    redis_server: RedisServer,
) -> None:
    cache = redis_cache(redis_server.url)
    await cache.start()
    cache.put(ORDER)
    await found(cache, ORDER_KEY)
    redis_server.pause()
    cache.put(replace(ORDER, filled=Decimal("0.001")))

    async with asyncio.timeout(5):
        await cache.stop()

    assert not any(task.get_name() == "cache" for task in asyncio.all_tasks())

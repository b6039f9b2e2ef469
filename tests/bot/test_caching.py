"""An assembled account feeds its cache, and trades the same whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from bot.assembly import AccountPlan, Assembly, assembled
from bot.clock import SystemClock
from bot.gauges import Gauges
from bot.metrics import Metrics
from bot.secret import Secret
from engine import SignalAction, TradingSignal
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.markets.simulated import SimulatedMarket
from engine.orders import Order, OrderStatus
from engine.risk_limits import RiskLimits
from storage.cache import MemoryCache
from storage.cache_records import market_key, order_key, quote_key
from storage.cache_redis import RedisCache
from tests.storage.cached import found, until
from tests.storage.redis_server import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    built = RedisServer(folder=folder)
    built.start()
    yield built
    built.kill()


@asynccontextmanager
async def account(folder: Path, redis_url: str | None = None) -> AsyncIterator[Assembly]:
    """Run an account on paper in a folder."""
    clock = SystemClock()
    plan = AccountPlan(
        database_url=f"sqlite:///{folder / 'journal.db'}",
        accounts=("binance",),
        market="simulated:7",
        currency="USDT",
        cash=Decimal(10000),
        limits=RiskLimits(),
        confirm=ConfirmPolicy(mode=ConfirmMode.NEVER),
        redis_url=None if redis_url is None else Secret(redis_url),
    )
    market = SimulatedMarket(venue="binance", clock=clock, seed=7, interval_s=0.02)
    assembly = assembled(plan, market, clock)
    await assembly.start()
    try:
        yield assembly
    finally:
        await assembly.stop()


async def bought(assembly: Assembly) -> Order:
    """Buy a little, and give the filled order."""
    signal = TradingSignal(
        symbol="BTC/USDT", action=SignalAction.BUY, quantity=Decimal("0.001"), confidence=0.8
    )
    result = await assembly.engine.execute_signal(signal, "binance")
    assert result.success, result.error
    assert result.order is not None
    return result.order


def page_of(assembly: Assembly) -> str:
    """Give what Prometheus reads."""
    return Gauges(Metrics(), assembly).render().decode()


@pytest.mark.parametrize("is_redis", [False, True])
async def test_a_filled_order_its_quote_and_its_market_stand_in_the_cache(
    tmp_path: Path, server: RedisServer, is_redis: bool
) -> None:
    async with account(tmp_path, server.url if is_redis else None) as assembly:
        assert isinstance(assembly.cache, RedisCache if is_redis else MemoryCache)
        order = await bought(assembly)

        there = await found(
            assembly.cache,
            order_key(order.client_order_id),
            lambda one: one.status is OrderStatus.FILLED,
        )
        quote = await found(assembly.cache, quote_key("binance", "BTC/USDT"))
        market = await found(assembly.cache, market_key("binance"))

        assert (there.quantity, there.filled) == (order.quantity, order.filled)
        assert there.price_average == order.price_average
        assert quote.bid <= quote.ask
        assert set(market.instruments) <= set(assembly.market.instruments().values())
        assert "BTC/USDT" in {each.symbol for each in market.instruments}
        assert assembly.fault() is None
        assert "quarterdeck_cache_up 1.0" in page_of(assembly)


async def test_a_killed_redis_stops_no_order_and_is_said_where_a_person_looks(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        assembly.market.follow("binance:BTC/USDT")
        await found(assembly.cache, quote_key("binance", "BTC/USDT"))
        server.kill()
        order = await bought(assembly)
        assert order.status is OrderStatus.FILLED

        await until(lambda: assembly.cache.trouble is not None)
        fault = assembly.fault()
        assert fault is not None
        assert fault.text == "Redis is away, trading goes on"
        assert "quarterdeck_cache_up 0.0" in page_of(assembly)

        server.start()
        await until(lambda: assembly.fault() is None)
        # What was traded while it was away is there, in a server that began empty.
        assert (await found(assembly.cache, order_key(order.client_order_id))).filled > 0


async def test_a_full_redis_is_said_as_one_that_takes_nothing_in(
    tmp_path: Path, server: RedisServer
) -> None:
    with server.client as client:
        client.config_set("maxmemory", "1")
    async with account(tmp_path, server.url) as assembly:
        assert (await bought(assembly)).status is OrderStatus.FILLED
        await until(lambda: assembly.cache.trouble is not None)

        fault = assembly.fault()
        assert fault is not None
        assert fault.text == "Redis takes nothing in, trading goes on"


async def test_a_restart_writes_what_the_journal_says_into_an_empty_redis(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        order = await bought(assembly)
    with server.client as client:
        client.flushall()

    async with account(tmp_path, server.url) as assembly:
        there = await found(assembly.cache, order_key(order.client_order_id))

    assert there.status is OrderStatus.FILLED


async def test_an_account_that_is_stopped_leaves_no_task(
    tmp_path: Path, server: RedisServer
) -> None:
    before = asyncio.all_tasks()
    async with account(tmp_path, server.url) as assembly:
        await bought(assembly)
        server.pause()

    assert asyncio.all_tasks() == before

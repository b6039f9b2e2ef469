"""Flatten through the real ccxt at two venues over HTTP: a long on spot, a short, a hand's swap."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any, cast

import pytest

from bot.clock import SystemClock
from engine import EngineSettings, ExecutionEngine
from engine import commands as c
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.journal_memory import MemoryJournal
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.risk_limits import RiskLimits
from engine.venues.live.account import LiveAccount
from engine.venues.live.venue import LiveVenue
from tests.engine.markets.stores import store_of
from tests.engine.venues.live.account import SPOT, SWAP
from tests.engine.world import World, signal
from tests.exchange.server import TestExchange

BTC = "BTCUSDT"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "engine.dispatch.FLATTEN_EVERY_S": 0.1,
        "engine.decide.flatten.LOOK_AGAIN_S": 0.1,
        "engine.decide.flatten.ASK_AGAIN_S": 0.1,
        "engine.decide.flatten.BACKOFF_S_MAX": 1,
        "engine.monitor.POLL_MIN_S": 0.1,
        "engine.monitor.SEARCH_MAX_S": 0.5,
    }.items():
        monkeypatch.setattr(name, value)


@asynccontextmanager
async def trading(exchange: TestExchange, **configured: Any) -> AsyncIterator[World]:
    """Run an engine on binance's spot and bybit's swaps, as the test exchange plays them."""
    clock, jitter = SystemClock(), random.Random(7)
    instruments = [*catalogue("binance").values(), *catalogue("bybit").values()]
    market = ManualMarket(instruments=instruments, clock=clock)
    venues: dict[str, LiveVenue] = {}
    async with AsyncExitStack() as stack:
        for venue, symbol in (("binance", SPOT), ("bybit", SWAP)):
            account = LiveAccount(
                venue=venue,
                api_key=exchange.api_key,
                api_secret=exchange.api_secret,
                api_url=exchange.url,
                ws_url=exchange.ws_url,
            )
            made = venues[venue] = LiveVenue(
                account,
                clock=clock,
                jitter=jitter,
                timeout_s=5,
                metadata=store_of(clock),
                symbols=partial(tuple, (symbol,)),
            )
            await made.start()
            stack.push_async_callback(made.stop)
            market.set(symbol, Decimal(60000), Decimal(60001), venue=venue)
        exchange.price(BTC, "60000", "60001")
        settings = EngineSettings(
            journal_id="live",
            accounts=("binance", "bybit"),
            confirm=ConfirmPolicy(mode=ConfirmMode.NEVER),
            limits=RiskLimits(order_notional_pct_max=Decimal(50), quote_age_s_max=600),
            submit_timeout_s=2,
            settle_s=1,
            **configured,
        )
        engine = ExecutionEngine(
            journal=MemoryJournal(),
            venues=cast(Any, venues),
            quotes=market,
            clock=clock,
            settings=settings,
            jitter=jitter,
        )
        await engine.start()
        stack.push_async_callback(engine.stop)
        yield World(
            engine, cast(Any, None), market, cast(Any, engine.journal), cast(Any, None), settings
        )


async def two_sided(w: World) -> None:
    long = await w.engine.execute_signal(signal(SPOT, quantity="0.02"), "binance")
    assert long.success, long.error
    short = await w.engine.execute_signal(signal(SWAP, "short", quantity="0.01"), "bybit")
    assert short.success, short.error


def ended(w: World) -> bool:
    run = w.engine.state.flatten
    return run is not None and run.ended_at is not None


def assert_flat(exchange: TestExchange) -> None:
    """The exchange's own ledger: no open order of ours, no position, each order created once."""
    ledger = exchange.ledger
    ours = [o for o in ledger.orders.values() if not o.wanted.is_by_hand]
    assert not [o for o in ours if o.status.is_open]
    assert all(position.size == 0 for position in ledger.positions.values())
    assert set(Counter(o.wanted.client_id for o in ours).values()) == {1}
    assert all(exchange.created(o.wanted.venue, o.wanted.client_id) == 1 for o in ours)


def is_open(exchange: TestExchange, order_id: int) -> bool:
    (found,) = [o for o in exchange.ledger.orders.values() if o.order_id == order_id]
    return found.status.is_open


FAULTS: list[dict[str, tuple[str, ...]]] = [
    {},
    {"create": ("stall",)},
    {"create": ("lost", "dropped")},
    {"create": ("500", "429")},
    {"create": ("html",), "positions": ("empty", "stale"), "open": ("garbage",)},
    {"positions": ("dropped",), "balance": ("truncated",), "trades": ("stale", "lost")},
]


@pytest.mark.parametrize("faults", FAULTS, ids=lambda each: "+".join(each) or "well")
async def test_longs_and_shorts_are_closed_at_real_protocols_whatever_answers_once(
    faults: dict[str, tuple[str, ...]],
) -> None:
    async with TestExchange() as exchange, trading(exchange) as w:
        await two_sided(w)
        for kind, names in faults.items():
            exchange.faults.add(kind, *names)
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert_flat(exchange)
        assert w.engine.state.positions == {} or all(
            abs(p.quantity) < Decimal("0.0001") for p in w.engine.state.positions.values()
        )


@pytest.mark.parametrize("is_buy", [True, False])
async def test_a_swap_opened_by_hand_at_the_venue_s_own_page_is_closed_too(is_buy: bool) -> None:
    async with TestExchange() as exchange, trading(exchange) as w:
        exchange.by_hand("bybit", BTC, is_buy=is_buy, quantity="0.03")
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert_flat(exchange)


async def test_orders_by_hand_go_only_where_the_person_says_so() -> None:
    async with TestExchange() as exchange, trading(exchange) as w:
        await two_sided(w)
        there = exchange.by_hand("bybit", BTC, is_buy=True, quantity="0.01", price="50000")
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert is_open(exchange, there.order_id)
        await w.give(c.Resume)
        short = await w.engine.execute_signal(signal(SWAP, "short", quantity="0.02"), "bybit")
        assert short.success, short.error
        await w.give(c.Flatten, with_external=True)
        await w.until(lambda: ended(w))
        assert not is_open(exchange, there.order_id)
        assert_flat(exchange)

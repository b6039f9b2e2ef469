"""The test exchange, as the real ccxt sees it."""

import asyncio
import json
import re
import sys
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from engine.venues.ccxt_library import fault_classes
from tests.exchange.clients import connected
from tests.exchange.faults import Faults
from tests.exchange.server import TestExchange
from tests.exchange.streams import Listener

SYMBOLS = {"binance": "BTC/USDT", "bybit": "BTC/USDT:USDT"}
VENUES = pytest.mark.parametrize("venue", ["binance", "bybit"])
D = Decimal


async def buy(client: Any, price: str | None = None, client_id: str = "qda", **params: Any) -> Any:
    kind = "market" if price is None else "limit"
    asked = {"clientOrderId": client_id, **params}
    limit = None if price is None else D(price)
    return await client.create_order(SYMBOLS[client.id], kind, "buy", D("0.01"), limit, asked)


@VENUES
async def test_an_order_is_created_found_listed_cancelled_and_told_as_trades(venue: str) -> None:
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        symbol = SYMBOLS[venue]
        resting = await buy(client, "50000", "qdrest")
        listed = await client.fetch_open_orders(symbol)
        assert [each["id"] for each in listed] == [resting["id"]]
        assert listed[0]["clientOrderId"] == "qdrest"

        await client.cancel_order(resting["id"], symbol)
        assert await client.fetch_open_orders(symbol) == []
        taken = await buy(client, None, "qdtake")
        trades = await client.fetch_my_trades(symbol)
        assert [(each["order"], each["amount"]) for each in trades] == [(taken["id"], D("0.01"))]
        assert trades[0]["price"] == D(61001)
        balance = await client.fetch_balance()
        spent = D("610.01") if venue == "binance" else D("610.01") * D("0.00055")
        assert balance["USDT"]["total"] in (D(100_000) - spent, D(100_000) - spent - D("0.01"))
        assert exchange.created(venue, "qdtake") == 1


async def test_a_swap_has_positions_leverage_and_reducing_orders() -> None:
    async with TestExchange() as exchange, connected(exchange, "bybit") as client:
        symbol = SYMBOLS["bybit"]
        await client.set_leverage(5, symbol)
        await buy(client)
        (position,) = await client.fetch_positions([symbol])
        assert (position["side"], position["contracts"]) == ("long", D("0.01"))
        assert position["leverage"] == 5

        reducing = {"reduceOnly": True}
        await client.create_order(symbol, "market", "sell", D("0.05"), None, reducing)
        assert exchange.ledger.positions["bybit", "BTCUSDT"].size == 0
        with pytest.raises(fault_classes().InvalidOrder, match="110017"):
            await client.create_order(symbol, "market", "sell", D("0.01"), None, reducing)


@VENUES
async def test_a_stop_waits_is_listed_and_fires(venue: str) -> None:
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        symbol = SYMBOLS[venue]
        await buy(client)
        stop = {"clientOrderId": "qdstop", "stopLossPrice": "59000"}
        held = await client.create_order(symbol, "market", "sell", D("0.009"), None, stop)
        (listed,) = await client.fetch_open_orders(symbol, None, None, {"trigger": True})
        # ccxt loses binance's trigger where numbers are Decimals
        trigger = listed["info"]["stopPrice" if venue == "binance" else "triggerPrice"]
        assert (listed["id"], trigger) == (held["id"], "59000")

        exchange.price("BTCUSDT", "58900", "58901")
        assert await client.fetch_open_orders(symbol) == []
        fired = exchange.ledger.find(venue, client_id="qdstop")
        assert (fired.status, fired.cost) == ("filled", D("58900") * D("0.009"))


@VENUES
async def test_what_the_filters_refuse_carries_the_venues_own_code(venue: str) -> None:
    codes = {
        "binance": {"small": "NOTIONAL", "poor": "-2010", "twice": "-2010", "unknown": "-2011"},
        "bybit": {"small": "110094", "poor": "110007", "twice": "110072", "unknown": "110001"},
    }[venue]
    faults = fault_classes()
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        symbol = SYMBOLS[venue]
        with pytest.raises(faults.ExchangeError, match=codes["small"]):
            await client.create_order(symbol, "limit", "buy", D("0.001"), D(1000))
        with pytest.raises(faults.InsufficientFunds if venue == "bybit" else faults.ExchangeError):
            await client.create_order(symbol, "limit", "buy", D(8), D(60000))
        await buy(client, "50000", "qdtwice")
        with pytest.raises(faults.InvalidOrder, match=r"(?i)duplicate"):
            await buy(client, "50000", "qdtwice")
        with pytest.raises(faults.OrderNotFound, match=codes["unknown"]):
            await client.cancel_order("77", symbol)
        assert len(exchange.ledger.orders) == 1


async def test_binance_takes_a_client_id_again_once_its_order_is_filled() -> None:
    async with TestExchange() as exchange, connected(exchange, "binance") as client:
        first, second = await buy(client), await buy(client)
        assert first["id"] != second["id"]
        assert exchange.created("binance", "qda") == 2


@VENUES
async def test_a_wrong_secret_and_a_wrong_clock_are_refused(venue: str) -> None:
    faults = fault_classes()
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        exchange.skew_ms = 60_000
        with pytest.raises(faults.InvalidNonce):
            await buy(client)
        exchange.skew_ms = 0
        client.secret = "other"
        with pytest.raises(faults.AuthenticationError):
            await buy(client)
        assert not exchange.ledger.orders


FAULTS = {
    "dropped": ("ExchangeNotAvailable", False),
    "lost": ("ExchangeNotAvailable", True),
    "truncated": ("ExchangeError", True),
    "garbage": ("ExchangeError", True),
    "html": (None, True),
    "empty": (None, True),
    "{}": (None, True),
    "500": ("ExchangeNotAvailable", True),
    "502": ("ExchangeNotAvailable", True),
    "503": ("ExchangeNotAvailable", True),
    "504": ("RequestTimeout", True),
    "408": ("RequestTimeout", True),
    "524": (None, True),
    "599": (None, True),
    "429": ("DDoSProtection", False),
    "418": ("DDoSProtection", False),
}
CODES = {
    ("binance", "-1000"): ("OperationFailed", True),
    ("binance", "-1006"): ("OperationFailed", True),
    ("binance", "-1007"): ("RequestTimeout", True),
    ("binance", "-1021"): ("InvalidNonce", False),
    ("bybit", "10000"): ("ExchangeError", True),
    ("bybit", "10016"): ("ExchangeError", True),
}


@VENUES
async def test_each_fault_looks_to_ccxt_as_measured(venue: str) -> None:
    own = {"429": ("RateLimitExceeded", False), "{}": ("ExchangeError", True)}
    wanted = {
        **FAULTS,
        **(own if venue == "bybit" else {}),
        **{name: row for (of, name), row in CODES.items() if of == venue},
    }
    seen: dict[str, tuple[str | None, bool]] = {}
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        for number, name in enumerate(wanted):
            exchange.faults.add("create", name, retry_after_s=7)
            raised: str | None = None
            try:
                assert (await buy(client, "50000", f"qd{number}"))["id"] is None
            except fault_classes().BaseError as fault:
                raised = type(fault).__name__
            booked = {each.wanted.client_id for each in exchange.ledger.orders.values()}
            seen[name] = raised, f"qd{number}" in booked
            assert exchange.created(venue, f"qd{number}") == 1
    told = {name: row for name, row in seen.items() if row != wanted[name]}
    assert told == {}


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@VENUES
async def test_a_create_the_client_gave_up_on_is_booked_afterwards(venue: str) -> None:
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        exchange.faults.add("create", "late")
        client.timeout = 300
        with pytest.raises(fault_classes().RequestTimeout):
            await buy(client, "50000")
        await until(lambda: exchange.ledger.orders)


@VENUES
async def test_the_stream_tells_orders_and_trades(venue: str) -> None:
    async with (
        TestExchange() as exchange,
        connected(exchange, venue) as client,
        connected(exchange, venue, streams=True) as stream,
    ):
        orders = asyncio.create_task(stream.watch_orders(SYMBOLS[venue]))
        trades = asyncio.create_task(stream.watch_my_trades(SYMBOLS[venue]))
        topics = {"user"} if venue == "binance" else {"order", "execution"}
        await until(lambda: any(each.topics >= topics for each in exchange.streams.listeners))
        taken = await buy(client, None, "qdstream")
        async with asyncio.timeout(20):
            (trade,) = await trades
            (order, *_) = await orders
        assert (trade["order"], trade["amount"]) == (taken["id"], D("0.01"))
        assert order["clientOrderId"] == "qdstream"


@VENUES
async def test_a_cancel_may_lose_to_a_fill_and_a_read_may_be_stale(venue: str) -> None:
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        symbol = SYMBOLS[venue]
        order = await buy(client, "50000")
        exchange.faults.add("open", "stale")
        assert await client.fetch_open_orders(symbol) == []
        assert len(await client.fetch_open_orders(symbol)) == 1
        exchange.faults.add("cancel", "race")
        with pytest.raises(fault_classes().OrderNotFound):
            await client.cancel_order(order["id"], symbol)
        assert exchange.ledger.find(venue, order_id=int(order["id"])).status == "filled"


@VENUES
async def test_a_stream_may_be_cut_and_the_door_shut(venue: str) -> None:
    async with (
        TestExchange() as exchange,
        connected(exchange, venue) as client,
        connected(exchange, venue, streams=True) as stream,
    ):
        trades = asyncio.create_task(stream.watch_my_trades())
        await until(lambda: exchange.streams.heard_by(venue))
        exchange.streams.cut()
        async with asyncio.timeout(20):
            with pytest.raises(fault_classes().NetworkError):
                await trades
        exchange.is_refusing = True
        with pytest.raises(fault_classes().ExchangeNotAvailable):
            await buy(client)
        exchange.is_refusing = False
        await exchange.stop()
        with pytest.raises(fault_classes().ExchangeNotAvailable):
            await buy(client)
        await exchange.start()
        await buy(client, None, "qdback")
        assert [each.wanted.client_id for each in exchange.ledger.orders.values()] == ["qdback"]


async def test_a_process_of_its_own_is_moved_and_read_over_http() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.exchange", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession(url) as session:
            plan = {"kind": "create", "names": ["lost"], "count": 2, "seed": 5}
            for path, body in (
                ("price", {"symbol": "BTCUSDT", "bid": "70000", "ask": "70001"}),
                ("faults", plan),
                (
                    "by-hand",
                    {"venue": "bybit", "symbol": "BTCUSDT", "is_buy": True, "quantity": "0.01"},
                ),
            ):
                async with session.post(f"/_control/{path}", json=body) as answer:
                    assert answer.status == 200
            async with session.get("/_control/ledger") as answer:
                told = await answer.json()
        assert told["positions"] == {"BTCUSDT": "0.01"}
        (trade,) = told["trades"]
        assert (trade["price"], trade["client_id"]) == ("70001", "")
    finally:
        process.terminate()
        await process.wait()


@VENUES
async def test_a_partial_page_and_partial_fills_are_seen_by_ccxt(venue: str) -> None:
    async with TestExchange() as exchange, connected(exchange, venue) as client:
        symbol = SYMBOLS[venue]
        order = await buy(client, "50000")
        for part in ("0.004", "0.006"):
            exchange.ledger.fill(int(order["id"]), D(part))
        assert [t["amount"] for t in await client.fetch_my_trades(symbol)] == [
            D("0.004"),
            D("0.006"),
        ]
        exchange.faults.add("trades", "partial")
        assert len(await client.fetch_my_trades(symbol)) == 1
        assert len(await client.fetch_my_trades(symbol)) == 2


@VENUES
@pytest.mark.parametrize("fault", ["drop", "duplicate", "reorder"])
async def test_a_stream_message_may_be_lost_doubled_or_late(venue: str, fault: str) -> None:
    exchange = TestExchange()
    listener = Listener(web.WebSocketResponse(), venue, {"user", "order"})
    exchange.streams.listeners.add(listener)
    exchange.faults.add("stream", fault)
    for _ in range(2):
        exchange.by_hand(venue, "BTCUSDT", is_buy=True, quantity="0.01", price="50000")
    told = [listener.queue.get_nowait() or "" for _ in range(listener.queue.qsize())]
    ids = [each for text in told for each in re.findall(r'"(?:i|orderId)":"?(\d+)', text)]
    wanted = {
        "drop": ["1002"],
        "duplicate": ["1001", "1001", "1002"],
        "reorder": ["1001", "1002"] if venue == "binance" else ["1002", "1001"],
    }
    assert ids == wanted[fault]


def test_faults_by_chance_run_the_same_course_from_the_same_seed() -> None:
    def course() -> list[bool]:
        faults = Faults()
        faults.add("create", "lost", count=None, chance=0.3)
        return [faults.strike("create") is not None for _ in range(50)]

    assert course() == course()
    assert 0 < sum(course()) < 50

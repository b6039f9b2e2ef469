"""What leaves ccxt for Binance and Bybit: creates, questions and cancels of both books."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.instruments import InstrumentKind
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.venues.live import calls, capabilities
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.wire import SPOT, SWAP, Request, Wire

TYPES = "LIMIT MARKET STOP STOP_MARKET STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT".split()
MARKETS = {
    "binance": [
        wire.market(SPOT, "BTCUSDT", info={"orderTypes": TYPES}),
        wire.market(SWAP, "BTCUSDT", info={"orderTypes": TYPES}),
    ],
    "bybit": [wire.market(SPOT, "BTCUSDT"), wire.market(SWAP, "BTCUSDT")],
}
VENUES = tuple(MARKETS)
STOP: dict[str, Any] = {
    "kind": OrderKind.STOP, "price_limit": None, "price_trigger": Decimal("60000.5"),
    "side": OrderSide.SELL, "purpose": OrderPurpose.EXIT,
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clients() -> AsyncIterator[tuple[Wire, dict[str, Any]]]:
    async with Wire() as listening:
        made = {v: wire.client(v, listening.url, MARKETS[v]) for v in VENUES}
        yield listening, made
        for each in made.values():
            await each.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")
Clients = tuple[Wire, dict[str, Any]]


async def created(clients: Clients, order: Order) -> Request:
    call = calls.create(
        capabilities.of(order.venue), order, wire.instrument(order.venue, order.symbol)
    )
    (sent,) = await clients[0].heard(clients[1][order.venue], call)
    return sent


async def asked(clients: Clients, venue: str, *wanted: calls.Call) -> list[Request]:
    return await clients[0].heard(clients[1][venue], *wanted)


def id_key(venue: str, *, algo: bool = False) -> str:
    if venue == "bybit":
        return "orderLinkId"
    return "clientAlgoId" if algo else "newClientOrderId"


PATHS = {
    ("binance", SPOT): "/api/v3/order",
    ("binance", SWAP): "/fapi/v1/order",
    ("bybit", SPOT): "/v5/order/create",
    ("bybit", SWAP): "/v5/order/create",
}


@pytest.mark.parametrize(("venue", "symbol"), PATHS, ids=str)
async def test_an_order_carries_our_id_and_exact_numbers(
    clients: Clients, venue: str, symbol: str
) -> None:
    for quantity, price in (("0.3", "61240.1"), ("0.00000001", "0.00000003"), ("123456789.1", "1")):
        order = wire.order(
            venue, symbol, quantity=Decimal(quantity) + 0, price_limit=Decimal(price)
        )
        sent = await created(clients, order)
        fields = sent.fields
        assert (sent.verb, sent.path) == ("POST", PATHS[venue, symbol])
        assert fields[id_key(venue)] == order.client_order_id
        assert fields["qty" if venue == "bybit" else "quantity"] == quantity
        assert fields["price"] == price
        assert "None" not in sent.text


@pytest.mark.parametrize(("venue", "symbol"), PATHS, ids=str)
async def test_a_bounded_market_order_is_a_limit_that_never_rests(
    clients: Clients, venue: str, symbol: str
) -> None:
    sent = await created(clients, wire.order(venue, symbol, kind=OrderKind.MARKET))
    assert sent.fields["timeInForce"] == "IOC"
    assert sent.fields["price"] == "61240.1"
    assert sent.fields["orderType" if venue == "bybit" else "type"].upper() == "LIMIT"


@pytest.mark.parametrize(("venue", "symbol"), PATHS, ids=str)
async def test_a_market_order_is_sized_in_base_currency(
    clients: Clients, venue: str, symbol: str
) -> None:
    for side in OrderSide:
        order = wire.order(venue, symbol, kind=OrderKind.MARKET, price_limit=None, side=side)
        sent = await created(clients, order)
        assert sent.fields["qty" if venue == "bybit" else "quantity"] == "0.3"
        assert sent.fields.get("marketUnit", "baseCoin") == "baseCoin"
        assert "price" not in sent.fields


@pytest.mark.parametrize("venue", VENUES)
async def test_only_an_exit_of_a_swap_is_reduce_only(clients: Clients, venue: str) -> None:
    for symbol, purpose, wanted in (
        (SWAP, OrderPurpose.EXIT, "true"),
        (SWAP, OrderPurpose.ENTRY, "none"),
        (SPOT, OrderPurpose.EXIT, "none"),
    ):
        sent = await created(clients, wire.order(venue, symbol, purpose=purpose))
        assert str(sent.fields.get("reduceOnly")).lower() == wanted


@pytest.mark.parametrize(("venue", "symbol"), PATHS, ids=str)
async def test_a_stop_rests_with_its_trigger_and_our_id(
    clients: Clients, venue: str, symbol: str
) -> None:
    order = wire.order(venue, symbol, **STOP)
    sent = await created(clients, order)
    fields, swap = sent.fields, symbol == SWAP
    if venue == "binance":
        assert sent.path == ("/fapi/v1/algoOrder" if swap else "/api/v3/order")
        assert fields[id_key(venue, algo=swap)] == order.client_order_id
        assert fields["triggerPrice" if swap else "stopPrice"] == "60000.5"
        assert fields["type"] == ("STOP_MARKET" if swap else "STOP_LOSS")
        assert fields.get("workingType") == ("MARK_PRICE" if swap else None)
    else:
        assert fields["orderLinkId"] == order.client_order_id
        assert fields["triggerPrice"] == "60000.5"
        assert fields["orderType"] == "Market"
        assert fields.get("triggerDirection") == (2 if swap else None)
        assert fields.get("orderFilter") == (None if swap else "StopOrder")
        assert fields.get("triggerBy") == ("MarkPrice" if swap else None)
    assert str(fields.get("reduceOnly")).lower() == ("true" if swap else "none")


@pytest.mark.parametrize("kind", [OrderKind.LIMIT, OrderKind.STOP], ids=str)
@pytest.mark.parametrize(("venue", "symbol"), PATHS, ids=str)
async def test_an_order_is_looked_up_and_cancelled_by_our_id(
    clients: Clients, venue: str, symbol: str, kind: OrderKind
) -> None:
    order = wire.order(venue, symbol, **(STOP if kind is OrderKind.STOP else {}))
    table = capabilities.of(venue)
    looked = calls.lookups(table, order)
    requests = await asked(clients, venue, *(each.call for each in looked))
    assert len(requests) == len(looked)
    named = [each for each in requests if order.client_order_id in each.text]
    assert named
    assert all(each.verb == "GET" and "None" not in each.text for each in requests)
    algo = venue == "binance" and symbol == SWAP and kind is OrderKind.STOP
    keys = ["clientAlgoId", "origClientOrderId"] if algo else ["origClientOrderId"]
    keys = ["orderLinkId"] if venue == "bybit" else keys
    assert {key for key in keys if any(key in each.fields for each in named)} == set(keys)
    ended = await asked(clients, venue, *calls.cancels(table, order))
    assert ended
    assert all(order.client_order_id in each.text for each in ended)
    assert all("None" not in each.text for each in ended)
    assert "orderId" not in ended[0].fields
    if venue == "binance":
        assert {each.verb for each in ended} == {"DELETE"}
        assert (ended[0].path == "/fapi/v1/algoOrder") is algo
    elif symbol == SPOT:
        wanted = ["StopOrder", "Order"] if kind is OrderKind.STOP else ["Order"]
        assert [each.fields["orderFilter"] for each in ended] == wanted


async def test_all_open_orders_of_both_books_are_listed(clients: Clients) -> None:
    table = capabilities.of("binance")
    heard = await asked(clients, "binance", *calls.open_orders(table))
    assert [each.path for each in heard] == [
        "/api/v3/openOrders",
        "/fapi/v1/openOrders",
        "/fapi/v1/openAlgoOrders",
    ]
    table = capabilities.of("bybit")
    heard = await asked(clients, "bybit", *calls.open_orders(table, ["ETH/USDC:USDC"]))
    shown = [
        tuple(e.fields.get(k) for k in ("category", "settleCoin", "orderFilter")) for e in heard
    ]
    assert shown == [
        ("spot", None, None),
        ("spot", None, "StopOrder"),
        ("linear", "USDC", None),
        ("linear", "USDT", None),
        ("linear", "USDC", "StopOrder"),
        ("linear", "USDT", "StopOrder"),
    ]


async def test_trades_balances_positions_and_leverage_are_asked(clients: Clients) -> None:
    for venue, paths in (
        ("binance", ["/api/v3/myTrades", "/fapi/v1/userTrades"]),
        ("bybit", ["/v5/execution/list", "/v5/execution/list"]),
    ):
        table = capabilities.of(venue)
        wanted = [
            call
            for kind in InstrumentKind
            for call in calls.trades(table, [SPOT, SWAP], wire.AT, kind)
        ]
        heard = await asked(clients, venue, *wanted)
        assert [each.path for each in heard] == paths
        assert {str(each.fields["startTime"]) for each in heard} == {"1794925925000"}
        heard = await asked(clients, venue, calls.leverage(table, SWAP, Decimal(3)))
        assert str(heard[0].fields.get("leverage") or heard[0].fields["buyLeverage"]) == "3"
        assert await asked(clients, venue, *calls.balances(table))
        assert await asked(clients, venue, *calls.positions(table))

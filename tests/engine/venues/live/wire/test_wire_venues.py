"""What leaves ccxt for the venues that are tried on the wire only: spot, and swaps of OKX."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.errors import InvalidInput
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.venues.live import calls, capabilities
from engine.venues.live.capabilities_terms import StopForm
from engine.venues.live.client_ids import on_wire
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.wire import SPOT, SWAP, Request, Wire

IDS = {
    "okx": "BTC-USDT", "gate": "BTC_USDT", "bitget": "BTCUSDT", "kraken": "XBTUSDT",
    "coinbase": "BTC-USDT", "mexc": "BTCUSDT", "bitstamp": "btcusdt", "kucoin": "BTC-USDT",
    "htx": "btcusdt",
}  # fmt: skip
CASES = [*((venue, SPOT) for venue in IDS), ("okx", SWAP), ("htx", SWAP), ("bitget", SWAP)]
IOC = {
    "okx": '"ordType":"ioc"', "gate": '"time_in_force":"ioc"', "bitget": '"timeInForce":"ioc"',
    "kraken": "timeinforce=IOC", "coinbase": "sor_limit_ioc", "mexc": "IMMEDIATE_OR_CANCEL",
    "bitstamp": "ioc_order=True", "kucoin": '"timeInForce":"IOC"', "htx": "ioc",
}  # fmt: skip
pytestmark = pytest.mark.asyncio(loop_scope="module")
Clients = tuple[Wire, dict[str, Any]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Wire() as listening:
        made = {}
        for venue, name in IDS.items():
            markets = [wire.market(SPOT, name)]
            if venue in ("okx", "htx", "bitget"):
                markets.append(wire.market(SWAP, f"{name}-SWAP"))
            made[venue] = wire.client(venue, listening.url, markets)
        # ccxt asks for the account's number before the first spot order; here it knows it.
        made["htx"].accounts = [{"id": "77", "type": "spot"}]
        yield listening, made
        for each in made.values():
            await each.close()


async def created(clients: Clients, order: Order) -> Request:
    table = capabilities.of(order.venue)
    call = calls.create(table, order, wire.instrument(order.venue, order.symbol))
    sent = await clients[0].heard(clients[1][order.venue], call)
    assert len(sent) == 1, [each.path for each in sent]
    return sent[0]


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_one_request_with_our_id_and_exact_numbers(
    clients: Clients, venue: str, symbol: str
) -> None:
    for quantity, price in (("0.3", "61240.1"), ("0.00000001", "0.00000003"), ("123456789.1", "7")):
        order = wire.order(venue, symbol, quantity=Decimal(quantity), price_limit=Decimal(price))
        sent = await created(clients, order)
        named = on_wire(calls.section_of(capabilities.of(venue), symbol), order.client_order_id)
        assert sent.verb == "POST"
        assert named in sent.text
        compact = sent.text.replace(" ", "")
        for number in (quantity, price):
            assert f'"{number}"' in compact or f"={number}" in compact
        assert "None" not in sent.text


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_a_bounded_market_order_never_rests(
    clients: Clients, venue: str, symbol: str
) -> None:
    sent = await created(clients, wire.order(venue, symbol, kind=OrderKind.MARKET))
    assert IOC[venue] in sent.text.replace(" ", "")


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_an_order_is_searched_and_cancelled(
    clients: Clients, venue: str, symbol: str
) -> None:
    table = capabilities.of(venue)
    order = wire.order(venue, symbol, venue_order_id="98765")
    named = on_wire(calls.section_of(table, symbol), order.client_order_id)
    for lookup in calls.lookups(table, order):
        heard = await clients[0].heard(clients[1][venue], lookup.call)
        assert heard
        assert all("None" not in each.text for each in heard)
    ended = await clients[0].heard(clients[1][venue], *calls.cancels(table, order))
    assert ended
    assert all(named in each.text or "98765" in each.text for each in ended)
    assert all("None" not in each.text for each in ended)


@pytest.mark.parametrize("venue", ["coinbase", "bitstamp"])
async def test_without_the_venues_id_there_is_nothing_to_cancel_by(venue: str) -> None:
    assert calls.cancels(capabilities.of(venue), wire.order(venue)) == ()


@pytest.mark.parametrize("venue", [venue for venue in IDS if venue != "kucoin"])
async def test_no_stop_leaves_where_it_would_not_rest(venue: str) -> None:
    table = capabilities.of(venue)
    assert {each.stop.form for each in table.segments} == {StopForm.NONE}
    stop = wire.order(venue, kind=OrderKind.STOP, side=OrderSide.SELL, price_trigger=Decimal(60000))
    with pytest.raises(InvalidInput, match="cannot rest"):
        calls.create(table, stop, wire.instrument(venue))


async def test_a_stop_at_kucoin_rests_in_a_book_of_its_own(clients: Clients) -> None:
    table = capabilities.of("kucoin")
    stop = wire.order(
        "kucoin",
        kind=OrderKind.STOP,
        side=OrderSide.SELL,
        price_limit=None,
        price_trigger=Decimal("60000.5"),
    )
    sent = await created(clients, stop)
    assert sent.path == "/api/v1/stop-order"
    assert (sent.fields["stopPrice"], sent.fields["size"]) == ("60000.5", "0.3")
    assert sent.fields["clientOid"] == stop.client_order_id
    ended = await clients[0].heard(clients[1]["kucoin"], *calls.cancels(table, stop))
    assert ended[0].path == "/api/v1/stop-order/cancelOrderByClientOid"
    assert ended[0].fields == {"clientOid": stop.client_order_id}
    listed = await clients[0].heard(clients[1]["kucoin"], *calls.open_orders(table))
    assert "/api/v1/stop-order" in [each.path for each in listed]


@pytest.mark.parametrize("venue", ["okx", "htx", "bitget"])
async def test_only_the_exit_of_a_swap_is_reduce_only(clients: Clients, venue: str) -> None:
    for purpose, wanted in ((OrderPurpose.EXIT, True), (OrderPurpose.ENTRY, False)):
        sent = await created(clients, wire.order(venue, SWAP, purpose=purpose))
        assert ("reduce" in sent.text) is wanted

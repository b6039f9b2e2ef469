"""What leaves ccxt for the ten venues that are tried on the wire only: ids, numbers, bounds."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.errors import InvalidInput
from engine.instruments import Instrument
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.venues.live import calls, capabilities
from engine.venues.live.capabilities_terms import StopForm
from engine.venues.live.client_ids import on_wire
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.cells import VENUES
from tests.engine.venues.live.wire.markets import MARKETS, prepared
from tests.engine.venues.live.wire.wire import SPOT, SWAP, Request, Wire

WIRED = VENUES[2:]
SWAPS = [venue for venue in WIRED if capabilities.of(venue).swap is not None]
CASES = [*((venue, SPOT) for venue in WIRED), *((venue, SWAP) for venue in SWAPS)]
RESTING = [
    (venue, symbol)
    for venue, symbol in CASES
    if calls.section_of(capabilities.of(venue), symbol).stop.form is not StopForm.NONE
]
IOC = {
    "okx": '"ordType":"ioc"', "gate": '"time_in_force":"ioc"', "bitget": '"timeInForce":"ioc"',
    "kraken": "timeinforce=IOC", "coinbase": "sor_limit_ioc", "mexc": "IMMEDIATE_OR_CANCEL",
    "bitstamp": "ioc_order=True", "kucoin": '"timeInForce":"IOC"', "htx": "ioc",
    "bitfinex": '"EXCHANGEIOC"',
}  # fmt: skip
# Price, and quantity; a contract is one thousandth.
NUMBERS = [("61240", "0.3"), ("0.00000003", "0.001"), ("7", "123456789.001")]
pytestmark = pytest.mark.asyncio(loop_scope="module")
Clients = tuple[Wire, dict[str, Any]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Wire() as listening:
        made = {v: prepared(wire.client(v, listening.url, MARKETS[v])) for v in WIRED}
        yield listening, made
        for each in made.values():
            await each.close()


def instrument(venue: str, symbol: str) -> Instrument:
    return wire.instrument(venue, symbol, "0.001" if symbol == SWAP else "1")


def order(venue: str, symbol: str = SPOT, **fields: Any) -> Order:
    return wire.order(venue, symbol, **({"price_limit": Decimal(61240)} | fields))


async def created(clients: Clients, order: Order) -> Request:
    table = capabilities.of(order.venue)
    call = calls.create(table, order, instrument(order.venue, order.symbol))
    sent = await clients[0].heard(clients[1][order.venue], call)
    assert len(sent) == 1, [each.path for each in sent]
    return sent[0]


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_one_request_with_our_id_and_exact_numbers(
    clients: Clients, venue: str, symbol: str
) -> None:
    for price, quantity in NUMBERS:
        made = order(venue, symbol, quantity=Decimal(quantity), price_limit=Decimal(price))
        sent = await created(clients, made)
        named = on_wire(calls.section_of(capabilities.of(venue), symbol), made.client_order_id)
        assert sent.verb == "POST"
        assert str(named) in sent.text
        compact = sent.text.replace(" ", "")
        size = f"{Decimal(quantity) * 1000:.0f}" if symbol == SWAP else quantity
        for number in (size, price):
            # As a text, or as a whole number: never one that went through a float.
            written = (f'"{number}"', f"={number}", f":{number},", f":{number}}}")
            assert any(each in compact for each in written), (number, compact)
        assert "None" not in sent.text


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_a_bounded_market_order_never_rests(
    clients: Clients, venue: str, symbol: str
) -> None:
    sent = await created(clients, order(venue, symbol, kind=OrderKind.MARKET))
    wanted = '"tif":"ioc"' if (venue, symbol) == ("gate", SWAP) else IOC[venue]
    assert wanted in sent.text.replace(" ", "")
    assert "61240" in sent.text


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_a_market_order_is_sized_in_base_currency_or_not_sent(
    clients: Clients, venue: str, symbol: str
) -> None:
    segment = calls.section_of(capabilities.of(venue), symbol)
    buy, sell = (order(venue, symbol, kind=OrderKind.MARKET, price_limit=None, side=side)
                 for side in (OrderSide.BUY, OrderSide.SELL))  # fmt: skip
    sent = [await created(clients, sell)]
    if segment.market_buy_params is None:
        with pytest.raises(InvalidInput, match="needs a price limit"):
            await created(clients, buy)
    else:
        sent.append(await created(clients, buy))
    for each in sent:
        assert ("300" if symbol == SWAP else "0.3") in each.text
        assert "61240" not in each.text


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_no_question_and_no_cancel_carries_a_none(
    clients: Clients, venue: str, symbol: str
) -> None:
    table = capabilities.of(venue)
    for known in ("98765", None):
        made = order(venue, symbol, venue_order_id=known)
        named = str(on_wire(calls.section_of(table, symbol), made.client_order_id))
        looked = [each.call for each in calls.lookups(table, made)]
        ended = calls.cancels(table, made)
        heard = await clients[0].heard(clients[1][venue], *looked, *ended)
        assert len(heard) == len(looked) + len(ended)
        assert all("None" not in each.text for each in heard)
        for each in heard[len(looked) :]:
            assert named in each.text or "98765" in each.text


@pytest.mark.parametrize("venue", ["coinbase", "bitstamp"])
async def test_without_the_venues_id_there_is_nothing_to_cancel_by(venue: str) -> None:
    assert calls.cancels(capabilities.of(venue), order(venue)) == ()


@pytest.mark.parametrize(("venue", "symbol"), RESTING)
async def test_a_stop_leaves_with_its_trigger_and_our_id_for_both_sides(
    clients: Clients, venue: str, symbol: str
) -> None:
    segment = calls.section_of(capabilities.of(venue), symbol)
    for side in OrderSide:
        behind = Decimal(59900) if segment.stop.form is StopForm.LIMIT else None
        stop = order(
            venue, symbol, kind=OrderKind.STOP, side=side, price_limit=behind,
            price_trigger=Decimal(60000), purpose=OrderPurpose.EXIT,
        )  # fmt: skip
        sent = await created(clients, stop)
        assert stop.client_order_id in sent.text
        assert "60000" in sent.text
        assert (behind is not None) is ("59900" in sent.text)
        assert ("reduce" in sent.text) is (symbol == SWAP)
        # A stop looks toward the loss: up for a buy, down for a sell.
        text = sent.text.upper()
        for up, down in (("STOP_UP", "STOP_DOWN"), ("GTE", "LTE")):
            assert (down if side is OrderSide.BUY else up) not in text


async def test_a_stop_with_a_limit_behind_it_needs_that_limit() -> None:
    stop = order("coinbase", kind=OrderKind.STOP, price_limit=None, price_trigger=Decimal(60000))
    with pytest.raises(InvalidInput, match="price limit behind it"):
        calls.create(capabilities.of("coinbase"), stop, instrument("coinbase", SPOT))


@pytest.mark.parametrize("venue", SWAPS)
async def test_only_the_exit_of_a_swap_is_reduce_only(clients: Clients, venue: str) -> None:
    for purpose, wanted in ((OrderPurpose.EXIT, True), (OrderPurpose.ENTRY, False)):
        sent = await created(clients, order(venue, SWAP, purpose=purpose))
        assert ("reduce" in sent.text) is wanted
    sent = await created(clients, order(venue, SPOT, purpose=OrderPurpose.EXIT))
    assert "reduce" not in sent.text


@pytest.mark.parametrize("venue", SWAPS)
async def test_what_is_no_number_of_contracts_is_not_sent(venue: str) -> None:
    table, made = capabilities.of(venue), order(venue, SWAP, quantity=Decimal("0.1"))
    third = wire.instrument(venue, SWAP, "0.3")
    with pytest.raises(InvalidInput, match="no number of contracts"):
        calls.create(table, made, third)


async def test_part_of_a_contract_is_not_sent_where_the_venue_takes_whole_ones() -> None:
    made = order("kucoin", SWAP, quantity=Decimal("0.0015"))
    with pytest.raises(InvalidInput, match="whole contracts"):
        calls.create(capabilities.of("kucoin"), made, instrument("kucoin", SWAP))


async def test_a_price_that_ccxt_would_round_is_not_sent() -> None:
    table = capabilities.of("bitfinex")
    for price in ("61240.1", "0.123456"):
        made = order("bitfinex", price_limit=Decimal(price))
        with pytest.raises(InvalidInput, match="5 significant digits"):
            calls.create(table, made, instrument("bitfinex", SPOT))
    whole = order("bitfinex", price_limit=Decimal("1234500.00"))
    assert calls.create(table, whole, instrument("bitfinex", SPOT)).args[-1] == "1234500"


async def test_what_is_cancelled_by_our_id_and_its_day_names_the_day_of_the_order() -> None:
    ended = calls.cancels(capabilities.of("bitfinex"), order("bitfinex"))
    assert [each.params["cidDate"] for each in ended] == ["2026-11-17"]

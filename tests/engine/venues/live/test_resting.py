"""Stops that rest, through the real ccxt over HTTP: Binance's spot and Bybit's linear swaps."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from engine import commands as c
from engine.orders import Order, OrderStatus
from engine.protection import is_resting, stops_on
from engine.venues.live.resting import rests_at
from tests.engine.venues.live.account import SPOT, SWAP
from tests.engine.venues.live.test_flatten import BTC, trading
from tests.engine.world import World, signal
from tests.exchange.server import TestExchange

KEYS = {"binance": f"binance:{SPOT}", "bybit": f"bybit:{SWAP}"}
RESTS = rests_at(("binance", "bybit"))
VENUES = pytest.mark.parametrize("venue", ["binance", "bybit"])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "engine.dispatch.TEND_EVERY_S": 0.1,
        "engine.decide.protection.REPLACE_EVERY_S": 0,
        "engine.decide.protection.TRY_AGAIN_S": 0.1,
        "engine.monitor.POLL_MIN_S": 0.1,
    }.items():
        monkeypatch.setattr(name, value)


@pytest.fixture
async def exchange() -> AsyncIterator[TestExchange]:
    async with TestExchange() as made:
        yield made


def resting(w: World, venue: str) -> list[Order]:
    return [order for order in stops_on(w.engine.state, KEYS[venue]) if is_resting(order)]


def at_venue(exchange: TestExchange, venue: str) -> list[tuple[Decimal | None, Decimal]]:
    """Give trigger and size of each stop that stands open in the exchange's own ledger."""
    return [
        (one.wanted.trigger, one.wanted.quantity)
        for one in exchange.ledger.orders.values()
        if one.wanted.venue == venue and one.wanted.trigger is not None and one.status.is_open
    ]


async def protected(w: World, venue: str) -> None:
    symbol = SPOT if venue == "binance" else SWAP
    wish = signal(symbol, quantity="0.02", stop_loss=58000)
    bought = await w.engine.execute_signal(wish, venue)
    assert bought.success, bought.error
    await w.until(lambda: resting(w, venue))


def prices(w: World, exchange: TestExchange, bid: int) -> None:
    """Move the exchange, and what the engine sees of it."""
    exchange.price(BTC, str(bid), str(bid + 1))
    for venue, symbol in (("binance", SPOT), ("bybit", SWAP)):
        w.market.set(symbol, Decimal(bid), Decimal(bid + 1), venue=venue)


@VENUES
async def test_a_stop_rests_is_listed_moves_and_closes_when_it_triggers(
    venue: str, exchange: TestExchange
) -> None:
    async with trading(exchange, rests=RESTS) as w:
        await protected(w, venue)
        # a spot fee in what was bought leaves a little less to protect
        ((trigger, size),) = at_venue(exchange, venue)
        assert trigger == Decimal(58000)
        held = w.engine.state.positions[KEYS[venue]]
        assert held.quantity - Decimal("0.001") < size <= held.quantity
        # the trigger book is among what the venue shows, and it is ours
        await w.until(lambda: not w.engine.state.external_orders.get(venue))
        # moved
        wished = Decimal(59000)
        await w.give(c.SetProtection, position_id=held.position_id, stop=wished)
        await w.until(lambda: [one[0] for one in at_venue(exchange, venue)] == [wished])
        await w.until(lambda: [o.price_trigger for o in resting(w, venue)] == [wished])
        name = resting(w, venue)[0].client_order_id
        # gone through, at a gap
        prices(w, exchange, 57000)
        await w.until(lambda: KEYS[venue] not in w.engine.state.positions)
        await w.until(lambda: not w.engine.state.orders)
        stop = w.engine.state.orders_finished[name]
        assert stop.status is OrderStatus.FILLED
        assert at_venue(exchange, venue) == []


@VENUES
async def test_a_close_ends_the_stop_and_what_is_left_is_protected(
    venue: str, exchange: TestExchange
) -> None:
    async with trading(exchange, rests=RESTS) as w:
        await protected(w, venue)
        before = w.engine.state.positions[KEYS[venue]]
        half = Decimal("0.5")
        await w.give(c.ClosePosition, position_id=before.position_id, fraction=half)
        await w.until(lambda: w.engine.state.positions[KEYS[venue]].quantity < before.quantity)
        left = w.engine.state.positions[KEYS[venue]].quantity
        await w.until(lambda: [o.remaining for o in resting(w, venue)] != [])
        await w.until(
            lambda: (
                [0 <= left - one[1] < Decimal("0.001") for one in at_venue(exchange, venue)]
                == [True]
            )
        )
        assert sum(one[1] for one in at_venue(exchange, venue)) <= left
        # and all of it
        await w.give(c.ClosePosition, position_id=before.position_id)
        await w.until(lambda: at_venue(exchange, venue) == [])


@VENUES
async def test_a_stop_the_venue_loses_the_answer_of_is_found_and_not_sent_again(
    venue: str, exchange: TestExchange
) -> None:
    async with trading(exchange, rests=RESTS) as w:
        symbol = SPOT if venue == "binance" else SWAP
        entry = await w.engine.execute_signal(signal(symbol, quantity="0.02"), venue)
        assert entry.position is not None, entry.error
        exchange.faults.add("create", "lost")
        stop = Decimal(58000)
        await w.give(c.SetProtection, position_id=entry.position.position_id, stop=stop)
        await w.until(lambda: resting(w, venue))
        assert [one[0] for one in at_venue(exchange, venue)] == [stop]


def test_what_rests_where_is_what_the_table_says() -> None:
    found = rests_at(("binance", "gate", "coinbase", "nowhere"))
    assert {key: rest.value for key, rest in found.items()} == {
        "binance:spot": "market",
        "binance:swap": "market",
        "coinbase:spot": "limit",
    }

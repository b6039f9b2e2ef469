"""What of an engine and its market stands in the cache, and when."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import events as e
from engine.fold import apply
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import OrderStatus
from engine.state import State
from storage.cache import MemoryCache
from storage.cache_feed import MARKETS_EVERY_S, CacheFeed, Contents, order_of
from storage.cache_records import MarketRecord, OrderRecord, market_key, order_key, quote_key
from tests.storage.cached import ShiftedClock
from tests.storage.story import Story


@dataclass(slots=True)
class Stand:
    story: Story
    state: State
    market: ManualMarket
    clock: ShiftedClock
    cache: MemoryCache
    contents: Contents
    feed: CacheFeed

    def tell(self, count: int) -> list[e.Event]:
        """Let a story go on, each event told as the engine's loop tells it."""
        told: list[e.Event] = []
        for step, _, _ in self.story.steps(count):
            for event in step.events:
                self.state = apply(self.state, event)
                self.feed.see(event, self.state, 0.0)
                told.append(event)
        return told


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    clock = ShiftedClock()
    market = ManualMarket(instruments=catalogue("binance").values(), clock=clock)
    cache = MemoryCache(clock)
    contents = Contents(state=lambda: built.state, quotes=market, clock=clock)
    feed = CacheFeed(cache=cache, contents=contents, clock=clock)
    market.subscribe(feed.quoted)
    built = Stand(Story(), State(), market, clock, cache, contents, feed)
    await market.start()
    yield built
    await market.stop()


async def test_after_each_event_the_cache_says_of_its_order_what_state_says(stand: Stand) -> None:
    named: set[str] = set()
    for _ in range(200):
        for event in stand.tell(1):
            named |= {name for name in [order_of(event)] if name is not None}
        for order in (*stand.state.orders.values(), *stand.state.orders_finished.values()):
            there = await stand.cache.lookup(order_key(order.client_order_id))
            assert there is not None
            assert (there.status, there.filled) == (order.status, order.filled)
            assert there.seq <= stand.state.seq

    # The story was one: orders came and went, and none was left out.
    assert named >= {*stand.state.orders, *stand.state.orders_finished}
    assert {order.status for order in stand.state.orders_finished.values()} >= {
        OrderStatus.FILLED, OrderStatus.CANCELED,
    }  # fmt: skip


async def test_every_event_with_an_orders_name_is_about_that_order() -> None:
    silent = {e.OrderDenied, e.OrderAsked}
    for kind in e.EVENTS:
        names_order = {"client_order_id", "order"} & set(kind.__dataclass_fields__)
        if names_order and kind not in silent:
            assert order_of(sample(kind)) == "qd7", kind.__name__


def sample(kind: type[e.Event]) -> e.Event:
    """Make an event whose order is named qd7, and nothing else of it is set."""
    event = object.__new__(kind)
    fields = kind.__dataclass_fields__
    if "order" in fields:
        order = object.__new__(OrderRecord)
        object.__setattr__(order, "client_order_id", "qd7")
        object.__setattr__(event, "order", order)
    else:
        object.__setattr__(event, "client_order_id", "qd7")
    return event


async def test_the_whole_contents_are_every_order_quote_and_market(stand: Stand) -> None:
    stand.tell(120)
    stand.market.set("BTC/USDT", Decimal(61000), Decimal(61001))

    whole = list(stand.contents(None))

    orders = [one for one in whole if isinstance(one, OrderRecord)]
    assert {one.client_order_id for one in orders} == {
        *stand.state.orders, *stand.state.orders_finished,
    }  # fmt: skip
    assert {one.seq for one in orders} == {stand.state.seq}
    assert [one for one in whole if one == stand.market.latest()["binance:BTC/USDT"]]
    assert [one.venue for one in whole if isinstance(one, MarketRecord)] == ["binance"]


async def test_the_recent_contents_leave_out_what_ended_before(stand: Stand) -> None:
    stand.tell(120)
    ended = sorted(
        order.finished_at
        for order in stand.state.orders_finished.values()
        if order.finished_at is not None
    )
    assert ended[0] < ended[-1]

    names = {
        one.client_order_id
        for one in stand.contents(ended[-1])
        if isinstance(one, OrderRecord) and one.status.is_finished
    }

    assert names == {
        name
        for name, order in stand.state.orders_finished.items()
        if order.finished_at is None or order.finished_at >= ended[-1]
    }
    later = ended[-1] + timedelta(seconds=1)
    open_ones = [one for one in stand.contents(later) if isinstance(one, OrderRecord)]
    assert {one.client_order_id for one in open_ones} >= set(stand.state.orders)


async def test_a_first_quote_brings_the_instruments_that_are_quoted(stand: Stand) -> None:
    for symbol in ("BTC/USDT", "ETH/USDT"):
        stand.market.set(symbol, Decimal(3000), Decimal(3001))

    quote = await stand.cache.lookup(quote_key("binance", "ETH/USDT"))
    market = await stand.cache.lookup(market_key("binance"))

    assert quote == stand.market.latest()["binance:ETH/USDT"]
    assert market is not None
    known = stand.market.instruments()
    assert market.instruments == (known["binance:BTC/USDT"], known["binance:ETH/USDT"])


async def test_instruments_are_put_again_now_and_then(stand: Stand) -> None:
    stand.market.set("BTC/USDT", Decimal(61000), Decimal(61001))
    first = await stand.cache.lookup(market_key("binance"))
    stand.market.set("BTC/USDT", Decimal(61002), Decimal(61003))
    assert await stand.cache.lookup(market_key("binance")) is first

    stand.clock.ahead_s = MARKETS_EVERY_S
    stand.market.set("BTC/USDT", Decimal(61004), Decimal(61005))
    again = await stand.cache.lookup(market_key("binance"))

    assert first is not None
    assert again is not None
    assert again.at > first.at

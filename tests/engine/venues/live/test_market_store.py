"""Markets are loaded once for everybody, kept between runs, and never wrong for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from engine.markets.apart import Loaded, load_in_thread
from engine.markets.listing import Listing, MarketSource
from engine.markets.packing import packed
from engine.markets.public import PublicMarket
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import version
from engine.venues.live.account import LiveAccount
from engine.venues.live.clients import Clients
from engine.venues.live.market_store import LOADS_MAX, MarketStore
from tests.engine.venues.room import START, StillClock
from tests.exchange.binance import LocalBinance

SOURCE = MarketSource(venue="binance", api_url="http://127.0.0.1:9")
HOUR_S = 3600


@dataclass(slots=True)
class MemoryShelf:
    """Keep what is written, and count."""

    contents: dict[str, bytes] = field(default_factory=dict)

    async def read(self, name: str) -> bytes | None:
        return self.contents.get(name)

    async def write(self, name: str, content: bytes, *, keep_s: int) -> None:
        assert keep_s > 0
        self.contents[name] = content


@dataclass(slots=True)
class Loader:
    """List one more market each time it is asked; silent while it is told to be."""

    count: int = 0
    is_silent: bool = False
    missing: tuple[str, ...] = ()
    at_once: int = 0
    at_once_max: int = 0
    may_tell: asyncio.Event | None = None

    async def __call__(self, source: MarketSource, at: datetime, timeout_s: float) -> Loaded:
        del timeout_s
        self.count += 1
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        await (asyncio.sleep(0) if self.may_tell is None else self.may_tell.wait())
        self.at_once -= 1
        if self.is_silent:
            raise VenueUnavailable("it is silent")
        symbol = f"C{self.count}/USD"
        listing = Listing(
            source=source,
            loaded_at=at,
            missing=self.missing,
            precision_mode=4,
            markets={symbol: {"symbol": symbol, "id": symbol}},
            extras=(),
            currencies={},
            aliases={},
            instruments={},
        )
        return Loaded(listing=listing, pack=b"".join(packed(listing, version())))


@dataclass(slots=True)
class Room:
    clock: StillClock = field(default_factory=StillClock)
    loader: Loader = field(default_factory=Loader)
    shelf: MemoryShelf = field(default_factory=MemoryShelf)

    def store(self, *, start_wait_s: float = 4) -> MarketStore:
        """Make a store, as a console that starts does."""
        return MarketStore(
            clock=self.clock,
            jitter=random.Random(7),
            start_wait_s=start_wait_s,
            shelf=self.shelf,
            load=self.loader,
        )


@pytest.fixture
def room() -> Room:
    return Room()


async def symbols(store: MarketStore, source: MarketSource = SOURCE) -> list[str]:
    return list((await store.listing(source)).markets)


async def test_many_who_ask_at_once_cost_one_load(room: Room) -> None:
    store = room.store()

    found = await asyncio.gather(*(store.listing(SOURCE) for _ in range(20)))

    assert room.loader.count == 1
    assert len({id(each) for each in found}) == 1


async def test_a_start_waits_for_a_slow_venue_no_longer_than_it_may_and_the_load_goes_on(
    room: Room,
) -> None:
    room.loader.may_tell = asyncio.Event()
    store = room.store(start_wait_s=0.05)
    store.prepare([SOURCE])

    with pytest.raises(VenueUnavailable, match="binance has not told its symbols yet"):
        await store.first(SOURCE)
    # The wait is one for all who start: the account, and the market after it.
    room.clock.advance(1)
    with pytest.raises(VenueUnavailable):
        await store.first(SOURCE)

    following = asyncio.create_task(store.listing(SOURCE))
    room.loader.may_tell.set()
    assert list((await following).markets) == ["C1/USD"]
    assert await store.first(SOURCE) is await following
    assert room.loader.count == 1


async def test_a_start_hears_at_once_that_a_venue_cannot_be_had(room: Room) -> None:
    room.loader.is_silent = True
    with pytest.raises(VenueUnavailable, match="it is silent"):
        await room.store(start_wait_s=999).first(SOURCE)


async def test_what_is_prepared_is_loaded_once_with_who_asks_later(room: Room) -> None:
    store = room.store()

    store.prepare([SOURCE])
    await asyncio.sleep(0)

    assert await symbols(store) == ["C1/USD"]
    assert room.loader.count == 1


async def test_few_venues_load_at_once(room: Room) -> None:
    store = room.store()
    sources = [MarketSource(venue=f"venue{n}") for n in range(12)]

    await asyncio.gather(*(store.listing(each) for each in sources))

    assert room.loader.count == 12
    assert room.loader.at_once_max == LOADS_MAX


async def test_the_next_start_waits_for_no_network(room: Room) -> None:
    await symbols(room.store())
    room.loader.is_silent = True
    room.clock.advance(20 * HOUR_S)

    assert await symbols(room.store()) == ["C1/USD"]
    assert room.loader.count == 1


async def test_a_day_later_they_are_loaded_anew_and_not_long_before(room: Room) -> None:
    store = room.store()
    await symbols(store)
    room.clock.advance(21 * HOUR_S)
    assert await symbols(store) == ["C1/USD"]

    room.clock.advance(3 * HOUR_S)

    assert await symbols(store) == ["C2/USD"]
    assert await symbols(room.store()) == ["C2/USD"], "the shelf has the new ones"
    assert room.loader.count == 2


async def test_old_ones_serve_while_the_venue_is_silent_for_a_week_at_most(room: Room) -> None:
    await symbols(room.store())
    room.loader.is_silent = True
    room.clock.advance(6 * 24 * HOUR_S)
    later = room.store()

    assert await symbols(later) == ["C1/USD"]
    assert await symbols(later) == ["C1/USD"]
    assert room.loader.count == 2, "a silent venue is not asked at every turn"
    room.clock.advance(24 * HOUR_S)
    with pytest.raises(VenueUnavailable, match="it is silent"):
        await room.store().listing(SOURCE)


async def test_what_comes_from_the_future_is_of_no_use(room: Room) -> None:
    room.clock.advance(HOUR_S)
    await symbols(room.store())
    room.clock.advance(-HOUR_S)

    assert await symbols(room.store()) == ["C2/USD"]


@pytest.mark.parametrize(
    "damage",
    [lambda kept: b"", lambda kept: kept[:-9], lambda kept: kept.replace(b"C1", b"C7")],
    ids=["empty", "cut", "changed"],
)
async def test_what_is_damaged_is_loaded_anew(room: Room, damage: Callable[[bytes], bytes]) -> None:
    await symbols(room.store())
    ((name, content),) = room.shelf.contents.items()
    room.shelf.contents[name] = damage(content)

    assert await symbols(room.store()) == ["C2/USD"]
    assert await symbols(room.store()) == ["C2/USD"], "what was damaged is replaced"


async def test_another_place_s_markets_are_never_taken_for_ours(room: Room) -> None:
    await symbols(room.store())
    ((_, content),) = room.shelf.contents.items()
    other = MarketSource(venue="binance", api_url="http://127.0.0.1:10")
    assert await symbols(room.store(), other) == ["C2/USD"]

    for name in room.shelf.contents:
        room.shelf.contents[name] = content

    assert await symbols(room.store(), other) == ["C3/USD"]


async def test_half_a_list_is_asked_for_again_soon_and_replaces_no_whole_one(room: Room) -> None:
    store = room.store()
    await symbols(store)
    room.loader.missing = ("swap",)
    room.clock.advance(25 * HOUR_S)

    assert await symbols(store) == ["C1/USD"]
    room.loader.missing = ()
    room.clock.advance(301)
    assert await symbols(store) == ["C3/USD"]

    fresh = Room(clock=room.clock, loader=Loader(missing=("swap",)))
    assert await symbols(fresh.store()) == ["C1/USD"], "half is better than none"
    assert fresh.shelf.contents == {}


async def test_a_changed_tick_reaches_the_prices_and_the_account_from_one_load() -> None:
    clock = StillClock()
    days: asyncio.Queue[None] = asyncio.Queue(8)

    async def until_tomorrow(seconds: float) -> None:
        assert seconds > HOUR_S, seconds
        await days.get()

    metadata = MarketStore(
        clock=clock, jitter=random.Random(7), load=load_in_thread, sleep=until_tomorrow
    )
    async with LocalBinance() as exchange:
        account = LiveAccount(venue="binance", api_url=exchange.url)
        clients = Clients(account=account, metadata=metadata, timeout_s=9)
        market = PublicMarket(venue="binance", clock=clock, metadata=metadata, api_url=exchange.url)
        await asyncio.gather(clients.start(), market.start())
        assert clients.instruments is market.instruments()
        assert exchange.asked("exchangeInfo") == 2, "spot and swaps, once for both"

        exchange.pairs["BTCUSDT"].tick = "0.10000000"
        clock.advance(24 * HOUR_S)
        for _ in range(2):
            days.put_nowait(None)
        key, tick = "binance:BTC/USDT", Decimal("0.1")
        await until(lambda: market.instruments()[key].price_tick == tick)
        await until(lambda: clients.instruments[key].price_tick == tick)

        assert exchange.asked("exchangeInfo") == 4
        assert clients.trading.price_to_precision("BTC/USDT", Decimal("61000.17")) == "61000.2"
        assert (
            clients.market("BTC/USDT")["precision"] == clients.data.market("BTC/USDT")["precision"]
        )
        await clients.close()
        await market.stop()
    assert clock.now() == START + timedelta(days=1)


async def until(condition: Callable[[], bool]) -> None:
    """Wait, bounded, for something that a task of the product does."""

    async def seen() -> None:
        while not condition():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.01)

    waiting: Awaitable[None] = seen()
    await asyncio.wait_for(waiting, 30)

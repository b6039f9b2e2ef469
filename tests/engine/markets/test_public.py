import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import InvalidInput
from engine.instruments import InstrumentKind
from engine.markets.budget import Budget
from engine.markets.feed import EPOCH, Feed
from engine.markets.listing import MarketSource
from engine.markets.metadata import instrument_of
from engine.markets.public import PublicMarket
from engine.ports import VenueUnavailable
from engine.quotes import Quote
from engine.venues.ccxt_library import client_class, rebased
from tests.engine.markets.stores import store_of
from tests.engine.venues.room import START, StillClock
from tests.exchange.binance import TIME_MS, LocalBinance

KEY = "binance:BTC/USDT"
SWAP_KEY = "binance:BTC/USDT:USDT"


@pytest.fixture
async def exchange() -> AsyncIterator[LocalBinance]:
    async with LocalBinance() as served:
        yield served


Maker = Callable[..., PublicMarket]


@pytest.fixture
async def market_of() -> AsyncIterator[Maker]:
    """Make markets of a local exchange, and stop them however the test ends."""
    made: list[PublicMarket] = []

    def make(
        exchange: LocalBinance, sleep: Callable[[float], object] | None = None
    ) -> PublicMarket:
        async def soon(seconds: float) -> None:
            if sleep is not None:
                sleep(seconds)
            await asyncio.sleep(0)

        clock = StillClock()
        market = PublicMarket(
            venue="binance",
            clock=clock,
            metadata=store_of(clock, timeout_s=1),
            api_url=exchange.url,
            interval_s=0.01,
            timeout_s=1,
            sleep=soon,
        )
        made.append(market)
        return market

    yield make
    for market in made:
        await market.stop()


async def until(market: PublicMarket, condition: Callable[[], bool]) -> None:
    """Wait, bounded, until a quote makes something so."""
    news = asyncio.Event()
    market.subscribe(lambda quote: news.set())
    async with asyncio.timeout(20):
        while not condition():
            news.clear()
            await news.wait()


async def quoted(market: PublicMarket, key: str = KEY) -> Quote:
    await until(market, lambda: key in market.latest())
    return market.latest()[key]


async def test_instruments_are_exact_and_know_what_does_not_trade(
    exchange: LocalBinance, market_of: Maker
) -> None:
    market = market_of(exchange)
    await market.start()
    await market.stop()

    bitcoin = market.instruments()[KEY]
    assert (bitcoin.price_tick, bitcoin.quantity_step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (bitcoin.quantity_min, bitcoin.notional_min) == (Decimal("0.00001"), Decimal(5))
    assert (bitcoin.fee_maker, bitcoin.fee_taker) == (Decimal("0.001"), Decimal("0.001"))
    assert bitcoin.quantity_max == Decimal(9000)
    assert bitcoin.active
    assert not market.instruments()["binance:LUNA/USDT"].active
    assert market.instruments()["binance:DOGE/USDT"].price_tick == Decimal("0.00001")


async def test_followed_prices_come_with_the_day_s_change(
    exchange: LocalBinance, market_of: Maker
) -> None:
    market = market_of(exchange)
    heard: list[Quote] = []
    market.subscribe(heard.append)
    await market.start()
    market.follow(KEY)
    market.follow("kraken:BTC/USD")

    first = await quoted(market)
    assert (first.bid, first.ask, first.at) == (Decimal("61000.10"), Decimal("61000.20"), START)
    await until(market, lambda: market.latest()[KEY].change_pct is not None)
    exchange.pairs["BTCUSDT"].bid = Decimal("61000.15")
    await until(market, lambda: market.latest()[KEY].bid == Decimal("61000.15"))
    await market.stop()

    assert market.latest()[KEY].change_pct == Decimal("1.25")
    assert {quote.symbol for quote in heard} == {"BTC/USDT"}


@pytest.mark.parametrize("fault", ["500", "429", "garbage", "empty", "truncated", "stall"])
async def test_a_bad_answer_costs_a_pause_and_never_a_wrong_price(
    exchange: LocalBinance, market_of: Maker, fault: str
) -> None:
    slept: list[float] = []
    market = market_of(exchange, slept.append)
    await market.start()
    exchange.fail("bookTicker", fault, fault)
    market.follow(KEY)

    quote = await quoted(market)
    await market.stop()

    assert (quote.bid, quote.ask) == (Decimal("61000.10"), Decimal("61000.20"))
    assert exchange.asked("bookTicker") >= 3
    if fault == "429":
        assert 7.0 in slept, "the venue's Retry-After is kept"


@pytest.mark.parametrize("fault", ["500", "429", "garbage", "empty", "truncated", "stall"])
async def test_a_start_that_fails_says_so_and_goes_on_trying(
    exchange: LocalBinance, market_of: Maker, fault: str
) -> None:
    exchange.fail("exchangeInfo", fault)
    market = market_of(exchange)

    with pytest.raises(VenueUnavailable) as caught:
        await market.start()
    market.follow(KEY)
    await quoted(market)
    await market.stop()

    assert str(caught.value).startswith("binance ")
    assert exchange.url not in str(caught.value)
    assert "http" not in str(caught.value)


async def test_a_swap_has_its_own_steps_and_the_venue_s_mark_and_time(
    exchange: LocalBinance, market_of: Maker
) -> None:
    market = market_of(exchange)
    await market.start()
    market.follow(SWAP_KEY)
    quote = await quoted(market, SWAP_KEY)
    await market.stop()

    instrument = market.instruments()[SWAP_KEY]
    assert (instrument.price_tick, instrument.quantity_step) == (Decimal("0.1"), Decimal("0.001"))
    assert (instrument.notional_min, instrument.kind) == (Decimal(100), InstrumentKind.SWAP)
    assert instrument.fee_taker > instrument.fee_maker > 0
    assert (quote.bid, quote.mark) == (Decimal("61000.10"), Decimal("60995.10"))
    assert quote.at == EPOCH + timedelta(milliseconds=TIME_MS)


async def test_an_older_book_never_replaces_a_newer_one(
    exchange: LocalBinance, market_of: Maker
) -> None:
    market = market_of(exchange)
    await market.start()
    market.follow(SWAP_KEY)
    await quoted(market, SWAP_KEY)

    exchange.book_time_ms -= 1000
    exchange.pairs["BTCUSDT"].bid = Decimal("60000.00")
    market.follow(KEY)
    # spot is fetched before swaps in every turn, so its third price is past a swap's second
    spot: list[Quote] = []
    market.subscribe(lambda quote: spot.append(quote) if quote.symbol == "BTC/USDT" else None)
    await until(market, lambda: len(spot) >= 3)

    assert market.latest()[KEY].bid == Decimal("60000.00")
    assert market.latest()[SWAP_KEY].bid == Decimal("61000.10")


async def test_without_its_swaps_a_venue_still_trades_spot(
    exchange: LocalBinance, market_of: Maker
) -> None:
    exchange.fail("exchangeInfo", "", "500")
    market = market_of(exchange)
    await market.start()
    await market.stop()

    assert KEY in market.instruments()
    assert SWAP_KEY not in market.instruments()


async def test_a_crossed_or_empty_book_is_no_quote(
    exchange: LocalBinance, market_of: Maker
) -> None:
    exchange.pairs["BTCUSDT"].bid = Decimal(61001)
    exchange.pairs["ETHUSDT"].bid = Decimal(0)
    market = market_of(exchange)
    await market.start()
    for name in ("BTC", "ETH", "DOGE"):
        market.follow(f"binance:{name}/USDT")

    await quoted(market, "binance:DOGE/USDT")
    await market.stop()

    assert set(market.latest()) == {"binance:DOGE/USDT"}


async def test_an_old_quote_stays_old_while_the_venue_is_silent(exchange: LocalBinance) -> None:
    clock = StillClock()
    budget = Budget(per_second=1000, clock=clock)
    source = MarketSource(venue="binance", api_url=exchange.url)
    feed = Feed(source=source, timeout_s=1, budget=budget, clock=clock)
    listing = await store_of(clock).listing(source)
    feed.learn(listing)
    instrument = listing.instruments[KEY]
    (quote,) = await feed.quotes([instrument], {})
    clock.advance(90)
    exchange.fail("bookTicker", "500")

    with pytest.raises(VenueUnavailable, match="out of service"):
        await feed.quotes([instrument], {})
    await feed.close()

    assert quote.at == START
    assert quote.age_s(clock.now()) == 90


async def test_a_budget_spaces_requests() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    budget = Budget(per_second=4, clock=StillClock(), sleep=sleep)
    for _ in range(4):
        await budget.take()

    assert slept == [0.25, 0.5, 0.75]


def test_an_address_keeps_its_path_and_loses_its_host() -> None:
    addresses = {
        "public": "https://api.binance.com/api/v3",
        "deep": {"rest": "https://{hostname}/x"},
    }

    assert rebased(addresses, "http://127.0.0.1:8080") == {
        "public": "http://127.0.0.1:8080/api/v3",
        "deep": {"rest": "http://127.0.0.1:8080/x"},
    }


@pytest.mark.parametrize("venue", ["binance", "bybit", "kraken", "okx"])
async def test_no_address_of_a_redirected_venue_leads_to_the_real_one(venue: str) -> None:
    client = client_class(venue)()
    client.urls["api"] = rebased(client.urls["api"], "http://127.0.0.1:9")

    def hosts(part: object) -> set[str]:
        if isinstance(part, dict):
            return set().union(*(hosts(each) for each in part.values()))
        return {str(part).split("/")[2]}

    assert hosts(client.urls["api"]) == {"127.0.0.1:9"}
    await client.close()


@pytest.mark.parametrize("name", ["nowhere", "base", "../evil", "os"])
def test_an_unknown_exchange_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(InvalidInput, match="no exchange that ccxt knows"):
        client_class(name)


def test_one_venue_loads_one_module() -> None:
    program = (
        "import sys; from engine.venues.ccxt_library import client_class; "
        "client_class('binance'); "
        "print(sorted(m for m in sys.modules if m.startswith('ccxt.async_support.') "
        "and m.count('.') == 2))"
    )
    root = Path(__file__).resolve().parents[3]
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "['ccxt.async_support.base', 'ccxt.async_support.binance']"


SWAP = {
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "spot": False,
    "swap": True,
    "linear": True,
    "contractSize": 0.01,
    "precision": {"price": 0.1, "amount": 1.0},
    "limits": {"amount": {"min": 1.0, "max": 500}, "cost": {"min": None}, "leverage": {"max": 75}},
    "maker": 0.0002,
    "taker": 0.0005,
    "active": True,
}


def test_contracts_become_base_currency() -> None:
    instrument = instrument_of("okx", SWAP, 4)

    assert instrument is not None
    assert (instrument.quantity_step, instrument.quantity_min) == (Decimal("0.01"), Decimal("0.01"))
    assert (instrument.quantity_max, instrument.leverage_max) == (Decimal(5), Decimal(75))
    assert (instrument.fee_maker, instrument.contract_size) == (Decimal("0.0002"), Decimal("0.01"))


@pytest.mark.parametrize(
    "changed",
    [
        {"linear": False, "inverse": True, "settle": "BTC"},
        {"swap": False, "future": True},
        {"precision": {"price": None, "amount": 1.0}},
        {"precision": {}},
        {"precision": {"price": float("nan"), "amount": 1.0}},
        {"settle": "USDC"},
    ],
)
def test_what_cannot_be_rounded_or_settled_in_quote_is_left_out(changed: dict[str, object]) -> None:
    assert instrument_of("okx", {**SWAP, **changed}, 4) is None


def test_bitfinex_counts_the_digits_of_a_price_and_the_places_of_a_quantity() -> None:
    pair = {**SWAP, "symbol": "BTC/USDT", "spot": True, "swap": False, "settle": None}
    market = {**pair, "precision": {"price": 5, "amount": 8}}

    instrument = instrument_of("bitfinex", market, 3)

    assert instrument is not None
    assert (instrument.price_digits, instrument.price_tick) == (5, Decimal("0.00000001"))
    assert instrument.quantity_step == Decimal("0.00000001")
    # Elsewhere nobody says what the digits of a quantity are.
    assert instrument_of("bitmex", market, 3) is None

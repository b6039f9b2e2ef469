import asyncio
import itertools
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.identities import digest
from engine.markets.catalogue import COINS
from engine.markets.noise import ONE, PERIODS_S, noise
from engine.markets.simulated import SimulatedMarket
from engine.orders import OrderSide
from engine.quotes import Quote
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from tests.engine.venues.room import START, StillClock

HOUR = timedelta(hours=1)
SPOT = [f"{coin.base}/USDT" for coin in COINS]


def market_of(seed: int = 0) -> SimulatedMarket:
    return SimulatedMarket(venue="binance", clock=StillClock(), seed=seed)


def test_the_path_is_the_same_on_every_machine_and_after_every_restart() -> None:
    times = [START + n * timedelta(seconds=37, milliseconds=113) for n in range(200)]
    path = [str(market_of(7).price(symbol, at)) for at in times for symbol in SPOT]

    # a figure, so that a platform, a library or a change that moves prices is noticed
    assert digest(*path, length=12) == "p7q9ydpfybwa"


def test_another_seed_is_another_path() -> None:
    assert market_of(1).price("BTC/USDT", START) != market_of(2).price("BTC/USDT", START)


@pytest.mark.parametrize("coin", COINS, ids=lambda coin: coin.base)
def test_prices_stay_within_a_fifth_of_their_anchor_for_years(coin: object) -> None:
    by_base = {each.base: each for each in COINS}
    chosen = next(each for each in by_base.values() if each is coin)
    market = market_of(3)

    prices = [
        market.price(f"{chosen.base}/USDT", START + n * timedelta(hours=31)) for n in range(300)
    ]

    assert all(abs(price / chosen.price - 1) < Decimal("0.25") for price in prices)
    assert max(prices) / min(prices) > Decimal("1.03"), "and they do move"


def test_a_second_moves_little_and_a_day_moves_much() -> None:
    market = market_of(5)

    def typical_bps(step: timedelta) -> Decimal:
        prices = [market.price("BTC/USDT", START + n * step) for n in range(200)]
        moves = [abs(b / a - 1) * 10_000 for a, b in itertools.pairwise(prices)]
        return sum(moves, Decimal(0)) / len(moves)

    assert Decimal("0.2") < typical_bps(timedelta(seconds=1)) < Decimal(3)
    assert Decimal(4) < typical_bps(timedelta(minutes=1)) < Decimal(15)
    assert Decimal(20) < typical_bps(HOUR) < Decimal(80)
    assert Decimal(80) < typical_bps(timedelta(days=1)) < Decimal(400)


def test_there_are_no_jumps_between_two_looks() -> None:
    market = market_of(9)
    step = timedelta(milliseconds=250)
    prices = [market.price("BTC/USDT", START + n * step) for n in range(2000)]

    assert all(abs(b / a - 1) < Decimal("0.0008") for a, b in itertools.pairwise(prices))


def test_noise_is_bounded_by_the_heights_of_its_octaves() -> None:
    bound = sum(ONE * 2**octave // 60 for octave in range(len(PERIODS_S))) + len(PERIODS_S)

    assert all(abs(noise("a", n * 7_777_777)) <= bound for n in range(3000))


def test_spread_widens_and_depth_thins_in_a_lively_minute() -> None:
    market = market_of(11)
    instrument = market.instruments()["binance:BTC/USDT"]
    moments = [START + n * timedelta(minutes=1) for n in range(300)]
    weather = [market.weather(instrument, at) for at in moments]

    calm = min(weather, key=lambda each: each.spread / each.mid)
    lively = max(weather, key=lambda each: each.spread / each.mid)

    assert lively.spread / lively.mid > calm.spread / calm.mid * Decimal("1.5")
    assert lively.depth_notional < calm.depth_notional


def test_a_swap_stays_near_its_spot_price_and_its_mark_is_the_index() -> None:
    market = market_of(13)
    for n in range(100):
        at = START + n * HOUR
        spot, swap = market.price("BTC/USDT", at), market.price("BTC/USDT:USDT", at)
        quote = market.quote(market.instruments()["binance:BTC/USDT:USDT"], at)
        assert abs(swap / spot - 1) < Decimal("0.0005")
        assert abs(quote.mark / spot - 1) < Decimal("0.00001")


def test_the_day_s_change_compares_with_the_price_a_day_ago() -> None:
    market = market_of(17)
    quote = market.quote(market.instruments()["binance:BTC/USDT"], START)
    before = market.price("BTC/USDT", START - timedelta(days=1))
    now = market.price("BTC/USDT", START)

    assert quote.change_pct == ((now / before - 1) * 100).quantize(Decimal("0.01"))


async def test_all_spot_symbols_are_quoted_at_once_and_swaps_when_followed() -> None:
    market = market_of()
    await market.start()
    assert set(market.latest()) == {f"binance:{symbol}" for symbol in SPOT}

    market.follow("binance:BTC/USDT:USDT")
    assert "binance:BTC/USDT:USDT" in market.latest()
    await market.stop()


async def test_a_restart_after_hours_finds_prices_moved_and_the_path_unbroken() -> None:
    clock = StillClock()
    first = SimulatedMarket(venue="binance", clock=clock, seed=4)
    first.tick()
    expected = first.price("BTC/USDT", START + 5 * HOUR)
    clock.advance(5 * 3600)

    second = SimulatedMarket(venue="binance", clock=clock, seed=4)
    second.tick()

    now, before = second.latest()["binance:BTC/USDT"], first.latest()["binance:BTC/USDT"]
    assert abs(now.mid / expected - 1) < Decimal("0.0001")
    assert now.mid != before.mid


async def test_quotes_come_by_the_interval_until_it_stops() -> None:
    clock = StillClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)
        await asyncio.sleep(0)

    market = SimulatedMarket(venue="binance", clock=clock, sleep=sleep)
    heard: list[Quote] = []
    market.subscribe(heard.append)
    await market.start()
    for _ in range(12):
        await asyncio.sleep(0)
    await market.stop()

    assert set(slept) == {0.25}
    assert len(heard) >= 4 * len(SPOT)
    after = len(heard)
    await asyncio.sleep(0)
    assert len(heard) == after


async def test_the_paper_venue_s_book_is_as_deep_as_the_simulated_market_says() -> None:
    clock = StillClock()
    market = SimulatedMarket(venue="binance", clock=clock, seed=2, interval_s=3600)
    await market.start()
    venue = PaperVenue(
        name="binance",
        quotes=market,
        clock=clock,
        store=MemoryLedgerStore(),
        cash={"USDT": Decimal(1_000_000)},
        depth=market.depth,
    )
    await venue.start()
    quote = market.latest()["binance:ADA/USDT"]
    best = market.depth(quote)

    await venue.trade_by_hand("ADA/USDT", OrderSide.BUY, Decimal(30_000))

    first = venue.ledger.trades[0]
    assert first.price == quote.ask
    # the best level is the stated depth, give or take forty percent
    assert Decimal("0.6") <= first.quantity * first.price / best <= Decimal("1.4")
    assert len(venue.ledger.trades) > 1
    await venue.stop()
    await market.stop()

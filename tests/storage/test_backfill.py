"""Candles from a venue over HTTP, with the real client, into both databases."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.candles import Fault, Series, Timeframe
from engine.errors import InvalidInput
from engine.markets.public import PublicMarket
from engine.ports import VenueUnavailable
from storage.backfill import ATTEMPTS_MAX, Backfill
from storage.candles import Candles, Known
from storage.database import Database
from storage.history import History
from storage.spans import Span
from tests.engine.markets.stores import store_of
from tests.engine.venues.room import StillClock
from tests.exchange.binance import LocalBinance
from tests.exchange.klines import Klines, millis, row

BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SERIES = Series(venue="binance", symbol="BTC/USDT", timeframe=Timeframe.M1)
PAGE = 50


class Room:
    """A venue, a database, and what fills the one from the other."""

    def __init__(self, exchange: LocalBinance, database: Database) -> None:
        self.exchange = exchange
        self.klines = Klines(begin=BEGIN - 10 * MINUTE, end=BEGIN + 4000 * MINUTE, limit=PAGE)
        exchange.klines = self.klines
        self.candles = Candles(database)
        self.history = History(database)
        self.slept: list[float] = []
        self.clock = StillClock()
        self.market = PublicMarket(
            venue="binance",
            clock=self.clock,
            metadata=store_of(self.clock),
            api_url=exchange.url,
            timeout_s=1,
            sleep=self.sleep,
        )
        self.backfill = Backfill(
            source=self.market,
            candles=self.candles,
            clock=self.clock,
            jitter=random.Random(1),
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def bounds(self, minutes: int, since: int = 0) -> Span:
        return Span(begin=BEGIN + since * MINUTE, end=BEGIN + minutes * MINUTE)

    async def begins(self) -> list[datetime]:
        found = self.history.every_candle(
            SERIES, BEGIN - timedelta(days=99), BEGIN + timedelta(days=99)
        )
        return [each.opened_at async for each in found]

    def expected(self, minutes: int, since: int = 0) -> list[datetime]:
        bounds = self.bounds(minutes, since)
        return list(self.klines.begins("1m", bounds.begin, bounds.end))


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    async with LocalBinance() as exchange:
        made = Room(exchange, database)
        await made.market.start()
        yield made
        await made.market.stop()


async def test_pages_are_fetched_until_the_stretch_is_whole(room: Room) -> None:
    told: list[tuple[int, int]] = []
    tally = await room.backfill.fill(
        SERIES, room.bounds(500), told=lambda done, whole: told.append((done, whole))
    )
    assert await room.begins() == room.expected(500)
    assert (tally.stored, tally.asked) == (500, 10)
    assert told[0] == (0, 500)
    assert told[-1] == (500, 500)
    assert told == sorted(told)
    # What is there is not asked for again.
    assert (await room.backfill.fill(SERIES, room.bounds(500))).asked == 0
    candle = (await room.history.candles(SERIES, BEGIN, BEGIN + MINUTE))[0]
    assert str(candle.open) == row(millis(BEGIN), 60_000)[1]


async def test_it_goes_on_where_it_ended_and_asks_only_for_what_is_open(room: Room) -> None:
    # Given the middle, and the begin.
    await room.backfill.fill(SERIES, room.bounds(300, since=200))
    await room.backfill.fill(SERIES, room.bounds(500), pages_max=2)
    room.klines.asked.clear()
    # When all of it is wanted.
    await room.backfill.fill(SERIES, room.bounds(500))
    # Then the two stretches between are asked for, and nothing else.
    begins = [(start - millis(BEGIN)) // 60_000 for start, _ in room.klines.asked]
    assert begins == [100, 150, 300, 350, 400, 450]
    assert await room.begins() == room.expected(500)


@pytest.mark.parametrize("fault", ["500", "429", "garbage", "empty", "truncated", "stall"])
async def test_a_fault_of_the_venue_costs_time_and_no_candle(room: Room, fault: str) -> None:
    room.exchange.fail("klines", "", "", fault, fault, "", fault)
    tally = await room.backfill.fill(SERIES, room.bounds(300))
    assert await room.begins() == room.expected(300)
    assert await room.candles.gaps(SERIES, room.bounds(300)) == []
    assert tally.asked == 6 + 3
    if fault == "429":
        assert room.slept.count(7.0) == 3, "the venue's Retry-After is kept"


async def test_a_venue_that_stays_away_ends_the_run_and_keeps_what_came(room: Room) -> None:
    room.exchange.fail("klines", "", *["500"] * ATTEMPTS_MAX)
    with pytest.raises(VenueUnavailable, match="out of service"):
        await room.backfill.fill(SERIES, room.bounds(300))
    assert await room.begins() == room.expected(PAGE)
    await room.backfill.fill(SERIES, room.bounds(300))
    assert await room.begins() == room.expected(300)


async def test_a_body_without_rows_is_no_proof_that_nothing_traded(room: Room) -> None:
    # Given a venue that answers twice with nothing where it has candles.
    room.exchange.fail("klines", "", "no rows", "no rows")
    await room.backfill.fill(SERIES, room.bounds(300))
    gaps = await room.candles.gaps(SERIES, room.bounds(300))
    assert gaps == [room.bounds(300, since=PAGE)]
    # When the gap is asked for, then it is filled.
    tally = await room.backfill.mend(SERIES, room.bounds(300))
    assert (tally.stored, tally.empty) == (250, 0)
    assert await room.begins() == room.expected(300)


async def test_minutes_without_trades_are_asked_for_once_more_and_never_again(room: Room) -> None:
    room.klines.lack(*(BEGIN + n * MINUTE for n in (0, 7, 8, 9, 60, 120, 299)))
    await room.backfill.fill(SERIES, room.bounds(300))
    assert await room.begins() == room.expected(300)
    tally = await room.backfill.mend(SERIES, room.bounds(300))
    assert (tally.stored, tally.empty) == (0, 7)
    assert await room.candles.gaps(SERIES, room.bounds(300)) == []
    room.klines.asked.clear()
    await room.backfill.fill(SERIES, room.bounds(300))
    await room.backfill.mend(SERIES, room.bounds(300))
    assert room.klines.asked == []


async def test_a_hole_that_the_venue_fills_later_is_filled(room: Room) -> None:
    room.klines.lack(*(BEGIN + n * MINUTE for n in range(20, 90)))
    await room.backfill.fill(SERIES, room.bounds(300))
    assert await room.candles.gaps(SERIES, room.bounds(300)) == [room.bounds(90, since=20)]
    room.klines.holes.clear()
    tally = await room.backfill.mend(SERIES, room.bounds(300))
    assert tally.stored == 70
    assert await room.begins() == room.expected(300)


async def test_before_its_first_trade_a_symbol_has_no_candles(room: Room) -> None:
    before = room.bounds(100, since=-200)
    await room.backfill.fill(SERIES, before)
    await room.backfill.mend(SERIES, before)
    assert await room.begins() == room.expected(100, since=-200)
    assert len(await room.begins()) == 110
    assert await room.candles.gaps(SERIES, before) == []


async def test_a_symbol_that_trades_no_more_ends_after_two_runs(room: Room) -> None:
    # Given a venue that has nothing after a time, and says so with an empty list.
    room.klines.end = BEGIN + 100 * MINUTE
    gap = room.bounds(300, since=100)
    for known in (Known.DOUBTED, Known.EMPTY):
        await room.backfill.fill(SERIES, room.bounds(300))
        await room.backfill.mend(SERIES, room.bounds(300))
        at = await room.candles.known(SERIES, known, room.bounds(300))
        # The candle before the gap was in the answer, and is a proof at once.
        assert at in ([gap], [])
    assert await room.candles.gaps(SERIES, room.bounds(300)) == []
    assert await room.begins() == room.expected(300)


async def test_bad_rows_are_refused_counted_and_fetched_again(room: Room) -> None:
    def at(minute: int) -> int:
        return millis(BEGIN + minute * MINUTE)

    good = row(at(10), 60_000)
    room.klines.bad = {
        at(10): [at(10), "NaN", *good[2:]],
        at(20): [at(20), good[1], "1", "2", *good[4:]],
        at(30): [at(30), *good[1:5], "-1", *good[6:]],
        at(40): [at(40) + 1, *good[1:]],
        at(45): row(at(44), 60_000),
    }
    tally = await room.backfill.fill(SERIES, room.bounds(300))
    assert tally.refused == {
        Fault.NOT_A_NUMBER: 1,
        Fault.PRICES_CROSSED: 1,
        Fault.NEGATIVE: 1,
        Fault.NOT_ALIGNED: 1,
        Fault.DOUBLED: 1,
    }
    assert len(await room.candles.gaps(SERIES, room.bounds(300))) == 5
    await room.backfill.mend(SERIES, room.bounds(300))
    assert await room.begins() == room.expected(300)


async def test_a_row_that_stays_bad_is_asked_for_twice_more(room: Room) -> None:
    at = millis(BEGIN + 10 * MINUTE)
    for _ in range(3):
        room.klines.bad[at] = [at, "NaN", "1", "1", "1", "1", 0]
        await room.backfill.fill(SERIES, room.bounds(100))
        await room.backfill.mend(SERIES, room.bounds(100))
        room.klines.bad[at] = [at, "NaN", "1", "1", "1", "1", 0]
    room.klines.asked.clear()
    await room.backfill.mend(SERIES, room.bounds(100))
    assert room.klines.asked == []


async def test_the_candle_of_this_minute_is_never_stored(room: Room) -> None:
    now = room.clock.now()
    room.klines.end = now + MINUTE
    bounds = room.backfill.bounds(SERIES, now - timedelta(minutes=30, seconds=5), now + MINUTE)
    assert bounds.end == Timeframe.M1.final_until(now) <= now
    await room.backfill.fill(SERIES, bounds)
    assert max(await room.begins()) == bounds.end - MINUTE


async def test_a_symbol_or_venue_that_is_not_there_is_refused(room: Room) -> None:
    nowhere = Series(venue="binance", symbol="PIZZA/USDT", timeframe=Timeframe.M1)
    with pytest.raises(InvalidInput, match="binance has no PIZZA/USDT"):
        await room.backfill.fill(nowhere, room.bounds(10))

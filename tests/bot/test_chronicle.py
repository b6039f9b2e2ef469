"""The history of a running account: kept beside trading, dropped rather than in its way."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.chronicle import CANDLES_AT_FIRST, CHARTED, QUOTED_MAX, Chronicle
from engine.candles import CandlePage, Series, Timeframe
from engine.equity import Equity
from engine.events import DayRolled
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.markets.simulated import SimulatedMarket
from engine.ports import CandleSource, VenueUnavailable
from engine.state import State
from storage.candles import Candles
from storage.database import Database
from storage.history import History
from storage.kept import Kept
from tests.storage.samples import filled

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# So often nothing more came, before it is taken for all: a busy machine is slow between two lines.
STILL = 2
PULSE = "binance:BTC/USDT"
BITCOIN = Series(venue="binance", symbol="BTC/USDT", timeframe=Timeframe.M1)


class HandClock:
    def __init__(self) -> None:
        self.at = BEGIN

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - BEGIN).total_seconds()


class SilentSource:
    """A venue that never answers."""

    def __init__(self) -> None:
        self.asked: list[Series] = []

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        self.asked.append(series)
        raise VenueUnavailable("binance is not reachable.")


class Bench:
    """A chronicle whose tasks run, with hands on clock, prices and State."""

    def __init__(self, database: Database, source: CandleSource | None, pulses: tuple[str, ...]):
        self.database = database
        self.clock = HandClock()
        self.market = ManualMarket(instruments=catalogue("binance").values(), clock=self.clock)
        self.state = State()
        self.is_away = False
        self.history = History(database)
        self.chronicle = Chronicle(
            database=database,
            state=lambda: self.state,
            quotes=self.market,
            source=source,
            pulses=pulses,
            kept=Kept(quotes_days=1),
            is_away=lambda: self.is_away,
            clock=self.clock,
            jitter=random.Random(1),
        )

    def measure(self, equity: str) -> None:
        known: Equity = filled(Equity)
        measured = replace(known, at=self.clock.at, equity=Decimal(equity))
        self.state = replace(self.state, equity=measured)

    def price(self, bid: int, symbol: str = "BTC/USDT") -> None:
        self.market.set(symbol, Decimal(bid), Decimal(bid + 1))

    async def recorded(self) -> None:
        """Let what was left word of be written."""
        await self._ran(self.chronicle.record())

    async def kept(self) -> None:
        await self._ran(self.chronicle.keep())

    async def _ran(self, work: object) -> None:
        # No TaskGroup: it runs for ever, and is ended here.
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # as above
        before, still = -1, 0
        while still < STILL:
            done = await self._work_done()
            before, still = done, still + 1 if done == before else 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def _work_done(self) -> int:
        """Count what is stored, after everything that waits for the database or the loop."""
        for _ in range(300):
            await asyncio.sleep(0.001)
        begin = BEGIN - timedelta(days=999)
        lines = await Candles(self.database).series()
        rows = [len(await self.history.candles(line, begin, BEGIN + MINUTE)) for line in lines]
        return sum(rows) + len(lines) + self.chronicle.dropped

    async def points(self) -> list[tuple[datetime, str, bool]]:
        far = timedelta(days=1)
        found = await self.history.equity(BEGIN - far, BEGIN + far, points_max=10_000)
        return [(each.at, str(each.equity), each.is_roll) for each in found]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'journal.db'}")
    await opened.open()
    yield opened
    await opened.close()


async def test_each_minute_leaves_a_point_and_a_quote_and_a_stale_one_leaves_none(
    database: Database,
) -> None:
    bench = Bench(database, None, (PULSE, "binance:ETH/USDT"))
    for minute in range(3):
        bench.clock.at = BEGIN + minute * MINUTE
        bench.measure(f"{10000 + minute}.50")
        bench.price(61000 + minute)
        bench.chronicle.sample()
    # The next minute brought neither a fresh mark nor a new price.
    bench.clock.at = BEGIN + 3 * MINUTE
    bench.chronicle.sample()
    await bench.recorded()
    assert await bench.points() == [
        (BEGIN + n * MINUTE, f"{10000 + n}.50", False) for n in range(3)
    ]
    quotes = await bench.history.quotes("binance", "BTC/USDT", BEGIN, BEGIN + 9 * MINUTE)
    assert [str(each.bid) for each in quotes] == ["61000", "61001", "61002"]


async def test_a_day_begins_with_a_point_of_its_own(database: Database) -> None:
    bench = Bench(database, None, ())
    bench.measure("9999.90")
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    rolled = DayRolled(at=midnight + MINUTE, day=midnight.date(), day_open=Decimal("9999.90"))
    bench.chronicle.see(rolled, bench.state, 0.0)
    bench.chronicle.sample()
    await bench.recorded()
    assert await bench.points() == [(BEGIN, "9999.90", False), (midnight, "9999.90", True)]


async def test_only_so_many_symbols_are_sampled(database: Database) -> None:
    symbols = [each.symbol for each in catalogue("binance").values()]
    many = tuple(f"binance:{symbol}" for symbol in symbols) * 5
    assert len(set(many)) < QUOTED_MAX
    bench = Bench(database, None, tuple(f"binance:X{n}/USDT" for n in range(99)) + many)
    for symbol in symbols:
        bench.price(5, symbol)
    bench.chronicle.sample()
    await bench.recorded()
    # What is held and ordered comes first; of the rest twenty are looked at, and no more.
    assert await bench.history.quotes("binance", "BTC/USDT", BEGIN, BEGIN + MINUTE) == ()


async def test_a_database_that_is_away_costs_samples_and_nothing_else(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(database, None, (PULSE,))
    bench.measure("1")
    bench.price(1)
    bench.chronicle.sample()
    bench.is_away = True
    await bench.recorded()
    assert (bench.chronicle.dropped, await bench.points()) == (2, [])
    # And one that is closed under it.
    bench.is_away = False
    bench.clock.at += MINUTE
    bench.price(2)
    bench.chronicle.sample()
    await database.close()
    task = asyncio.ensure_future(bench.chronicle.record())  # ended below
    await asyncio.sleep(0.05)
    assert bench.chronicle.dropped == 3
    await database.open()
    bench.clock.at += MINUTE
    bench.price(3)
    bench.chronicle.sample()
    await asyncio.sleep(0.2)
    task.cancel()
    assert len(await bench.history.quotes("binance", "BTC/USDT", BEGIN, BEGIN + 9 * MINUTE)) == 1
    warned = [each.message for each in caplog.records if each.name == "quarterdeck.history"]
    assert len(warned) == 2, "it is told once that samples go, and once that they come again"


async def test_what_waits_is_bounded(database: Database) -> None:
    bench = Bench(database, None, (PULSE,))
    for minute in range(2000):
        bench.clock.at = BEGIN + minute * MINUTE
        bench.price(minute + 1)
        bench.chronicle.sample()
    await bench.recorded()
    found = await bench.history.quotes("binance", "BTC/USDT", BEGIN, bench.clock.at + MINUTE)
    assert len(found) == 500


async def test_candles_of_what_is_followed_come_up_to_now_and_stay_there(
    database: Database,
) -> None:
    clock = HandClock()
    market = SimulatedMarket(venue="binance", clock=clock, seed=7)
    bench = Bench(database, market, (PULSE, "kraken:BTC/USD"))
    bench.clock = clock
    bench.chronicle._clock = clock
    bench.chronicle.refresh()
    await bench.kept()
    store = Candles(database)
    assert {each.timeframe for each in await store.series()} == set(CHARTED)
    reach = await store.reach(BITCOIN)
    assert reach is not None
    end = Timeframe.M1.final_until(clock.at)
    assert (reach.begin, reach.end) == (clock.at - CANDLES_AT_FIRST * MINUTE, end)
    found = await bench.history.last_candles(BITCOIN, 500, clock.at)
    assert len(found) == CANDLES_AT_FIRST - 1, "the last one may still change"


async def test_a_silent_venue_is_asked_a_few_times_and_given_up_for_this_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.backfill.BACKOFF_S", 0)
    source = SilentSource()
    bench = Bench(database, source, (PULSE,))
    bench.chronicle.refresh()
    await bench.kept()
    assert source.asked == [BITCOIN] * 6


async def test_old_samples_are_tidied_away(database: Database) -> None:
    bench = Bench(database, None, (PULSE,))
    bench.price(5)
    bench.chronicle.sample()
    await bench.recorded()
    bench.clock.at = BEGIN + timedelta(days=2)
    bench.chronicle.prune()
    await bench.kept()
    assert await bench.history.quotes("binance", "BTC/USDT", BEGIN, BEGIN + MINUTE) == ()

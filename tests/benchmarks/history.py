"""History: a chart's worth of candles written and read, beside the bare driver of SQLite."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import perf_counter

from engine.candles import Candle, Series, Timeframe
from storage.candles import Candles
from storage.database import Database
from storage.history import History
from storage.spans import Span
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, Target, baseline_of, row_of

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
READ, WRITTEN = 10_000, 1_000


async def histories(effort: Effort) -> list[Row]:
    """Write 1,000 candles and read 10,000, on SQLite as it comes."""
    file = effort.room("history") / "journal.db"
    database = Database(f"sqlite:///{file}")
    await database.open()
    bare = sqlite3.connect(file)
    try:
        store, history = Candles(database), History(database)
        stored = await _written(store, effort.n(40, quick=12))
        ours: list[float] = []
        beside: list[float] = []
        for _ in range(effort.n(40, quick=10)):
            begun = perf_counter()
            found = await history.candles(_series(0), BEGIN, BEGIN + READ * MINUTE)
            ours.append((perf_counter() - begun) * MS)
            assert len(found) == READ
            begun = perf_counter()
            rows = bare.execute(
                "SELECT opened_at, open, high, low, close, volume FROM candles "
                "WHERE venue = 'binance' AND symbol = '0' AND timeframe = '1m' ORDER BY opened_at"
            ).fetchall()
            beside.append((perf_counter() - begun) * MS)
            assert len(rows) == READ
    finally:
        bare.close()
        await database.close()
    return [
        row_of(
            "history.write",
            "ms",
            stored,
            Target(figure="median", bound=250),
            note="1,000 candles with what is known of them, in five durable transactions",
        ),
        row_of(
            "history.read",
            "ms",
            ours,
            Target(figure="median", bound=250),
            beside=baseline_of("bare sqlite3", "ms", beside, note="the same rows, left as text"),
            note="10,000 candles as Decimals and aware times, one walk along the key",
        ),
    ]


async def _written(store: Candles, n: int) -> list[float]:
    spent: list[float] = []
    for turn in range(max(n, READ // WRITTEN)):
        # The first ten pages make the line that is read; each later one begins a line of its own.
        line = 0 if turn < READ // WRITTEN else turn
        begin = BEGIN + (turn * WRITTEN * MINUTE if line == 0 else timedelta())
        page = [_candle(begin + each * MINUTE, each) for each in range(WRITTEN)]
        begun = perf_counter()
        await store.put(_series(line), page, Span(begin=begin, end=begin + WRITTEN * MINUTE))
        spent.append((perf_counter() - begun) * MS)
    return spent


def _series(line: int) -> Series:
    return Series(venue="binance", symbol=str(line), timeframe=Timeframe.M1)


def _candle(at: datetime, each: int) -> Candle:
    price = Decimal("61000.10") + each
    return Candle(
        opened_at=at,
        open=price,
        high=price + 5,
        low=price - 5,
        close=price + 1,
        volume=Decimal("1.50"),
    )

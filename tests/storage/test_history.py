"""The history's tables: written twice and there once, read by one walk along an index, pruned."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, text

from engine.candles import Candle, Series, Timeframe
from storage.candles import Candles, Known
from storage.database import Database
from storage.history import EquitySample, History, QuoteSample
from storage.history_tables import CANDLES, EQUITY_POINTS, QUOTE_SAMPLES
from storage.journal import SqlJournal
from storage.kept import Kept
from storage.migration import TABLES
from storage.retention import ROWS_AT_ONCE, Retention
from storage.samples import Samples
from storage.spans import Span
from storage.tables import JOURNAL, PROJECTIONS
from tests.storage.story import Story

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
START_TEXT = "2026-03-01T00:00:00.000000Z"
SERIES = Series(venue="binance", symbol="BTC/USDT", timeframe=Timeframe.M1)
OTHER = Series(venue="kraken", symbol="BTC/USDT", timeframe=Timeframe.M1)
HOURS = Series(venue="binance", symbol="BTC/USDT", timeframe=Timeframe.H1)


def candle(at: datetime, close: str = "61000.10") -> Candle:
    price = Decimal(close)
    return Candle(
        opened_at=at, open=price, high=price + 1, low=price - 1, close=price, volume=Decimal("0.50")
    )


def candles(count: int, series: Series = SERIES, begin: datetime = BEGIN) -> list[Candle]:
    return [candle(begin + n * series.timeframe.length) for n in range(count)]


def span(begin: int, end: int) -> Span:
    return Span(begin=BEGIN + begin * MINUTE, end=BEGIN + end * MINUTE)


def equity(at: datetime, amount: str, *, is_roll: bool = False) -> EquitySample:
    return EquitySample(
        at=at,
        equity=Decimal(amount),
        cash=Decimal("1.10"),
        unrealised_pnl=Decimal(0),
        gross=Decimal(0),
        high_water=Decimal(20000),
        is_roll=is_roll,
    )


def quote(at: datetime, symbol: str = "BTC/USDT", venue: str = "binance") -> QuoteSample:
    return QuoteSample(
        venue=venue,
        symbol=symbol,
        at=at,
        bid=Decimal("61000.10"),
        ask=Decimal("61000.20"),
        mark=Decimal("61000.15"),
    )


async def count(database: Database, table: object = CANDLES) -> int:
    statement = select(func.count()).select_from(table)  # type: ignore[arg-type]
    return await database.read(lambda c: c.execute(statement).scalar_one())


async def test_candles_come_back_as_they_went_in_and_the_same_again_changes_nothing(
    database: Database,
) -> None:
    store, history = Candles(database), History(database)
    for _ in range(2):
        await store.put(SERIES, candles(450), span(0, 450))
        await store.put(OTHER, candles(3, OTHER), span(0, 3))
    assert list(await history.candles(SERIES, BEGIN, BEGIN + DAY)) == candles(450)
    assert str((await history.candles(SERIES, BEGIN, BEGIN + DAY))[0].volume) == "0.50"
    assert await store.known(SERIES, Known.COVERED, span(-99, 9999)) == [span(0, 450)]
    assert await store.reach(SERIES) == span(0, 450)
    assert await store.reach(HOURS) is None
    assert await store.series() == [SERIES, OTHER]


async def test_a_stretch_is_read_from_its_begin_to_before_its_end(database: Database) -> None:
    store, history = Candles(database), History(database)
    whole = candles(30)
    await store.put(SERIES, whole, span(0, 30))
    at = BEGIN + 10 * MINUTE
    assert list(await history.candles(SERIES, at, at + 5 * MINUTE)) == whole[10:15]
    assert list(await history.candles(SERIES, at, at + DAY, limit=3)) == whole[10:13]
    assert list(await history.last_candles(SERIES, 3, at)) == whole[7:10]
    assert await history.candles(OTHER, BEGIN, BEGIN + DAY) == ()


async def test_more_than_one_answer_holds_is_read_in_several(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.history.ROWS_MAX", 7)
    store, history = Candles(database), History(database)
    await store.put(SERIES, candles(30), span(0, 30))
    assert len(await history.candles(SERIES, BEGIN, BEGIN + DAY)) == 7
    found = [each async for each in history.every_candle(SERIES, BEGIN, BEGIN + DAY)]
    assert found == candles(30)


async def test_gaps_are_what_was_asked_for_and_is_neither_there_nor_known_to_be_empty(
    database: Database,
) -> None:
    store = Candles(database)
    bounds = span(-10, 60)
    assert await store.gaps(SERIES, bounds) == []
    there = candles(50)
    await store.put(SERIES, [*there[2:20], *there[25:26], *there[40:48]], span(0, 50))
    assert await store.gaps(SERIES, bounds) == [
        span(0, 2),
        span(20, 25),
        span(26, 40),
        span(48, 50),
    ]
    await store.note(SERIES, Known.EMPTY, [span(20, 22), span(22, 25), span(30, 31)])
    assert await store.gaps(SERIES, bounds) == [
        span(0, 2),
        span(26, 30),
        span(31, 40),
        span(48, 50),
    ]
    assert await store.known(SERIES, Known.EMPTY, bounds) == [span(20, 25), span(30, 31)]
    assert await store.gaps(SERIES, span(27, 29)) == [span(27, 29)]


async def test_a_doubt_ends_where_there_is_proof(database: Database) -> None:
    store = Candles(database)
    await store.put(SERIES, [], span(0, 50))
    await store.note(SERIES, Known.DOUBTED, [span(0, 10), span(20, 30)])
    await store.note(SERIES, Known.EMPTY, [span(0, 15)])
    assert await store.known(SERIES, Known.DOUBTED, span(0, 50)) == [span(20, 30)]


async def test_a_put_that_is_cut_off_has_noted_what_it_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.candles.ROWS_AT_ONCE", 20)
    store, history = Candles(database), History(database)
    broken = [*candles(50), object()]
    with pytest.raises(AttributeError):
        await store.put(SERIES, broken, span(0, 60))  # type: ignore[arg-type]
    assert await store.known(SERIES, Known.COVERED, span(0, 60)) == [span(0, 40)]
    assert len(await history.candles(SERIES, BEGIN, BEGIN + DAY)) == 40


async def test_samples_are_stored_once_and_read_by_time(database: Database) -> None:
    samples, history = Samples(database), History(database)
    points = [equity(BEGIN + n * MINUTE, f"{10000 + n}.10") for n in range(5)]
    quotes = [quote(BEGIN + n * MINUTE) for n in range(5)]
    strange = quote(BEGIN, symbol="a\0b\ud800")
    for _ in range(2):
        await samples.store(points, [*quotes, quote(BEGIN, venue="kraken"), strange])
    end = BEGIN + 4 * MINUTE
    assert list(await history.equity(BEGIN, end)) == points[:4]
    assert list(await history.quotes("binance", "BTC/USDT", BEGIN, end)) == quotes[:4]
    assert list(await history.quotes("binance", "BTC/USDT", BEGIN, end, limit=2)) == quotes[:2]
    assert list(await history.quotes("binance", strange.symbol, BEGIN, end)) == [strange]


async def test_the_point_that_begins_a_day_stays_one(database: Database) -> None:
    samples, history = Samples(database), History(database)
    await samples.store([equity(BEGIN, "1", is_roll=True)], [])
    await samples.store([equity(BEGIN, "2")], [])
    assert [each.is_roll for each in await history.equity(BEGIN, BEGIN + DAY)] == [True]


async def test_much_equity_is_thinned_evenly_to_the_last_point_of_each_part(
    database: Database,
) -> None:
    samples, history = Samples(database), History(database)
    points = [equity(BEGIN + n * MINUTE, str(10000 + n)) for n in range(1000)]
    await samples.store(points, [])
    found = await history.equity(BEGIN, BEGIN + 1000 * MINUTE, points_max=100)
    assert 100 <= len(found) <= 101
    assert found[-1] == points[-1]
    assert all(after.at - before.at <= 10 * MINUTE for before, after in pairwise(found))


async def test_fills_are_read_by_symbol_and_time(database: Database) -> None:
    journal, story = SqlJournal(database), Story(seed=41)
    await journal.open()
    for step, before, after in story.steps(300):
        await journal.append([step], before, after)
    history = History(database)
    since, until = BEGIN - DAY, BEGIN + 9 * DAY
    found = await history.fills("binance", "BTC/USDT", since, until)
    assert found
    assert {fill.symbol for fill in found} == {"BTC/USDT"}
    assert [fill.at for fill in found] == sorted(fill.at for fill in found)
    middle = found[len(found) // 2].at
    earlier = await history.fills("binance", "BTC/USDT", since, middle)
    assert list(earlier) == [fill for fill in found if fill.at < middle]


READS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "candles": (
        lambda h: h.candles(SERIES, BEGIN, BEGIN + DAY),
        ("sqlite_autoindex_candles_1", "PRIMARY KEY", "candles_pkey"),
    ),
    "last_candles": (
        lambda h: h.last_candles(SERIES, 50, BEGIN + DAY),
        ("sqlite_autoindex_candles_1", "PRIMARY KEY", "candles_pkey"),
    ),
    "quotes": (
        lambda h: h.quotes("binance", "BTC/USDT", BEGIN, BEGIN + DAY),
        ("PRIMARY KEY", "quote_samples_pkey", "ix_quote_samples_at"),
    ),
    "equity": (
        lambda h: h.equity(BEGIN, BEGIN + DAY),
        ("sqlite_autoindex_equity_points_1", "equity_points_pkey"),
    ),
    "fills": (
        lambda h: h.fills("binance", "BTC/USDT", BEGIN, BEGIN + DAY),
        ("ix_fills_at",),
    ),
}


@pytest.mark.parametrize("name", READS)
async def test_each_reading_is_one_walk_along_an_index(database: Database, name: str) -> None:
    # Given tables that are worth an index, and what each of them looks like.
    await database.write(_fill_tables)
    read, indexes = READS[name]
    plans = await _plans(database, lambda: read(History(database)))
    # Then the reading is one statement, its plan names the index, and it scans no table whole.
    assert len(plans) == 1
    plan = "\n".join(plans[0])
    assert any(index in plan for index in indexes), plan
    assert "Seq Scan" not in plan, plan
    for line in plans[0]:
        assert not line.strip().startswith("SCAN "), plan
    if name != "equity":
        assert "TEMP B-TREE" not in plan, plan


def _fill_tables(connection: Connection) -> None:
    """Put 20,000 rows into each table, by the database itself, and let it count them."""
    begin = int(BEGIN.timestamp())
    if connection.dialect.name == "postgresql":
        counted = "SELECT generate_series(0, 19999) AS n"
        stamp = 'to_char(to_timestamp({} + n * 60), \'YYYY-MM-DD"T"HH24:MI:SS.000000"Z"\')'
    else:
        counted = (
            "WITH RECURSIVE counting(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counting "
            "WHERE n < 19999) SELECT n FROM counting"
        )
        stamp = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', {} + n * 60, 'unixepoch')"
    rows = f"({counted}) AS r"
    venues = "(SELECT 'binance' AS v UNION SELECT 'kraken') AS w"
    at, time = f"{begin}000 + n * 60000", stamp.format(begin)
    no = "false" if connection.dialect.name == "postgresql" else "0"
    fills = f"'BTC/USDT', 't', 'buy', '1', '1', '0', 'USDT', '0', '0', {no}, {time}"
    sources = {
        "candles": f"v, 'BTC/USDT', '1m', {at}, '1', '1', '1', '1', '1' FROM {rows}, {venues}",
        "quote_samples": f"v, 'BTC/USDT', {at}, '1', '1', '1' FROM {rows}, {venues}",
        "equity_points": f"{at}, '1', '1', '1', '1', '1', {no} FROM {rows}",
        "journal": f"0, '{START_TEXT}', 'X', 1, NULL, CAST('' AS {_bytes(connection)}), '0'",
        "fills (identity, seq, venue, symbol, trade_id, side, quantity, price, fee, fee_currency, "
        "fee_quote, realised_pnl, is_late, at)": f"'f' || n, 0, 'binance', {fills} FROM {rows}",
    }
    for table, source in sources.items():
        connection.execute(text(f"INSERT INTO {table} SELECT {source}"))
    connection.execute(text("ANALYZE"))


def _bytes(connection: Connection) -> str:
    return "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"


async def _plans(database: Database, read: Any) -> list[list[str]]:
    """Run a reading, and give how the database walks for each of its statements."""
    seen: list[tuple[str, object]] = []
    engine = database._reading
    assert engine is not None

    def note(_c: object, _cursor: object, sql: str, parameters: object, *_: object) -> None:
        seen.append((sql, parameters))

    event.listen(engine, "before_cursor_execute", note)
    await read()
    event.remove(engine, "before_cursor_execute", note)
    statements = [each for each in seen if each[0].lstrip().upper().startswith(("SELECT", "WITH"))]

    def explained(connection: Connection) -> list[list[str]]:
        found = []
        for sql, parameters in statements:
            word = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            rows: Sequence[Sequence[object]] = connection.exec_driver_sql(
                f"{word} {sql}",
                parameters,  # type: ignore[arg-type]
            ).all()
            found.append([str(row[-1]) for row in rows])
        return found

    return await database.read(explained)


async def _filled(database: Database, now: datetime) -> None:
    store, samples = Candles(database), Samples(database)
    old = now - 50 * DAY
    for series in (SERIES, HOURS):
        length = series.timeframe.length
        begin = series.timeframe.floor(old)
        many = 1200 if series is SERIES else 1000
        await store.put(
            series, candles(many, series, begin), Span(begin=begin, end=begin + many * length)
        )
        await store.put(
            series,
            candles(20, series, now - 20 * length),
            Span(begin=now - 20 * length, end=now),
        )
    await samples.store(
        [equity(old + n * MINUTE, "1") for n in range(1200)] + [equity(now, "2")],
        [quote(old + n * MINUTE) for n in range(1200)] + [quote(now)],
    )


async def test_what_is_older_than_wanted_goes_and_nothing_else_does(database: Database) -> None:
    # Given a journal, and history of fifty days ago and of today.
    journal, story = SqlJournal(database), Story(seed=41)
    await journal.open()
    for step, before, after in story.steps(100):
        await journal.append([step], before, after)
    now = BEGIN + 100 * DAY
    await _filled(database, now)
    others = [JOURNAL, *PROJECTIONS]
    kept = [await count(database, table) for table in others]
    # When what is older than forty days is pruned.
    gone = await Retention(database, Kept(equity_days=40, quotes_days=40, candles_days=40)).prune(
        now
    )
    # Then the old is gone, but for the hours, which stay ten times as long.
    history = History(database)
    assert gone == 3600
    assert await count(database, EQUITY_POINTS) == await count(database, QUOTE_SAMPLES) == 1
    assert len(await history.candles(SERIES, BEGIN, now)) == 20
    assert len(await history.candles(HOURS, BEGIN, now)) == 1020
    # And what is no longer there is no gap.
    whole = Span(begin=BEGIN, end=now)
    store = Candles(database)
    assert await store.gaps(SERIES, whole) == []
    assert await store.known(SERIES, Known.COVERED, whole) == [
        Span(begin=now - 20 * MINUTE, end=now)
    ]
    # And the journal is as it was.
    assert [await count(database, table) for table in others] == kept
    assert (await journal.verify()).faults == ()


async def test_a_stretch_that_is_half_old_is_known_from_there_on(database: Database) -> None:
    now = BEGIN + 2 * DAY
    store = Candles(database)
    await store.put(SERIES, candles(2880), Span(begin=BEGIN, end=now))
    await Retention(database, Kept(candles_days=1)).prune(now)
    assert await store.reach(SERIES) == Span(begin=BEGIN + DAY, end=now)
    assert await count(database) == 1440


async def test_nothing_goes_that_is_to_be_kept_for_ever(database: Database) -> None:
    now = BEGIN + 9999 * DAY
    await _filled(database, BEGIN + 100 * DAY)
    retention = Retention(database, Kept(equity_days=0, quotes_days=0, candles_days=0))
    assert await retention.prune(now) == 0
    assert await count(database) == 2240


async def test_a_long_past_goes_in_bites_and_the_rest_waits_for_the_next_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.retention.BITES_MAX", 2)
    monkeypatch.setattr("storage.retention.PAUSE_S", 0.0)
    now = BEGIN + 400 * DAY
    await Samples(database).store([], [quote(BEGIN + n * MINUTE) for n in range(1200)])
    retention = Retention(database, Kept(quotes_days=1))
    sizes: list[int] = []
    engine = database._engine
    assert engine is not None
    event.listen(
        engine,
        "after_cursor_execute",
        lambda _c, cursor, sql, *_: (
            sizes.append(cursor.rowcount) if sql.startswith("DELETE") else None
        ),
    )
    assert await retention.prune(now) == 1000
    assert [size for size in sizes if size] == [ROWS_AT_ONCE, ROWS_AT_ONCE]
    assert await retention.prune(now) == 200
    assert await count(database, QUOTE_SAMPLES) == 0


def test_a_history_table_is_none_of_the_journals() -> None:
    ours = {CANDLES.name, EQUITY_POINTS.name, QUOTE_SAMPLES.name, "candle_spans"}
    assert ours <= set(TABLES.tables)
    assert not ours & {table.name for table in PROJECTIONS}

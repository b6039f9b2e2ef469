"""Candles as they are stored: finished ones, once each, and which stretches of time are known.

A stretch is `covered` once the venue was asked for all of it, which is noted in the transaction
that stores its candles: whoever is killed goes on where the note ends. What is missing within is a
gap, until the venue has shown that it has none there: then it is `empty` for ever. An answer
without any row shows nothing by itself; the stretch is `doubted`, and empty the second time.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import partial

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    or_,
    select,
    type_coerce,
)

from engine.candles import EPOCH, MILLISECOND, Candle, Series, Timeframe
from storage.database import Database
from storage.history_tables import CANDLE_SPANS, CANDLES
from storage.spans import Span, cut, joined, within
from storage.statements import Values, rows_of, run_many, upserting

# So many rows take the writer some milliseconds: an append waits no longer behind them.
ROWS_AT_ONCE = 200


class Known(Enum):
    """What is known of a stretch."""

    COVERED = "covered"
    DOUBTED = "doubted"
    EMPTY = "empty"


class Candles:
    """Store candles and remember what was asked. Every method raises JournalUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, series: Series, candles: Sequence[Candle], covered: Span) -> None:
        """Store candles, oldest first, and note their stretch as covered, bit by bit.

        The same again changes nothing. What is killed half-way has noted what it stored.
        """
        begin = covered.begin
        for first in range(0, max(len(candles), 1), ROWS_AT_ONCE):
            part = candles[first : first + ROWS_AT_ONCE]
            is_last = first + ROWS_AT_ONCE >= len(candles)
            end = covered.end if is_last else part[-1].opened_at + series.timeframe.length
            span = Span(begin=begin, end=min(end, covered.end))
            await self._database.write(partial(_put, series=series, candles=part, span=span))
            begin = span.end

    async def note(self, series: Series, known: Known, spans: Sequence[Span]) -> None:
        """Note what is known of some stretches."""
        for first in range(0, len(spans), ROWS_AT_ONCE):
            part = spans[first : first + ROWS_AT_ONCE]
            await self._database.write(partial(_note_all, series=series, known=known, spans=part))

    async def known(self, series: Series, known: Known, bounds: Span) -> list[Span]:
        """Give the stretches within bounds of which this is known."""
        return await self._database.read(lambda c: _known(c, series, known, bounds))

    async def reach(self, series: Series) -> Span | None:
        """Give the last stretch that is covered; None when nothing is."""
        rows = await self._database.read(
            lambda c: rows_of(
                c,
                CANDLE_SPANS,
                lambda s: (
                    s.where(_of(series), CANDLE_SPANS.c.kind == Known.COVERED.value)
                    .order_by(CANDLE_SPANS.c.begins_at.desc())
                    .limit(1)
                ),
            )
        )
        return _span(rows[0]) if rows else None

    async def gaps(self, series: Series, bounds: Span) -> list[Span]:
        """Give what is covered within bounds and yet has no candle, but where the venue has none.

        Both bounds are begins of candles.
        """
        return await self._database.read(lambda c: _gaps(c, series, bounds))

    async def series(self) -> list[Series]:
        """Name every line of candles that anything is known of."""
        columns = (CANDLE_SPANS.c.venue, CANDLE_SPANS.c.symbol, CANDLE_SPANS.c.timeframe)
        statement = select(*columns).distinct().order_by(*columns)
        rows = await self._database.read(lambda c: c.execute(statement).all())
        return [
            Series(venue=row.venue, symbol=row.symbol, timeframe=Timeframe(row.timeframe))
            for row in rows
        ]


def line_of(series: Series) -> ColumnElement[bool]:
    """Narrow the candles to one line of them."""
    return and_(
        CANDLES.c.venue == series.venue,
        CANDLES.c.symbol == series.symbol,
        CANDLES.c.timeframe == series.timeframe.value,
    )


def _of(series: Series) -> ColumnElement[bool]:
    return and_(
        CANDLE_SPANS.c.venue == series.venue,
        CANDLE_SPANS.c.symbol == series.symbol,
        CANDLE_SPANS.c.timeframe == series.timeframe.value,
    )


def _key(series: Series) -> Values:
    return {
        "venue": series.venue,
        "symbol": series.symbol,
        "timeframe": series.timeframe.value,
    }


def _put(connection: Connection, series: Series, candles: Sequence[Candle], span: Span) -> None:
    key = _key(series)
    rows: list[Values] = [
        {
            **key,
            "opened_at": candle.opened_at,
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "volume": candle.volume,
        }
        for candle in candles
    ]
    run_many(connection, upserting(CANDLES, connection.dialect.name), rows)
    _note(connection, series, Known.COVERED, span)


def _note_all(connection: Connection, series: Series, known: Known, spans: Sequence[Span]) -> None:
    for span in spans:
        _note(connection, series, known, span)


def _note(connection: Connection, series: Series, known: Known, span: Span) -> None:
    """Add a stretch to those of its kind, which stay apart from one another."""
    if span.begin >= span.end:
        return
    near = and_(
        _of(series),
        CANDLE_SPANS.c.kind == known.value,
        CANDLE_SPANS.c.begins_at <= span.end,
        CANDLE_SPANS.c.ends_at >= span.begin,
    )
    if known is Known.EMPTY:
        settled = CANDLE_SPANS.c.kind == Known.DOUBTED.value
        within_it = and_(CANDLE_SPANS.c.begins_at >= span.begin, CANDLE_SPANS.c.ends_at <= span.end)
        connection.execute(delete(CANDLE_SPANS).where(_of(series), settled, within_it))
    there = [_span(row) for row in rows_of(connection, CANDLE_SPANS, lambda s: s.where(near))]
    (whole,) = joined([*there, span])
    if whole in there:
        return
    connection.execute(delete(CANDLE_SPANS).where(near))
    row = {
        **_key(series),
        "kind": known.value,
        "begins_at": whole.begin,
        "ends_at": whole.end,
    }
    run_many(connection, upserting(CANDLE_SPANS, connection.dialect.name), [row])


def forget_before(connection: Connection, series: Series, until: datetime) -> None:
    """Know nothing any more of what lies before a time."""
    old = and_(_of(series), CANDLE_SPANS.c.begins_at < until)
    rows = rows_of(connection, CANDLE_SPANS, lambda s: s.where(old, CANDLE_SPANS.c.ends_at > until))
    connection.execute(delete(CANDLE_SPANS).where(old))
    kept = [{**row, "begins_at": until} for row in rows]
    run_many(connection, upserting(CANDLE_SPANS, connection.dialect.name), kept)


def _known(connection: Connection, series: Series, known: Known, bounds: Span) -> list[Span]:
    rows = rows_of(
        connection,
        CANDLE_SPANS,
        lambda s: s.where(
            _of(series),
            CANDLE_SPANS.c.kind == known.value,
            CANDLE_SPANS.c.begins_at < bounds.end,
            CANDLE_SPANS.c.ends_at > bounds.begin,
        ),
    )
    return within((_span(row) for row in rows), bounds)


def _gaps(connection: Connection, series: Series, bounds: Span) -> list[Span]:
    if bounds.begin >= bounds.end:
        return []
    covered = _known(connection, series, Known.COVERED, bounds)
    empty = _known(connection, series, Known.EMPTY, bounds)
    unfilled = within(_unfilled(connection, series, bounds), bounds)
    return cut(unfilled, [*empty, *cut([bounds], covered)])


def _unfilled(connection: Connection, series: Series, bounds: Span) -> list[Span]:
    """Let the database say after which candle the next one is too far, and where they begin."""
    length = series.timeframe.length
    millis = type_coerce(CANDLES.c.opened_at, BigInteger)
    wanted = (
        line_of(series),
        CANDLES.c.opened_at >= bounds.begin,
        CANDLES.c.opened_at < bounds.end,
    )
    following = func.lead(millis).over(order_by=CANDLES.c.opened_at)
    pairs = select(millis.label("opened"), following.label("next")).where(*wanted).subquery()
    step = pairs.c.next - pairs.c.opened
    torn = select(pairs.c.opened, pairs.c.next).where(
        or_(pairs.c.next.is_(None), step > length // MILLISECOND)
    )
    first = connection.execute(select(func.min(millis)).where(*wanted)).scalar()
    found = [Span(begin=bounds.begin, end=bounds.end if first is None else _time(first))]
    for opened, after in connection.execute(torn):
        end = bounds.end if after is None else _time(after)
        found.append(Span(begin=_time(opened) + length, end=end))
    return found


def _time(millis: int) -> datetime:
    return EPOCH + millis * MILLISECOND


def _span(row: Values) -> Span:
    return Span(begin=row["begins_at"], end=row["ends_at"])

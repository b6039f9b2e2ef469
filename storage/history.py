"""History: what charts and backtests read. Everything is ordered by time, bounded, one index walk.

A stretch is [since, until). Above `ROWS_MAX` rows a reader goes on where the last row ended. No
method is for deciding: a history may lag behind, have gaps, or be cut off by its retention.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from engine.candles import MILLISECOND, Candle, Series
from storage.candles import line_of
from storage.database import Database
from storage.history_tables import CANDLES, EQUITY_POINTS, QUOTE_SAMPLES
from storage.queries import FillRecord, fill_record
from storage.statements import rows_of
from storage.tables import FILLS

ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EquitySample:
    """Give what the account was worth, in the reporting currency; `is_roll` begins a day."""

    at: datetime
    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    high_water: Decimal
    is_roll: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSample:
    """Give what a symbol was quoted, in quote currency."""

    venue: str
    symbol: str
    at: datetime
    bid: Decimal
    ask: Decimal
    mark: Decimal


class History:
    """Read the past. Every method raises JournalUnavailable, and JournalCorrupt for a row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def candles(
        self, series: Series, since: datetime, until: datetime, limit: int = ROWS_MAX
    ) -> Sequence[Candle]:
        """Give the candles that begin in a stretch, oldest first: the first `limit` of them."""
        opened = CANDLES.c.opened_at
        statement = (
            select(*_CANDLE_COLUMNS)
            .where(line_of(series), opened >= since, opened < until)
            .order_by(opened)
            .limit(min(limit, ROWS_MAX))
        )
        return await self._database.read(
            lambda c: tuple(_candle(row) for row in c.execute(statement))
        )

    async def last_candles(self, series: Series, count: int, until: datetime) -> Sequence[Candle]:
        """Give the last `count` candles that begin before a time, oldest first."""
        opened = CANDLES.c.opened_at
        statement = (
            select(*_CANDLE_COLUMNS)
            .where(line_of(series), opened < until)
            .order_by(opened.desc())
            .limit(min(count, ROWS_MAX))
        )
        found = await self._database.read(lambda c: [_candle(row) for row in c.execute(statement)])
        return tuple(reversed(found))

    async def every_candle(
        self, series: Series, since: datetime, until: datetime
    ) -> AsyncIterator[Candle]:
        """Give all candles that begin in a stretch, however many, a bounded number at a time."""
        while page := await self.candles(series, since, until):
            for candle in page:
                yield candle
            since = page[-1].opened_at + MILLISECOND

    async def quotes(
        self, venue: str, symbol: str, since: datetime, until: datetime, limit: int = ROWS_MAX
    ) -> Sequence[QuoteSample]:
        """Give the sampled quotes of a symbol, oldest first: the first `limit` of them."""
        table = QUOTE_SAMPLES.c
        rows = await self._database.read(
            lambda c: rows_of(
                c,
                QUOTE_SAMPLES,
                lambda s: (
                    s.where(
                        table.venue == venue,
                        table.symbol == symbol,
                        table.at >= since,
                        table.at < until,
                    )
                    .order_by(table.at)
                    .limit(min(limit, ROWS_MAX))
                ),
            )
        )
        return tuple(QuoteSample(**row) for row in rows)

    async def equity(
        self, since: datetime, until: datetime, points_max: int = 2000
    ) -> Sequence[EquitySample]:
        """Give equity over time, oldest first, evenly thinned to about `points_max`.

        Of each equal part of the stretch the last point is given.
        """
        points_max = min(points_max, ROWS_MAX)
        part_ms = max((until - since) // MILLISECOND // points_max, 1)
        at = EQUITY_POINTS.c.at
        # The same walk along the key twice: once for the last of each part, once for their rows.
        part = type_coerce(at, BigInteger) // part_ms
        last = (
            select(func.max(type_coerce(at, BigInteger)))
            .where(at >= since, at < until)
            .group_by(part)
        )
        rows = await self._database.read(
            lambda c: rows_of(
                c,
                EQUITY_POINTS,
                lambda s: s.where(
                    at >= since, at < until, type_coerce(at, BigInteger).in_(last)
                ).order_by(at),
            )
        )
        return tuple(EquitySample(**row) for row in rows)

    async def fills(
        self, venue: str, symbol: str, since: datetime, until: datetime, limit: int = ROWS_MAX
    ) -> Sequence[FillRecord]:
        """Give our fills of a symbol in a stretch, oldest first: the first `limit` of them."""
        table = FILLS.c

        def found(connection: Connection) -> tuple[FillRecord, ...]:
            rows = rows_of(
                connection,
                FILLS,
                lambda s: (
                    s.where(
                        table.at >= since,
                        table.at < until,
                        table.venue == venue,
                        table.symbol == symbol,
                    )
                    .order_by(table.at)
                    .limit(min(limit, ROWS_MAX))
                ),
            )
            return tuple(fill_record(row) for row in rows)

        return await self._database.read(found)


_CANDLE_COLUMNS = (
    CANDLES.c.opened_at,
    CANDLES.c.open,
    CANDLES.c.high,
    CANDLES.c.low,
    CANDLES.c.close,
    CANDLES.c.volume,
)


def _candle(row: Sequence[Any]) -> Candle:
    opened_at, opened, high, low, close, volume = row
    return Candle(opened_at=opened_at, open=opened, high=high, low=low, close=close, volume=volume)

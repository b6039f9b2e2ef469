"""Retention: old history is deleted in small bites, so that an append never waits behind it.

It knows the history tables only. The journal, its projections and everything else are not its own.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, true

from engine.candles import Series
from storage.candles import Candles, forget_before, line_of
from storage.database import Database
from storage.history_tables import CANDLES, EQUITY_POINTS, QUOTE_SAMPLES
from storage.kept import Kept, since_days

ROWS_AT_ONCE = 500
# What is left over waits for the next time: it is there for tidiness, and there is no hurry.
BITES_MAX = 200
PAUSE_S = 0.02


class Retention:
    """Delete what is older than its owner wants to keep."""

    def __init__(self, database: Database, kept: Kept) -> None:
        self._database = database
        self._kept = kept

    async def prune(self, now: datetime) -> int:
        """Delete a bounded number of old rows, and give it. Raises: JournalError."""
        left = BITES_MAX
        gone = 0
        for table, days in (
            (EQUITY_POINTS, self._kept.equity_days),
            (QUOTE_SAMPLES, self._kept.quotes_days),
        ):
            since = since_days(days, now)
            if since is not None:
                count, left = await self._delete(table, table.c.at, since, true(), left)
                gone += count
        for series in await Candles(self._database).series():
            since = self._kept.candles_since(series.timeframe, now)
            if since is not None and left:
                count, left = await self._forget(series, since, left)
                gone += count
        return gone

    async def _forget(self, series: Series, since: datetime, left: int) -> tuple[int, int]:
        """Delete a line's old candles; first nothing is known of them, so they are no gaps."""
        since = series.timeframe.floor(since)
        await self._database.write(lambda c: forget_before(c, series, since))
        return await self._delete(CANDLES, CANDLES.c.opened_at, since, line_of(series), left)

    async def _delete(
        self,
        table: Table,
        at: ColumnElement[datetime],
        since: datetime,
        narrowed: ColumnElement[bool],
        left: int,
    ) -> tuple[int, int]:
        """Delete bite by bite; gives the rows deleted, and the bites that are left."""
        gone = 0
        bite = _bite(table, at, since, narrowed)
        while left:
            count = await self._database.write(bite)
            gone += count
            left -= count > 0
            if count < ROWS_AT_ONCE:
                break
            await asyncio.sleep(PAUSE_S)
        return gone, left


def _bite(
    table: Table, at: ColumnElement[datetime], since: datetime, narrowed: ColumnElement[bool]
) -> Callable[[Connection], int]:
    old = and_(narrowed, at < since)
    # Samples of one moment go together, so a bite may be a few rows larger.
    last = select(at).where(old).order_by(at).offset(ROWS_AT_ONCE - 1).limit(1)

    def bitten(connection: Connection) -> int:
        end = connection.execute(last).scalar()
        upto = at < since if end is None else at <= end
        return connection.execute(delete(table).where(old, upto)).rowcount

    return bitten

"""Samples: equity and quotes as they were at some moments, written beside the journal."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection

from storage.database import Database
from storage.history import EquitySample, QuoteSample
from storage.history_tables import EQUITY_POINTS, QUOTE_SAMPLES
from storage.statements import run_many, upserting


class Samples:
    """Write samples, in a transaction of their own; the same again changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, equity: Sequence[EquitySample], quotes: Sequence[QuoteSample]) -> None:
        """Store samples. Raises: JournalError when they are not, or nobody knows."""

        def stored(connection: Connection) -> None:
            kind = connection.dialect.name
            points = [asdict(each) for each in equity]
            # The point that begins a day stays one, whatever else is measured at that moment.
            run_many(connection, upserting(EQUITY_POINTS, kind, "is_roll"), points)
            run_many(connection, upserting(QUOTE_SAMPLES, kind), [asdict(each) for each in quotes])

        await self._database.write(stored)

"""Journal: appends to SQLite with synchronous=FULL, each beside the same order through the ORM.

And appends to a real Postgres that waits for its disk, each beside bare psycopg on the same server.
"""

import sys
from decimal import Decimal
from time import perf_counter

from engine.ports import Step
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks.baselines.bare_orm import OrderStore
from tests.benchmarks.baselines.bare_psycopg import BareOrders
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, baseline_of, median_below, p99_below, row_of
from tests.benchmarks.session import Session
from tests.storage.postgres_server import NoPostgres, PostgresServer

GROUP = 50
CAUSE = "encoding and projecting on the loop's thread, then the commit on the writer's"


async def appends(effort: Effort) -> list[Row]:
    """Append signals with their orders: two events, their rows and a commit each."""
    return [*await _on_sqlite(effort), *await _on_postgres(effort)]


async def _on_sqlite(effort: Effort) -> list[Row]:
    folder = effort.room("journal")
    journal = SqlJournal(Database(f"sqlite:///{folder / 'journal.db'}"))
    store = OrderStore(folder / "orm.db")
    await journal.open()
    trial = _Trial(journal, Session())
    singles: list[float] = []
    bare: list[float] = []
    try:
        await trial.begin()
        for number in range(effort.n(300, quick=100)):
            singles.append(await trial.append(1))
            begun = perf_counter()
            await store.submitted(f"bare-{number}", "BTC/USDT", Decimal("0.5"), Decimal(100))
            bare.append((perf_counter() - begun) * MS)
        groups = [await trial.append(GROUP) for _ in range(effort.n(200, quick=20))]
    finally:
        await journal.close()
        store.close()
    return [
        row_of(
            "journal.single",
            "ms",
            singles,
            median_below(1.5),
            p99_below(4.0),
            beside=baseline_of("bare SQLAlchemy", "ms", bare, note="one ORM row and its commit"),
            note="one signal (2 events and their rows), SQLite FULL, one writer thread",
            cause=CAUSE,
        ),
        row_of(
            f"journal.group{GROUP}",
            "ms",
            groups,
            median_below(25.0),
            note=f"{GROUP} signals (100 events and their rows) in one commit",
            cause=CAUSE,
        ),
    ]


async def _on_postgres(effort: Effort) -> list[Row]:
    server = PostgresServer(is_durable=True)
    try:
        server.create()
    except NoPostgres as fault:
        sys.stderr.write(f"journal: no rows of Postgres: {fault}\n")
        return []
    try:
        server.start()
        return await _on_server(effort, server)
    finally:
        server.remove()


async def _on_server(effort: Effort, server: PostgresServer) -> list[Row]:
    url = server.url(server.fresh())
    journal = SqlJournal(Database(url))
    await journal.open()
    bare_orders = BareOrders(url)
    trial = _Trial(journal, Session())
    singles: list[float] = []
    bare: list[float] = []
    try:
        await trial.begin()
        for number in range(effort.n(300, quick=100)):
            singles.append(await trial.append(1))
            begun = perf_counter()
            bare_orders.submitted(f"bare-{number}", "BTC/USDT", Decimal("0.5"), Decimal(100))
            bare.append((perf_counter() - begun) * MS)
        groups = [await trial.append(GROUP) for _ in range(effort.n(200, quick=20))]
    finally:
        await journal.close()
        bare_orders.close()
    return [
        row_of(
            "journal.single.postgres",
            "ms",
            singles,
            median_below(4.0),
            p99_below(12.0),
            beside=baseline_of("bare psycopg", "ms", bare, note="one row and its commit"),
            note="one signal on Postgres, fsync on, loopback: one pipeline and its commit",
            cause=CAUSE,
        ),
        row_of(
            f"journal.group{GROUP}.postgres",
            "ms",
            groups,
            median_below(40.0),
            note=f"{GROUP} signals (100 events and their rows) in one commit, on Postgres",
            cause=CAUSE,
        ),
    ]


class _Trial:
    """Append signals of a session; what the venue answers is appended between the samples."""

    def __init__(self, journal: SqlJournal, session: Session) -> None:
        self._journal, self._session = journal, session
        self._number = 0

    async def begin(self) -> None:
        before = self._session.state
        await self._journal.append([self._session.begin()], before, self._session.state)

    async def append(self, size: int) -> float:
        """Give the milliseconds of one append of so many signals."""
        before = self._session.state
        steps: list[Step] = []
        for _ in range(size):
            steps.append(self._session.signal(self._number))
            self._number += 1
        begun = perf_counter()
        await self._journal.append(steps, before, self._session.state)
        spent = (perf_counter() - begun) * MS
        before = self._session.state
        answers = [each for step in steps for each in self._session.answers(step)]
        await self._journal.append(answers, before, self._session.state)
        return spent

"""Journal: appends to SQLite with synchronous=FULL, one signal at a time and fifty together."""

from time import perf_counter

from engine.ports import Step
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, median_below, p99_below, row_of
from tests.benchmarks.session import Session

GROUP = 50


async def appends(effort: Effort) -> list[Row]:
    """Append signals with their orders: two events, four rows and a commit each."""
    database = Database(f"sqlite:///{effort.room('journal') / 'journal.db'}")
    journal, session = SqlJournal(database), Session()
    before = await journal.open()
    try:
        await journal.append([session.begin()], before, session.state)
        number = 0
        singles: list[float] = []
        groups: list[float] = []
        for size, samples, runs in (
            (1, singles, effort.n(300, quick=100)),
            (GROUP, groups, effort.n(200, quick=20)),
        ):
            for _ in range(runs):
                before = session.state
                steps: list[Step] = []
                for _ in range(size):
                    submitted = session.signal(number)
                    steps.append(submitted)
                    number += 1
                begun = perf_counter()
                await journal.append(steps, before, session.state)
                samples.append((perf_counter() - begun) * MS)
                before = session.state
                answers = [each for submitted in steps for each in session.answers(submitted)]
                await journal.append(answers, before, session.state)
    finally:
        await journal.close()
    cause = "encoding and projecting on the loop's thread, then the commit on the writer's"
    return [
        row_of(
            "journal.single",
            "ms",
            singles,
            median_below(1.5),
            p99_below(4.0),
            note="one signal (2 events and their rows), SQLite FULL, one writer thread",
            cause=cause,
        ),
        row_of(
            f"journal.group{GROUP}",
            "ms",
            groups,
            median_below(25.0),
            note=f"{GROUP} signals (100 events and their rows) in one commit",
            cause=cause,
        ),
    ]

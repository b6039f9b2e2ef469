"""Growth with the journal: starting, appending and looking up after 1e4, 1e5 and 1e6 events."""

import random
from time import perf_counter

from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks import bulk
from tests.benchmarks.effort import Effort
from tests.benchmarks.growth import Grower, Growth
from tests.benchmarks.rows import MS, Row, median_below, row_of
from tests.benchmarks.session import Session

SIZES, SIZES_QUICK = (10_000, 100_000, 1_000_000), (10_000,)
MILLION = 1_000_000
# Numbers of signals that no lap uses.
GIVEN = 100_000_000
# The first symbol that appending leaves alone: buying it again at once would be a duplicate.
UNTRADED = 50
# The lap that follows the snapshot, as the next snapshot is not due before 5,000 events.
TAIL = 8 * bulk.TRADES


async def restarts(effort: Effort) -> list[Row | Growth]:
    """Grow one journal from size to size, and measure at each."""
    file = effort.room("events") / "journal.db"
    made = await bulk.begun(file)
    sizes = SIZES_QUICK if effort.quick else SIZES
    grower, restarted = Grower("events in the journal", sizes), list[float]()
    for size in sizes:
        made.grow(size)
        restarted = await _measured(made, grower, size, effort)
    size = sizes[-1]
    row = row_of(
        f"restart.{size:.0e}".replace("+0", ""),
        "s",
        restarted,
        *([median_below(3.0)] if size == MILLION else []),
        note=f"opening a journal of {made.seq:,} events ({_megabytes(made):,} MB) until State "
        f"stands; some {TAIL:,} events lie after the newest snapshot",
        cause="the snapshot, then each event after it: read, chained, decoded, folded",
    )
    return [row, grower.table()]


async def _measured(
    made: bulk.BulkJournal, grower: Grower, size: int, effort: Effort
) -> list[float]:
    """Replay everything, which leaves a snapshot; append and look up; then start from it."""
    made.forget_snapshots()
    replayed, journal, session = await _opened(made, size)
    grower.add("restart, whole replay", "s", size, [replayed])
    try:
        grower.add("append", "ms", size, await _appended(journal, session, effort.n(100, quick=20)))
        grower.add("find_command", "ms", size, await _found(made, journal, effort.n(200, quick=50)))
        state = session.state
        await bulk.stored(journal, state, list(bulk.lap(session, UNTRADED)))
    finally:
        await journal.close()
    made.read_head()
    restarted: list[float] = []
    for _ in range(effort.n(5, quick=3)):
        spent, journal, _ = await _opened(made, size)
        restarted.append(spent)
        await journal.close()
    grower.add("restart, from the snapshot", "s", size, restarted)
    return restarted


async def _opened(made: bulk.BulkJournal, size: int) -> tuple[float, SqlJournal, Session]:
    journal = SqlJournal(Database(f"sqlite:///{made.file}"))
    begun = perf_counter()
    state = await journal.open()
    spent = perf_counter() - begun
    assert state.seq == made.seq, "the journal does not hold what was stored"
    return spent, journal, Session(state, given=GIVEN + 10 * size)


async def _appended(journal: SqlJournal, session: Session, n: int) -> list[float]:
    """Append signals one by one; each is bought and sold again, so that nothing is left over."""
    samples: list[float] = []
    for number in range(n):
        before = session.state
        step = session.signal(number // 2, closing=bool(number % 2))
        begun = perf_counter()
        await journal.append([step], before, session.state)
        samples.append((perf_counter() - begun) * MS)
        before = session.state
        await journal.append(list(session.answers(step)), before, session.state)
    return samples


async def _found(made: bulk.BulkJournal, journal: SqlJournal, n: int) -> list[float]:
    """Look up commands of any age."""
    dice = random.Random(1)
    samples: list[float] = []
    for _ in range(n):
        name = made.command(dice.randrange(made.laps), dice.randrange(bulk.TRADES))
        begun = perf_counter()
        events = await journal.find_command(name)
        samples.append((perf_counter() - begun) * MS)
        assert events, f"{name} is not found"
    return samples


def _megabytes(made: bulk.BulkJournal) -> int:
    return made.file.stat().st_size // 1_000_000

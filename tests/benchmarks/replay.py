"""Replay: folding a journal's events again, in memory and from the database."""

from dataclasses import replace
from time import perf_counter

from engine.events import Event
from engine.fold import apply
from engine.state import State
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import US, Row, median_below, row_of
from tests.benchmarks.session import Session

MILLION = 1_000_000
APPENDED_AT_ONCE = 250


async def replays(effort: Effort) -> list[Row]:
    """Fold 1e4 and 1e5 events in memory, and open a database of the same."""
    rows = []
    sizes = (10_000,) if effort.quick else (10_000, 100_000)
    stored = 2_000 if effort.quick else 20_000
    for size in sizes:
        events, state = _events(size)
        runs = 3 if size > 10_000 or effort.quick else 5
        spent = [_fold(events, state) * US / size for _ in range(runs)]
        row = row_of(
            f"replay.{size:.0e}".replace("+0", ""),
            "us/event",
            spent,
            median_below(50.0),
            cause="copies of the mappings and of State that each event makes",
        )
        note = f"{size:,} events folded in memory; 1e6 would take {row.median:.0f} s"
        rows.append(replace(row, note=note))
    rows.append(await _opened(effort, stored))
    return rows


def _events(count: int) -> tuple[list[Event], State]:
    session = Session()
    events: list[Event] = []
    for step in session.round_trips():
        events.extend(step.events)
        if len(events) >= count:
            break
    return events, session.state


def _fold(events: list[Event], expected: State) -> float:
    begun = perf_counter()
    state = State()
    for event in events:
        state = apply(state, event)
    spent = perf_counter() - begun
    assert state == expected, "a replay does not give State again"
    return spent


async def _opened(effort: Effort, count: int) -> Row:
    """Store a session, and open its journal again: chain, codec and fold."""
    url = f"sqlite:///{effort.room('replay') / 'journal.db'}"
    journal, session = SqlJournal(Database(url)), Session()
    before = await journal.open()
    waiting = []
    for step in session.round_trips():
        waiting.append(step)
        if len(waiting) == APPENDED_AT_ONCE:
            await journal.append(waiting, before, session.state)
            before, waiting = session.state, []
            if before.seq >= count:
                break
    await journal.close()
    spent = []
    for _ in range(3):
        journal = SqlJournal(Database(url))
        begun = perf_counter()
        state = await journal.open()
        spent.append((perf_counter() - begun) * US / state.seq)
        assert state == session.state, "the stored journal does not give State again"
        await journal.close()
    row = row_of(
        "replay.database",
        "us/event",
        spent,
        median_below(100.0),
        cause="SQL rows, hash chain and decoding beside the fold; there is no snapshot yet",
    )
    note = f"{session.state.seq:,} events from SQLite; 1e6 would take {row.median:.0f} s"
    return replace(row, note=note)

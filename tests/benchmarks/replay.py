"""Replay: folding a session's events again, in memory, without storage."""

from time import perf_counter

from engine.events import Event
from engine.fold import apply
from engine.state import State
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import US, Row, median_below, row_of
from tests.benchmarks.session import Session

SIZES, SIZES_QUICK = (10_000, 50_000), (5_000,)
RUNS = 5


async def replays(effort: Effort) -> list[Row]:
    """Fold events again and again: a State that grew would show as a cost that grows."""
    rows = []
    for size in SIZES_QUICK if effort.quick else SIZES:
        events, state = _events(size)
        spent = [_fold(events, state) * US / size for _ in range(RUNS)]
        rows.append(
            row_of(
                f"replay.{size:.0e}".replace("+0", ""),
                "us/event",
                spent,
                median_below(50.0),
                note=f"{size:,} events folded in memory",
                cause="copies of the mappings and of State that each event makes",
            )
        )
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

"""The verdict: what may grow, how far everything else may, and whether it kept to that."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import linear_regression, median
from typing import Final

from bot.gauges import STAMPS_MAX
from bot.outgoing import ENDED_MAX
from bot.pruning import UPDATES_KEPT
from engine.performance import SAMPLES_MAX
from engine.state import (
    COMMANDS_TAIL,
    FILLS_TAIL,
    ORDERS_TAIL,
    SENT_TAIL,
    SIGNALS_TAIL,
    TICKETS_TAIL,
)
from storage.cache import ENTRIES_MAX
from tests.soak.measures import Sample

WEEK: Final = 7.0
WARM_UP_SHARE: Final = 0.34
MB_OVER_BASE_MAX: Final = 150.0
MB_PER_WEEK_MAX: Final = 2.0
# Over a run of days the allocator's own comings and goings are larger than any week's growth.
MB_NOISE: Final = 8.0
TASKS_MAX: Final = 80
TASKS_MORE_MAX: Final = 5
INBOX_MAX: Final = 256
WAITING_MAX: Final = 200
# A message of a person, an edit, a tap: what one hour between two prunings may add.
HOUR_ROWS: Final = 500
HELD_MAX: Final = 600  # of whatever has no bound of its own here

# The account's history: it is kept for ever, and grows with trading.
GROWS: Final = frozenset(
    {
        "journal", "commands", "orders", "fills", "positions", "tickets", "signals", "equity",
        "days",
    }
)  # fmt: skip
BOUNDS: Final[Mapping[str, int]] = {
    "State.orders_finished": ORDERS_TAIL,
    "State.tickets_ended": TICKETS_TAIL,
    "State.fills_known": FILLS_TAIL,
    "State.commands_known": COMMANDS_TAIL,
    "State.signals": SIGNALS_TAIL,
    "State.sent": SENT_TAIL,
    "Outgoing._ended": ENDED_MAX,
    "Gauges._sent_s": STAMPS_MAX,
    "Performance.latencies_ms": SAMPLES_MAX,
    "Performance.acknowledged_ms": SAMPLES_MAX,
    "Performance.slippages_bps": SAMPLES_MAX,
    "Performance.done_ms": SAMPLES_MAX,
    "Performance.committed_ms": SAMPLES_MAX,
    "Performance.sent_ms": SAMPLES_MAX,
    "Performance.spreads_bps": SAMPLES_MAX,
    "Performance.delays_bps": SAMPLES_MAX,
    "Performance.shortfalls_bps": SAMPLES_MAX,
    "MemoryCache._entries": ENTRIES_MAX,
}
ROWS: Final[Mapping[str, int]] = {
    "updates": UPDATES_KEPT + HOUR_ROWS,
    "notes": 1_000,
    "snapshots": 10,
    "journal_meta": 20,
    "chats": 10,
    "operators": 10,
}


def objections(samples: Sequence[Sample], base_mb: float, kept_days: float) -> list[str]:
    """Give every reason why the run has failed; none when it has passed."""
    return [
        *_memory(samples, base_mb),
        *_tasks(samples),
        *(text for sample in samples for text in _bounds(sample)),
        *_tables(samples, kept_days),
    ]


def growth(samples: Sequence[Sample]) -> tuple[float, float]:
    """Give the virtual days after the warm-up, a third of all, and the MB that they added.

    By the slope of a line through every sample, least squares: one that happens to be high or low
    decides nothing.
    """
    warm = samples[int(len(samples) * WARM_UP_SHARE) :]
    if len(warm) < 2:
        return 0.0, 0.0
    slope = linear_regression([one.day for one in warm], [one.net_mb for one in warm]).slope
    days = warm[-1].day - warm[0].day
    return days, slope * days


def mb_allowed(days: float) -> float:
    """Give how much memory may grow in so many virtual days."""
    return max(MB_NOISE, MB_PER_WEEK_MAX * days / WEEK)


def _memory(samples: Sequence[Sample], base_mb: float) -> Iterator[str]:
    over = samples[-1].net_mb - base_mb
    if over >= MB_OVER_BASE_MAX:
        yield f"memory is {over:.1f} MB over the simulator's own {base_mb:.1f} MB"
    days, grown = growth(samples)
    if grown > mb_allowed(days):
        yield f"memory grew {grown:.1f} MB in {days:.1f} virtual days after the warm-up"


def _tasks(samples: Sequence[Sample]) -> Iterator[str]:
    most = max(samples, key=lambda one: one.tasks)
    if most.tasks > TASKS_MAX:
        yield f"{most.tasks} tasks on day {most.day:.1f}: {dict(most.task_names)}"
    third = max(1, len(samples) // 3)
    first, last = (
        median(one.tasks for one in part) for part in (samples[:third], samples[-third:])
    )
    if last > first + TASKS_MORE_MAX:
        yield f"tasks went from {first:.0f} to {last:.0f}"


def _bounds(sample: Sample) -> Iterator[str]:
    if sample.inbox > INBOX_MAX:
        yield f"{sample.inbox} messages wait in the inbox on day {sample.day:.1f}"
    for name, length in sample.held.items():
        if length > BOUNDS.get(name, HELD_MAX):
            yield f"{name} holds {length} on day {sample.day:.1f}"
    for name, rows in sample.rows.items():
        if name in ROWS and rows > ROWS[name]:
            yield f"table {name} has {rows} rows on day {sample.day:.1f}"
    waiting = sum(rows for status, rows in sample.outbox.items() if status in ("due", "sending"))
    if waiting > WAITING_MAX:
        yield f"{waiting} alerts wait on day {sample.day:.1f}"


def _tables(samples: Sequence[Sample], kept_days: float) -> Iterator[str]:
    """Judge what is pruned by age: nothing older is left, an hour between prunings aside."""
    for sample in samples:
        for name, days in sample.oldest_days.items():
            if days > kept_days + 0.1:
                yield f"table {name} keeps {days:.1f} days on day {sample.day:.1f}"
    unknown = samples[-1].rows.keys() - GROWS - ROWS.keys() - samples[-1].oldest_days.keys()
    unbounded = [name for name in unknown if not name.startswith("paper_")]
    for name in sorted(unbounded):
        if samples[-1].rows[name] > HELD_MAX:
            yield f"table {name} has {samples[-1].rows[name]} rows, and no bound is known"

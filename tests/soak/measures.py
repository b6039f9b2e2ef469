"""Measures: what a console holds at one moment - memory, tasks, queues, windows, tables, caches."""

import asyncio
import gc
import os
import sqlite3
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Set, Sized
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

from engine.state import State
from tests.simulation.outside import Outside
from tests.simulation.process import Process

MB = 1 << 20
OURS = ("bot.", "engine.", "storage.")
CONTAINERS = (dict, list, set, deque)
ITEMS_LOOKED_AT = 64
PRUNED = (("outbox", "ended_at"), ("cards", "at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was held at the end of a virtual day; sizes in MB, `ledger_mb` is the paper venue's.

    `objects` is counted after a full collection. `held` is the longest container under each name.
    """

    day: float
    wall_s: float
    rss_mb: float
    ledger_mb: float
    objects: int
    garbage: int
    tasks: int
    task_names: Mapping[str, int]
    inbox: int
    seq: int
    orders: int
    trades: int
    rows: Mapping[str, int]
    outbox: Mapping[str, int]
    oldest_days: Mapping[str, float]
    held: Mapping[str, int]

    @property
    def net_mb(self) -> float:
        """Give the memory without the venue, which lives elsewhere in earnest."""
        return self.rss_mb - self.ledger_mb


def rss_mb() -> float:
    """Give the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def sample(day: float, wall_s: float, outside: Outside, process: Process) -> Sample:
    """Measure now; collects garbage first."""
    garbage = gc.collect()
    tasks = process.life.left()
    ledger = outside.venue.ledger
    state = process.engine.state
    rows, outbox = counted(outside.disk.file)
    return Sample(
        day=day,
        wall_s=wall_s,
        rss_mb=rss_mb(),
        ledger_mb=weight((ledger.orders, ledger.trades, ledger.flows)) / MB,
        objects=len(gc.get_objects()),
        garbage=garbage,
        tasks=len(tasks),
        task_names=dict(Counter(_name_of(task) for task in tasks)),
        inbox=len(process.engine.loop.inbox),
        seq=state.seq,
        orders=len(ledger.orders),
        trades=len(ledger.trades),
        rows=rows,
        outbox=outbox,
        oldest_days=oldest_days(outside.disk.file, outside.clock.now()),
        held={**windows(state), **held(process.app)},
    )


def _name_of(task: asyncio.Task[Any]) -> str:
    return task.get_name().partition(" ")[0].rstrip("0123456789-")


def counted(file: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Count the rows of every table, and those of the outbox by status."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - names of the file's own
            for name in names
        }
        status = "SELECT status, count(*) FROM outbox GROUP BY status"
        return rows, dict(connection.execute(status).fetchall())
    finally:
        connection.close()


def oldest_days(file: Path, now: datetime) -> dict[str, float]:
    """Give the age of the oldest row of each table that is pruned by age, in days."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        found: dict[str, float] = {}
        for table, column in PRUNED:
            asked = f"SELECT min({column}) FROM {table}"  # noqa: S608 - names of our own
            oldest = connection.execute(asked).fetchone()[0]
            at = now if oldest is None else datetime.fromisoformat(oldest)
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            found[table] = (now - at).total_seconds() / 86_400
        return found
    finally:
        connection.close()


def windows(state: State) -> dict[str, int]:
    """Give the length of each of State's mappings and tails."""
    values = ((field.name, getattr(state, field.name)) for field in fields(state))
    return {f"State.{name}": len(value) for name, value in values if isinstance(value, Sized)}


def held(root: object) -> dict[str, int]:
    """Give the longest container behind each attribute of the console's parts, by its name.

    It walks from the app over everything of ours that lives there, whatever it is called: what
    somebody adds later is looked at too. State and other frozen values are left out.
    """
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        for name, value in _attributes(part):
            if isinstance(value, CONTAINERS):
                label = f"{type(part).__name__}.{name}"
                found[label] = max(found.get(label, 0), len(value))
            waiting.extend(_parts_of(value))
    return found


def _attributes(part: object) -> Iterator[tuple[str, Any]]:
    yield from getattr(part, "__dict__", {}).items()
    for kind in type(part).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(part, name):
                yield name, getattr(part, name)


def _parts_of(value: object) -> Iterator[object]:
    """Give what of ours lies in a value: itself, its method's owner, the first of a container."""
    if isinstance(value, MethodType):
        value = value.__self__
    if isinstance(value, partial):
        yield from _parts_of(value.func)
        for each in value.args:
            yield from _parts_of(each)
    elif isinstance(value, Mapping):
        for each in list(value.values())[:ITEMS_LOOKED_AT]:
            yield from _parts_of(each) if not isinstance(each, Mapping) else ()
    elif isinstance(value, list | tuple | deque | Set):
        for each in list(value)[:ITEMS_LOOKED_AT]:
            yield from _parts_of(each) if not isinstance(each, Sized) else ()
    elif type(value).__module__.startswith(OURS) and not _is_frozen(value):
        yield value


def _is_frozen(value: object) -> bool:
    if not is_dataclass(value):
        return False
    params: Any = getattr(value, "__dataclass_params__", None)
    return isinstance(value, State) or (params is not None and params.frozen and not _holds(value))


def _holds(value: object) -> bool:
    """Tell whether a frozen value is a box of parts, as an assembly and a desk are."""
    return any(
        type(each).__module__.startswith(OURS) and not is_dataclass(each)
        for _, each in _attributes(value)
    )


def weight(root: object) -> int:
    """Give the bytes of something with all that hangs on it, each thing once."""
    total, seen, waiting = 0, set[int](), [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        if isinstance(thing, Mapping):
            waiting.extend(thing.keys())
            waiting.extend(thing.values())
        elif isinstance(thing, list | tuple | Set):
            waiting.extend(thing)
        elif is_dataclass(thing):
            waiting.extend(value for _, value in _attributes(thing))
    return total

"""A database as an earlier release left it, with a row at least in each of its tables."""

from datetime import date
from typing import Any

from sqlalchemy import Column, Connection, func, insert, inspect, select

from storage.backup_rows import reflected
from storage.migration import TABLES, upgrade
from storage.migrations import REVISIONS
from storage.tables import PROJECTIONS
from tests.storage.frozen import Frozen, files, frozen
from tests.storage.rooms import raw

PROJECTED = frozenset(table.name for table in PROJECTIONS)


def old_database(url: str, revision: str) -> Frozen:
    """Make an empty database one of this revision, and give the kept journal that is in it.

    A table that came after what is kept gets a row of its own, so no revision needs a word here.
    """
    old = newest_kept(revision)
    raw(url, lambda c: upgrade(c, old.facts["revision"]))
    raw(url, old.put)
    raw(url, lambda c: upgrade(c, revision))
    raw(url, fill_empty)
    return old


def newest_kept(revision: str) -> Frozen:
    """Give the youngest database that is kept and not younger than a revision."""
    known = REVISIONS[: REVISIONS.index(revision) + 1]
    kept = [old for path in files() if (old := frozen(path)).facts["revision"] in known]
    return max(kept, key=lambda old: known.index(old.facts["revision"]))


def counts(connection: Connection) -> dict[str, int]:
    """Count the rows of each of our tables that is there."""
    there = frozenset(TABLES.tables).intersection(inspect(connection).get_table_names())
    return {
        name: connection.execute(
            select(func.count()).select_from(reflected(connection, name))
        ).scalar_one()
        for name in there
    }


def fill_empty(connection: Connection) -> None:
    """Put a row into each table that no event fills and that came after what is kept."""
    for name, count in counts(connection).items():
        if count == 0 and name not in PROJECTED:
            table = reflected(connection, name)
            connection.execute(insert(table).inline(), {c.name: value_of(c) for c in table.columns})


def value_of(column: Column[Any]) -> Any:
    match column.type.python_type.__name__:
        case "int" | "float" | "Decimal":
            return 7
        case "bool":
            return True
        case "bytes":
            return b"\x00\xff"
        case "date":
            return date(2026, 3, 1)
        case "str":
            return "2026-03-01T12:30:15.123456Z" if column.name.endswith("at") else "7"
        case other:
            raise AssertionError(f"say here what a {other} may be")

"""Rows of a backup: any table's rows as lines of JSON, the same from both databases.

A row is a list of its columns' stored values: a number, a text, true, false or null; bytes stand as
`{"b64": "..."}` and a date as `{"date": "..."}`. Times and decimals are texts as they are stored.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text

from engine.errors import JournalCorrupt
from storage.migration import TABLES
from storage.statements import is_server
from storage.tables import LEASE, PROJECTIONS, SNAPSHOTS

ROWS_AT_ONCE: Final = 1000
# What a replay of the events gives again.
DERIVED: Final = frozenset(table.name for table in (*PROJECTIONS, SNAPSHOTS))
# What belongs to a running process and not to its journal. Every other table is carried, one added
# later as well.
OF_A_PROCESS: Final = frozenset({LEASE.name})


def carried(connection: Connection) -> tuple[Table, ...]:
    """Give the tables that a backup of this database holds, with the columns they have there."""
    there = set(inspect(connection).get_table_names())
    names = [name for name in TABLES.tables if name in there and name not in DERIVED | OF_A_PROCESS]
    return tuple(reflected(connection, name) for name in names)


def reflected(connection: Connection, name: str) -> Table:
    """Give a table as the database knows it, which reads values as they are stored."""
    return Table(name, MetaData(), autoload_with=connection, resolve_fks=False)


def stored_rows(connection: Connection, table: Table) -> Iterator[list[Any]]:
    """Read every row of a table, by its key, as JSON can hold it."""
    statement = select(table).order_by(*table.primary_key)
    found = connection.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
    for row in found:
        yield [_written(value) for value in row]


def _written(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case bytes() | memoryview():
            return {"b64": base64.b64encode(value).decode()}
        case date():
            return {"date": value.isoformat()}
        case _:
            raise AssertionError(f"a backup cannot hold {type(value).__name__}")


def put_rows(connection: Connection, table: Table, names: Sequence[str], rows: Any) -> int:
    """Insert rows whose values stand in the order of `names`, and give their number.

    Raises: JournalCorrupt when they are none of this table.
    """
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        raise JournalCorrupt(f"Table {table.name} has no column {unknown[0][:60]}.")
    count, waiting = 0, []
    for row in rows:
        waiting.append(dict(zip(names, map(_read, row), strict=True)))
        if len(waiting) == ROWS_AT_ONCE:
            connection.execute(insert(table).inline(), waiting)
            waiting = []
        count += 1
    if waiting:
        connection.execute(insert(table).inline(), waiting)
    _count_on(connection, table)
    return count


def _read(value: Any) -> object:
    match value:
        case {"b64": str(coded)}:
            return base64.b64decode(coded)
        case {"date": str(day)}:
            return date.fromisoformat(day)
        case None | bool() | int() | str():
            return value
        case _:
            raise JournalCorrupt(f"A row of the backup holds no value: {str(value)[:60]}.")


def _count_on(connection: Connection, table: Table) -> None:
    """Let a server number the next row after the last one; a file does so by itself."""
    column = table.autoincrement_column
    if column is None or not is_server(connection):
        return
    sequence = connection.execute(
        text("SELECT pg_get_serial_sequence(:name, :column)"),
        {"name": table.name, "column": column.name},
    ).scalar()
    highest = connection.execute(select(func.max(column))).scalar()
    if sequence is not None and highest is not None:
        connection.execute(select(func.setval(sequence, highest)))

"""Statements: the inserts every writer uses, prepared once, and reading rows without trust."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnClause,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine.errors import JournalCorrupt
from storage.types import DecimalText, ForeignText, UtcDateTime

Values = dict[str, Any]
V = TypeVar("V")


@cache
def inserting(table: Table) -> Insert:
    """Give the insert of whole rows; a row that is there already is an IntegrityError."""
    # Postgres would give every new row's number back, which nobody asks for.
    return insert(table).inline()


@cache
def upserting(table: Table, dialect: str, *kept: str) -> Insert:
    """Give the insert that replaces a row of the same primary key, but for the columns `kept`."""
    statement = _postgres_insert(table) if dialect == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    replaced = [c.name for c in table.columns if c.name not in key and c.name not in kept]
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: statement.excluded[name] for name in replaced},
    )


def is_server(connection: Connection) -> bool:
    """Tell whether the database is Postgres; otherwise it is SQLite."""
    return connection.dialect.name == "postgresql"


def _server() -> Any:
    # The driver comes with an extra, and costs 12 MB and 0.1 s.
    from storage import postgres  # noqa: PLC0415 - see above

    return postgres


def together(connection: Connection) -> AbstractContextManager[None]:
    """Send what is run inside to a server in one go; a file has nothing to wait for.

    Raises: DBAPIError for the first statement that fails, at the end where there is a server.
    """
    return _server().together(connection) if is_server(connection) else nullcontext()


def fenced(connection: Connection) -> Callable[[], tuple[int, str] | None]:
    """Keep other writers out until the transaction ends; gives what reads the journal's end.

    SQLite's own transaction does that. Raises: DBAPIError when another one does not end in time.
    """
    if is_server(connection):
        head: Callable[[], tuple[int, str] | None] = _server().Fence(connection).head
        return head
    driver = connection.connection.driver_connection
    assert driver is not None, "a transaction without a connection"
    row = driver.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return lambda: row


def broken_table(error: IntegrityError) -> str:
    """Name the table whose rule a statement broke; empty where nobody says."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.table_name or ""
    return str(error.orig).partition(": ")[2].partition(".")[0]


def _postgres_insert(table: Table) -> Any:
    # Only where Postgres is used: 2.3 MB of memory and 3 % of the imports less on SQLite.
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - see above

    return postgresql.insert(table)


@cache
def selecting(table: Table) -> Select[Any]:
    """Give the select of every column as it is stored, before any type has read it."""
    return select(
        *(
            type_coerce(column, column.type.impl_instance).label(column.name)
            if isinstance(column.type, DecimalText | UtcDateTime)
            else column
            for column in table.columns
        )
    )


def rows_of(
    connection: Connection,
    table: Table,
    narrowed: Callable[[Select[Any]], Select[Any]] = lambda statement: statement,
    parameters: Values | None = None,
) -> list[Values]:
    """Read whole rows of a table, column by column; `parameters` fill what `narrowed` left open.

    Raises: JournalCorrupt naming the table, the row's key and the column.
    """
    try:
        rows = connection.execute(narrowed(selecting(table)), parameters or {}).mappings().all()
    except (ValueError, TypeError) as error:
        raise JournalCorrupt(f"Table {table.name} holds what cannot be read: {error}") from error
    key = tuple(column.name for column in table.primary_key)
    readers = {
        column.name: column.type
        for column in table.columns
        if isinstance(column.type, DecimalText | UtcDateTime)
    }
    found: list[Values] = []
    for stored in rows:
        row = dict(stored)
        for name, reader in readers.items():
            try:
                row[name] = reader.process_result_value(row[name], connection.dialect)
            except JournalCorrupt as error:
                where = ", ".join(str(row[part]) for part in key)
                raise JournalCorrupt(
                    f"Table {table.name}, row {where}, column {name}: {error}"
                ) from error
        found.append(row)
    return found


def enum_of(kind: Callable[[Any], V], value: object, table: Table, key: object) -> V:
    """Read a stored word as one of an enum's.

    Raises: JournalCorrupt naming the table and the row's key.
    """
    try:
        return kind(value)
    except ValueError as error:
        raise JournalCorrupt(f"Table {table.name}, row {key}: {error}.") from error


Binder = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Hold an insert as the driver takes it: its text, its values' names, and who writes which."""

    sql: str
    names: tuple[str, ...]
    binders: tuple[tuple[int, Binder], ...]
    is_by_name: bool

    def bound(self, row: Values) -> Any:
        """Give a row as the driver takes it."""
        values = [row[name] for name in self.names]
        for place, bind in self.binders:
            values[place] = bind(values[place])
        return dict(zip(self.names, values, strict=True)) if self.is_by_name else values


@dataclass(frozen=True, slots=True)
class _Kind:
    """Name a kind of database; of the dialects of one kind, the first that came is kept to ask.

    Each engine has a dialect of its own. To keep something for each would keep every one that ever
    was: a database is opened again after a fault.
    """

    name: str
    driver: str
    dialect: Dialect = field(compare=False)


@cache
def _prepared(statement: Insert, kind: _Kind, names: tuple[str, ...]) -> _Prepared:
    dialect = kind.dialect
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    columns = statement.table.c
    ordered = names if compiled.positiontup is None else tuple(compiled.positiontup)
    binders = [(place, _binder(columns[name], dialect)) for place, name in enumerate(ordered)]
    return _Prepared(
        sql=str(compiled),
        names=ordered,
        binders=tuple((place, bind) for place, bind in binders if bind is not None),
        is_by_name=compiled.positiontup is None,
    )


def _binder(column: ColumnClause[Any], dialect: Dialect) -> Binder | None:
    kind = column.type
    if isinstance(kind, DecimalText | UtcDateTime | ForeignText):
        # Called by its own name: SQLAlchemy's way to it is as long again as what it does.
        write = kind.process_bind_param
        return lambda value: write(value, dialect)
    return kind.dialect_impl(dialect).bind_processor(dialect)


def run_many(connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
    """Run an insert for every row; without effect for none.

    The statement is compiled once: going through SQLAlchemy's execution each time costs as much
    again as SQLite takes, and an append runs about five.
    """
    if rows:
        dialect = connection.dialect
        kind = _Kind(dialect.name, dialect.driver, dialect)
        prepared = _prepared(statement, kind, tuple(rows[0]))
        values = [prepared.bound(row) for row in rows]
        if is_server(connection):
            _server().run(connection, prepared.sql, values)
        else:
            run_plain(connection, prepared.sql, values)


def run_plain(connection: Connection, sql: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
    """Give a statement to SQLite's driver as it is, once a row, within a transaction.

    Raises: DBAPIError, as SQLAlchemy's own execution does.
    """
    driver = connection.connection
    cursor = driver.cursor()
    try:
        if len(rows) == 1:
            cursor.execute(sql, rows[0])
        else:
            cursor.executemany(sql, rows)
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            sql, None, error, sqlite3.Error, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()

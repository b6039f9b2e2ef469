"""Statements: the inserts every writer uses, prepared once, and reading rows without trust."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Insert, Select, Table, insert, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import JournalCorrupt
from storage.types import DecimalText, UtcDateTime

Values = dict[str, Any]
V = TypeVar("V")


@cache
def inserting(table: Table) -> Insert:
    """Give the insert of whole rows; a row that is there already is an IntegrityError."""
    return insert(table)


@cache
def upserting(table: Table, dialect: str, *kept: str) -> Insert:
    """Give the insert that replaces a row of the same primary key, but for the columns `kept`."""
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    key = [column.name for column in table.primary_key]
    replaced = [c.name for c in table.columns if c.name not in key and c.name not in kept]
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=key,
        set_={name: statement.excluded[name] for name in replaced},
    )


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


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Hold an insert as the driver takes it: its text, and how each value is bound."""

    sql: str
    positions: tuple[str, ...] | None
    binders: Mapping[str, Callable[[Any], Any] | None]

    def bound(self, row: Values) -> Any:
        """Give a row as the driver takes it."""
        binders = self.binders
        if self.positions is None:
            return {
                name: value if (bind := binders[name]) is None else bind(value)
                for name, value in row.items()
            }
        return tuple(
            row[name] if (bind := binders[name]) is None else bind(row[name])
            for name in self.positions
        )


@cache
def _prepared(statement: Insert, dialect: Dialect, names: tuple[str, ...]) -> _Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    columns = statement.table.c
    return _Prepared(
        sql=str(compiled),
        positions=None if compiled.positiontup is None else tuple(compiled.positiontup),
        binders={
            name: columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names
        },
    )


def run_many(connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
    """Run an insert for every row; without effect for none.

    The statement is compiled once: going through SQLAlchemy's execution each time costs as much
    again as SQLite takes, and an append runs about five.
    """
    if rows:
        prepared = _prepared(statement, connection.dialect, tuple(rows[0]))
        connection.exec_driver_sql(prepared.sql, [prepared.bound(row) for row in rows])

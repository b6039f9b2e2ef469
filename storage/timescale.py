"""TimescaleDB: where a Postgres has it, the history tables are cut into chunks of time by it.

Nothing depends on it: the tables, their keys and every statement are the same without. Whatever is
in the way is a note for the log. It has been tried on a Postgres without the extension, and with
functions of its names in its place; not on a TimescaleDB itself.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from storage.history_tables import CANDLES, EQUITY_POINTS, QUOTE_SAMPLES
from storage.statements import is_server

EXTENSION: Final = "timescaledb"
DAY_MS: Final = 24 * 3600 * 1000
# What a chunk holds of time; its index should fit into memory, and there should be few of them.
CHUNKS: Final[dict[Table, tuple[str, int]]] = {
    EQUITY_POINTS: ("at", 90 * DAY_MS),
    QUOTE_SAMPLES: ("at", 7 * DAY_MS),
    CANDLES: ("opened_at", 30 * DAY_MS),
}
# A table with more rows would be locked for as long as they are moved.
ROWS_MOVED_MAX: Final = 50_000
_INSTALLED: Final = "SELECT 1 FROM pg_extension WHERE extname = :name"
_AVAILABLE: Final = "SELECT 1 FROM pg_available_extensions WHERE name = :name"
_PRELOADED: Final = "SELECT current_setting('shared_preload_libraries')"
_DONE: Final = (
    "SELECT hypertable_name FROM timescaledb_information.hypertables "
    "WHERE hypertable_schema = current_schema()"
)
_CREATE: Final = (
    "SELECT create_hypertable(CAST(:table AS regclass), CAST(:column AS name), "
    "chunk_time_interval => CAST(:chunk AS bigint), create_default_indexes => false, "
    "if_not_exists => true, migrate_data => true)"
)


def hypertables(connection: Connection, extension: str = EXTENSION) -> list[str]:
    """Make hypertables of the history where that can be done; give a note for each thing done.

    Within the transaction that has begun; what fails is undone by itself. Without effect, and
    without a note, on SQLite and where the server knows no such extension.
    """
    if not is_server(connection):
        return []
    return list(_made(connection, extension))


def _made(connection: Connection, extension: str) -> Iterator[str]:
    named = {"name": extension}
    if connection.execute(text(_INSTALLED), named).first() is None:
        if connection.execute(text(_AVAILABLE), named).first() is None:
            return
        reason = _install(connection, extension)
        if reason is not None:
            yield f"{extension} is there and not used: {reason}"
            return
    try:
        with connection.begin_nested():
            done = set(connection.execute(text(_DONE)).scalars())
    except DBAPIError as error:
        yield f"{extension} is not used: {_told(error)}"
        return
    for table, (column, chunk_ms) in CHUNKS.items():
        if table.name not in done:
            yield _cut(connection, table, column, chunk_ms)


def _install(connection: Connection, extension: str) -> str | None:
    """Create the extension; give why not.

    Asked to load when the server did not at its start, TimescaleDB ends the connection.
    """
    try:
        with connection.begin_nested():
            loaded = connection.execute(text(_PRELOADED)).scalar() or ""
            if extension not in loaded:
                return "the server does not load it at its start (shared_preload_libraries)."
            quoted = connection.dialect.identifier_preparer.quote(extension)
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {quoted}"))
    except DBAPIError as error:
        return _told(error)
    return None


def _cut(connection: Connection, table: Table, column: str, chunk_ms: int) -> str:
    """Make one hypertable; give what came of it."""
    some = select(1).select_from(table).limit(ROWS_MOVED_MAX + 1).subquery()
    if connection.execute(select(func.count()).select_from(some)).scalar_one() > ROWS_MOVED_MAX:
        return (
            f"{table.name} stays a plain table: it has more than {ROWS_MOVED_MAX:,} rows, and "
            "moving them would hold everybody up. Call create_hypertable by hand if you want it."
        )
    given = {"table": table.name, "column": column, "chunk": chunk_ms}
    try:
        with connection.begin_nested():
            connection.execute(text(_CREATE), given)
    except DBAPIError as error:
        return f"{table.name} stays a plain table: {_told(error)}"
    return f"{table.name} is a hypertable."


def _told(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())

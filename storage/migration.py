"""Migration: a database is brought to the tables of this program before anything else uses it.

A start asks for the stored revision only, which costs one select. Alembic (0.1 s, 8 MB) is loaded
when a revision is missing. A new database is made from the tables at once and stamped with the last
revision; a test holds that the revisions lead to the very same tables.
"""

import logging
from collections.abc import Iterator, Set
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    text,
)

from engine.errors import JournalMismatch
from storage.history_tables import CANDLES
from storage.migrations import FOLDER, REVISIONS
from storage.paper_tables import PAPER_HEADS
from storage.statements import is_server

assert PAPER_HEADS.metadata is CANDLES.metadata, "one catalogue holds every table"
TABLES: Final = PAPER_HEADS.metadata
"""Every table of ours; a module with further ones is imported here."""
STAMP: Final = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
DIFFERENCES_TOLD_MAX: Final = 3
# Processes that start at once migrate one after another; a table that somebody uses is not waited
# for as long, since whoever comes after us would wait behind us.
_TURN: Final = "SELECT pg_advisory_xact_lock(1903455333, 1)"
_TURN_S: Final = 600
_TABLE_S: Final = 5

log = logging.getLogger("storage.migration")


def stored_revision(connection: Connection) -> str | None:
    """Give the revision of a database's tables; None when nobody counted them yet."""
    if not inspect(connection).has_table(STAMP.name):
        return None
    revision: str | None = connection.execute(select(STAMP.c.version_num)).scalar()
    return revision


def is_current(connection: Connection) -> bool:
    """Tell whether the tables are those of this program.

    Raises: JournalMismatch when they are of a newer one.
    """
    revision = stored_revision(connection)
    if revision is not None and revision not in REVISIONS:
        raise JournalMismatch(
            f"A newer release of Quarterdeck has worked on this database: its tables have revision "
            f"{revision[:40]}, and this release knows them up to {REVISIONS[-1]}. Start the newer "
            "release, or restore a backup of before into an empty database."
        )
    return revision == REVISIONS[-1]


def migrate(connection: Connection, to: str = REVISIONS[-1]) -> None:
    """Bring the tables to a revision, within the transaction that has begun.

    Raises: JournalMismatch when they are of a newer program, or of another one altogether.
    """
    if is_server(connection):
        connection.execute(text(f"SET LOCAL lock_timeout = '{_TURN_S}s'"))
        connection.execute(text(_TURN))
        connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_S}s'"))
    # Another process may have been quicker.
    if is_current(connection):
        return
    revision = stored_revision(connection)
    ours = frozenset(TABLES.tables).intersection(inspect(connection).get_table_names())
    if revision is None and not ours and to == REVISIONS[-1]:
        TABLES.create_all(connection)
        _stamp(connection, to)
        return
    if revision is None and ours:
        _adopt(connection, ours)
        revision = stored_revision(connection)
    if revision != to:
        log.info("the tables have revision %s and get %s", revision, to)
        upgrade(connection, to)


def upgrade(connection: Connection, to: str) -> None:
    """Run the revisions up to one; a process may do that with one database at a time."""
    from alembic import command  # noqa: PLC0415 - 0.1 s that no other start should pay
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, to)


def _adopt(connection: Connection, ours: frozenset[str]) -> None:
    """Take over tables that were made before revisions were counted.

    Raises: JournalMismatch when they are not those of the first revision.
    """
    from storage.migrations.versions import r0001_first  # noqa: PLC0415 - as above

    first = r0001_first.TABLES
    found = list(differences(connection, first, ours.intersection(first.tables)))
    found += [f"remove_table {name}" for name in sorted(ours.difference(first.tables))]
    if found:
        told = ", ".join(found[:DIFFERENCES_TOLD_MAX])
        raise JournalMismatch(
            "This database holds tables of our names that no release of Quarterdeck made "
            f"({told}). Was another program's database meant? Nothing was changed: give "
            "DATABASE_URL one of its own."
        )
    # An early release lacks a table; the next one always made what was missing.
    first.create_all(connection)
    _stamp(connection, r0001_first.revision)


def _stamp(connection: Connection, revision: str) -> None:
    STAMP.create(connection, checkfirst=True)
    connection.execute(delete(STAMP))
    connection.execute(insert(STAMP), {"version_num": revision})


def differences(connection: Connection, wanted: MetaData, names: Set[str]) -> Iterator[str]:
    """Give in what the tables of these names differ; what else lies in the database is passed over.

    A word says what would have to be done, as in `remove_column orders.colour`.
    """
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - as in `upgrade`
    from alembic.migration import MigrationContext  # noqa: PLC0415 - as above

    def is_meant(_thing: Any, name: str | None, kind: str, *_of_which_side: Any) -> bool:
        return kind != "table" or name in names

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_object": is_meant}
    )
    for found in compare_metadata(context, wanted):
        for each in found if isinstance(found, list) else [found]:
            yield _told(each)


def _told(difference: tuple[Any, ...]) -> str:
    """Put one difference in words; Alembic gives a tuple that begins with what to do."""
    what, *rest = difference
    match rest:
        case [_, str(table), Column() as column]:
            return f"{what} {table}.{column.name}"
        case [_, str(table), str(column), *_]:
            return f"{what} {table}.{column}"
        case [thing, *_]:
            return f"{what} {getattr(thing, 'name', thing)}"
        case _:
            return str(what)

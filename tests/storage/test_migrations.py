"""Databases of every age: made, brought up to date, taken over, or refused with a sentence."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from engine.errors import JournalLocked, JournalMismatch
from storage.database import Database
from storage.journal import SqlJournal
from storage.migration import STAMP, TABLES, differences, stored_revision, upgrade
from storage.migrations import FOLDER, REVISIONS
from storage.migrations.versions import r0001_first
from storage.tables import SNAPSHOTS
from tests.storage.frozen import files, frozen
from tests.storage.old import PROJECTED, counts, old_database
from tests.storage.rooms import emptied, raw, worked

HEAD = REVISIONS[-1]
ALL = frozenset(TABLES.tables)


def run_sql(*lines: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        for line in lines:
            connection.execute(text(line))

    return run


def shape(connection: Connection) -> dict[str, Any]:
    """Give what the database itself says of our tables, the order of columns apart."""
    found = inspect(connection)
    return {
        name: {
            "columns": sorted(
                (column["name"], str(column["type"]), column["nullable"], column.get("default"))
                for column in found.get_columns(name)
            ),
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "indexes": sorted(
                (str(index["name"]), tuple(index["column_names"]), bool(index["unique"]))
                for index in found.get_indexes(name)
            ),
            "unique": sorted(tuple(u["column_names"]) for u in found.get_unique_constraints(name)),
            "foreign": sorted(
                (*key["constrained_columns"], key["referred_table"])
                for key in found.get_foreign_keys(name)
            ),
        }
        for name in sorted(ALL)
    }


def test_the_revisions_are_one_line_and_all_of_them_are_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    line = [each.revision for each in script.walk_revisions()]
    assert tuple(reversed(line)) == REVISIONS
    assert script.get_heads() == [HEAD]


async def test_the_revisions_lead_to_the_tables_that_a_new_database_gets(url: str) -> None:
    # Given one database that was made at once, and what it looks like.
    await worked(url, lambda _: None)
    made = await worked(url, shape)
    # When another one walks through every revision.
    await emptied(url)
    await worked(url, lambda connection: upgrade(connection, HEAD), is_raw=True)
    # Then nothing tells them apart: not Alembic, and not the database's own catalogue.
    assert await worked(url, lambda c: list(differences(c, TABLES, ALL)), is_raw=True) == []
    assert await worked(url, shape, is_raw=True) == made
    assert await worked(url, stored_revision) == HEAD


async def test_a_difference_is_seen(url: str) -> None:
    await worked(url, lambda _: None)
    await worked(url, run_sql("ALTER TABLE orders ADD COLUMN colour TEXT"))
    await worked(url, run_sql("DROP INDEX ix_fills_at", "DROP TABLE notes"))
    assert sorted(await worked(url, lambda c: list(differences(c, TABLES, ALL)))) == [
        "add_index ix_fills_at",
        "add_table notes",
        "remove_column orders.colour",
    ]


async def test_a_database_of_before_the_revisions_is_taken_over(url: str) -> None:
    # Given one as the first releases made it, with no word about revisions, and events in it.
    await worked(url, r0001_first.TABLES.create_all, is_raw=True)
    database = Database(url)
    journal = SqlJournal(database)
    await worked(url, run_sql("INSERT INTO notes VALUES ('s', 'n', 'kept')"), is_raw=True)
    # When it is opened.
    await journal.open()
    # Then it is known, and nothing was lost.
    assert await database.read(stored_revision) == HEAD
    kept = await database.read(lambda c: c.execute(text("SELECT value FROM notes")).scalar())
    assert kept == "kept"
    await journal.close()


async def test_a_table_that_an_early_release_lacked_is_made(url: str) -> None:
    await worked(url, r0001_first.TABLES.create_all, is_raw=True)
    await worked(url, run_sql("DROP TABLE snapshots"), is_raw=True)
    assert await worked(url, lambda c: inspect(c).has_table(SNAPSHOTS.name))
    assert await worked(url, lambda c: list(differences(c, TABLES, ALL))) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["ALTER TABLE orders ADD COLUMN colour TEXT"], r"remove_column orders\.colour"),
        (["DROP INDEX ix_journal_kind"], "add_index ix_journal_kind"),
        (["ALTER TABLE journal RENAME COLUMN hash TO link"], r"add_column journal\.hash"),
    ],
)
async def test_tables_that_are_not_ours_are_refused_and_left_alone(
    url: str, lines: list[str], told: str
) -> None:
    await worked(url, r0001_first.TABLES.create_all, is_raw=True)
    await worked(url, run_sql("DROP TABLE snapshots", *lines), is_raw=True)
    with pytest.raises(JournalMismatch, match=f"no release of Quarterdeck made .*{told}"):
        await Database(url).open()
    assert await worked(url, stored_revision, is_raw=True) is None
    assert not await worked(url, lambda c: inspect(c).has_table(SNAPSHOTS.name), is_raw=True)


async def test_another_programs_table_of_our_name_is_refused(url: str) -> None:
    await worked(url, run_sql("CREATE TABLE orders (id INTEGER, pizza TEXT)"), is_raw=True)
    with pytest.raises(JournalMismatch, match="Was another program's database meant"):
        await Database(url).open()


async def test_tables_beside_ours_are_nobodys_business(url: str) -> None:
    await worked(url, run_sql("CREATE TABLE pizzas (id INTEGER, topping TEXT)"), is_raw=True)
    await worked(url, lambda _: None)
    assert await worked(url, lambda c: list(differences(c, TABLES, ALL))) == []
    assert await worked(url, stored_revision) == HEAD


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_of_every_revision_is_brought_up_to_date_with_all_it_holds(
    url: str, revision: str
) -> None:
    # Given a database as that release left it: its tables, and a row at least in each of them.
    old = old_database(url, revision)
    left = raw(url, counts)
    assert all(left[name] for name in left.keys() - PROJECTED)
    # When this release opens it.
    journal = SqlJournal(database := Database(url))
    await journal.open()
    # Then its tables are today's, its journal is the old one, and every row is still there.
    assert await database.read(stored_revision) == HEAD
    assert await database.read(lambda c: list(differences(c, TABLES, ALL))) == []
    assert await journal.head() == (old.facts["seq"], old.facts["hash"])
    assert (await journal.verify()).faults == ()
    now = await database.read(counts)
    await journal.close()
    # Which release made the tables is noted beside them.
    for name in left.keys() & now.keys() - {"snapshots", "journal_meta"}:
        assert now[name] == left[name], name


def test_a_database_of_the_first_revision_is_kept() -> None:
    assert {frozen(path).facts["revision"] for path in files()} >= {REVISIONS[0]}


@pytest.mark.parametrize("is_reader", [False, True])
async def test_a_database_of_a_newer_release_is_refused(url: str, is_reader: bool) -> None:
    await worked(url, lambda _: None)
    await worked(url, run_sql("UPDATE alembic_version SET version_num = '9001'"))
    with pytest.raises(JournalMismatch, match=r"newer release .* 9001.* up to") as caught:
        await Database(url, is_reader=is_reader).open()
    assert "restore a backup" in str(caught.value)


async def test_a_start_with_nothing_to_do_asks_once_and_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    await worked(sqlite_url, lambda _: None)
    before = (tmp_path / "journal.db").read_bytes()
    await worked(sqlite_url, lambda _: None)
    assert (tmp_path / "journal.db").read_bytes() == before


async def test_neither_a_new_database_nor_an_old_one_loads_alembic(sqlite_url: str) -> None:
    lines = (
        "import asyncio, sys; from storage.database import Database",
        f"database = Database({sqlite_url!r})",
        "asyncio.run(database.open()); sys.exit('alembic' in sys.modules)",
    )
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "\n".join(lines))
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_a_migration_that_is_killed_leaves_the_old_tables(sqlite_url: str) -> None:
    def killed(connection: Connection) -> None:
        upgrade(connection, HEAD)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await worked(sqlite_url, killed, is_raw=True)
    assert await worked(sqlite_url, lambda c: inspect(c).get_table_names(), is_raw=True) == []


@pytest.mark.postgres
async def test_processes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    # Given the first tables, with no word about their revision, and rows in them.
    old = next(each for each in map(frozen, files()) if each.facts["revision"] == REVISIONS[0])
    raw(postgres_url, r0001_first.TABLES.create_all)
    raw(postgres_url, old.put)
    databases = [Database(postgres_url) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    for database in databases:
        assert await database.read(stored_revision) == HEAD
        count = await database.read(
            lambda c: c.execute(text(f"SELECT count(*) FROM {STAMP.name}")).scalar()  # noqa: S608
        )
        assert count == 1
        await database.close()


async def test_of_processes_that_open_an_old_file_at_once_one_migrates_it(sqlite_url: str) -> None:
    raw(sqlite_url, lambda c: upgrade(c, REVISIONS[0]))
    databases = [Database(sqlite_url) for _ in range(3)]
    ended = await asyncio.gather(*(each.open() for each in databases), return_exceptions=True)
    assert [type(each) for each in ended] == [type(None), JournalLocked, JournalLocked]
    assert await databases[0].read(stored_revision) == HEAD
    await databases[0].close()
    # Whoever was too late finds nothing left to be done.
    await databases[1].open()
    assert await databases[1].read(lambda c: list(differences(c, TABLES, ALL))) == []
    await databases[1].close()


@pytest.mark.postgres
async def test_new_databases_that_are_opened_at_once_are_made_once(postgres_url: str) -> None:
    databases = [Database(postgres_url) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    for database in databases:
        assert await database.read(stored_revision) == HEAD
        await database.close()

"""Backups: made beside a writer, taken back by either database, and refused when they are none."""

import asyncio
import gzip
import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, inspect, select, text

from engine import events as e
from engine.commands import Actor, ActorKind
from engine.errors import JournalCorrupt, JournalError, JournalMismatch
from engine.identities import client_order_id
from engine.risk_limits import TradingState
from storage import tables as t
from storage.backup import Backup, Contents, backed_up, checked
from storage.backup_restore import Restored, restored
from storage.codec import Codec, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.migration import TABLES, differences, stored_revision
from storage.migrations import REVISIONS
from storage.progress import Told, untold
from tests.storage.frozen import Whole, put_own_rows, told_whole
from tests.storage.old import counts, old_database
from tests.storage.postgres_server import PostgresServer
from tests.storage.rooms import emptied, raw, worked
from tests.storage.story import Story

MADE = datetime(2026, 11, 23, 6, 30, 5, tzinfo=UTC)
AT = MADE + timedelta(days=1)
SHELL = Actor(kind=ActorKind.SHELL, name="ada")
WRITER_S = 20
POSTGRES = pytest.mark.postgres
PAIRS = [
    "sqlite sqlite",
    pytest.param("sqlite postgres", marks=POSTGRES),
    pytest.param("postgres sqlite", marks=POSTGRES),
    pytest.param("postgres postgres", marks=POSTGRES),
]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two new databases, of every two kinds."""

    def made(kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name}"
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.room()

    source, target = str(request.param).split()
    return made(source, "source.db"), made(target, "target.db")


@pytest.fixture
def target_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'target.db'}"


async def lived(url: str) -> Whole:
    """Leave a journal of every kind of event, with rows in every table, and give its story."""
    database = Database(url)
    journal = SqlJournal(database, snapshot_every=50)
    await journal.open()
    story = Whole(17)
    await told_whole(journal, story)
    await database.write(put_own_rows)
    await journal.close()
    return story


async def saved(url: str, path: Path, told: Told = untold) -> Contents:
    """Make a backup, as another process does it."""
    database = Database(url, is_reader=True)
    await database.open()
    try:
        with path.open("wb") as file:
            return await database.read_long(
                lambda c: backed_up(c, file, Codec(), made_at=MADE, told=told)
            )
    finally:
        await database.close()


async def taken_back(url: str, path: Path, *, at: datetime = AT, told: Told = untold) -> Restored:
    backup = checked(path)
    database = Database(url)
    await database.open()
    try:
        return await database.write_long(
            lambda c: restored(c, backup, Codec(), at=at, by=SHELL, told=told)
        )
    finally:
        await database.close()


def rows_of_all(connection: Connection) -> dict[str, list[Any]]:
    """Give every row of every table, in an order that no collation decides."""
    return {table.name: rows(connection, table) for table in TABLES.sorted_tables}


def rows(connection: Connection, table: Table) -> list[Any]:
    return sorted((tuple(row) for row in connection.execute(select(table))), key=repr)


def is_empty(connection: Connection) -> bool:
    return not any(rows_of_all(connection).values())


async def test_what_comes_out_of_a_backup_is_what_went_in(
    pair: tuple[str, str], tmp_path: Path
) -> None:
    # Given a database with rows in every table, and its backup.
    source, target = pair
    story = await lived(source)
    before = await worked(source, rows_of_all)
    contents = await saved(source, path := tmp_path / "b")
    assert contents.state_hash == state_hash(story.state)
    # When an empty database of either kind takes it back.
    done = await taken_back(target, path)
    # Then State, chain and events are the same to the last byte.
    assert done.is_state_compared
    assert done.state_hash == contents.state_hash
    after = await worked(target, rows_of_all)
    events, count = after["journal"], contents.seq
    in_order = sorted(before["journal"])
    assert sorted(events)[:count] == in_order
    assert (done.backed_up.seq, done.backed_up.hash) == (count, in_order[-1][-1])
    # And so is what no event tells; the tables that events fill agree with the events.
    for name in ("operators", "cards", "notes"):
        assert after[name] == before[name] != [], name
    for name in (name for name in before if name.startswith("paper_")):
        assert after[name] == before[name] != [], name
    assert set(before["outbox"]) <= set(after["outbox"])
    assert {row[0] for row in before["fills"]} == {row[0] for row in after["fills"]}
    database = Database(target)
    journal = SqlJournal(database)
    state = await journal.open()
    assert (await journal.verify()).faults == ()
    # And it goes on: halted, in a new epoch, with numbers that nobody has given out yet.
    assert state.trading is TradingState.HALTED
    later = Story(4, state=state)
    for step, left, right in later.steps(20):
        await journal.append([step], left, right)
    assert (await journal.verify()).faults == ()
    await journal.close()


async def test_a_restored_journal_is_halted_in_a_new_epoch(
    sqlite_url: str, target_url: str, tmp_path: Path
) -> None:
    story = await short(sqlite_url)
    identity = story.state.journal
    assert identity is not None
    assert story.state.stop is None
    assert story.state.entries()
    contents = await saved(sqlite_url, path := tmp_path / "b")
    done = await taken_back(target_url, path)
    assert done.identity.journal_id == identity.journal_id
    assert done.identity.epoch > identity.epoch
    database = Database(target_url)
    journal = SqlJournal(database)
    state = await journal.open()
    events = await journal.find_command(f"restore:{done.identity.epoch}")
    await journal.close()
    # No id that the old database may have given out after the backup is ever given out again.
    old, new = (
        client_order_id(identity.journal_id, epoch, "tap", "entry", 0)
        for epoch in (identity.epoch, done.identity.epoch)
    )
    assert old != new
    assert isinstance(events[0], e.TradingHalted)
    assert events[0].actor == SHELL
    assert "2026-11-23 06:30 UTC" in events[0].reason
    assert not [order for order in state.entries() if not order.cancel_requested]
    assert done.head.seq == contents.seq + 1 + len(events)
    # Nor does a second restore of the same file, made elsewhere, give them out.
    other = f"sqlite:///{tmp_path / 'other.db'}"
    again = await taken_back(other, path, at=AT + timedelta(seconds=1))
    assert again.identity.epoch > done.identity.epoch


async def test_what_waited_to_be_answered_at_the_backup_is_not_run_by_the_restored_one(
    url: str, target_url: str, tmp_path: Path
) -> None:
    journal = SqlJournal(database := Database(url))
    await journal.open()
    for step, before, after in Story(2).steps(3):
        await journal.append([step], before, after)
    row = {"update_id": 9, "received_at": MADE, "payload": b"/flatten", "handled": False}
    await database.write(lambda c: c.execute(t.UPDATES.insert(), row).rowcount)
    await journal.close()
    await saved(url, path := tmp_path / "b")
    assert (await taken_back(target_url, path)).updates_set_aside == 1
    (update,) = await worked(target_url, lambda c: rows(c, t.UPDATES))
    assert update[0] == 9
    assert update[2:] == (b"", True)


async def test_a_backup_made_while_a_writer_appends_holds_one_moment(
    url: str, target_url: str, tmp_path: Path
) -> None:
    # Given a journal that its process has open.
    journal = SqlJournal(Database(url))
    await journal.open()
    story = Story(6)
    for step, before, after in story.steps(60):
        await journal.append([step], before, after)
    then = await journal.head()
    # When it goes on appending between the first look of a backup and its first row.
    loop, looked, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def told(_done: int, _whole: int) -> None:
        loop.call_soon_threadsafe(looked.set)
        assert go_on.wait(WRITER_S)

    making = asyncio.create_task(saved(url, path := tmp_path / "b", told))
    async with asyncio.timeout(WRITER_S):
        await looked.wait()
    for step, before, after in story.steps(60):
        await journal.append([step], before, after)
    go_on.set()
    contents = await making
    # Then it neither waited nor was waited for, and nothing of that is in the backup.
    assert (contents.seq, contents.hash) == then
    assert (await journal.head())[0] > then[0]
    assert (await journal.verify()).faults == ()
    await journal.close()
    done = await taken_back(target_url, path)
    assert (done.backed_up.seq, done.backed_up.hash) == then
    assert done.is_state_compared


@POSTGRES
async def test_a_process_of_before_stores_nothing_in_what_was_restored_under_it(
    postgres_url: str, tmp_path: Path
) -> None:
    # Given a process on a database that somebody empties and restores in its place.
    await short(postgres_url)
    await saved(postgres_url, path := tmp_path / "b")
    old = SqlJournal(Database(postgres_url))
    story = Story(3, state=await old.open())
    await emptied(postgres_url)
    done = await taken_back(postgres_url, path)
    # When the old process wants to go on as though nothing had happened.
    before = story.state
    step = story.tell(*story.equity())
    with pytest.raises(JournalError, match=r"stored event|journal ends at event"):
        await old.append([step], before, story.state)
    await old.close()
    # Then its event is not there.
    assert (await worked(postgres_url, lambda c: len(rows(c, t.JOURNAL)))) == done.head.seq


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_backup_of_every_revision_is_taken_back(
    target_url: str, revision: str, tmp_path: Path
) -> None:
    await took_back_an_old_one(target_url, revision, tmp_path)


@POSTGRES
async def test_a_backup_of_the_first_revision_is_taken_back_by_a_server(
    postgres_url: str, tmp_path: Path
) -> None:
    await took_back_an_old_one(postgres_url, REVISIONS[0], tmp_path)


async def took_back_an_old_one(url: str, revision: str, tmp_path: Path) -> None:
    # Given the backup of a database as an earlier release left it.
    source = f"sqlite:///{tmp_path / 'old.db'}"
    old = old_database(source, revision)
    left = raw(source, counts)
    contents = await saved(source, path := tmp_path / "b")
    assert checked(path).header.revision == revision
    # When this release takes it back, then its tables are today's and its journal is the old one.
    done = await taken_back(url, path)
    assert (done.backed_up.seq, done.backed_up.hash) == (contents.seq, old.facts["hash"])
    assert done.rows == {name: left[name] for name in contents.rows}
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    assert await database.read(stored_revision) == REVISIONS[-1]
    found = await database.read(lambda c: list(differences(c, TABLES, frozenset(TABLES.tables))))
    assert found == []
    assert (await journal.verify()).faults == ()
    await journal.close()


async def test_what_derives_from_the_events_or_belongs_to_a_process_is_not_carried(
    sqlite_url: str, tmp_path: Path
) -> None:
    await lived(sqlite_url)
    contents = await saved(sqlite_url, tmp_path / "b")
    left_out = {*(table.name for table in t.PROJECTIONS), "snapshots", "lease"}
    assert set(contents.rows) == set(TABLES.tables) - left_out


async def test_two_backups_of_one_moment_are_the_same_bytes(
    sqlite_url: str, tmp_path: Path
) -> None:
    await short(sqlite_url)
    for name in ("a", "b"):
        await saved(sqlite_url, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


async def test_a_database_that_holds_anything_takes_no_backup(
    url: str, sqlite_url: str, tmp_path: Path
) -> None:
    if url == sqlite_url:
        url = f"sqlite:///{tmp_path / 'target.db'}"
    await short(sqlite_url)
    await saved(sqlite_url, path := tmp_path / "b")
    await worked(url, put_own_rows)
    before = await worked(url, rows_of_all)
    with pytest.raises(JournalMismatch, match=r"in use: its table \w+ is not empty"):
        await taken_back(url, path)
    assert await worked(url, rows_of_all) == before


async def test_a_restore_that_is_interrupted_leaves_nothing_and_can_be_done_again(
    url: str, tmp_path: Path
) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    await short(source)
    await saved(source, path := tmp_path / "b")

    def interrupt(done: int, whole: int) -> None:
        if done == whole:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await taken_back(url, path, told=interrupt)
    assert await worked(url, is_empty)
    assert (await taken_back(url, path)).is_state_compared


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def written(path: Path, lines: list[bytes]) -> None:
    """Write lines as a whole backup would hold them, with a hash that fits."""
    last = json.loads(lines[-1])
    last["sha256"] = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    path.write_bytes(gzip.compress(b"".join([*lines[:-1], json.dumps(last).encode()])))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def tail_lost(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def line_gone(path: Path) -> None:
    lines = lines_of(path)
    path.write_bytes(gzip.compress(b"".join(lines[:40] + lines[41:])))


def last_line_gone(path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(lines_of(path)[:-1])))


def other_format(path: Path) -> None:
    lines = lines_of(path)
    lines[0] = lines[0].replace(b'"quarterdeck_backup":1', b'"quarterdeck_backup":2')
    written(path, lines)


def text_file(path: Path) -> None:
    path.write_text("TELEGRAM_BOT_TOKEN=1:a\n")


def emptied_file(path: Path) -> None:
    path.write_bytes(b"")


def foreign_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(b'{"hello":"world"}\n[1,2]\n'))


def packed_nothing(path: Path) -> None:
    path.write_bytes(gzip.compress(b""))


@pytest.mark.parametrize(
    "damage",
    [
        half,
        tail_lost,
        flipped,
        line_gone,
        last_line_gone,
        other_format,
        text_file,
        emptied_file,
        foreign_gzip,
        packed_nothing,
    ],
)
async def test_a_file_that_is_no_whole_backup_is_refused(
    sqlite_url: str, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    await short(sqlite_url)
    await saved(sqlite_url, path := tmp_path / "b")
    damage(path)
    with pytest.raises(JournalCorrupt, match="is no whole backup of Quarterdeck"):
        checked(path)


async def short(url: str) -> Story:
    journal = SqlJournal(Database(url))
    await journal.open()
    story = Story(2)
    for step, before, after in story.steps(30):
        await journal.append([step], before, after)
    await journal.close()
    return story


def event_changed(lines: list[bytes]) -> None:
    """Change what an event holds."""
    number = next(n for n, line in enumerate(lines) if line.startswith(b"[3,"))
    row = json.loads(lines[number])
    row[2] = "EngineEnded"
    lines[number] = json.dumps(row).encode() + b"\n"


def event_twice(lines: list[bytes]) -> None:
    number = next(n for n, line in enumerate(lines) if line.startswith(b"[4,"))
    lines[number] = lines[number - 1]


def table_renamed(lines: list[bytes]) -> None:
    number = next(n for n, line in enumerate(lines) if b'"table":"notes"' in line)
    lines[number] = lines[number].replace(b'"notes"', b'"pizzas"')


def row_short(lines: list[bytes]) -> None:
    number = next(n for n, line in enumerate(lines) if line.startswith(b"[3,"))
    lines[number] = b"[3]\n"


def row_broken(lines: list[bytes]) -> None:
    number = next(n for n, line in enumerate(lines) if line.startswith(b"[3,"))
    lines[number] = b'{"seq":3}\n'


def end_cut(lines: list[bytes]) -> None:
    """Take the last event away, from the rows and from what is said of them."""
    last = json.loads(lines[-1])
    number = max(n for n, line in enumerate(lines) if line.startswith(b"[%d," % last["seq"]))
    del lines[number]
    last["rows"]["journal"] -= 1
    lines[-1] = json.dumps(last).encode()


@pytest.mark.parametrize(
    "forge", [event_changed, event_twice, table_renamed, row_short, row_broken, end_cut]
)
async def test_a_backup_that_somebody_wrote_himself_is_refused_and_leaves_nothing(
    url: str, target_url: str, tmp_path: Path, forge: Callable[[list[bytes]], None]
) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    await short(source)
    await saved(source, path := tmp_path / "b")
    lines = lines_of(path)
    forge(lines)
    written(path, lines)
    assert isinstance(checked(path), Backup)
    with pytest.raises(JournalCorrupt):
        await taken_back(url, path)
    assert await worked(url, is_empty)


async def test_a_backup_of_a_newer_release_is_refused(
    sqlite_url: str, target_url: str, tmp_path: Path
) -> None:
    await short(sqlite_url)
    await worked(sqlite_url, lambda c: c.execute(text("DELETE FROM notes")).rowcount)
    await saved(sqlite_url, path := tmp_path / "b")
    lines = lines_of(path)
    lines[0] = lines[0].replace(REVISIONS[-1].encode(), b"9001")
    written(path, lines)
    with pytest.raises(JournalMismatch, match=r"newer release .* made .* 9001"):
        await taken_back(target_url, path)
    assert await worked(target_url, is_empty)


async def test_a_journal_that_is_damaged_makes_no_backup(sqlite_url: str, tmp_path: Path) -> None:
    await short(sqlite_url)
    await worked(
        sqlite_url,
        lambda c: c.execute(text("UPDATE journal SET payload = x'7b7d' WHERE seq = 5")).rowcount,
    )
    with pytest.raises(JournalCorrupt, match=r"Event 5 .* was changed after it was stored"):
        await saved(sqlite_url, tmp_path / "b")


async def test_a_table_added_later_is_carried_without_a_word(
    sqlite_url: str, tmp_path: Path
) -> None:
    await short(sqlite_url)
    there = await worked(sqlite_url, lambda c: set(inspect(c).get_table_names()))
    contents = await saved(sqlite_url, tmp_path / "b")
    derived = {table.name for table in t.PROJECTIONS} | {"snapshots", "lease", "alembic_version"}
    assert there - derived == set(contents.rows) | {"sqlite_sequence"} & there

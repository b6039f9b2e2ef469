"""What a database in a file does about locks, damage, full disks and kills."""

import asyncio
import contextlib
import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from engine.errors import AppendUncertain, JournalCorrupt, JournalLocked, JournalUnavailable
from engine.state import State
from storage.database import Database
from storage.journal import SqlJournal
from storage.tables import NOTES
from tests.storage.story import Story

NOTE = {"scope": "s", "name": "n", "value": "v"}


def put(connection: Connection) -> None:
    connection.execute(insert(NOTES), NOTE)


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(NOTES.c.name)).scalars())


@pytest.fixture
def url(sqlite_url: str) -> str:
    return sqlite_url


HOLDER = """
import asyncio, sys
from storage.database import Database
async def hold():
    await Database(sys.argv[1]).open()
    print("held", flush=True)
    await asyncio.sleep(600)
asyncio.run(hold())
"""


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def forbid(folder: Path) -> None:
    folder.chmod(0o500)


def held_by_another(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)


async def test_the_file_is_written_ahead_and_fully_synchronous(database: Database) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert await database.write(pragmas) == ["wal", 2, 1]


async def test_closing_a_hung_disk_gives_up_after_its_time(url: str) -> None:
    database = Database(url)
    await database.open()
    gate = threading.Event()
    hung = asyncio.create_task(database.write(lambda _: gate.wait()))
    await asyncio.sleep(0)
    with pytest.raises(JournalUnavailable, match="did not answer"):
        await database.close(timeout_s=0.05)
    with pytest.raises(JournalLocked):
        await Database(url).open()
    gate.set()
    await hung


async def test_a_second_process_is_told_who_holds_the_file(url: str) -> None:
    with held_by_another(url) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JournalLocked, match=f"in use by process {holder.pid}"):
            await SqlJournal(Database(url)).open()
        holder.kill()
        holder.wait()
        # The system let go of the lock when the holder died.
        journal = SqlJournal(Database(url))
        assert await journal.open() == State()
        await journal.close()


async def test_the_same_process_cannot_open_a_file_twice(url: str, database: Database) -> None:
    with pytest.raises(JournalLocked, match=str(os.getpid())):
        await Database(url).open()
    await database.write(put)


async def test_a_reader_makes_no_file(url: str, tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="There is no journal"):
        await Database(url, is_reader=True).open()
    assert files_in(tmp_path) == []


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="Does the folder exist"):
        await Database(f"sqlite:///{tmp_path / 'nowhere' / 'journal.db'}").open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_refuses_is_named(tmp_path: Path) -> None:
    forbid(tmp_path)
    with pytest.raises(JournalUnavailable, match="may we write in it"):
        await Database(f"sqlite:///{tmp_path / 'journal.db'}").open()


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        await Database(f"sqlite:///{tmp_path / 'journal.db'}").open()


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.write_text("Dear diary, today I bought bitcoin." * 100)
    before = file.read_bytes()
    with pytest.raises(JournalCorrupt, match="damaged or is no database"):
        await Database(f"sqlite:///{file}").open()
    assert file.read_bytes() == before


async def filled_file(url: str) -> None:
    journal = SqlJournal(Database(url))
    await journal.open()
    for step, before, after in Story(seed=21).steps(120):
        await journal.append([step], before, after)
    await journal.close()


async def test_a_damaged_header_is_found(url: str, tmp_path: Path) -> None:
    await filled_file(url)
    file = tmp_path / "journal.db"
    file.write_bytes(b"\0" * 100 + file.read_bytes()[100:])
    with pytest.raises(JournalCorrupt, match="damaged or is no database"):
        await SqlJournal(Database(url)).open()


@pytest.mark.parametrize("kept_bytes", [50, 4096, 20_000, 60_001])
async def test_a_truncated_file_is_found(url: str, tmp_path: Path, kept_bytes: int) -> None:
    await filled_file(url)
    file = tmp_path / "journal.db"
    whole = file.read_bytes()
    assert len(whole) > 60_001
    file.write_bytes(whole[:kept_bytes])
    with pytest.raises(JournalCorrupt):
        await SqlJournal(Database(url)).open()


async def test_an_emptied_file_is_not_taken_for_a_new_journal(url: str, tmp_path: Path) -> None:
    await filled_file(url)
    (tmp_path / "journal.db").write_bytes(b"")
    with pytest.raises(JournalCorrupt, match="it is empty, and it was not"):
        await SqlJournal(Database(url)).open()


def large(url: str) -> Database:
    """Name a database whose file, of whatever size, is checked as a large one."""
    return Database(url, checked_bytes_max=0)


async def left(url: str) -> None:
    """Open a file, work on it and close it in good order."""
    database = large(url)
    await database.open()
    await database.write(put)
    await database.close()


def spoil_the_last_page(file: Path) -> None:
    """Write over a page that nothing reads at a start, as a failing disk does."""
    content = file.read_bytes()
    file.write_bytes(content[:-4096] + b"\xaa" * 4096)


def keep_the_time(file: Path, of: os.stat_result) -> None:
    os.utime(file, ns=(of.st_atime_ns, of.st_mtime_ns))


async def test_a_large_file_that_was_changed_since_its_close_is_checked_whole(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled_file(url)
    await left(url)
    file = tmp_path / "journal.db"
    spoil_the_last_page(file)
    with pytest.raises(JournalCorrupt, match="damaged or is no database"):
        await large(url).open()
    assert "is not as it was left" in caplog.text
    # What was found damaged is checked again, however often one tries.
    with pytest.raises(JournalCorrupt):
        await large(url).open()


async def test_a_large_file_that_is_as_it_was_left_is_not_read_through(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What rots with size and time kept is found when it is read, and by `journal verify`."""
    await filled_file(url)
    await left(url)
    file = tmp_path / "journal.db"
    before = file.stat()
    spoil_the_last_page(file)
    keep_the_time(file, before)
    database = large(url)
    await database.open()
    assert caplog.text == ""
    assert "damaged" in await verdict(database)
    await database.close()


async def verdict(database: Database) -> str:
    """Give what `verify` says; SQLite may break off where it reads such a page."""
    try:
        return " ".join((await SqlJournal(database).verify()).faults)
    except JournalCorrupt as fault:
        return str(fault)


async def test_verify_names_what_the_file_s_own_check_finds(url: str, tmp_path: Path) -> None:
    await filled_file(url)
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'command_id VARCHAR', "
            "'command_id VARCHAR NOT NULL') WHERE name = 'journal'"
        )
        connection.commit()
    database = large(url)
    reader = Database(url, is_reader=True, checked_bytes_max=0)
    verification = await SqlJournal(reader).verify()
    assert verification.faults
    assert all("The file is damaged: NULL value in journal" in f for f in verification.faults)
    await reader.close()
    with pytest.raises(JournalCorrupt):
        await database.open()


async def test_a_large_file_cut_short_is_found(url: str, tmp_path: Path) -> None:
    await filled_file(url)
    await left(url)
    file = tmp_path / "journal.db"
    file.write_bytes(file.read_bytes()[:60_001])
    with pytest.raises(JournalCorrupt):
        await large(url).open()


async def killed_holding(url: str) -> None:
    with held_by_another(url) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        holder.wait()


async def test_a_kill_alone_calls_for_no_whole_check(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await killed_holding(url)
    database = large(url)
    await database.open()
    assert caplog.text == ""
    await database.close()


async def test_a_kill_before_the_machine_s_last_start_calls_for_a_whole_check(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await killed_holding(url)
    lock = tmp_path / "journal.db.lock"
    pid, used, _ = lock.read_text().split()
    lock.write_text(f"{pid} {used} open:an-earlier-start\n")
    database = large(url)
    await database.open()
    assert "is not as it was left" in caplog.text
    await database.close()


async def test_an_opening_that_hangs_gives_up_after_its_time(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    gate = threading.Event()
    connected = Database._connect

    def hang(self: Database) -> None:
        gate.wait()
        connected(self)

    monkeypatch.setattr(Database, "_connect", hang)
    late = Database(url)
    with pytest.raises(JournalUnavailable, match="does not answer"):
        await late.open(timeout_s=0.05)
    with pytest.raises(JournalUnavailable, match="still does not answer"):
        await late.open()
    with pytest.raises(JournalLocked):
        await Database(url).open()
    hung = late._hung
    assert hung is not None
    gate.set()
    assert await hung.stop(10)
    await late.open()
    assert await late.read(names) == []
    await late.close()


async def test_a_failed_open_lets_go_of_the_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(b"x" * 5000)
    database = Database(url)
    with pytest.raises(JournalCorrupt):
        await database.open()
    file.unlink()
    await database.open()
    await database.close()


async def test_a_full_disk_stores_nothing_and_says_so(url: str) -> None:
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    story = Story(seed=22)
    steps = list(story.steps(40))

    def limit(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))

    await database.write(limit)
    with pytest.raises(JournalUnavailable, match="disk is full"):
        await journal.append([step for step, _, _ in steps], State(), story.state)
    await database.write(lambda c: c.execute(text("PRAGMA max_page_count=100000")).scalar())
    await journal.append([step for step, _, _ in steps], State(), story.state)
    assert await journal.open() == story.state
    await journal.close()


async def test_an_append_on_a_hung_disk_is_given_up_and_settled_when_the_disk_is_back(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.WRITE_S", 0.1)
    monkeypatch.setattr("storage.database.SETTLE_S", 0.1)
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    assert database._engine is not None
    gate, story = threading.Event(), Story(seed=25)
    ((step, before, after),) = story.steps(1)
    event.listen(database._engine, "commit", lambda _connection: gate.wait())
    # Nobody may take the tail for settled while the commit still hangs.
    with pytest.raises(AppendUncertain, match="may or may not be stored"):
        await journal.append([step], before, after)
    with pytest.raises(JournalUnavailable):
        await journal.open()
    # What had not begun is known not to have happened.
    with pytest.raises(JournalUnavailable, match="earlier writes have not ended"):
        await database.write(put)
    gate.set()
    monkeypatch.undo()
    assert await journal.open() == after
    assert await database.read(names) == []
    await journal.close()


def dialects() -> int:
    gc.collect()
    return sum(isinstance(each, SQLiteDialect_pysqlite) for each in gc.get_objects())


async def test_a_database_that_was_closed_leaves_nothing_behind_in_memory(tmp_path: Path) -> None:
    async def written(name: str) -> None:
        database = Database(f"sqlite:///{tmp_path / name}.db", inline=True)
        journal = SqlJournal(database)
        await journal.open()
        for step, before, after in Story().steps(30):
            await journal.append([step], before, after)
        await database.close()

    await written("first")
    known = dialects()
    for number in range(3):
        await written(str(number))
    assert dialects() == known

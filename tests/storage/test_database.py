import asyncio
import sqlite3
import threading

import pytest
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from engine.errors import AppendUncertain, JournalUnavailable
from storage.database import Database
from storage.journal import SqlJournal
from storage.tables import NOTES
from storage.writer import ThreadWriter
from tests.storage.story import Story

NOTE = {"scope": "s", "name": "n", "value": "v"}


def put(connection: Connection) -> None:
    connection.execute(insert(NOTES), NOTE)


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(NOTES.c.name)).scalars())


@pytest.mark.parametrize("inline", [False, True])
async def test_what_was_written_is_read_after_a_restart(url: str, inline: bool) -> None:
    database = Database(url, inline=inline)
    await database.open()
    await database.write(put)
    assert await database.read(names) == ["n"]
    await database.close()
    again = Database(url, inline=inline)
    await again.open()
    assert await again.read(names) == ["n"]
    await again.close()


async def test_a_database_in_memory_reads_what_it_wrote() -> None:
    database = Database("sqlite://")
    await database.open()
    await database.write(put)
    assert await database.read(names) == ["n"]
    await database.close()


async def test_a_function_that_raises_leaves_nothing_behind(database: Database) -> None:
    def put_and_fail(connection: Connection) -> None:
        put(connection)
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await database.write(put_and_fail)
    assert await database.read(names) == []
    await database.write(put)


async def test_a_broken_constraint_reaches_the_caller_as_such(database: Database) -> None:
    await database.write(put)
    with pytest.raises(IntegrityError):
        await database.write(put)


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(JournalUnavailable, match="read-only"):
        await database.read(put)


async def test_writes_of_many_callers_run_one_after_another(database: Database) -> None:
    threads: set[str] = set()

    def count(connection: Connection) -> None:
        threads.add(threading.current_thread().name)
        number = len(names(connection))
        connection.execute(insert(NOTES), {**NOTE, "name": f"{number:03}"})

    await asyncio.gather(*(database.write(count) for _ in range(50)))
    assert sorted(await database.read(names)) == [f"{number:03}" for number in range(50)]
    assert threads == {"journal"}


async def test_a_closed_database_says_so(url: str) -> None:
    database = Database(url)
    with pytest.raises(JournalUnavailable, match="not open"):
        await database.write(put)
    await database.open()
    await database.close()
    await database.close()
    with pytest.raises(JournalUnavailable, match="not open"):
        await database.read(names)


async def test_a_full_queue_refuses_instead_of_growing() -> None:
    writer = ThreadWriter("test", waiting_max=1)
    gate = threading.Event()
    started = threading.Event()

    def wait() -> None:
        started.set()
        gate.wait()

    first = asyncio.create_task(writer.run(wait))
    await asyncio.to_thread(started.wait)
    second = asyncio.create_task(writer.run(lambda: 2))
    await asyncio.sleep(0)
    with pytest.raises(JournalUnavailable, match="1 writes wait"):
        await writer.run(lambda: 3)
    gate.set()
    await first
    assert await second == 2
    assert await writer.stop(10)


async def test_a_reader_looks_beside_the_holder_and_cannot_write(
    url: str, database: Database
) -> None:
    await database.write(put)
    reader = Database(url, is_reader=True)
    await reader.open()
    assert await reader.read(names) == ["n"]
    with pytest.raises(JournalUnavailable, match="read only"):
        await reader.write(put)
    await reader.close()


async def test_a_job_that_nobody_waits_for_runs_in_its_turn_and_fails_alone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def put_and_fail(connection: Connection) -> None:
        connection.execute(insert(NOTES), {**NOTE, "name": "lost"})
        raise KeyError("ours")

    database.later(put)
    database.later(put_and_fail)
    await database.write(lambda c: c.execute(insert(NOTES), {**NOTE, "name": "after"}).rowcount)
    assert sorted(await database.read(names)) == ["after", "n"]
    assert "a job that nobody waits for has failed" in caplog.text


@pytest.mark.parametrize("happened", [True, False])
async def test_an_unconfirmed_commit_is_settled_by_the_stored_tail(
    url: str, happened: bool
) -> None:
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    story = Story(seed=23)
    (first, *_, last) = story.steps(3)
    assert database._engine is not None
    faults = ["lose the answer"]

    @event.listens_for(database._engine, "commit")
    def _lose_the_answer(connection: Connection) -> None:
        if faults:
            faults.pop()
            connection.exec_driver_sql("COMMIT" if happened else "ROLLBACK")
            raise OperationalError("COMMIT", None, sqlite3.OperationalError("connection lost"))

    if happened:
        await journal.append([first[0]], first[1], first[2])
    else:
        with pytest.raises(JournalUnavailable, match="was not stored"):
            await journal.append([first[0]], first[1], first[2])
        await journal.append([first[0]], first[1], first[2])
    assert await journal.open() == first[2]
    assert (await journal.verify()).faults == ()
    assert last[2].seq > first[2].seq
    await journal.close()


async def test_an_append_that_cannot_be_settled_stays_uncertain(url: str) -> None:
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    story = Story(seed=24)
    ((step, before, after),) = story.steps(1)
    assert database._engine is not None
    assert database._reading is not None

    @event.listens_for(database._engine, "commit")
    def _fail(_connection: Connection) -> None:
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("connection lost"))

    @event.listens_for(database._reading, "begin")
    def _unreadable(_connection: Connection) -> None:
        raise OperationalError("BEGIN", None, sqlite3.OperationalError("disk I/O error"))

    with pytest.raises(AppendUncertain, match="may or may not be stored"):
        await journal.append([step], before, after)
    await journal.close()

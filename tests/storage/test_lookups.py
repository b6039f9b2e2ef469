"""A lookup looks into an index: it takes as long after a million events as after one."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from storage.database import Database
from storage.journal import SqlJournal
from tests.storage.story import Story

Looking = Callable[[SqlJournal], Awaitable[object]]
LOOKUPS: dict[str, Looking] = {
    "find_command": lambda journal: journal.find_command("c"),
    "find_order": lambda journal: journal.find_order("qd"),
    "find_ticket": lambda journal: journal.find_ticket("t"),
    "known": lambda journal: journal.known(["c1", "c2"], ["binance:BTC/USDT:1", "another"]),
}


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Note what is asked of the database."""
    asked: list[tuple[str, Any]] = []
    engine = database._engine
    assert engine is not None

    def note(*arguments: object) -> None:
        asked.append((str(arguments[2]), arguments[3]))

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def plans(database: Database, asked: list[tuple[str, Any]]) -> list[str]:
    """Give a line for each table that is read: SEARCH it by an index, or SCAN it."""

    def explained(connection: Connection) -> list[str]:
        if connection.dialect.name == "sqlite":
            return [
                str(row[3])
                for sql, values in asked
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            ]
        # Tables of a few rows it would read whole; here it shall show whether it could do else.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        lines = [
            str(row[0]).strip(" ->")
            for sql, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {sql}", values)
        ]
        return [
            ("SCAN " if "Seq Scan" in line else "SEARCH ") + line
            for line in lines
            if " on " in line
        ]

    return await database.read(explained)


@pytest.mark.parametrize("look", LOOKUPS.values(), ids=LOOKUPS.keys())
async def test_a_lookup_reads_no_table_from_end_to_end(url: str, look: Looking) -> None:
    database = Database(url, inline=True)
    journal = SqlJournal(database)
    await journal.open()
    for step, before, after in Story(seed=3).steps(20):
        await journal.append([step], before, after)

    with statements(database) as asked:
        await look(journal)

    asked = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
    found = await plans(database, asked)
    assert found
    assert all(line.startswith("SEARCH") for line in found), found
    await journal.close()


async def test_a_start_seeks_its_snapshot_and_the_tail(url: str) -> None:
    journal = SqlJournal(Database(url, inline=True), snapshot_every=10)
    await journal.open()
    for step, before, after in Story(seed=4).steps(40):
        await journal.append([step], before, after)
    database = journal._database

    with statements(database) as asked:
        await journal.open()

    asked = [
        (sql, values)
        for sql, values in asked
        if sql.startswith("SELECT") and "pg_catalog" not in sql
    ]
    tables = ("journal", "snapshots", "journal_meta")
    lines = await plans(database, asked)
    assert all(any(table in line for table in tables) for line in lines)
    # Three snapshots are looked through; of the journal only what follows them is read.
    scans = [line for line in lines if line.startswith("SCAN")]
    assert all("snapshots" in line for line in scans), scans
    await journal.close()

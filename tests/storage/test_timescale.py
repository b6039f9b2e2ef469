"""TimescaleDB on a Postgres that has none: its absence for real, its presence by stand-ins."""

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, text

from storage.database import Database
from storage.history_tables import CANDLES
from storage.timescale import EXTENSION, hypertables

# An extension that every Postgres has installed, and one that its wheel brings and nobody has.
INSTALLED = "plpgsql"
TABLE = """
CREATE TABLE timescaledb_information.hypertables
(hypertable_schema name, hypertable_name name, column_name name, chunk bigint)
"""
# The parameters that TimescaleDB 2 has, under their names and in their types.
FUNCTION = """
CREATE FUNCTION create_hypertable(
  relation regclass, time_column_name name, partitioning_column name DEFAULT NULL,
  number_partitions integer DEFAULT NULL, chunk_time_interval anyelement DEFAULT NULL::bigint,
  create_default_indexes boolean DEFAULT true, if_not_exists boolean DEFAULT false,
  migrate_data boolean DEFAULT false
) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF relation::text = REFUSED THEN RAISE 'no hypertable of it today'; END IF;
  INSERT INTO timescaledb_information.hypertables
  VALUES (current_schema(), relation::text, time_column_name, chunk_time_interval);
END $$
"""


@pytest.fixture
async def timescale(postgres_url: str) -> AsyncIterator[Database]:
    """A database with what TimescaleDB would bring; its schema is shared by all rooms."""
    database = Database(postgres_url)
    await database.open()
    await database.write(stand_in)
    yield database
    await database.write(run_sql("DROP SCHEMA timescaledb_information CASCADE"))
    await database.close()


def run_sql(*lines: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        for line in lines:
            connection.execute(text(line))

    return run


def stand_in(connection: Connection) -> None:
    run_sql("CREATE SCHEMA timescaledb_information", TABLE)(connection)
    run_sql(FUNCTION.replace("REFUSED", "'nothing'"))(connection)


def made(connection: Connection) -> list[tuple[str, str, int]]:
    found = connection.execute(
        text(
            "SELECT hypertable_name, column_name, chunk / 86400000 "
            "FROM timescaledb_information.hypertables ORDER BY hypertable_name"
        )
    )
    return [(row[0], row[1], row[2]) for row in found]


async def test_without_the_extension_nothing_is_done_and_nothing_said(database: Database) -> None:
    assert await database.write(hypertables) == []


@pytest.mark.postgres
async def test_the_history_is_cut_into_chunks_once(timescale: Database) -> None:
    notes = await timescale.write(lambda c: hypertables(c, INSTALLED))
    assert notes == [
        "equity_points is a hypertable.",
        "quote_samples is a hypertable.",
        "candles is a hypertable.",
    ]
    assert await timescale.read(made) == [
        ("candles", "opened_at", 30),
        ("equity_points", "at", 90),
        ("quote_samples", "at", 7),
    ]
    assert await timescale.write(lambda c: hypertables(c, INSTALLED)) == []


@pytest.mark.postgres
async def test_a_refusal_is_a_note_and_the_rest_is_done(timescale: Database) -> None:
    refusing = FUNCTION.replace("CREATE", "CREATE OR REPLACE", 1)
    await timescale.write(run_sql(refusing.replace("REFUSED", "'quote_samples'")))
    notes = await timescale.write(lambda c: hypertables(c, INSTALLED))
    assert notes[1].startswith("quote_samples stays a plain table: no hypertable of it today")
    assert [name for name, *_ in await timescale.read(made)] == ["candles", "equity_points"]


@pytest.mark.postgres
async def test_a_large_table_is_not_moved_by_itself(
    timescale: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.timescale.ROWS_MOVED_MAX", 2)
    rows = "SELECT 'v', 's', '1m', generate_series(1, 3), '1', '1', '1', '1', '1'"
    await timescale.write(run_sql(f"INSERT INTO {CANDLES.name} {rows}"))
    notes = await timescale.write(lambda c: hypertables(c, INSTALLED))
    assert notes[-1].startswith("candles stays a plain table: it has more than 2 rows")


@pytest.mark.postgres
async def test_an_extension_that_cannot_be_used_is_a_note(postgres_url: str) -> None:
    # Given an extension that is installed and is another one than it says.
    database = Database(postgres_url)
    await database.open()
    notes = await database.write(lambda c: hypertables(c, INSTALLED))
    assert len(notes) == 1
    assert "is not used" in notes[0]
    # And one that the server could have, but did not load at its start.
    other = await database.read(
        lambda c: c.execute(
            text(
                "SELECT name FROM pg_available_extensions "
                "WHERE installed_version IS NULL ORDER BY name LIMIT 1"
            )
        ).scalar()
    )
    assert other not in (None, EXTENSION)
    notes = await database.write(lambda c: hypertables(c, str(other)))
    reason = "the server does not load it at its start (shared_preload_libraries)."
    assert notes == [f"{other} is there and not used: {reason}"]
    await database.close()

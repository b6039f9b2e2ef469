"""`quarterdeck backup`, `restore` and `journal rebuild` where the journal lies on a server."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.backup import back_up, restore
from bot.cli.journal import rebuild, verify
from bot.cli.refusal import CommandRefused
from bot.clock import SystemClock
from engine.errors import JournalMismatch
from storage.database import Database
from storage.lease import lease_of
from tests.bot.cli.account import traded, url_of
from tests.storage.postgres_server import PostgresServer, started

pytestmark = pytest.mark.postgres
MADE = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    postgres = started()
    yield postgres
    postgres.remove()


async def test_an_account_moves_to_a_server_and_back_again(
    server: PostgresServer, tmp_path: Path
) -> None:
    # Given an account in a file, moved to a server.
    url, there, back = url_of(tmp_path), server.room(), f"sqlite:///{tmp_path / 'back.db'}"
    await traded(url)
    await back_up(url, tmp_path / "a", MADE, lambda _: None)
    assert await restore(there, tmp_path / "a", MADE, lambda _: None) == 0
    assert await verify(there, lambda _: None) == 0
    with pytest.raises(JournalMismatch, match="a restore never overwrites"):
        await restore(there, tmp_path / "a", MADE, lambda _: None)
    # When it is moved back, then nothing was lost on the way: both books agree to the end.
    saved: list[str] = []
    said: list[str] = []
    await back_up(there, tmp_path / "b", MADE, saved.append)
    assert await restore(back, tmp_path / "b", MADE, said.append) == 0
    head = next(line for line in saved if line.startswith("Head: "))
    assert f"{head}, as in the backup" in said
    assert await verify(back, lambda _: None) == 0


async def test_a_rebuild_beside_the_active_process_is_refused(
    server: PostgresServer, tmp_path: Path
) -> None:
    url, there = url_of(tmp_path), server.room()
    await traded(url)
    await back_up(url, tmp_path / "a", MADE, lambda _: None)
    await restore(there, tmp_path / "a", MADE, lambda _: None)
    database = Database(there)
    lease = lease_of(there, database, SystemClock(), random.Random(1))
    await lease.take()
    try:
        with pytest.raises(CommandRefused, match=r"process \d+ .* is active .* nobody uses them"):
            await rebuild(there, lambda _: None)
    finally:
        await database.close()
        await lease.release()
    said: list[str] = []
    assert await rebuild(there, said.append) == 0
    assert "every table made again" in said[-1]
    assert await verify(there, lambda _: None) == 0


async def test_a_rebuild_of_an_empty_database_makes_no_table_there(server: PostgresServer) -> None:
    there = server.room()
    with pytest.raises(CommandRefused, match="holds no journal"):
        await rebuild(there, lambda _: None)
    with pytest.raises(CommandRefused, match="holds no journal"):
        await back_up(there, Path("nowhere"), MADE, lambda _: None)

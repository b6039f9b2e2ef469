"""The standby, on a file and on a server: it waits, follows, takes over; what a shell can do."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from bot.assembly import Assembly
from bot.cli.direct import assembly_of_journal
from bot.cli.faults import CommandRefused
from bot.cli.kill import end
from bot.settings import load_settings
from bot.standby import Standby
from engine.errors import JournalLocked
from engine.risk_limits import TradingState
from tests.bot.cli.account import account, buy, running
from tests.storage.postgres_server import PostgresServer, started


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    server = started()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.fresh()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    return str(request.getfixturevalue("postgres_url"))


class Waiting:
    """A process that stands by until a test ends it or lets it take over."""

    def __init__(self, url: str) -> None:
        self.assembly = account(url)
        self.standby = Standby(self.assembly, random.Random(1))
        self.stopping = asyncio.Event()
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self.standby.wait(self.stopping, begins=self._begins))

    async def _begins(self) -> None:
        self.begun.set()

    async def ended(self) -> bool:
        async with asyncio.timeout(30):
            return await self.task


@asynccontextmanager
async def waiting(url: str) -> AsyncIterator[Waiting]:
    made = Waiting(url)
    try:
        yield made
    finally:
        made.stopping.set()
        await asyncio.wait([made.task])
        await made.assembly.stop()


async def test_it_waits_while_another_is_active_and_takes_over_when_that_one_ends(
    url: str,
) -> None:
    async with running(url) as first, waiting(url) as second:
        await buy(first)
        async with asyncio.timeout(30):
            await second.begun.wait()
        readiness = second.standby.readiness
        assert readiness is not None
        assert not readiness.active
        assert readiness.reason.startswith("standby: ")
        assert not second.assembly.engine.is_running
        assert not second.assembly.lease.is_held()
        # when the first one ends, its successor goes on from the same State
        await first.stop()
        assert await second.ended()
        assert second.standby.has_waited
        assert second.standby.readiness is None
        await second.assembly.start()
        engine = second.assembly.engine
        assert engine.state.positions.keys() == first.engine.state.positions.keys()
        assert engine.state.seq > first.engine.state.seq
        await buy(second.assembly, notional=200)


async def test_who_finds_nobody_does_not_wait(url: str) -> None:
    async with waiting(url) as alone:
        assert await alone.ended()
        assert not alone.begun.is_set()
        assert alone.standby.readiness is None
        await alone.assembly.start()


async def test_asked_to_end_while_it_waits_it_ends_and_takes_nothing(url: str) -> None:
    async with running(url) as first, waiting(url) as second:
        async with asyncio.timeout(30):
            await second.begun.wait()
        second.stopping.set()
        assert not await second.ended()
        await buy(first)


async def test_without_standing_by_a_second_process_is_refused_with_a_sentence(url: str) -> None:
    async with running(url):
        second = account(url)
        with pytest.raises(JournalLocked, match=r"process \d+"):
            await second.start()


async def directly(url: str) -> Assembly:
    return await assembly_of_journal(url, load_settings({}, for_command="demo"))


@pytest.mark.postgres
async def test_a_shell_takes_the_lease_of_a_process_that_died_and_stops_from_here(
    postgres_url: str,
) -> None:
    # given a process that died without a word: its lease has not ended yet
    async with running(postgres_url) as first:
        await buy(first)
    set_lease(postgres_url, "process 1 on nowhere", lasts_ms=2000)
    said: list[str] = []
    assert await end("stop", postgres_url, lambda: directly(postgres_url), said.append) == 0
    assert said[0] == "No process answers, so this is done from here."
    async with running(postgres_url) as next_one:
        assert next_one.engine.state.trading is TradingState.HALTED


@pytest.mark.postgres
async def test_a_shell_that_neither_reaches_the_process_nor_gets_its_lease_says_who_has_it(
    postgres_url: str,
) -> None:
    async with running(postgres_url) as first:
        await buy(first)
    set_lease(postgres_url, "process 1 on elsewhere", lasts_ms=60_000)
    with pytest.raises(CommandRefused, match=r"process 1 on elsewhere is active.*press STOP"):
        await end(
            "flatten", postgres_url, lambda: directly(postgres_url), lambda _: None, starting_s=0.5
        )


def set_lease(url: str, holder: str, *, lasts_ms: int) -> None:
    """Let somebody who is not here hold the lease."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE lease SET holder = %s, token = token + 1, expires_ms = %s"
            " + (extract(epoch FROM clock_timestamp()) * 1000)::int8",
            (holder, lasts_ms),
        )

"""The lease: one process is active, the others wait, and one that was paused stores nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Connection, delete, insert, text, update

from bot.clock import SystemClock
from engine.errors import AppendUncertain, JournalLocked, JournalUnavailable
from engine.lease import Term, Undisputed
from engine.ports import Lease
from storage import tables as t
from storage.database import Database
from storage.journal import SqlJournal
from storage.lease import AccountLease, FileLease, lease_of
from storage.lease_server import ServerLease
from tests.storage.postgres_server import PostgresServer
from tests.storage.rooms import emptied, raw
from tests.storage.story import Story

SECOND = timedelta(seconds=1)
AT = datetime(2026, 3, 1, tzinfo=UTC)
NOTE = {"scope": "s", "name": "n", "value": "v"}


class ShiftedClock(SystemClock):
    """The machine's clocks, each ahead by what a test says."""

    wall_ahead = monotonic_ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.wall_ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.monotonic_ahead


class Process:
    """One process with its database, its journal and its lease."""

    def __init__(self, url: str) -> None:
        self.clock = ShiftedClock()
        self.database = Database(url)
        self.lease: AccountLease = lease_of(url, self.database, self.clock, random.Random(1))
        self.journal = SqlJournal(self.database)

    async def end(self) -> None:
        await self.database.close()
        await self.lease.release()


@asynccontextmanager
async def processes(url: str, count: int = 2) -> AsyncIterator[list[Process]]:
    made = [Process(url) for _ in range(count)]
    try:
        yield made
    finally:
        for each in reversed(made):
            await each.end()


async def noted(process: Process) -> None:
    await process.database.write(lambda connection: connection.execute(insert(t.NOTES), NOTE))


async def appended(process: Process, story: Story) -> None:
    ((step, before, after),) = story.steps(1)
    await process.journal.append([step], before, after)


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not fits():  # noqa: ASYNC110 - what changes is a row of a server
            await asyncio.sleep(0.01)


def set_row(url: str, **values: int) -> None:
    raw(url, lambda connection: connection.execute(update(t.LEASE).values(**values)))


def expire(url: str) -> None:
    """Let the lease end now, as six seconds do."""
    set_row(url, expires_ms=1)


@pytest.mark.parametrize(
    ("wall", "monotonic", "is_good"),
    [(0, 0, True), (4.9, 4.9, True), (0, 5, False), (5, 0, False), (-3600, 1, True)],
)
def test_a_term_ends_by_the_clock_that_says_so_first(
    wall: float, monotonic: float, is_good: bool
) -> None:
    term = Term(asked_at=AT, asked=7 * SECOND, lasts=5 * SECOND)
    assert term.covers(AT + wall * SECOND, (7 + monotonic) * SECOND) is is_good


@pytest.fixture
async def held(url: str) -> AsyncIterator[Lease]:
    async with processes(url, 1) as (one,):
        await one.lease.take()
        yield one.lease


def test_whoever_is_alone_holds_it_for_ever() -> None:
    lease: Lease = Undisputed()
    assert lease.is_held()


async def test_a_lease_that_was_taken_is_held(held: Lease) -> None:
    assert held.is_held()


async def test_one_process_is_active_and_the_next_one_is_told_who(url: str) -> None:
    async with processes(url) as (first, second):
        await first.lease.take()
        await noted(first)
        with pytest.raises(JournalLocked, match=r"process \d+"):
            await second.lease.take()
        assert first.lease.is_held()
        assert not second.lease.is_held()
        with pytest.raises(JournalUnavailable, match="not open"):
            await noted(second)


async def test_a_clean_end_lets_the_next_one_be_active_at_once(url: str) -> None:
    async with processes(url) as (first, second):
        await first.lease.take()
        with pytest.raises(JournalLocked):
            await second.lease.take()
        await first.end()
        assert not first.lease.is_held()
        await second.lease.take()
        assert second.lease.is_held()
        await noted(second)


async def test_taking_what_one_holds_changes_nothing(url: str) -> None:
    async with processes(url, 1) as (one,):
        await one.lease.take()
        token = one.lease.token
        await one.lease.take()
        assert (one.lease.is_held(), one.lease.token) == (True, token)


@pytest.mark.postgres
async def test_the_token_grows_with_every_takeover(postgres_url: str) -> None:
    tokens = []
    for _ in range(3):
        async with processes(postgres_url, 1) as (one,):
            await one.lease.take()
            tokens.append(one.lease.token)
    assert tokens == [1, 2, 3]


@pytest.mark.postgres
async def test_a_lease_that_ends_is_taken_and_its_holder_stores_nothing_more(
    postgres_url: str,
) -> None:
    async with processes(postgres_url) as (first, second):
        # given a process that stands still, so that it renews nothing
        await first.lease.take()
        story = Story(seed=3)
        await first.journal.open()
        await appended(first, story)
        await stand_still(first)
        expire(postgres_url)
        # when another one takes over
        await second.lease.take()
        # then the first one is refused whatever it writes, and is told by whom
        for write in (appended(first, story), noted(first)):
            with pytest.raises(JournalLocked, match=r"process \d+ on .* has taken over"):
                await write
        assert not first.lease.is_held()
        lost = await first.lease.wait_lost()
        assert "stands by" in str(lost)
        # and the second one goes on where the journal ends
        state = await second.journal.open()
        assert state.seq > 0
        await noted(second)


async def stand_still(process: Process) -> None:
    """Do what SIGSTOP does to the task that renews."""
    assert isinstance(process.lease, ServerLease)
    keeping = process.lease._keeping
    assert keeping is not None
    keeping.cancel()
    await asyncio.wait([keeping])


@pytest.mark.postgres
async def test_the_token_alone_keeps_out_who_would_append_the_right_number(
    postgres_url: str,
) -> None:
    async with processes(postgres_url) as (first, second):
        # given a takeover after which nothing was appended: number and hash still fit
        await first.lease.take()
        await first.journal.open()
        await stand_still(first)
        expire(postgres_url)
        await second.lease.take()
        with pytest.raises(JournalLocked, match="has taken over"):
            await appended(first, Story(seed=3))
        assert (await second.journal.open()).seq == 0


@pytest.mark.postgres
async def test_a_paused_process_that_wakes_up_learns_it_by_renewing(postgres_url: str) -> None:
    async with processes(postgres_url) as (first, second):
        await first.lease.take()
        set_row(postgres_url, expires_ms=1)
        await second.lease.take()
        async with asyncio.timeout(10):
            assert "has taken over" in str(await first.lease.wait_lost())
        assert not first.lease.is_held()
        assert second.lease.is_held()


@pytest.mark.postgres
@pytest.mark.parametrize("clock", ["wall_ahead", "monotonic_ahead"])
async def test_by_its_own_clocks_a_holder_stops_before_the_lease_ends(
    postgres_url: str, clock: str
) -> None:
    async with processes(postgres_url, 1) as (one,):
        await one.lease.take()
        await stand_still(one)
        setattr(one.clock, clock, 4.0)
        assert one.lease.is_held()
        setattr(one.clock, clock, 5.0)
        assert not one.lease.is_held()


@pytest.mark.postgres
async def test_a_renewal_counts_from_before_it_was_asked_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(postgres_url, 1) as (one,):
        # given a server that takes four seconds for an answer
        lease = one.lease
        assert isinstance(lease, ServerLease)
        await lease.take()
        first, renewed = lease._term, lease._renewed

        def slow(connection: Connection) -> str | None:
            answer = renewed(connection)
            one.clock.monotonic_ahead += 4.0
            return answer

        monkeypatch.setattr(lease, "_renewed", slow)
        # when it answers
        await until(lambda: lease._term is not first)
        # then one second is left
        assert lease.is_held()
        one.clock.monotonic_ahead += 1.0
        assert not lease.is_held()


@pytest.mark.postgres
async def test_a_takeover_cuts_off_what_its_predecessor_has_under_way(postgres_url: str) -> None:
    async with processes(postgres_url) as (first, second):
        await first.lease.take()
        await stand_still(first)

        async def tried(third: Process) -> None:
            try:
                with pytest.raises(JournalLocked):
                    await third.lease.take()
            finally:
                await third.end()

        def paused(connection: Connection) -> None:
            connection.execute(insert(t.NOTES), NOTE)
            # The lease ends while the transaction is under way.
            expire(postgres_url)
            asyncio.run(tried(Process(postgres_url)))

        with pytest.raises((AppendUncertain, JournalUnavailable)):
            await first.database.write(paused)
        await second.lease.take()
        stored = text("SELECT count(*) FROM notes")
        assert await second.database.read(lambda c: c.execute(stored).scalar()) == 0
        with pytest.raises(JournalLocked, match="has taken over"):
            await noted(first)


@pytest.mark.postgres
async def test_a_lease_whose_row_was_deleted_is_not_relied_on(postgres_url: str) -> None:
    async with processes(postgres_url, 1) as (one,):
        await one.lease.take()
        raw(postgres_url, lambda connection: connection.execute(delete(t.LEASE)))
        with pytest.raises(JournalLocked, match="Nobody holds the lease"):
            await noted(one)
        assert "Nobody holds" in str(await one.lease.wait_lost())


@pytest.mark.postgres
async def test_a_database_without_the_table_gets_it(postgres_url: str) -> None:
    await emptied(postgres_url)
    async with processes(postgres_url, 1) as (one,):
        await one.lease.take()
        await noted(one)


@pytest.mark.postgres
async def test_of_many_that_begin_at_once_one_is_active(postgres_url: str) -> None:
    async with processes(postgres_url, 4) as started:
        outcomes = await asyncio.gather(
            *(each.lease.take() for each in started), return_exceptions=True
        )
        assert [type(each) for each in outcomes if each is not None] == [JournalLocked] * 3
        assert sum(each.lease.is_held() for each in started) == 1


@pytest.mark.postgres
async def test_a_server_that_was_away_gives_the_holder_time_before_another_takes_over(
    postgres: PostgresServer,
) -> None:
    name = postgres.fresh()
    url = postgres.url(name)
    try:
        async with processes(url) as (first, second):
            # given a server that both found gone
            await first.lease.take()
            with pytest.raises(JournalLocked):
                await second.lease.take()
            postgres.ask(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
            )
            postgres.cut(name)
            await refused(second.lease.take)
            # when it is back, and the lease has ended meanwhile
            postgres.ask(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name))
            )
            set_row(url, expires_ms=_now_ms(url) - 60_000)
            # then who only waits lets the holder renew, and it does
            with pytest.raises(JournalLocked):
                await found(second.lease.take)
            await until(lambda: _left_ms(url) > 0)
            await noted(first)
            assert first.lease.token == 1
    finally:
        postgres.drop(name)


async def refused(take: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(JournalUnavailable):
        await take()


async def found(take: Callable[[], Awaitable[None]]) -> None:
    """Take once the server is knocked at again."""
    async with asyncio.timeout(10):
        while True:
            try:
                await take()
            except JournalUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


def _now_ms(url: str) -> int:
    now = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8")
    return int(raw(url, lambda connection: connection.execute(now).scalar_one()))


def _left_ms(url: str) -> int:
    ends = text("SELECT expires_ms FROM lease")
    return int(raw(url, lambda c: c.execute(ends).scalar_one())) - _now_ms(url)


async def test_a_file_that_is_in_use_is_refused_with_the_sentence_of_its_lock(
    tmp_path: Path,
) -> None:
    async with processes(f"sqlite:///{tmp_path / 'journal.db'}") as (first, second):
        assert isinstance(first.lease, FileLease)
        await first.lease.take()
        with pytest.raises(JournalLocked, match="is in use by process"):
            await second.lease.take()

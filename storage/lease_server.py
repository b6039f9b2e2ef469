"""The lease on a server: a row with a holder, a token, and an end by the server's own clock.

    take -> renew every 2 s -> release, or: taken over once it has not been renewed for 6 s

The holder relies on it for 5 s of its own clocks, counted from before it asked. The token grows
with each takeover. Every transaction that writes asks for it, so a process that was paused and
wakes up stores nothing. A takeover ends what its predecessor has under way.
"""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError

from engine.errors import JournalError, JournalLocked, JournalUnavailable
from engine.lease import Term
from engine.ports import Clock
from storage.database import Database
from storage.faults import fault_of
from storage.postgres import PostgresHome, driver_of, translated
from storage.writer import Job, ThreadWriter

R = TypeVar("R")
LASTS_MS: Final = 6000
RELIED_ON: Final = timedelta(seconds=5)
RENEW_S: Final = 2.0
AGAIN_S: Final = 0.5
# A server that was away is knocked at each five seconds at least: so long its holder may need.
AWAY_S: Final = 8.0
ANSWER_S: Final = 2.0
CLOSE_S: Final = 3.0
NAME: Final = "engine"
TABLE_MISSING: Final = "42P01"

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::int8"
_KEY: Final = "(1903455334::int8 << 32) | 'lease'::regclass::oid::int8"
_LOOK: Final = f"""
SELECT holder, expires_ms > {_NOW}, expires_ms = 0 FROM lease WHERE name = '{NAME}'
"""  # noqa: S608 - constants
_TURN: Final = f"SELECT pg_try_advisory_xact_lock({_KEY})"
_CUT: Final = f"""
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ShareLock'
AND ((classid::int8 << 32) | objid::int8) = {_KEY}
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND pid <> pg_backend_pid()
"""  # noqa: S608 - constants
_TAKE: Final = f"""
INSERT INTO lease (name, holder, token, expires_ms)
VALUES ('{NAME}', %s, 1, {_NOW} + {LASTS_MS})
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, token = lease.token + 1, expires_ms = {_NOW} + {LASTS_MS}
WHERE lease.expires_ms <= {_NOW}
RETURNING token
"""  # noqa: S608 - constants
_RENEW: Final = f"""
UPDATE lease SET expires_ms = {_NOW} + {LASTS_MS}
WHERE name = '{NAME}' AND token = %s RETURNING token
"""  # noqa: S608 - constants
_RELEASE: Final = f"UPDATE lease SET expires_ms = 0 WHERE name = '{NAME}' AND token = %s"  # noqa: S608 - constants
# Whoever writes holds the lock, shared, until its transaction ends; who takes over waits for that.
_WRITING: Final = f"SELECT pg_advisory_xact_lock_shared({_KEY})"
_TOKEN: Final = f"SELECT token, holder FROM lease WHERE name = '{NAME}'"  # noqa: S608 - constants

log = logging.getLogger("storage.lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """Say who is in the way."""

    holder: str


class ServerLease:
    """Hold the lease of the account whose journal lies on a server; see `AccountLease`.

    It has a connection and a thread of its own: no slow write and no long read keeps it from being
    renewed. `name` is shown to whoever has to wait.
    """

    def __init__(
        self,
        url: str,
        *,
        database: Database,
        clock: Clock,
        jitter: random.Random,
        name: str | None = None,
    ) -> None:
        self._home = PostgresHome(make_url(url), is_reader=False, jitter=jitter)
        self._database = database
        self._clock = clock
        self._jitter = jitter
        self._name = name or f"process {os.getpid()} on {socket.gethostname()}"
        self._writer: ThreadWriter | None = None
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._term: Term | None = None
        self._lost: JournalLocked | None = None
        self._lost_seen = asyncio.Event()
        self._away_until_s = 0.0
        self.token = 0

    def is_held(self) -> bool:
        """Tell whether it may be relied on, by our own clocks."""
        term = self._term
        if term is None or self._lost is not None:
            return False
        return term.covers(self._clock.now(), timedelta(seconds=self._clock.monotonic()))

    async def take(self) -> None:
        """Become the active process and open the database, or do neither.

        A database without the table of leases is brought up to date first. Raises: JournalLocked
        naming the holder, JournalUnavailable, JournalCorrupt, JournalMismatch.
        """
        if self._keeping is None:
            await self._take()
            # No TaskGroup: it begins here and ends in `release`.
            self._keeping = asyncio.create_task(self._keep(), name="lease")
        try:
            await self._database.open()
        except BaseException:
            await self.release()
            raise

    async def _take(self) -> None:
        self._open()
        asked = self._asked()
        try:
            answer = await self._ask(self._taken, makes_tables=True)
        except JournalUnavailable:
            # Nobody could renew while the server was away: its holder comes first once it is back.
            self._away_until_s = self._clock.monotonic() + AWAY_S
            raise
        if isinstance(answer, _Refused):
            await self._database.close()
            raise JournalLocked(f"{answer.holder} is active on this account.")
        self.token, self._term = answer, asked
        log.info("this process is active", extra={"token": self.token})

    def _taken(self, connection: Connection) -> "int | _Refused":
        driver = driver_of(connection)
        found = driver.execute(_LOOK).fetchone()
        other = _Refused(holder="Another process" if found is None else found[0])
        if found is not None:
            _, is_good, was_released = found
            is_waited_for = self._clock.monotonic() < self._away_until_s and not was_released
            if is_good or is_waited_for:
                return other
        with driver.transaction():
            turn = driver.execute(_TURN).fetchone()
            if turn is not None and turn[0]:
                row = driver.execute(_TAKE, (self._name,)).fetchone()
                return other if row is None else int(row[0])
        # It was paused in the middle of a write. That one must not outlive the lease it began with.
        if driver.execute(_CUT).rowcount:
            log.warning("a write of %s was cut off", other.holder)
        return other

    async def release(self) -> None:
        """Let another process be active at once; without effect when it is not held."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
        token, self._term = self.token, None
        if keeping is not None and self._lost is None:
            try:
                await self._ask(lambda c: driver_of(c).execute(_RELEASE, (token,)).rowcount)
            except JournalError as fault:
                log.warning("the lease ends by itself: %s", fault)
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.later(self._close)
            await writer.stop(CLOSE_S)

    async def wait_lost(self) -> JournalLocked:
        """Wait until another process is active in our place, and give what is to be said."""
        await self._lost_seen.wait()
        assert self._lost is not None, "lost without a word"
        return self._lost

    def guard(self, connection: Connection) -> Callable[[], None]:
        """Ask, within a transaction of the database, whether our token is still the last one."""
        token = self.token
        driver = driver_of(connection)
        try:
            driver.execute(_WRITING)
            # A statement of its own: it must see what was stored while the lock was waited for.
            cursor = driver.execute(_TOKEN)
        except psycopg.Error as error:
            raise translated(error, connection) from error

        def judge() -> None:
            row = cursor.fetchone()
            if row is None or row[0] != token:
                raise self._fenced(None if row is None else row[1])

        return judge

    def _fenced(self, holder: str | None) -> JournalLocked:
        """Take note, in whatever thread, that somebody else has taken over."""
        who = f"{holder} has" if holder else "Nobody holds the lease: somebody may have"
        lost = JournalLocked(
            f"{who} taken over this account, so this process sends and stores no more. Start it "
            "again and it stands by."
        )
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._lose, lost)
        return lost

    def _lose(self, lost: JournalLocked) -> None:
        if self._lost is None and self._term is not None:
            self._lost = lost
            log.error("the lease was lost: %s", lost)
            self._lost_seen.set()

    async def _keep(self) -> None:
        """Renew for ever; what fails is tried again sooner."""
        is_well = True
        while self._lost is None:
            wait_s = RENEW_S if is_well else AGAIN_S
            await asyncio.sleep(wait_s * self._jitter.uniform(0.8, 1.0))
            asked = self._asked()
            try:
                holder = await self._ask(self._renewed)
            except JournalError as fault:
                if is_well:
                    log.warning("the lease cannot be renewed: %s", fault)
                is_well = False
                continue
            is_well = True
            if holder is None:
                self._term = asked
            else:
                self._fenced(holder or None)

    def _renewed(self, connection: Connection) -> str | None:
        """Renew, and give None; else who has it, empty where nobody does."""
        driver = driver_of(connection)
        if driver.execute(_RENEW, (self.token,)).fetchone() is not None:
            return None
        row = driver.execute(_TOKEN).fetchone()
        return "" if row is None else str(row[1])

    def _asked(self) -> Term:
        return Term(
            asked_at=self._clock.now(),
            asked=timedelta(seconds=self._clock.monotonic()),
            lasts=RELIED_ON,
        )

    def _open(self) -> None:
        if self._writer is None:
            self._loop = asyncio.get_running_loop()
            self._home.take(self._loop.time)
            self._engine = self._home.engine(writes=True)
            self._writer = ThreadWriter("lease")

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    async def _ask(self, work: Callable[[Connection], R], *, makes_tables: bool = False) -> R:
        """Run the work on the lease's own connection. Raises: JournalError."""
        writer = self._writer
        assert writer is not None, "asked before it was taken"
        job = Job(lambda: self._transact(work))
        try:
            # A first connection may take longer than an answer.
            async with asyncio.timeout(None if makes_tables else 2 * ANSWER_S):
                return await writer.run(job)
        except TimeoutError as fault:
            job.withdrawn()
            raise JournalUnavailable(f"{self._home.name} does not answer.") from fault
        except DBAPIError as error:
            if makes_tables and getattr(error.orig, "sqlstate", None) == TABLE_MISSING:
                await self._database.open()
                return await self._ask(work)
            raise fault_of(error, self._home.name) from error

    def _transact(self, work: Callable[[Connection], R]) -> R:
        assert self._engine is not None, "a job ran on a closed lease"
        with self._engine.connect() as connection:
            driver = driver_of(connection)
            driver.answer_s = ANSWER_S
            # A statement is stored as soon as it has run: paused after it, we hold nobody up.
            driver.autocommit = True
            try:
                return work(connection)
            except psycopg.Error as error:
                if driver.closed or driver.broken:
                    connection.invalidate(error)
                raise translated(error, connection) from error

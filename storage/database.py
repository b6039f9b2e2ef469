"""Database: one writer, a few readers, and the place they work on: a file, or a server."""

import asyncio
import logging
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

from sqlalchemy import Connection, Engine, Transaction, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from engine.errors import AppendUncertain, JournalCorrupt, JournalError, JournalUnavailable
from storage.faults import fault_of
from storage.guard import Guard, guarded, unguarded
from storage.home import home_of
from storage.migration import is_current, migrate
from storage.writer import InlineWriter, Job, ThreadWriter, Writer

R = TypeVar("R")
READERS = 2
READS_WAITING_MAX = 256
OPEN_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 10.0
# Above what SQLite waits for a lock, and a server for its statement: they say what was wrong.
WRITE_S = 10.0
READ_S = 15.0
SETTLE_S = 2.0
MIGRATE_S = 600.0
CHECKED_BYTES_MAX = 64 * 1024 * 1024

log = logging.getLogger("storage.database")


class Database:
    """Hold the connections to one database.

    `inline` runs everything in the caller, for simulations. `is_reader` opens what is there
    without a lock and refuses to write, so that it can be looked at beside a running process.
    `jitter` spreads how often a server that is away is knocked at.

    A file of at most `checked_bytes_max` is checked page by page at each opening; a larger one only
    when it is not as we left it: a power cut, another program, a copy put in its place.
    """

    def __init__(
        self,
        url: str,
        *,
        inline: bool = False,
        is_reader: bool = False,
        checked_bytes_max: int = CHECKED_BYTES_MAX,
        jitter: random.Random | None = None,
    ) -> None:
        self._home = home_of(
            make_url(url),
            is_reader=is_reader,
            checked_bytes_max=checked_bytes_max,
            # By its number each process has dice of its own; they only spread what is tried again.
            jitter=jitter or random.Random(os.getpid()),  # noqa: S311 - see above
        )
        self._inline = inline
        self.is_reader = is_reader
        self._writer: Writer | None = None
        self._hung: Writer | None = None
        self._is_sound = True
        self._guard: Guard = unguarded
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._reading: Engine | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reads_waiting = 0
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """Name the database for a person: its file, or its address without a password."""
        return self._home.name

    def guarded_by(self, guard: Guard) -> None:
        """Let every transaction that writes ask first."""
        self._guard = guard

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Take the lock, connect and bring the tables up to date; without effect when it is open.

        A file that must be checked whole is given the time for that beside the timeout.

        Raises: JournalLocked, JournalMismatch, JournalCorrupt, JournalUnavailable.
        """
        async with self._opening:
            if self._writer is not None:
                return
            await self._check_hung()
            self._home.take(asyncio.get_running_loop().time)
            writer: Writer = InlineWriter() if self._inline else ThreadWriter("journal")
            try:
                async with asyncio.timeout(timeout_s + self._home.check_s):
                    is_ready = await writer.run(self._connect)
                async with asyncio.timeout(MIGRATE_S):
                    await writer.run(lambda: self._enter(migrates=not is_ready))
            except BaseException as error:
                await self._give_up(writer, error)
                raise
            self._writer = writer

    async def _give_up(self, writer: Writer, error: BaseException) -> None:
        """Undo an opening that failed. Raises: JournalUnavailable when its time was over."""
        is_late = isinstance(error, TimeoutError)
        writer.later(self._disconnect)
        if await writer.stop(0 if is_late else CLOSE_TIMEOUT_S):
            self._home.release()
        else:
            # Its thread still works on the file, so the lock must stay.
            self._hung = writer
        if is_late:
            raise JournalUnavailable(f"{self.name} does not answer.") from error

    async def _check_hung(self) -> None:
        """Clear away an opening that came to nothing. Raises: JournalUnavailable as it hangs on."""
        if self._hung is not None:
            if not await self._hung.stop(0):
                raise JournalUnavailable(f"{self.name} still does not answer.")
            self._hung = None
            self._home.release()

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Finish what waits, disconnect and let go of the file; without effect when closed.

        Raises: JournalUnavailable when the disk does not answer in time; the lock is then kept
        until the process ends.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if self._readers is not None:
            self._readers.shutdown(wait=False, cancel_futures=True)
        try:
            async with asyncio.timeout(timeout_s):
                await writer.run(self._disconnect)
                ended = await writer.stop(timeout_s)
        except TimeoutError:
            ended = False
        if not ended:
            raise JournalUnavailable(f"{self.name}: the disk did not answer for {timeout_s} s.")
        self._home.release(is_closed=self._is_sound)

    async def write(self, function: Callable[[Connection], R]) -> R:
        """Run the function in one transaction on the writer, and commit.

        A cancelled caller leaves the transaction running. What the function raises rolls back.
        Where a connection proves lost before anything was stored, the function runs once more.

        Raises: IntegrityError from the function's own statements, JournalUnavailable when nothing
        was stored, AppendUncertain when nobody knows: the commit itself failed, or no answer came
        within 10 s. JournalCorrupt.
        """
        return await self._written(lambda: self._transact(function), WRITE_S)

    async def write_long(self, function: Callable[[Connection], R]) -> R:
        """Write what a person waits for, however long it takes. Raises: as `write`."""
        if self._inline:
            return await self.write(function)
        return await self._written(lambda: self._transact(function, is_long=True), None)

    async def settled(self, function: Callable[[Connection], R]) -> R:
        """Run the function, which only looks, behind everything that the writer was ever given.

        Raises: JournalUnavailable also while the writer still hangs in an earlier job.
        """
        if self._inline or self.is_reader:
            return await self.read(function)
        try:
            return await self._written(lambda: self._transact(function), SETTLE_S)
        except AppendUncertain as fault:
            raise JournalUnavailable(f"{self.name} does not answer yet.") from fault

    async def _written(self, work: Callable[[], R], timeout_s: float | None) -> R:
        if self.is_reader:
            raise JournalUnavailable(f"{self.name} was opened to be read only.")
        writer = self._open_writer()
        if self._inline:
            return await writer.run(work)
        job = Job(work)
        try:
            async with asyncio.timeout(timeout_s):
                return await writer.run(job)
        except TimeoutError as fault:
            if job.withdrawn():
                raise JournalUnavailable(
                    f"{self.name}: earlier writes have not ended for {timeout_s} s."
                ) from fault
            raise AppendUncertain(f"{self.name} did not answer for {timeout_s} s.") from fault

    def later(self, function: Callable[[Connection], object]) -> None:
        """Run the function after what waits; its faults are logged. Raises: JournalUnavailable."""
        assert not self.is_reader, "a reader has nothing to write"
        self._open_writer().later(lambda: self._transact(function))

    async def read(self, function: Callable[[Connection], R]) -> R:
        """Run the function on a connection that only reads, in one consistent view.

        Raises: JournalUnavailable, also when no answer came within 15 s; JournalCorrupt.
        """
        # Whoever only looks, as `journal verify` does, waits as long as it takes.
        return await self._read(function, None if self.is_reader else READ_S)

    async def read_long(self, function: Callable[[Connection], R]) -> R:
        """Read what a start or a person waits for, however long it takes. Raises: as `read`."""
        return await (self.read(function) if self._inline else self._read(function, None))

    async def _read(self, function: Callable[[Connection], R], timeout_s: float | None) -> R:
        writer = self._open_writer()
        if self._reads_waiting >= READS_WAITING_MAX:
            raise JournalUnavailable(f"{READS_WAITING_MAX} reads wait already.")
        self._reads_waiting += 1
        try:
            async with asyncio.timeout(None if self._inline else timeout_s):
                if self._readers is None:
                    return await writer.run(lambda: self._look(function))
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._readers, lambda: self._look(function))
        except TimeoutError as fault:
            raise JournalUnavailable(f"{self.name} was not read for {timeout_s} s.") from fault
        finally:
            self._reads_waiting -= 1

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise JournalUnavailable(f"{self.name} is not open.")
        return self._writer

    def _connect(self) -> bool:
        """Connect, and tell whether the tables need no migration. Raises: JournalError."""
        home = self._home
        try:
            home.check_before()
            self._engine = home.engine(writes=True)
            self._connection = self._engine.connect()
            home.check(self._connection)
            with self._connection.begin():
                return is_current(self._connection) or self.is_reader
        except DBAPIError as error:
            raise self._fault(error) from error

    def _enter(self, *, migrates: bool) -> None:
        """Bring the tables up to date where they are not, and open what looks."""
        home, connection = self._home, self._connection
        assert connection is not None, "entered before it was connected"
        try:
            if migrates:
                with connection.begin(), home.patience(connection):
                    migrate(connection)
            home.used()
            self._is_sound = True
        except DBAPIError as error:
            raise self._fault(error) from error
        if self._inline or not home.has_readers:
            return
        self._reading = home.engine(writes=False)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="journal-read")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        for engine in (self._engine, self._reading):
            if engine is not None:
                engine.dispose()
        self._connection = self._engine = self._reading = self._readers = None

    def _transact(self, function: Callable[[Connection], R], *, is_long: bool = False) -> R:
        connection = self._connection
        assert connection is not None, "a job ran on a closed database"
        was_connected = not connection.invalidated
        try:
            return self._attempt(connection, function, is_long=is_long)
        except JournalUnavailable:
            if not (was_connected and connection.invalidated):
                raise
        # It was lost while nobody used it, which shows only now: nothing of this is stored yet.
        log.info("%s: the connection was lost; a new one is made", self.name)
        return self._attempt(connection, function, is_long=is_long)

    def _attempt(
        self, connection: Connection, function: Callable[[Connection], R], *, is_long: bool
    ) -> R:
        """Run the function and commit; a connection that is lost is given up."""
        patience = self._home.patience(connection) if is_long else nullcontext()
        try:
            transaction = connection.begin()
            with patience:
                result = guarded(function, connection, self._guard)
                self._home.check_whole(connection)
                self._commit(connection, transaction)
        except IntegrityError:
            self._roll_back(connection)
            raise
        except DBAPIError as error:
            if self._home.is_lost(connection, error):
                connection.invalidate(error)
            self._roll_back(connection)
            raise self._fault(error) from error
        except BaseException:
            self._roll_back(connection)
            raise
        return result

    def _commit(self, connection: Connection, transaction: Transaction) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if self._home.is_lost(connection, error):
                connection.invalidate(error)
            raise AppendUncertain(
                f"{self.name}: the commit was not confirmed: {error.orig}"
            ) from error

    def _fault(self, error: DBAPIError) -> JournalError:
        fault = fault_of(error, self.name)
        self._is_sound &= not isinstance(fault, JournalCorrupt)
        return fault

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except SQLAlchemyError:
            # Whatever became of it, this connection is of no more use; the next write makes one.
            connection.invalidate()

    def _look(self, function: Callable[[Connection], R]) -> R:
        try:
            try:
                return self._seen(function)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            # It was lost while nobody used it, and all that lie beside it are given up, too.
            return self._seen(function)
        except DBAPIError as error:
            raise self._fault(error) from error

    def _seen(self, function: Callable[[Connection], R]) -> R:
        if self._reading is None:
            assert self._connection is not None, "a job ran on a closed database"
            with self._connection.begin():
                return function(self._connection)
        with self._reading.begin() as connection:
            return function(connection)

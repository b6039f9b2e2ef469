"""Database: one writer, a few readers, and the file they work on."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from engine.errors import AppendUncertain, JournalCorrupt, JournalError, JournalUnavailable
from storage.faults import corrupt, fault_of
from storage.file_lock import FileLock
from storage.paper_tables import PAPER_HEADS
from storage.statements import run_plain
from storage.writer import InlineWriter, ThreadWriter, Writer

R = TypeVar("R")
READERS = 2
READS_WAITING_MAX = 256
BUSY_TIMEOUT_MS = 5000
OPEN_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 10.0
# Checking every page takes some 4 ms for a MiB of cached file, on a slow disk 100.
CHECKED_BYTES_MAX = 64 * 1024 * 1024
CHECKED_BYTES_PER_S = 10 * 1024 * 1024

log = logging.getLogger("storage.database")


class Database:
    """Hold the connections to one database.

    `inline` runs everything in the caller, for simulations. `is_reader` opens an existing file
    without its lock and refuses to write, so that it can be looked at beside a running process.

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
    ) -> None:
        self._url = make_url(url)
        self._inline = inline
        self.is_reader = is_reader
        self._checked_bytes_max = checked_bytes_max
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        named = self._url.database if self._is_sqlite else None
        self._file = Path(named) if named and named != ":memory:" else None
        self._lock = FileLock(self._file) if self._file is not None and not is_reader else None
        self._writer: Writer | None = None
        self._hung: Writer | None = None
        self._is_sound = True
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._reading: Engine | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reads_waiting = 0
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """Name the database for a person: its file, or its address without a password."""
        return str(self._file or self._url.render_as_string(hide_password=True))

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Take the lock, connect and make the tables; without effect when it is open.

        A file that must be checked whole is given the time for that beside the timeout.

        Raises: JournalLocked, JournalCorrupt, JournalUnavailable.
        """
        async with self._opening:
            if self._writer is not None:
                return
            await self._check_hung()
            if self._file is not None and self.is_reader and not self._file.is_file():
                raise JournalUnavailable(f"There is no journal at {self._file}.")
            if self._lock is not None:
                self._lock.acquire()
            writer: Writer = InlineWriter() if self._inline else ThreadWriter("journal")
            try:
                async with asyncio.timeout(timeout_s + self._bytes() / CHECKED_BYTES_PER_S):
                    await writer.run(self._connect)
            except BaseException as error:
                await self._give_up(writer, error)
                raise
            self._writer = writer

    async def _give_up(self, writer: Writer, error: BaseException) -> None:
        """Undo an opening that failed. Raises: JournalUnavailable when its time was over."""
        is_late = isinstance(error, TimeoutError)
        writer.later(self._disconnect)
        if await writer.stop(0 if is_late else CLOSE_TIMEOUT_S):
            self._release()
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
            self._release()

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
        if self._lock is not None and self._is_sound:
            self._lock.mark_closed()
        self._release()

    async def write(self, function: Callable[[Connection], R]) -> R:
        """Run the function in one transaction on the writer, and commit.

        A cancelled caller leaves the transaction running. What the function raises rolls back.

        Raises: IntegrityError from the function's own statements, JournalUnavailable when nothing
        was stored, AppendUncertain when the commit itself failed, JournalCorrupt.
        """
        if self.is_reader:
            raise JournalUnavailable(f"{self.name} was opened to be read only.")
        return await self._open_writer().run(lambda: self._transact(function))

    def later(self, function: Callable[[Connection], object]) -> None:
        """Run the function in a transaction of its own after what waits; its faults are logged.

        Raises: JournalUnavailable when it will not run.
        """
        assert not self.is_reader, "a reader has nothing to write"
        self._open_writer().later(lambda: self._transact(function))

    async def read(self, function: Callable[[Connection], R]) -> R:
        """Run the function on a connection that only reads, in one consistent view.

        Raises: JournalUnavailable, JournalCorrupt.
        """
        writer = self._open_writer()
        if self._readers is None:
            return await writer.run(lambda: self._look(function))
        if self._reads_waiting >= READS_WAITING_MAX:
            raise JournalUnavailable(f"{READS_WAITING_MAX} reads wait already.")
        self._reads_waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, lambda: self._look(function))
        finally:
            self._reads_waiting -= 1

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise JournalUnavailable(f"{self.name} is not open.")
        return self._writer

    def _connect(self) -> None:
        try:
            self._check_emptied()
            self._engine = self._engine_of(begin="BEGIN IMMEDIATE", query_only=self.is_reader)
            self._connection = self._engine.connect()
            if self._is_sqlite:
                self._check_file(self._connection)
            if not self.is_reader:
                with self._connection.begin():
                    PAPER_HEADS.metadata.create_all(self._connection)
            if self._lock is not None:
                self._lock.mark_used()
            self._is_sound = True
        except DBAPIError as error:
            raise self._fault(error) from error
        if self._inline or (self._is_sqlite and self._file is None):
            return
        self._reading = self._engine_of(begin="BEGIN", query_only=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="journal-read")

    def _check_emptied(self) -> None:
        if self._lock is None or self._file is None or not self._lock.was_used:
            return
        if self._file.exists() and self._file.stat().st_size == 0:
            raise corrupt(self.name, "it is empty, and it was not")

    def _check_file(self, connection: Connection) -> None:
        size, is_as_left = self._bytes(), self._lock is None or self._lock.is_as_left
        if size > self._checked_bytes_max:
            if is_as_left:
                return
            log.warning("%s is not as it was left: all of it is checked", self.name)
        with connection.begin():
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if verdict != "ok":
            raise corrupt(self.name, str(verdict))

    def _bytes(self) -> int:
        return self._file.stat().st_size if self._file is not None and self._file.exists() else 0

    def _engine_of(self, *, begin: str, query_only: bool) -> Engine:
        if not self._is_sqlite:
            level = "REPEATABLE READ" if query_only else "READ COMMITTED"
            return create_engine(
                self._url, pool_size=READERS, pool_pre_ping=True, isolation_level=level
            )
        shared: dict[str, Any] = {} if self._file is not None else {"poolclass": StaticPool}
        engine = create_engine(
            self._url, connect_args={"check_same_thread": False, "timeout": 0}, **shared
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            # The driver must not begin transactions by itself: it would begin them too late.
            connection.isolation_level = None
            for line in _pragmas(query_only=query_only, is_reader=self.is_reader):
                connection.execute(line)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            run_plain(connection, "BEGIN" if self.is_reader else begin)

        return engine

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        for engine in (self._engine, self._reading):
            if engine is not None:
                engine.dispose()
        self._connection = self._engine = self._reading = self._readers = None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _transact(self, function: Callable[[Connection], R]) -> R:
        connection = self._connection
        assert connection is not None, "a job ran on a closed database"
        try:
            transaction = connection.begin()
            try:
                result = function(connection)
            except BaseException:
                transaction.rollback()
                raise
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise self._fault(error) from error
        try:
            transaction.commit()
        except SQLAlchemyError as error:
            self._roll_back(connection)
            raise AppendUncertain(f"{self.name}: the commit was not confirmed: {error}") from error
        return result

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
            if self._reading is None:
                assert self._connection is not None, "a job ran on a closed database"
                with self._connection.begin():
                    return function(self._connection)
            with self._reading.begin() as connection:
                return function(connection)
        except DBAPIError as error:
            raise self._fault(error) from error


def _pragmas(*, query_only: bool, is_reader: bool) -> tuple[str, ...]:
    lines = [f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys=ON"]
    if not is_reader:
        lines += ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"]
    if query_only:
        lines.append("PRAGMA query_only=ON")
    return tuple(lines)

"""SQLite: a database in a file of ours, locked by one process and checked when it is opened."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from engine.errors import JournalUnavailable
from storage.faults import corrupt
from storage.file_lock import FileLock
from storage.statements import run_plain

BUSY_TIMEOUT_MS = 5000
# Checking every page takes some 4 ms for a MiB of cached file, on a slow disk 100.
CHECKED_BYTES_PER_S = 10 * 1024 * 1024

log = logging.getLogger("storage.database")


class SqliteHome:
    """Where a SQLite database lives: a file with its lock, or this process's memory."""

    def __init__(self, url: URL, *, is_reader: bool, checked_bytes_max: int) -> None:
        self._url = url
        self._is_reader = is_reader
        self._checked_bytes_max = checked_bytes_max
        named = url.database
        self._file = Path(named) if named and named != ":memory:" else None
        self._lock = FileLock(self._file) if self._file is not None and not is_reader else None
        self.name = str(self._file or url.render_as_string(hide_password=True))

    @property
    def has_readers(self) -> bool:
        """Tell whether a second connection would see the same database."""
        return self._file is not None

    @property
    def check_s(self) -> float:
        """Give the seconds that a check of all of it may take."""
        return self._bytes() / CHECKED_BYTES_PER_S

    def take(self, monotonic: Callable[[], float]) -> None:
        """Take the lock. Raises: JournalLocked, JournalUnavailable."""
        if self._file is not None and self._is_reader and not self._file.is_file():
            raise JournalUnavailable(f"There is no journal at {self._file}.")
        if self._lock is not None:
            self._lock.acquire()

    def release(self, *, is_closed: bool = False) -> None:
        """Let go of the lock; `is_closed` remembers the file as sound and as it is now."""
        if self._lock is not None:
            if is_closed:
                self._lock.mark_closed()
            self._lock.release()

    def engine(self, *, writes: bool) -> Engine:
        """Give the way in, for a connection that writes or one that only looks."""
        shared: dict[str, Any] = {} if self._file is not None else {"poolclass": StaticPool}
        engine = create_engine(
            self._url,
            connect_args={"check_same_thread": False, "timeout": 0},
            hide_parameters=True,
            **shared,
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            # The driver must not begin transactions by itself: it would begin them too late.
            connection.isolation_level = None
            for line in _pragmas(writes=writes, is_reader=self._is_reader):
                connection.execute(line)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            run_plain(connection, "BEGIN IMMEDIATE" if writes and not self._is_reader else "BEGIN")

        return engine

    def check_before(self) -> None:
        """Look at the file before anything opens it. Raises: JournalCorrupt."""
        if self._lock is None or self._file is None or not self._lock.was_used:
            return
        if self._file.exists() and self._file.stat().st_size == 0:
            raise corrupt(self.name, "it is empty, and it was not")

    def check(self, connection: Connection) -> None:
        """Look at the pages. Raises: JournalCorrupt."""
        is_as_left = self._lock is None or self._lock.is_as_left
        if self._bytes() > self._checked_bytes_max:
            if is_as_left:
                return
            log.warning("%s is not as it was left: all of it is checked", self.name)
        with connection.begin():
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if verdict != "ok":
            raise corrupt(self.name, str(verdict))

    def used(self) -> None:
        """Take note that it is sound and in use."""
        if self._lock is not None:
            self._lock.mark_used()

    def patience(self, _connection: Connection) -> AbstractContextManager[None]:
        """Do nothing: what takes long here is not cut short."""
        return nullcontext()

    def is_lost(self, _connection: Connection, _error: DBAPIError) -> bool:
        """Tell whether the connection is gone; one to a file never is."""
        return False

    def check_whole(self, _connection: Connection) -> None:
        """Do nothing: a failed statement leaves the rest of its transaction whole here."""

    def _bytes(self) -> int:
        return self._file.stat().st_size if self._file is not None and self._file.exists() else 0


def _pragmas(*, writes: bool, is_reader: bool) -> tuple[str, ...]:
    lines = [f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys=ON"]
    if not is_reader:
        lines += ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"]
    if is_reader or not writes:
        lines.append("PRAGMA query_only=ON")
    return tuple(lines)

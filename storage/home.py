"""Home: what a database must know about the place where it lives, be it a file or a server."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.sqlite import SqliteHome


class Home(Protocol):
    """Where a database lives, how one gets in, and what its faults mean there."""

    name: str

    @property
    def has_readers(self) -> bool:
        """Tell whether a second connection would see the same database."""
        ...

    @property
    def check_s(self) -> float:
        """Give the seconds that `check` may take beside the opening itself."""
        ...

    def take(self, monotonic: Callable[[], float]) -> None:
        """Take the database for us alone, where that is possible. Raises: JournalError."""
        ...

    def release(self, *, is_closed: bool = False) -> None:
        """Let go of it; `is_closed` when it was left in good order."""
        ...

    def engine(self, *, writes: bool) -> Engine:
        """Give the way in, for a connection that writes or one that only looks."""
        ...

    def check_before(self) -> None:
        """Look at what lies there before anything opens it. Raises: JournalCorrupt."""
        ...

    def check(self, connection: Connection) -> None:
        """Look at what was opened. Raises: JournalCorrupt, JournalUnavailable."""
        ...

    def used(self) -> None:
        """Take note that it is sound and in use."""
        ...

    def patience(self, connection: Connection) -> AbstractContextManager[None]:
        """Let the transaction that has begun take long."""
        ...

    def is_lost(self, connection: Connection, error: DBAPIError) -> bool:
        """Tell whether a new connection is needed."""
        ...

    def check_whole(self, connection: Connection) -> None:
        """See that a commit would store everything. Raises: AssertionError."""
        ...


def home_of(url: URL, *, is_reader: bool, checked_bytes_max: int, jitter: random.Random) -> Home:
    """Find the home that an address names."""
    if url.get_backend_name() == "sqlite":
        return SqliteHome(url, is_reader=is_reader, checked_bytes_max=checked_bytes_max)
    # The driver comes with an extra, and costs 12 MB and 0.1 s.
    from storage.postgres import PostgresHome  # noqa: PLC0415 - see above

    return PostgresHome(url, is_reader=is_reader, jitter=jitter)

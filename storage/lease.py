"""The account's lease: of several processes on one journal, one is active and the others wait.

Where the journal is a file its lock is the lease: the system gives it back when the holder dies,
and a holder that stands still keeps it. On a server it is a row (`storage.lease_server`).
"""

import asyncio
import random
from typing import Protocol

from sqlalchemy import make_url

from engine.errors import JournalLocked
from engine.ports import Clock
from storage.database import Database


class AccountLease(Protocol):
    """Take, keep and give back the right to be active; implements `engine.ports.Lease`."""

    @property
    def token(self) -> int:
        """Give a number that grows with each takeover; 0 where the file's lock is the lease."""
        ...

    def is_held(self) -> bool:
        """Tell whether it may be relied on in this moment."""
        ...

    async def take(self) -> None:
        """Become the active process and open the database, or do neither.

        Raises: JournalLocked naming the holder; JournalUnavailable, JournalCorrupt,
        JournalMismatch.
        """
        ...

    async def release(self) -> None:
        """Let another process be active at once; without effect when it is not held."""
        ...

    async def wait_lost(self) -> JournalLocked:
        """Wait until another process is active in our place, and give what is to be said."""
        ...


class FileLease:
    """Be active as long as the database is open: its file has a lock."""

    token = 0

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_held = False

    def is_held(self) -> bool:
        """Tell whether the file is ours."""
        return self._is_held

    async def take(self) -> None:
        """Open the database, which takes the lock. Raises: JournalError."""
        await self._database.open()
        self._is_held = True

    async def release(self) -> None:
        """Do nothing: the database has let go of its lock when it was closed."""
        self._is_held = False

    async def wait_lost(self) -> JournalLocked:
        """Wait for ever: nobody can take the lock of a process that lives."""
        never: asyncio.Future[JournalLocked] = asyncio.get_running_loop().create_future()
        return await never


def lease_of(
    database_url: str, database: Database, clock: Clock, jitter: random.Random
) -> AccountLease:
    """Make the lease of the account in a database; the database is guarded by it from now on."""
    if make_url(database_url).get_backend_name() == "sqlite":
        return FileLease(database)
    # The driver comes with an extra, and costs 12 MB and 0.1 s.
    from storage.lease_server import ServerLease  # noqa: PLC0415 - see above

    lease = ServerLease(database_url, database=database, clock=clock, jitter=jitter)
    database.guarded_by(lease.guard)
    return lease

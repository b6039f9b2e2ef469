"""The follower: State as another process makes it, kept warm by reading what that one stores."""

import asyncio
import logging

from sqlalchemy import Connection

from engine.errors import JournalCorrupt, JournalError
from storage.chain import Head, applied, stored_events
from storage.codec import Codec
from storage.database import Database
from storage.journal import SqlJournal
from storage.presence import holds_journal
from storage.snapshots import Snapshot

FOLLOW_S = 5.0
CLOSE_S = 2.0

log = logging.getLogger("storage.follower")


class Follower:
    """Fold the events of a journal that another process writes; it only reads.

    `newest` is State after the last event that was read; each event was checked against the chain.
    """

    def __init__(self, database_url: str, codec: Codec | None = None) -> None:
        self._database = Database(database_url, is_reader=True)
        self._codec = codec if codec is not None else Codec()
        self.newest: Snapshot | None = None

    async def follow(self) -> None:
        """Read what was stored since the last time. Raises: JournalError; it is tried again."""
        async with asyncio.timeout(None if self.newest is None else FOLLOW_S):
            await self._database.open()
            newest = self.newest
            if newest is None:
                self.newest = await self._begun()
                return
            try:
                self.newest = await self._database.read(lambda c: self._folded(c, newest))
            except JournalCorrupt:
                # It does not go on where it did: then it is folded as a start folds it.
                self.newest = None
                raise

    async def close(self) -> None:
        """Stop reading; what was read stays."""
        try:
            await self._database.close(CLOSE_S)
        except JournalError as fault:
            log.warning("a reader was not closed: %s", fault)

    async def _begun(self) -> Snapshot | None:
        if not await self._database.read(holds_journal):
            return None
        journal = SqlJournal(self._database, codec=self._codec)
        state = await journal.open()
        return Snapshot(head=Head(seq=state.seq, hash=journal.last_hash), state=state)

    def _folded(self, connection: Connection, begin: Snapshot) -> Snapshot:
        state, head = begin.state, begin.head
        for stored in stored_events(connection, self._codec, begin.head):
            state = applied(state, stored)
            head = Head(seq=stored.seq, hash=stored.hash)
        return Snapshot(head=head, state=state)

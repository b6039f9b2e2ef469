"""The journal as the stream of events reads it: what is stored, byte for byte, in order."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from engine.errors import JournalCorrupt
from storage.database import Database
from storage.statements import selecting
from storage.streams_records import OutEvent
from storage.tables import JOURNAL


class StoredEvents:
    """Read a journal that another part of the process appends to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, seq: int, count_max: int) -> Sequence[OutEvent]:
        """Give the events that follow a number, oldest first. Raises: JournalError."""

        def read(connection: Connection) -> list[OutEvent]:
            rows = connection.execute(_following(), {"after": seq, "count": count_max}).all()
            return [_out(row) for row in rows]

        return await self._database.read(read)

    async def head(self) -> int:
        """Give the number of the last event; 0 when there is none. Raises: JournalError."""

        def read(connection: Connection) -> int:
            return connection.execute(_last()).scalar() or 0

        return await self._database.read(read)

    async def hash_of(self, seq: int) -> str | None:
        """Give an event's hash; None when there is no such event. Raises: JournalError."""

        def read(connection: Connection) -> str | None:
            found = connection.execute(_hash(), {"seq": seq}).scalar()
            return None if found is None else str(found)

        return await self._database.read(read)


@cache
def _following() -> Select[Any]:
    column = JOURNAL.c.seq
    following = selecting(JOURNAL).where(column > bindparam("after"))
    return following.order_by(column).limit(bindparam("count"))


@cache
def _last() -> Select[Any]:
    return select(JOURNAL.c.seq).order_by(JOURNAL.c.seq.desc()).limit(1)


@cache
def _hash() -> Select[Any]:
    return select(JOURNAL.c.hash).where(JOURNAL.c.seq == bindparam("seq"))


def _out(row: Any) -> OutEvent:
    seq, at, kind, version, _command_id, payload, link = row
    if not isinstance(payload, bytes):
        raise JournalCorrupt(f"Event {seq} holds no bytes.")
    return OutEvent(seq=seq, at=at, kind=kind, version=version, payload=payload, hash=link)

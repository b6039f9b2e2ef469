"""Updates: what Telegram delivered, kept until handled, and recognised when it comes again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from storage.database import Database
from storage.statements import inserting, rows_of, run_many
from storage.tables import UPDATES


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpdate:
    """Give one update as it was received."""

    update_id: int
    received_at: datetime
    payload: bytes


class Updates:
    """Keep received updates; a batch is stored before the next one is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, rows: Sequence[tuple[int, datetime, bytes]]) -> Sequence[int]:
        """Store (id, time, payload) and give the ids that are new, in the order given."""
        if not rows:
            return ()
        return await self._database.write(lambda connection: _store(connection, rows))

    async def unhandled(self) -> Sequence[StoredUpdate]:
        """Give the updates that nobody finished, oldest first."""
        rows = await self._database.read(
            lambda connection: rows_of(
                connection,
                UPDATES,
                lambda s: s.where(UPDATES.c.handled.is_(False)).order_by(UPDATES.c.update_id),
            )
        )
        return tuple(
            StoredUpdate(
                update_id=row["update_id"], received_at=row["received_at"], payload=row["payload"]
            )
            for row in rows
        )

    async def handled(self, update_ids: Sequence[int]) -> None:
        """Mark updates as finished and forget their payload; unknown ids have no effect."""
        if update_ids:
            statement = (
                update(UPDATES)
                .where(UPDATES.c.update_id.in_(update_ids))
                .values(handled=True, payload=b"")
            )
            await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def last_id(self) -> int | None:
        """Give the highest id ever kept."""
        statement = select(func.max(UPDATES.c.update_id))
        return await self._database.read(lambda connection: connection.execute(statement).scalar())

    async def prune(self, keep: int) -> int:
        """Delete handled updates but for the newest `keep`, and give the number deleted."""
        assert keep > 0, "the newest update must stay, it says which ids are known"
        oldest_kept = (
            select(UPDATES.c.update_id)
            .order_by(UPDATES.c.update_id.desc())
            .offset(keep - 1)
            .limit(1)
            .scalar_subquery()
        )
        statement = delete(UPDATES).where(
            UPDATES.c.handled.is_(True), UPDATES.c.update_id < oldest_kept
        )
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def _store(connection: Connection, rows: Sequence[tuple[int, datetime, bytes]]) -> Sequence[int]:
    ids = [update_id for update_id, _, _ in rows]
    statement = select(UPDATES.c.update_id).where(UPDATES.c.update_id.in_(ids))
    known = set(connection.execute(statement).scalars())
    fresh: dict[int, tuple[int, datetime, bytes]] = {}
    for row in rows:
        if row[0] not in known:
            fresh.setdefault(row[0], row)
    run_many(
        connection,
        inserting(UPDATES),
        [
            {"update_id": update_id, "received_at": at, "payload": payload, "handled": False}
            for update_id, at, payload in fresh.values()
        ],
    )
    return tuple(fresh)

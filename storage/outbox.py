"""The outbox: alerts on their way to chats, none lost, each told apart from a repeat."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from engine.alerts import Alert, Audience, Lane
from engine.commands import AlertKind
from engine.state import Chat
from storage.database import Database
from storage.fanout import DROPPED, DUE, SENDING, SENT, outbox_values
from storage.statements import Values, enum_of, inserting, rows_of, run_many
from storage.tables import OUTBOX, REASON_LENGTH_MAX

WAIT_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """Give one alert for one chat; `repeat` when a send was in flight as the process died."""

    row_id: int
    seq: int
    chat_id: int
    kind: AlertKind
    lane: Lane
    subject: str
    event: str
    audience: Audience
    silent: bool
    at: datetime
    attempts: int
    repeat: bool


class Outbox:
    """Hand out what must be delivered; `changed` is set when there may be something new."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changed = asyncio.Event()

    async def due(self, limit: int, now: datetime) -> Sequence[OutboxRow]:
        """Give what may be sent at `now`, the most urgent lane first, then the oldest.

        A row waits while an older one of the same chat and subject is being sent or retried later:
        alerts of one subject keep their order.
        """
        rows = await self._database.read(lambda connection: _due(connection, limit, now))
        return tuple(_row(row) for row in rows)

    async def sending(self, row_ids: Sequence[int]) -> None:
        """Mark rows as about to be sent; a crash from now on makes them repeats."""
        await self._set(row_ids, {"status": SENDING, "attempts": OUTBOX.c.attempts + 1}, was=(DUE,))

    async def sent(self, row_id: int, at: datetime) -> None:
        """Mark a row as delivered."""
        await self._set((row_id,), {"status": SENT, "ended_at": at, "reason": ""})

    async def retry(self, row_id: int, not_before: datetime, reason: str) -> None:
        """Make a row due again, not before a time."""
        values = {"status": DUE, "not_before": not_before, "reason": bounded(reason)}
        await self._set((row_id,), values)
        self.changed.set()

    async def hurry(self, chat_id: int, now: datetime) -> None:
        """Make everything of a chat due at once that waited for it: it can be reached again."""
        statement = (
            update(OUTBOX)
            .where(OUTBOX.c.chat_id == chat_id, OUTBOX.c.status == DUE, OUTBOX.c.not_before > now)
            .values(not_before=now)
        )
        await self._database.write(lambda connection: connection.execute(statement).rowcount)
        self.changed.set()

    async def dropped(self, row_id: int, reason: str) -> None:
        """Give a row up: its chat blocked the bot, or a later row of its subject replaced it."""
        values = {"status": DROPPED, "reason": bounded(reason), "ended_at": OUTBOX.c.at}
        await self._set((row_id,), values)
        self.changed.set()

    async def recover(self) -> int:
        """Make rows due again whose send was in flight when the process died; give their number."""

        def recover(connection: Connection) -> int:
            statement = (
                update(OUTBOX)
                .where(OUTBOX.c.status == SENDING)
                .values(status=DUE, was_sending=true())
            )
            return connection.execute(statement).rowcount

        count = await self._database.write(recover)
        self.changed.set()
        return count

    async def depth(self) -> Mapping[Lane, int]:
        """Give the number of rows that wait or are being sent, by lane; every lane is named."""
        statement = (
            select(OUTBOX.c.lane, func.count())
            .where(OUTBOX.c.status.in_((DUE, SENDING)))
            .group_by(OUTBOX.c.lane)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return dict.fromkeys(Lane, 0) | {Lane(lane): count for lane, count in rows}

    async def add(self, alerts: Sequence[Alert], chats: Mapping[str, Chat], at: datetime) -> int:
        """Add alerts that come from no event, such as a repeated one; give the rows' number."""
        values = [row for alert in alerts for row in outbox_values(alert, chats, at)]
        if values:
            await self._database.write(
                lambda connection: run_many(connection, inserting(OUTBOX), values)
            )
            self.changed.set()
        return len(values)

    async def prune(self, before: datetime) -> int:
        """Delete rows that ended before a time, and give their number."""
        statement = delete(OUTBOX).where(OUTBOX.c.ended_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _set(
        self, row_ids: Sequence[int], values: Values, was: tuple[str, ...] = (DUE, SENDING)
    ) -> None:
        if not row_ids:
            return
        statement = (
            update(OUTBOX)
            .where(OUTBOX.c.row_id.in_(row_ids), OUTBOX.c.status.in_(was))
            .values(**values)
        )
        await self._database.write(lambda connection: connection.execute(statement).rowcount)


def bounded(reason: str) -> str:
    """Cut a reason to what the table holds; a character that no database stores becomes a sign."""
    stored = reason.encode(errors="replace").decode().replace("\0", "?")
    return stored[:REASON_LENGTH_MAX]


def _due(connection: Connection, limit: int, now: datetime) -> list[Values]:
    # No wait is that long: what lies further ahead was stamped before the clock was set back.
    given = {"now": now, "latest": now + WAIT_MAX, "count": limit}
    return rows_of(connection, OUTBOX, _due_of, given)


@cache
def _due_of(selected: Select[Any]) -> Select[Any]:
    """Narrow to what is due; made once, since every alert asks for it and making it is slow."""
    older = OUTBOX.alias("older")
    now, latest = (bindparam(name, type_=OUTBOX.c.not_before.type) for name in ("now", "latest"))
    held = exists().where(
        older.c.chat_id == OUTBOX.c.chat_id,
        older.c.subject == OUTBOX.c.subject,
        older.c.row_id < OUTBOX.c.row_id,
        or_(
            older.c.status == SENDING,
            and_(older.c.status == DUE, older.c.not_before > now, older.c.not_before <= latest),
        ),
    )
    return (
        selected.where(
            OUTBOX.c.status == DUE,
            or_(OUTBOX.c.not_before <= now, OUTBOX.c.not_before > latest),
            ~held,
        )
        .order_by(OUTBOX.c.lane, OUTBOX.c.row_id)
        .limit(bindparam("count", type_=Integer))
    )


def _row(row: Values) -> OutboxRow:
    row_id = row["row_id"]
    return OutboxRow(
        row_id=row_id,
        seq=row["seq"],
        chat_id=row["chat_id"],
        kind=enum_of(AlertKind, row["kind"], OUTBOX, row_id),
        lane=enum_of(Lane, row["lane"], OUTBOX, row_id),
        subject=row["subject"],
        event=row["event"],
        audience=enum_of(Audience, row["audience"], OUTBOX, row_id),
        silent=row["silent"],
        at=row["at"],
        attempts=row["attempts"],
        repeat=row["was_sending"],
    )

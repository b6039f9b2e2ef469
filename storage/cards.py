"""Cards: which message of which chat shows which subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete

from storage.database import Database
from storage.statements import Values, inserting, rows_of
from storage.tables import CARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Give a message that shows a subject; `content_hash` is of what it shows now."""

    chat_id: int
    subject: str
    message_id: int
    content_hash: str
    at: datetime


class Cards:
    """Remember cards; a chat has one card of a subject, and a message shows one subject."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, chat_id: int, subject: str, message_id: int, content_hash: str, at: datetime
    ) -> None:
        """Remember a card, in place of the subject's older card and of the message's older one."""
        values: Values = {
            "chat_id": chat_id,
            "subject": subject,
            "message_id": message_id,
            "content_hash": content_hash,
            "at": at,
        }

        def put(connection: Connection) -> None:
            replaced = (CARDS.c.subject == subject) | (CARDS.c.message_id == message_id)
            connection.execute(delete(CARDS).where(CARDS.c.chat_id == chat_id, replaced))
            connection.execute(inserting(CARDS), values)

        await self._database.write(put)

    async def find(self, chat_id: int, subject: str) -> Card | None:
        """Give the chat's card of a subject."""
        found = await self._where(CARDS.c.chat_id == chat_id, CARDS.c.subject == subject)
        return found[0] if found else None

    async def at(self, chat_id: int, message_id: int) -> Card | None:
        """Give the card that a message shows."""
        found = await self._where(CARDS.c.chat_id == chat_id, CARDS.c.message_id == message_id)
        return found[0] if found else None

    async def of(self, subject: str) -> Sequence[Card]:
        """Give every chat's card of a subject."""
        return await self._where(CARDS.c.subject == subject)

    async def forget(self, chat_id: int, message_id: int) -> None:
        """Forget the card that a message shows; without effect when there is none."""
        statement = delete(CARDS).where(
            CARDS.c.chat_id == chat_id, CARDS.c.message_id == message_id
        )
        await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def prune(self, before: datetime) -> int:
        """Forget cards that were last put before a time, and give their number."""
        statement = delete(CARDS).where(CARDS.c.at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _where(self, *conditions: ColumnElement[bool]) -> Sequence[Card]:
        rows = await self._database.read(
            lambda connection: rows_of(
                connection, CARDS, lambda s: s.where(*conditions).order_by(CARDS.c.chat_id)
            )
        )
        return tuple(Card(**row) for row in rows)

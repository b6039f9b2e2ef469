"""Operators: who was given a role in the chat; the environment's list stands above it."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete

from engine.commands import Role
from storage.database import Database
from storage.statements import enum_of, rows_of, upserting
from storage.tables import OPERATORS


class Operators:
    """Keep roles by numeric Telegram user id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[int, Role]:
        """Give every operator's role. Raises: JournalCorrupt for a role that does not exist."""
        rows = await self._database.read(lambda connection: rows_of(connection, OPERATORS))
        return {
            row["user_id"]: enum_of(Role, row["role"], OPERATORS, row["user_id"]) for row in rows
        }

    async def put(self, user_id: int, role: Role, added_by: str, at: datetime) -> None:
        """Give a person a role in place of the older one.

        Raises: ValueError for the role of owner, which stands in the environment alone.
        """
        if role is Role.OWNER:
            raise ValueError("Owners stand in OPERATORS only.")
        row = {"user_id": user_id, "role": role.value, "added_by": added_by, "added_at": at}
        await self._database.write(
            lambda connection: (
                connection.execute(upserting(OPERATORS, connection.dialect.name), row).rowcount
            )
        )

    async def remove(self, user_id: int) -> None:
        """Take a person's role away; without effect when there is none."""
        statement = delete(OPERATORS).where(OPERATORS.c.user_id == user_id)
        await self._database.write(lambda connection: connection.execute(statement).rowcount)

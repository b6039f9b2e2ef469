"""Notes: small values that the console remembers, such as a pinned message or a wizard's step."""

from collections.abc import Mapping

from sqlalchemy import delete, select

from storage.database import Database
from storage.statements import upserting
from storage.tables import NOTES

VALUE_LENGTH_MAX = 20_000


class Notes:
    """Keep texts by scope (for example a chat) and name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, scope: str, name: str) -> str | None:
        """Give a value."""
        statement = select(NOTES.c.value).where(NOTES.c.scope == scope, NOTES.c.name == name)
        return await self._database.read(lambda connection: connection.execute(statement).scalar())

    async def all(self, scope: str) -> Mapping[str, str]:
        """Give every value of a scope by name."""
        statement = select(NOTES.c.name, NOTES.c.value).where(NOTES.c.scope == scope)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.name: row.value for row in rows}

    async def put(self, scope: str, name: str, value: str) -> None:
        """Keep a value in place of the older one.

        Raises: ValueError above 20,000 characters.
        """
        if len(value) > VALUE_LENGTH_MAX:
            raise ValueError(f"A note holds {VALUE_LENGTH_MAX} characters, not {len(value)}.")
        row = {"scope": scope, "name": name, "value": value}
        await self._database.write(
            lambda connection: (
                connection.execute(upserting(NOTES, connection.dialect.name), row).rowcount
            )
        )

    async def delete(self, scope: str, name: str) -> None:
        """Forget a value; without effect when there is none."""
        statement = delete(NOTES).where(NOTES.c.scope == scope, NOTES.c.name == name)
        await self._database.write(lambda connection: connection.execute(statement).rowcount)

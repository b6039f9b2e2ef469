"""Suggestions: the corrected commands behind a refusal's buttons, kept until nobody taps them."""

from collections.abc import Iterable
from typing import Final

from bot.callbacks import TakeSuggestion, suggestion_name
from storage.notes import Notes

# A chat's last refusals; who scrolls further back types the command again.
MESSAGES_MAX: Final = 50


class Suggestions:
    """Keep each chat's suggestions for the messages that were refused last."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def keep(
        self, chat_id: int, message_id: int, user_id: int, commands: Iterable[str]
    ) -> None:
        """Keep what was suggested for a message, for the person who wrote it; forget old ones."""
        scope, wanted = _scope(chat_id), tuple(commands)
        for command in wanted:
            name = f"{message_id}:{suggestion_name(command)}"
            await self._notes.put(scope, name, f"{user_id} {command}")
        if wanted:
            await self._forget(scope)

    async def find(self, chat_id: int, user_id: int, button: TakeSuggestion) -> str | None:
        """Give a command that was kept for this person."""
        kept = await self._notes.get(_scope(chat_id), f"{button.message_id}:{button.name}")
        owner, _, command = (kept or "").partition(" ")
        return command if owner == str(user_id) else None

    async def _forget(self, scope: str) -> None:
        names = tuple(await self._notes.all(scope))
        messages = sorted({_message_of(name) for name in names})
        old = set(messages[:-MESSAGES_MAX])
        for name in names:
            if _message_of(name) in old:
                await self._notes.delete(scope, name)


def _scope(chat_id: int) -> str:
    return f"kept:{chat_id}"


def _message_of(name: str) -> int:
    return int(name.partition(":")[0])

"""Blocked chats: who takes no messages of ours; remembered over restarts, told to owners once."""

import logging
from collections.abc import Callable
from typing import Final

from engine.alerts import Alert, Audience, Lane
from engine.commands import AlertKind
from engine.ports import Clock
from engine.state import State
from storage.notes import Notes
from storage.outbox import Outbox

log = logging.getLogger(__name__)

SCOPE: Final = "blocked"


class BlockedChats:
    """Know which chats blocked the bot. Every method that waits may raise JournalUnavailable."""

    def __init__(
        self, *, outbox: Outbox, notes: Notes, state: Callable[[], State], clock: Clock
    ) -> None:
        self._outbox = outbox
        self._notes = notes
        self._state = state
        self._clock = clock
        self._chat_ids: set[int] = set()

    def __contains__(self, chat_id: object) -> bool:
        return chat_id in self._chat_ids

    async def load(self) -> None:
        """Read what earlier processes found out."""
        self._chat_ids |= {int(name) for name in await self._notes.all(SCOPE)}

    async def add(self, chat_id: int) -> None:
        """Mark a chat, and tell the owners' other chats, once."""
        if chat_id in self._chat_ids:
            return
        now = self._clock.now()
        await self._notes.put(SCOPE, str(chat_id), now.isoformat())
        self._chat_ids.add(chat_id)
        log.warning("chat blocked the bot", extra={"chat_id": chat_id})
        notice = Alert(
            seq=0,
            event="ChatBlocked",
            kind=AlertKind.TROUBLE,
            lane=Lane.TICKET,
            subject=f"blocked:{chat_id}",
            audience=Audience.OWNERS,
        )
        others = {
            name: chat for name, chat in self._state().chats.items() if chat.chat_id != chat_id
        }
        await self._outbox.add([notice], others, now)

    async def heard_from(self, chat_id: int) -> None:
        """Take a chat that shows life for reachable again."""
        if chat_id in self._chat_ids:
            await self._notes.delete(SCOPE, str(chat_id))
            self._chat_ids.discard(chat_id)

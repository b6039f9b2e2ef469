"""The backlog: what was asked while nobody listened, or too long ago to be run now."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.console import Console
from engine.commands import Actor, ActorKind, NoteBacklog
from engine.errors import EngineError

log = logging.getLogger(__name__)

ITEMS_MAX: Final = 20


@dataclass(slots=True, kw_only=True)
class Aside:
    """What one chat's old updates came to: lines set aside, lines done."""

    items: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    update_ids: list[int] = field(default_factory=list)

    def shown_items(self) -> tuple[str, ...]:
        """Give at most 20 lines; a last one counts the rest, so that none is dropped unseen."""
        return _at_most(self.items)

    def shown_done(self) -> tuple[str, ...]:
        """Give at most 20 lines of what was done."""
        return _at_most(self.done)


def _at_most(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= ITEMS_MAX:
        return tuple(lines)
    left = len(lines) - ITEMS_MAX + 1
    return (*lines[: ITEMS_MAX - 1], f"and {left} more, not kept")


class Backlog:
    """Collect old updates by chat until they are told."""

    def __init__(self) -> None:
        self._chats: dict[int, Aside] = {}
        self.down_since: datetime | None = None

    def set_aside(self, chat_id: int, update_id: int, line: str) -> None:
        """Note an update that was not run."""
        aside = self._chats.setdefault(chat_id, Aside())
        aside.items.append(line)
        aside.update_ids.append(update_id)

    def carried_out(self, chat_id: int, update_id: int, line: str) -> None:
        """Note an update that was run although it was old."""
        aside = self._chats.setdefault(chat_id, Aside())
        aside.done.append(line)
        aside.update_ids.append(update_id)

    async def told(self, console: Console, now: datetime) -> Sequence[int]:
        """Have each chat told what was collected, and give the updates of which that holds."""
        collected, self._chats = self._chats, {}
        down_since, self.down_since = self.down_since, None
        told: list[int] = []
        for chat_id, aside in collected.items():
            first, last = min(aside.update_ids), max(aside.update_ids)
            command = NoteBacklog(
                command_id=f"tgold:{chat_id}:{first}:{last}",
                actor=Actor(kind=ActorKind.ENGINE, chat_id=chat_id),
                at=now,
                chat_id=chat_id,
                items=aside.shown_items(),
                done=aside.shown_done(),
                down_since=down_since,
            )
            try:
                await console.send(command)
            except EngineError as fault:
                log.warning("backlog not told", extra={"chat_id": chat_id, "reason": str(fault)})
            else:
                told.extend(aside.update_ids)
        return told

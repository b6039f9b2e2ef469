"""The backlog: what was asked while nobody listened, or too long ago to be run now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

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

    def taken(self) -> Mapping[int, Aside]:
        """Give what was collected, and begin anew."""
        taken, self._chats = self._chats, {}
        return taken

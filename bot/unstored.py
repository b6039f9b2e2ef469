"""Unstored: updates that came in while the store was away; each is handled once all the same.

Telegram goes on delivering what nobody confirmed. So a person is answered at once, and what is done
then is neither run again when it comes again, nor in the way of what was sent after it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bot.incoming import Incoming

OWED_MAX: Final = 1_000
STRANGERS_MAX: Final = 100


class Fate(StrEnum):
    """What became of an update before it could be stored."""

    WAITS = "waits"
    IN_HAND = "in hand"
    DONE = "done"


class Unstored:
    """Know the fate of every update that could not be stored, until it is stored or confirmed."""

    def __init__(self) -> None:
        self._fates: dict[int, Fate] = {}
        self._owed: dict[int, None] = {}
        self._strangers: dict[int, Incoming] = {}

    def is_known(self, update_id: int) -> bool:
        """Tell whether the update came before, and its fate is decided."""
        return update_id in self._fates

    def wait(self, update_id: int) -> None:
        """Leave an update until it comes again and can be stored."""
        self._fates[update_id] = Fate.WAITS

    def take(self, update_id: int) -> None:
        """Take an update in hand without having stored it."""
        self._fates[update_id] = Fate.IN_HAND

    def hear_later(self, update: Incoming) -> None:
        """Keep a stranger's update until the journal can note it: one each, of a hundred."""
        if update.user_id is not None and len(self._strangers) < STRANGERS_MAX:
            self._strangers.setdefault(update.user_id, update)
        self.settle(update.update_id)

    def unheard(self) -> Sequence[Incoming]:
        """Give the strangers' updates that were kept, and forget them."""
        kept, self._strangers = tuple(self._strangers.values()), {}
        return kept

    def claimed(self, update_id: int) -> Fate | None:
        """Give the fate of an update that is stored by now, and forget it."""
        return self._fates.pop(update_id, None)

    def done(self, update_ids: Sequence[int]) -> list[int]:
        """Take note of what is handled; give those of it that were stored."""
        stored = [each for each in update_ids if each not in self._fates]
        for update_id in update_ids:
            if update_id in self._fates:
                self.settle(update_id)
        return stored

    def settle(self, update_id: int) -> None:
        """Be done with an update; a write of it that was given up may yet have happened."""
        self._fates[update_id] = Fate.DONE
        self.owe([update_id])

    def owe(self, update_ids: Sequence[int]) -> None:
        """Keep in mind what is handled and not marked; the oldest of a thousand are forgotten."""
        self._owed |= dict.fromkeys(update_ids)
        while len(self._owed) > OWED_MAX:
            del self._owed[next(iter(self._owed))]

    def owed(self) -> Sequence[int]:
        """Give what must still be marked as handled, and forget it."""
        owed, self._owed = tuple(self._owed), {}
        return owed

    def offset(self, update_ids: Sequence[int]) -> int:
        """Give the first of some updates that Telegram must keep; before it all is done."""
        for update_id in sorted(update_ids):
            if self._fates.get(update_id) is not Fate.DONE:
                break
        else:
            update_id = max(update_ids) + 1
        self._fates = {each: fate for each, fate in self._fates.items() if each >= update_id}
        return update_id

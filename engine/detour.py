"""Detour: the loop's way past a journal that is away, for a flatten and what it needs."""

import logging
from collections.abc import Sequence

from engine.emergency import Emergency, parted_in_emergency
from engine.errors import JournalUnavailable
from engine.inbox import Entry, fail
from engine.ports import Step
from engine.state import State

log = logging.getLogger("engine.loop")


class Detour:
    """Count the flattens that wait, begin the emergency for them, and part what comes meanwhile."""

    def __init__(self, emergency: Emergency | None) -> None:
        """Go no detour without an `emergency`."""
        self._emergency = emergency
        self._flattens_waiting = 0
        self._is_flattening = False
        self._later: list[Entry] = []

    @property
    def is_on(self) -> bool:
        """Tell whether a flatten goes on without a journal."""
        return self._emergency is not None and self._emergency.is_on

    def count_flattens(self, change: int) -> None:
        """Count a flatten that came, or one that is journaled."""
        self._flattens_waiting += change
        self._hurry()

    def follow(self, state: State) -> None:
        """Take note of a flatten that is under way: it must not wait for the journal either."""
        self._is_flattening = state.flattening is not None
        self._hurry()

    def _hurry(self) -> None:
        if self._emergency is not None:
            self._emergency.hurry(is_wanted=self._is_wanted)

    @property
    def _is_wanted(self) -> bool:
        return self._is_flattening or self._flattens_waiting > 0

    async def begin(self, steps: Sequence[Step], before: State, after: State) -> bool:
        """Go on without the journal when a flatten waits for it, or is under way.

        False when that cannot be.
        """
        if self._emergency is None or not self._is_wanted or self._emergency.is_on:
            return False
        try:
            await self._emergency.begin(steps, before, after)
        except JournalUnavailable as fault:
            log.warning("a flatten waits for the journal: %s", fault)
            return False
        return True

    def worked_on(self, batch: list[Entry], state: State) -> list[Entry]:
        """Give what is decided of a batch now; without a journal that is what a flatten needs."""
        if not self.is_on:
            batch, self._later = [*self._later, *batch], []
            return batch
        parted = parted_in_emergency(batch, state)
        self._later.extend(parted.later)
        fail(parted.refused, JournalUnavailable("The journal is away: a flatten alone goes on."))
        return parted.now

    def drain(self) -> list[Entry]:
        """Give what waits for the journal's return, and forget all else."""
        later, self._later, self._flattens_waiting = self._later, [], 0
        return later

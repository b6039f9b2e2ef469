"""The gate to a server that may be away: it is knocked at with growing pauses, never in a rush."""

import random
from collections.abc import Callable
from typing import Final

from engine.errors import JournalUnavailable

BACKOFF_S: Final = 0.2
BACKOFF_S_MAX: Final = 5


class Gate:
    """Say who may knock, and when; `monotonic` gives seconds, `jitter` spreads many processes.

    Each failure doubles the pause up to 5 s; what is waited is between half of it and all of it.
    """

    def __init__(self, monotonic: Callable[[], float], jitter: random.Random) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._pause_s = 0.0
        self._not_before_s = 0.0
        self._why = ""

    def check(self) -> None:
        """Let nobody through before the pause is over. Raises: JournalUnavailable."""
        if self._pause_s and self._monotonic() < self._not_before_s:
            raise JournalUnavailable(f"{self._why} It is tried again in a moment.")

    def failed(self, why: str) -> None:
        """Take note that nobody answered."""
        self._why = why
        self._pause_s = min(max(self._pause_s * 2, BACKOFF_S), BACKOFF_S_MAX)
        self._not_before_s = self._monotonic() + self._pause_s * self._jitter.uniform(0.5, 1.0)

    def answered(self) -> None:
        """Take note that it is there."""
        self._pause_s = 0.0

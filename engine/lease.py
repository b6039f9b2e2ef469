"""The lease: which of several processes is the one engine of an account, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta


class Undisputed:
    """Hold for ever: a program that is alone with its journal; implements `engine.ports.Lease`."""

    def is_held(self) -> bool:
        """Tell that it is."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """For how long a holder relies on a lease, by its own two clocks.

    Both count from before it was asked for. The monotonic clock is one that nobody sets; the wall
    clock `asked_at` also counts what a machine sleeps through. `lasts` is less than what the
    giver of the lease counts, so that a holder stops before another one begins.
    """

    asked_at: datetime
    asked: timedelta
    lasts: timedelta

    def covers(self, at: datetime, monotonic: timedelta) -> bool:
        """Tell whether the lease is good at this time of both clocks."""
        return monotonic - self.asked < self.lasts and at - self.asked_at < self.lasts

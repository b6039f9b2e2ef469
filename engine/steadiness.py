"""Steadiness: since when the wall clock has run evenly, told by the clock that never goes back."""

from datetime import datetime, timedelta

JUMP = timedelta(seconds=1)


class Steadiness:
    """Compare both clocks whenever somebody looks; a sleeping machine counts as a jump."""

    def __init__(self) -> None:
        self._origin: datetime | None = None
        self._since: datetime | None = None

    def since(self, now: datetime, monotonic: timedelta) -> datetime | None:
        """Give when the wall clock was seen to have jumped, by its own time; None if never."""
        origin = now - monotonic
        if self._origin is not None and abs(origin - self._origin) > JUMP:
            self._since = now
        self._origin = origin
        return self._since

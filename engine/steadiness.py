"""Steadiness: since when the wall clock has run evenly, told by the clock that never goes back."""

from datetime import datetime

JUMP_S = 1.0


class Steadiness:
    """Compare both clocks whenever somebody looks; a sleeping machine counts as a jump."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._since: datetime | None = None

    def since(self, now: datetime, monotonic_s: float) -> datetime | None:
        """Give when the wall clock was seen to have jumped, by its own time; None if never."""
        offset_s = now.timestamp() - monotonic_s
        if self._offset_s is not None and abs(offset_s - self._offset_s) > JUMP_S:
            self._since = now
        self._offset_s = offset_s
        return self._since

"""Vitals: how an account at a venue is doing, for people."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median

LATENCIES_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueVitals:
    """Show one account: the last calls' latency, the last error, the budget, the clock, the stream.

    `latency_ms` is the median of the last answered calls, `latency_last_ms` that of the last one,
    `clock_skew_ms` how far the venue's clock is ahead of ours; each is None before the first.
    `banned_s` is for how long only cancels go. `dead_man_s` is the venue's own timer, None where it
    is not used, and armed while it counts.
    """

    venue: str
    latency_ms: Decimal | None
    latency_last_ms: int | None
    answered_at: datetime | None
    error: str | None
    error_at: datetime | None
    budget_left: int
    budget_max: int
    waiting: int
    banned_s: int
    clock_skew_ms: int | None
    is_streaming: bool
    dead_man_s: int | None = None
    is_dead_man_armed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """Say what a key may do; None where the venue does not tell."""

    can_withdraw: bool | None
    can_trade: bool | None = None
    text: str = ""


def told(answer: object, path: Sequence[str], words: Sequence[str]) -> bool | None:
    """Read a right of a key out of a venue's answer; None where nothing stands there."""
    for key in path:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    if answer is None or not path:
        return None
    if words:
        return isinstance(answer, Sequence) and any(each in answer for each in words)
    return answer is True or str(answer).lower() == "true"


class Pulse:
    """Keep what the last calls told."""

    def __init__(self) -> None:
        self.answered_at: datetime | None = None
        self.error: str | None = None
        self.error_at: datetime | None = None
        self.clock_skew_ms: int | None = None
        self.is_streaming = False
        self._latencies_ms: deque[int] = deque(maxlen=LATENCIES_MAX)

    @property
    def latency_ms(self) -> Decimal | None:
        """Give the median latency of the last answered calls, in milliseconds."""
        if not self._latencies_ms:
            return None
        return Decimal(str(median(self._latencies_ms)))

    @property
    def latency_last_ms(self) -> int | None:
        """Give the latency of the last answered call, in milliseconds."""
        return self._latencies_ms[-1] if self._latencies_ms else None

    def answered(self, at: datetime, latency_ms: int) -> None:
        """Note a call that was answered."""
        self.answered_at = at
        self._latencies_ms.append(latency_ms)

    def failed(self, at: datetime, text: str) -> None:
        """Note a call that was not; `text` is a plain sentence without secrets."""
        self.error, self.error_at = text, at

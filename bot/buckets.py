"""Buckets: how much may be sent in a stretch of time, and how much of that each lane may use.

Where Telegram counts a window, a token comes back that long after its request was *answered*, so
that no window ever sees more than the bucket's size. Where Telegram states a pace and bears short
bursts, tokens come back one by one: who typed fast then waits a second for an answer, not until
the whole burst is a window old.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from engine.alerts import Lane

# Urgent messages always find tokens that the others were never allowed to take.
SHARES: Final = {Lane.STOP: 1.0, Lane.TICKET: 0.7, Lane.FILL: 0.7, Lane.REPORT: 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Allow `size` messages in `window_s` seconds; a paced one on average, after a first burst."""

    size: int
    window_s: float
    is_paced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast we send: overall, to one chat, and to one group on top of that.

    Telegram lets 30/s pass overall, 1/s to a chat with a short burst, and 20/min to a group. Of the
    connections of the client, `in_flight` leaves one free, so that a tap is answered at once.
    """

    overall: Rate = Rate(size=30, window_s=1.0)
    chat: Rate = Rate(size=30, window_s=30.0, is_paced=True)
    group: Rate = Rate(size=20, window_s=60.0)
    in_flight: Rate = Rate(size=7, window_s=0.0)


class Bucket:
    """Hold the tokens of one limit. Times are seconds of the monotonic clock."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._out = 0
        self._returning: deque[float] = deque()

    def quota(self, lane: Lane) -> int:
        """Give how many tokens may be out at once when the lane takes one; 1 or more."""
        return max(1, int(self._rate.size * SHARES[lane]))

    def wait_s(self, lane: Lane, now_s: float) -> float | None:
        """Give the seconds until the lane may take a token, 0 for now.

        None when that hangs on a request that is not answered yet.
        """
        while self._returning and self._returning[0] <= now_s:
            self._returning.popleft()
        over = self._out + len(self._returning) - self.quota(lane)
        if over < 0:
            return 0.0
        return self._returning[over] - now_s if over < len(self._returning) else None

    def take(self) -> None:
        """Take a token for a request that goes out now."""
        self._out += 1

    def give_back(self, now_s: float) -> None:
        """Let the token return after the request's answer: one window, or one step of the pace."""
        self._out -= 1
        if self._rate.is_paced:
            last_s = max(now_s, self._returning[-1]) if self._returning else now_s
            self._returning.append(last_s + self._rate.window_s / self._rate.size)
        else:
            self._returning.append(now_s + self._rate.window_s)

    def is_idle(self, now_s: float) -> bool:
        """Tell whether every token is home."""
        return self._out == 0 and (not self._returning or self._returning[-1] <= now_s)

"""Telegram's rate limits: token buckets, overall, for a chat, for a group."""

from collections import OrderedDict
from dataclasses import dataclass

from bot.sandbox.refusals import too_many_requests

BUCKETS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much is let through; Telegram's documented numbers by default."""

    overall_per_s: float = 30.0
    chat_per_s: float = 1.0
    chat_burst: int = 3
    group_per_min: float = 20.0


@dataclass(slots=True, kw_only=True)
class _Bucket:
    level: float
    seen_s: float


class Limits:
    """Counts messages; refuses what is too fast with the seconds until it would pass."""

    def __init__(self, rates: Rates | None) -> None:
        self.rates = rates
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def check(self, chat_id: int | None, now_s: float) -> None:
        """Count one message to a chat at a monotonic time. Raises: Refusal 429."""
        rates = self.rates
        if rates is None:
            return
        wanted = [("all", rates.overall_per_s, rates.overall_per_s)]
        if chat_id is not None:
            wanted.append((f"chat {chat_id}", rates.chat_per_s, float(rates.chat_burst)))
            if chat_id < 0:
                rate = rates.group_per_min / 60
                wanted.append((f"group {chat_id}", rate, rates.group_per_min))
        waits_s = [self._wait_s(name, rate, burst, now_s) for name, rate, burst in wanted]
        if max(waits_s) > 0:
            raise too_many_requests(max(waits_s))
        for name, _, _ in wanted:
            self._buckets[name].level -= 1

    def _wait_s(self, name: str, rate: float, burst: float, now_s: float) -> float:
        bucket = self._buckets.setdefault(name, _Bucket(level=burst, seen_s=now_s))
        self._buckets.move_to_end(name)
        while len(self._buckets) > BUCKETS_MAX:
            self._buckets.popitem(last=False)
        bucket.level = min(burst, bucket.level + (now_s - bucket.seen_s) * rate)
        bucket.seen_s = now_s
        return 0.0 if bucket.level >= 1 else (1 - bucket.level) / rate

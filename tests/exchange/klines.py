"""A venue's candles: a made-up line of prices, with holes where nobody traded and rows gone bad."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MINUTE_MS = 60_000
INTERVALS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1440 * MINUTE_MS,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


@dataclass(slots=True)
class Klines:
    """Answer as Binance does: the rows from `startTime` on, however far the first one lies.

    `holes` are begins at which there is no row, for ever; `bad` are rows given instead, once.
    """

    begin: datetime
    end: datetime
    limit: int = 1000
    holes: set[int] = field(default_factory=set)
    bad: dict[int, list[Any]] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def lack(self, *begins: datetime) -> None:
        self.holes.update(millis(each) for each in begins)

    def rows(self, interval: str, start_ms: int, count: int) -> list[list[Any]]:
        self.asked.append((start_ms, count))
        step = INTERVALS[interval]
        at = max(-(-start_ms // step) * step, millis(self.begin))
        found: list[list[Any]] = []
        while at < millis(self.end) and len(found) < min(count, self.limit):
            if at not in self.holes:
                found.append(self.bad.pop(at) if at in self.bad else row(at, step))
            at += step
        return found

    def begins(self, interval: str, since: datetime, until: datetime) -> Iterable[datetime]:
        """Give where candles are to be found in the end."""
        step = INTERVALS[interval]
        for at in range(millis(since), millis(until), step):
            if at not in self.holes and millis(self.begin) <= at < millis(self.end):
                yield EPOCH + timedelta(milliseconds=at)


def row(at: int, step: int) -> list[Any]:
    price = 50_000 + at // step % 997
    numbers = [f"{price}.10", f"{price + 5}.00", f"{price - 5}.00", f"{price + 1}.20", "1.50"]
    return [at, *numbers, at + step - 1, "0", 7, "0", "0", "0"]

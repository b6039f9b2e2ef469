"""Candles: what a symbol's trades did in equal stretches of time, and which rows are none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

from engine.copies import quick
from engine.errors import InvalidInput
from engine.numbers import ZERO

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
# A venue's clock and ours differ a little, and its last trade of a minute may come late.
SETTLE = timedelta(seconds=10)


class Timeframe(Enum):
    """How long a candle lasts; every one begins at a multiple of that since 1970, in UTC."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def length(self) -> timedelta:
        """Give how long a candle lasts."""
        return _LENGTHS[self]

    def floor(self, at: datetime) -> datetime:
        """Give the begin of the candle that holds a time."""
        return at - (at - EPOCH) % self.length

    def ceil(self, at: datetime) -> datetime:
        """Give the first begin of a candle at or after a time."""
        floor = self.floor(at)
        return floor if floor == at else floor + self.length

    def final_until(self, now: datetime) -> datetime:
        """Give the end of the last candle that will not change any more."""
        return self.floor(now - SETTLE)


_LENGTHS = {
    Timeframe.M1: timedelta(minutes=1),
    Timeframe.M5: timedelta(minutes=5),
    Timeframe.M15: timedelta(minutes=15),
    Timeframe.H1: timedelta(hours=1),
    Timeframe.H4: timedelta(hours=4),
    Timeframe.D1: timedelta(days=1),
}


def timeframe_of(text: str) -> Timeframe:
    """Read a timeframe such as `15m`. Raises: InvalidInput."""
    try:
        return Timeframe(text.strip().lower())
    except ValueError:
        names = ", ".join(each.value for each in Timeframe)
        raise InvalidInput(f"{text[:20]!r} is no timeframe here: give one of {names}.") from None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """Give one candle: prices in quote currency, volume as the venue counts it."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Name a line of candles: one symbol of one venue in one timeframe."""

    venue: str
    symbol: str
    timeframe: Timeframe

    def __str__(self) -> str:
        """Name it for a person."""
        return f"{self.venue} {self.symbol} {self.timeframe.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRow:
    """Give a row as a venue sent it; a number that is none, or not finite, is None."""

    opened_ms: int | None
    numbers: tuple[Decimal | None, ...]


class Fault(Enum):
    """Why a row is no candle."""

    NOT_A_NUMBER = "not a number"
    NOT_ALIGNED = "not at the begin of a candle"
    NOT_IN_ORDER = "not in order"
    DOUBLED = "doubled"
    PRICES_CROSSED = "high and low do not hold open and close"
    NEGATIVE = "a negative volume, or a price that is not above zero"
    IN_THE_FUTURE = "in the future"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlePage:
    """Give one answer of a venue, oldest first: the final candles, and what was refused.

    `begin` is where the first row stood that had a place of its own, be it good or not, and `reach`
    the end of the last one: what the venue has, it has told up to there. `count` is how many
    candles it was asked for, which may be fewer than wanted.
    """

    candles: tuple[Candle, ...]
    refused: tuple[Fault, ...] = ()
    begin: datetime | None = None
    reach: datetime | None = None
    count: int = 0


def screened(
    rows: Iterable[CandleRow], timeframe: Timeframe, now: datetime, *, count: int
) -> CandlePage:
    """Take a venue's rows for candles, or refuse them one by one.

    A candle that may still change is neither: it is left out and not counted.
    """
    good: list[Candle] = []
    refused: list[Fault] = []
    first: datetime | None = None
    last: datetime | None = None
    until = timeframe.final_until(now)
    for row in rows:
        opened_at = _place(row, timeframe)
        if isinstance(opened_at, Fault):
            refused.append(opened_at)
            continue
        if opened_at > now + timeframe.length:
            refused.append(Fault.IN_THE_FUTURE)
            continue
        if last is not None and opened_at <= last:
            refused.append(Fault.DOUBLED if opened_at == last else Fault.NOT_IN_ORDER)
            continue
        first, last = first or opened_at, opened_at
        if opened_at >= until:
            continue
        candle = _candle(row, opened_at)
        if isinstance(candle, Fault):
            refused.append(candle)
        else:
            good.append(candle)
    reach = None if last is None else last + timeframe.length
    return CandlePage(
        candles=tuple(good), refused=tuple(refused), begin=first, reach=reach, count=count
    )


def _place(row: CandleRow, timeframe: Timeframe) -> datetime | Fault:
    if row.opened_ms is None:
        return Fault.NOT_A_NUMBER
    try:
        at = EPOCH + row.opened_ms * MILLISECOND
        return at if timeframe.floor(at) == at else Fault.NOT_ALIGNED
    except OverflowError:
        return Fault.NOT_A_NUMBER


def _candle(row: CandleRow, opened_at: datetime) -> Candle | Fault:
    numbers = [number for number in row.numbers if number is not None]
    if len(numbers) != len(row.numbers) or len(numbers) != 5:
        return Fault.NOT_A_NUMBER
    opened, high, low, close, volume = numbers
    if low <= ZERO or volume < ZERO:
        return Fault.NEGATIVE
    if not low <= min(opened, close) <= max(opened, close) <= high:
        return Fault.PRICES_CROSSED
    return Candle(opened_at=opened_at, open=opened, high=high, low=low, close=close, volume=volume)


def missing(
    present: Sequence[datetime], since: datetime, until: datetime, timeframe: Timeframe
) -> list[tuple[datetime, datetime]]:
    """Give the stretches within [since, until) that none of the ordered begins fills."""
    found: list[tuple[datetime, datetime]] = []
    expected = since
    for opened_at in present:
        if opened_at > expected:
            found.append((expected, min(opened_at, until)))
        expected = max(expected, opened_at + timeframe.length)
    if expected < until:
        found.append((expected, until))
    return found

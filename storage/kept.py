"""How long the history is kept; apart from what deletes it, since settings load no database."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.candles import Timeframe

# An hour's candles are a sixtieth of a minute's: they may stay as much longer, and this is round.
COARSE_FACTOR = 10
COARSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Say for how many days each table is kept; 0 is for ever.

    `candles_days` is for candles of less than an hour; longer ones are kept ten times as long.
    """

    equity_days: int = 1100
    quotes_days: int = 30
    candles_days: int = 400

    def candles_since(self, timeframe: Timeframe, now: datetime) -> datetime | None:
        """Give before which time candles are deleted; None for never."""
        factor = COARSE_FACTOR if timeframe.length >= COARSE else 1
        return since_days(self.candles_days * factor, now)


def since_days(days: int, now: datetime) -> datetime | None:
    """Give before which time so many days lie; None for never."""
    return now - timedelta(days=days) if days else None

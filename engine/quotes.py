"""Quotes: the best bid and ask of a symbol, with the time they were true."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.copies import quick
from engine.numbers import BPS


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """State bid, ask and mark of one symbol of one venue; prices in quote currency, `at` UTC.

    `mark` is the venue's mark price on a swap and the mid on spot.
    """

    venue: str
    symbol: str
    bid: Decimal
    ask: Decimal
    mark: Decimal
    at: datetime
    change_pct: Decimal | None = None

    @property
    def mid(self) -> Decimal:
        """Give the middle of bid and ask."""
        return (self.bid + self.ask) / 2

    def age_s(self, now: datetime) -> Decimal:
        """Give the age in seconds; never negative."""
        return Decimal(str(max(0.0, (now - self.at).total_seconds())))

    def moved_bps(self, since: Decimal) -> Decimal:
        """Give the signed distance of the mid from an earlier mid, in basis points."""
        return (self.mid - since) / since * BPS

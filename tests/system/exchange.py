"""The local exchange with the clock of this machine, and a hand on its prices."""

import time
from dataclasses import dataclass
from decimal import Decimal

from tests.exchange.binance import LocalBinance


def now_ms() -> int:
    return int(time.time() * 1000)


@dataclass(slots=True)
class LiveBinance(LocalBinance):
    """Serve prices of today."""

    def __post_init__(self) -> None:
        self.now_ms = now_ms

    def move(self, base: str, bid: str, *, spread: str = "0.10") -> None:
        """Let the market be somewhere else from now on."""
        pair = self.pairs[f"{base}USDT"]
        pair.bid, pair.ask = Decimal(bid), Decimal(bid) + Decimal(spread)

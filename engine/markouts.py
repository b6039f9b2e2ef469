"""Markouts: what a fill looks like a second, ten seconds and a minute later.

Positive = cost: the price went against what was done. A fill whose mid nobody knew, and one after
whose time no quote came for five seconds, gives no sample, never a zero.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.identities import instrument_key
from engine.numbers import BPS
from engine.positions import Fill
from engine.quotes import Quote

HORIZONS_S = (1, 10, 60)
LATE_S_MAX = 5
WAITING_MAX = 1000
SAMPLES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    key: str
    due_s: float
    horizon_s: int
    price: Decimal
    mid: Decimal
    sign: int


class Markouts:
    """Wait for the quotes that tell; at most a thousand fills wait, the oldest is forgotten."""

    def __init__(self) -> None:
        self.costs_bps: Mapping[int, deque[float]] = {
            horizon: deque(maxlen=SAMPLES_MAX) for horizon in HORIZONS_S
        }
        self._waiting: dict[int, deque[_Waiting]] = {
            horizon: deque(maxlen=WAITING_MAX) for horizon in HORIZONS_S
        }

    def filled(self, fill: Fill, mid: Decimal | None, now_s: float) -> None:
        """Begin to wait for what becomes of a fill; `now_s` is monotonic."""
        if mid is None:
            return
        for horizon, waiting in self._waiting.items():
            waiting.append(
                _Waiting(
                    key=instrument_key(fill.venue, fill.symbol),
                    due_s=now_s + horizon,
                    horizon_s=horizon,
                    price=fill.price,
                    mid=mid,
                    sign=fill.side.sign,
                )
            )

    def see(self, quote: Quote, now_s: float) -> None:
        """Measure what is due at a quote: s(p - mid_t)/mid * 1e4, `mid` that of the fill."""
        key = instrument_key(quote.venue, quote.symbol)
        for horizon, waiting in self._waiting.items():
            if not waiting or waiting[0].due_s > now_s:
                continue
            left: list[_Waiting] = []
            while waiting and waiting[0].due_s <= now_s:
                one = waiting.popleft()
                if now_s - one.due_s > LATE_S_MAX:
                    continue
                if one.key != key:
                    left.append(one)
                    continue
                cost = (one.price - quote.mid) / one.mid * BPS * one.sign
                self.costs_bps[horizon].append(float(cost))
            waiting.extendleft(reversed(left))

"""Volatility: how much each price has moved lately, from the quotes that pass by."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from engine.numbers import HUNDRED, ONE, ZERO
from engine.quotes import Quote

MINUTES_KEPT = 240
MINUTES_MIN = 30
KEYS_MAX = 500
MINUTES_A_DAY = Decimal(1440)


class Volatility:
    """Keep one mid a minute of each instrument, four hours of them; begins anew with the process.

    At most 500 instruments are kept; the one quoted longest ago goes first.
    """

    def __init__(self) -> None:
        self._mids: OrderedDict[str, deque[tuple[datetime, Decimal]]] = OrderedDict()

    def see(self, quote: Quote) -> None:
        """Keep the first mid of each minute."""
        key = f"{quote.venue}:{quote.symbol}"
        minute = quote.at.replace(second=0, microsecond=0)
        mids = self._mids.get(key)
        if mids is None:
            mids = self._mids[key] = deque(maxlen=MINUTES_KEPT + 1)
            if len(self._mids) > KEYS_MAX:
                self._mids.popitem(last=False)
        elif mids[-1][0] >= minute:
            return
        mids.append((minute, quote.mid))
        self._mids.move_to_end(key)

    def daily_pct(self, key: str, now: datetime) -> Decimal | None:
        """Give the realised volatility of a day, in percent; None before half an hour is known.

        The root of the sum of squared returns over the minutes they span, scaled to a day: realised
        variance (Andersen and Bollerslev 1998), which takes gaps as one longer return.
        """
        since = now - timedelta(minutes=MINUTES_KEPT)
        mids = [each for each in self._mids.get(key, ()) if each[0] >= since]
        if len(mids) < MINUTES_MIN:
            return None
        span = Decimal(int((mids[-1][0] - mids[0][0]).total_seconds()) // 60)
        squares = sum(
            ((later / earlier - ONE) ** 2 for (_, earlier), (_, later) in pairwise(mids)), ZERO
        )
        return (squares / span * MINUTES_A_DAY).sqrt() * HUNDRED

"""The limits as the environment gives them: each is the value at first, and the ceiling for ever.

What owners change in the chat is at most this; see `engine.limits` for names and ranges.
"""

from decimal import Decimal
from typing import Final

from bot.breaker_settings import read_breakers
from bot.variables import Variables
from engine.limits import EXPOSURE, PRICE_AND_PACE, Limit, value_of, with_value
from engine.risk_limits import RiskLimits

WHOLE_SHARE: Final = Decimal(100)


def read_limits(read: Variables) -> RiskLimits:
    """Read every limit; an unset one keeps its default."""
    limits = RiskLimits(breakers=read_breakers(read))
    for limit in (*EXPOSURE, *PRICE_AND_PACE):
        limits = with_value(limits, limit, _value(read, limit, value_of(limits, limit)))
    return limits


def _value(read: Variables, limit: Limit, usual: Decimal) -> Decimal:
    if limit.is_whole:
        given = read.whole(limit.variable, int(limit.low), int(limit.high), int(usual))
        return usual if given is None else Decimal(given)
    if limit.unit == "%" and limit.high == WHOLE_SHARE:
        tenths = usual.quantize(Decimal("0.1"))
        return read.percent(limit.variable, tenths if tenths == usual else usual)
    return read.number(limit.variable, limit.low, limit.high, usual)

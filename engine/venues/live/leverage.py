"""Leverage: what a venue's answer to setting it comes to, and whether it is what was asked for."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.markets.metadata import number
from engine.numbers import ZERO, plain
from engine.venues.live.answers import silence

# What Bybit says when the leverage is what it is to become.
NOT_MODIFIED: Final = "110043"
# Where it stands in an answer: with crossed margin Gate states 0 under the plain name.
_KEYS: Final = ("cross_leverage_limit", "leverage", "lever", "lever_rate", "longLeverage")


def fault(venue: str, outcome: object, asked: Decimal) -> str | None:
    """Say why the leverage is not what was asked for; None when it is, or nothing else is told."""
    if isinstance(outcome, BaseException):
        if NOT_MODIFIED in str(outcome):
            return None
        return f"the leverage {plain(asked)}x could not be set: {silence(venue, outcome)}"
    told = _stated(outcome)
    if told is None or told == asked:
        return None
    return f"the leverage {plain(asked)}x could not be set: {venue} says that it is {plain(told)}x"


def _stated(answer: object) -> Decimal | None:
    """Find the leverage in an answer, in its data, or in the first row of them."""
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return _stated(answer[0]) if answer else None
    if not isinstance(answer, Mapping):
        return None
    for key in _KEYS:
        found = number(answer.get(key))
        if found is not None and found > ZERO:
            return found
    return _stated(answer.get("data"))

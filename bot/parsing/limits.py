"""Limits: what `/risk positions 8`, `/risk day loss 1.5%` or `/risk positions` names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.parsing.refusals import Refusal, shown
from bot.parsing.words import plain
from engine.limits import LIMITS, Limit

EXAMPLES: Final = ("/risk positions 8", "/risk day loss 1.5%", "/risk leverage")
# A comma is taken between thousands only: what 1,5 means is not for us to guess.
_WISH: Final = re.compile(
    r"([a-z_ ]*?)[\s=:]*"
    r"(?:([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})(\.[0-9]{1,6})?\s*(%|x|bps|s|ms|h)?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWish:
    """Name a limit, and the value that it should have; None only asks to see it."""

    limit: Limit
    value: Decimal | None = None


def _joined(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))


def _names() -> Mapping[str, Limit]:
    names: dict[str, Limit] = {}
    for limit in LIMITS:
        names |= {_joined(each): limit for each in (limit.name, limit.title, limit.variable)}
    also = {"daily loss": "dayloss", "order size": "order", "coin": "coin", "symbol": "position"}
    by_name = {limit.name: limit for limit in LIMITS}
    return names | {_joined(text): by_name[name] for text, name in also.items()}


_NAMES: Final = _names()


def limit_wish(text: str) -> LimitWish | Refusal:
    """Read which limit is meant, and which value it should have."""
    read = _WISH.fullmatch(plain(text))
    limit = _NAMES.get(_joined(read[1])) if read is not None else None
    if read is None:
        return Refusal(
            title="Value unclear",
            sentence=f"Nothing was changed: I cannot read {shown(text)}.",
            examples=EXAMPLES,
        )
    if limit is None:
        return Refusal(
            title="No such limit",
            sentence=f"Nothing was changed: I know no limit {shown(read[1]) or 'of no name'}.",
            examples=EXAMPLES,
        )
    if read[2] is None:
        return LimitWish(limit=limit)
    if read[4] is not None and read[4] != limit.unit:
        unit = f"is in {limit.unit}" if limit.unit else "is a plain number"
        return Refusal(
            title="Another unit",
            sentence=f"Nothing was changed: {limit.title} {unit}.",
            examples=(f"/risk {limit.name} {read[2]}{limit.unit}",),
        )
    return LimitWish(limit=limit, value=Decimal(read[2].replace(",", "") + (read[3] or "")))

"""Plans: the words of exits that change while a position is held: trail, be, time."""

import re
from datetime import datetime

from bot.parsing.refusals import Malformed, shown
from engine.exit_plan import LASTS_S_MAX, LASTS_S_MIN

TRAIL = frozenset({"trail", "trailing", "ts"})
BREAK_EVEN = frozenset({"be", "breakeven", "break-even"})
TIME = frozenset({"time", "expire", "expires"})
_UNITS = {
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip


def lasts_of(word: str) -> int:
    """Read a duration such as 90m, 4h or 2d, in seconds. Raises: Malformed."""
    match = re.fullmatch(r"([0-9]{1,6})([a-z]+)", word)
    if match is None or match[2] not in _UNITS:
        raise Malformed("Time unclear", f"Write the time stop as 90m, 4h or 2d: {shown(word)}.")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not LASTS_S_MIN <= seconds <= LASTS_S_MAX:
        raise Malformed("Time unclear", f"{shown(word)}: it is one minute to 366 days away.")
    return seconds


def moment_of(word: str) -> datetime | None:
    """Read a moment such as 2026-11-24t18:30z; None where it is none. Raises: Malformed."""
    if re.match(r"[0-9]{4}-[0-9]", word) is None:
        return None
    try:
        moment = datetime.fromisoformat(word.upper())
    except ValueError:
        raise Malformed(
            "Time unclear", f"Write the moment as 2026-11-24T18:30Z, not {shown(word)}."
        ) from None
    if moment.utcoffset() is None:
        raise Malformed("Time unclear", f"{shown(word)} needs its zone: end it with Z for UTC.")
    return moment

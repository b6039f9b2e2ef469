"""What the environment says about counting money: trading days, and which currencies are cash."""

import re

from bot.variables import Variables, shown
from engine.days import MIDNIGHT, day_start_of
from engine.errors import InvalidInput

CURRENCIES_MAX = 20


def read_day_starts(at: Variables) -> str:
    """Read when a trading day begins: `22:00` in UTC, or `00:00 Europe/Berlin`."""
    value = at.text("DAY_STARTS")
    if value is None:
        return MIDNIGHT
    try:
        day_start_of(value)
    except InvalidInput as fault:
        at.faults.append(f"DAY_STARTS is {shown(value)}: {fault}")
        return MIDNIGHT
    return value


def read_cash_currencies(at: Variables) -> tuple[str, ...]:
    """Read the currencies that are counted as cash beside the reporting one, such as `USDC,EUR`."""
    value = at.text("CASH_CURRENCIES") or ""
    named = tuple(dict.fromkeys(each.strip().upper() for each in value.split(",") if each.strip()))
    strange = [each for each in named if not re.fullmatch(r"[A-Z0-9]{2,10}", each)]
    if strange or len(named) > CURRENCIES_MAX:
        at.faults.append(
            f"CASH_CURRENCIES is {shown(value)}: give at most {CURRENCIES_MAX} currencies, "
            "for example USDC,EUR."
        )
        return ()
    return named

"""What the environment says about money: trading days, what is cash, how signals are sized."""

import re
from decimal import Decimal

from bot.variables import Variables, shown
from engine.days import MIDNIGHT, day_start_of
from engine.errors import InvalidInput
from engine.numbers import ONE, ZERO, plain
from engine.scaling import ScalingPolicy

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


def read_scaling(read: Variables) -> ScalingPolicy:
    """Read how a strategy's signal is sized: by confidence, by the price's moves, by drawdown."""
    usual = ScalingPolicy()
    full = _share(read, "CONFIDENCE_FULL", usual.full_from)
    least = _share(read, "CONFIDENCE_LEAST", usual.part_from)
    if least > full:
        read.faults.append(
            f"CONFIDENCE_LEAST is {plain(least)}, above CONFIDENCE_FULL ({plain(full)}): "
            "a signal is denied below the one, and gets its full size from the other on."
        )
    return ScalingPolicy(
        full_from=full,
        part_from=least,
        part=_share(read, "CONFIDENCE_PART", usual.part, above=ZERO),
        size_pct=read.percent("SIGNAL_SIZE_PCT", usual.size_pct),
        adaptive=read.flag("ADAPTIVE_SIZE"),
        volatility_pct=read.percent("ADAPTIVE_VOLATILITY_PCT", usual.volatility_pct),
    )


def _share(read: Variables, name: str, usual: Decimal, *, above: Decimal | None = None) -> Decimal:
    """Read a number from 0 to 1; where `above` is given, more than that."""
    value = read.text(name)
    if value is None:
        return usual
    number = Decimal(value) if re.fullmatch(r"[0-9](\.[0-9]{1,6})?", value, re.ASCII) else None
    if number is None or number > ONE or (above is not None and number <= above):
        low = "0 to 1" if above is None else "above 0, up to 1"
        read.faults.append(f"{name} is {shown(value)}: give a number {low}, for example {usual}.")
        return usual
    return number

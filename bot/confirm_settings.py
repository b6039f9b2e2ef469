"""What an order asks for before it is sent, read from the environment: `CONFIRM_TIERS`."""

import re
from decimal import Decimal

from bot.variables import Variables, shown, words
from engine.confirming import Confirmation, Measure, Tier

TIERS_MAX = 20
EXAMPLE = "equity 2% tap, leverage 3x code, equity 25% second"
STEPS = {
    "none": Confirmation.NONE,
    "tap": Confirmation.TAP,
    "typed": Confirmation.TYPED,
    "code": Confirmation.CODE,
    "second": Confirmation.SECOND_PERSON,
}
# Each measure's unit as it may be written behind the number, and the most the number may be.
UNITS = {
    Measure.NOTIONAL: ("", Decimal(10) ** 12),
    Measure.EQUITY: ("%", Decimal(10_000)),
    Measure.COIN: ("%", Decimal(10_000)),
    Measure.LEVERAGE: ("x", Decimal(1000)),
    Measure.CONFIDENCE: ("", Decimal(1)),
    Measure.DRIFT: ("bps", Decimal(10_000)),
}
# A tap is what meets the drift, so it asks for more than a tap; a second person comes later still.
DRIFT_STEPS = frozenset({Confirmation.TYPED, Confirmation.CODE})


def read_tiers(read: Variables) -> tuple[Tier, ...]:
    """Read tiers parted by commas, such as `equity 2% tap, live typed`; one fault for each."""
    entries = [each.strip() for each in (read.text("CONFIRM_TIERS") or "").split(",")]
    entries = [each for each in entries if each]
    if len(entries) > TIERS_MAX:
        read.faults.append(f"CONFIRM_TIERS has {len(entries)} tiers: at most {TIERS_MAX}.")
        return ()
    tiers: list[Tier] = []
    for entry in entries:
        found = _tier(entry)
        if isinstance(found, str):
            read.faults.append(f"CONFIRM_TIERS holds {shown(entry)}: {found}")
        elif any((one.measure, one.over) == (found.measure, found.over) for one in tiers):
            read.faults.append(f"CONFIRM_TIERS holds {shown(entry)}: its threshold stands twice.")
        else:
            tiers.append(found)
    return tuple(tiers)


def _tier(entry: str) -> Tier | str:
    """Read one tier, or say what is wrong with it."""
    parts = entry.lower().split()
    names = tuple(Measure)
    if not parts or parts[0] not in names:
        return f"begin with {words(names)}, for example {EXAMPLE}."
    measure = Measure(parts[0])
    expected = 2 if measure is Measure.LIVE else 3
    if len(parts) != expected or parts[-1] not in STEPS:
        number = "" if measure is Measure.LIVE else f" {_written(measure)}"
        return f"write {measure}{number} and one of {words(tuple(STEPS))}."
    step = STEPS[parts[-1]]
    if measure is Measure.LIVE:
        return Tier(measure=measure, confirmation=step)
    if measure is Measure.DRIFT and step not in DRIFT_STEPS:
        return "a price that moved can ask for typed or code; more than the drift limit refuses."
    over = _number(parts[1], measure)
    if over is None:
        return f"give a number of 0 or more, such as {_written(measure)}."
    return Tier(measure=measure, confirmation=step, over=over)


def _written(measure: Measure) -> str:
    return {
        Measure.NOTIONAL: "2000",
        Measure.CONFIDENCE: "0.6",
        Measure.LEVERAGE: "3x",
        Measure.DRIFT: "20bps",
    }.get(measure, "25%")


def _number(text: str, measure: Measure) -> Decimal | None:
    unit, most = UNITS[measure]
    bare = text.removesuffix(unit) if unit else text
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,8})?", bare, re.ASCII):
        return None
    number = Decimal(bare)
    return number if number <= most else None

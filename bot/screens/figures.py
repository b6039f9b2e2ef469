"""Figures: how money, prices, quantities, shares, ages and times are written on every card.

Comma for thousands, point for decimals, the true minus. Rounding is half up, for reading only: no
order is ever made of a written figure.
"""

from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from engine.numbers import HUNDRED, ZERO, plain

MINUS = "\u2212"
CENTS = 2
BAR_CELLS = 8
_TICK_UNKNOWN_DECIMALS = 8


def fixed(number: Decimal, decimals: int) -> str:
    """Write a number with so many decimals."""
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,f}"
    return f"{MINUS}{text}" if rounded < ZERO else text


def signed(number: Decimal, decimals: int) -> str:
    """Write a number with its sign; zero has none."""
    text = fixed(number, decimals)
    is_zero = not any(digit in "123456789" for digit in text)
    return text if text.startswith(MINUS) or is_zero else f"+{text}"


def money(amount: Decimal) -> str:
    """Write an amount of quote currency: two decimals."""
    return fixed(amount, CENTS)


def signed_money(amount: Decimal) -> str:
    """Write a PnL or a change of money."""
    return signed(amount, CENTS)


def decimals_of(step: Decimal | None) -> int | None:
    """Give the decimals of a tick or a lot; None when it is not known."""
    if step is None:
        return None
    exponent = Decimal(plain(step)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else None


def price(value: Decimal, tick: Decimal | None) -> str:
    """Write a price with the tick's decimals; with its own where no tick is known."""
    decimals = decimals_of(tick)
    return fixed(value, _own_decimals(value)) if decimals is None else fixed(value, decimals)


def mid(value: Decimal, tick: Decimal | None) -> str:
    """Write a mid: the tick's decimals, and one more where it lies between two ticks."""
    decimals = decimals_of(tick)
    if decimals is None:
        return price(value, tick)
    return fixed(value, decimals if value == round(value, decimals) else decimals + 1)


def average(value: Decimal, tick: Decimal | None) -> str:
    """Write an average price: one decimal more than the tick, except where the tick is a cent.

    Cents stay cents: 61,245.10 is both the average of fills and money that was paid.
    """
    decimals = decimals_of(tick)
    if decimals is None:
        return price(value, tick)
    return fixed(value, CENTS if decimals == CENTS else decimals + 1)


def entry(value: Decimal, tick: Decimal | None) -> str:
    """Write an entry price: the tick where it fits one, an average otherwise."""
    decimals = decimals_of(tick)
    if decimals is not None and value == round(value, decimals):
        return price(value, tick)
    return average(value, tick)


def _own_decimals(value: Decimal) -> int:
    decimals = decimals_of(value.normalize() if value else ZERO) or 0
    return min(_TICK_UNKNOWN_DECIMALS, max(CENTS, decimals))


def quantity(value: Decimal) -> str:
    """Write a quantity: every digit it has, no trailing zeros."""
    text = f"{abs(Decimal(plain(value))):,f}"
    return f"{MINUS}{text}" if value < ZERO else text


def signed_quantity(value: Decimal) -> str:
    """Write a net quantity: plus is long or a buy, minus is short or a sell."""
    return f"+{quantity(value)}" if value > ZERO else quantity(value)


def trimmed(value: Decimal) -> str:
    """Write a number that a person set, for example a limit of 2 or 0.5, with thousands."""
    return quantity(value)


def percent(share: Decimal) -> str:
    """Write a drawdown or a distance, given in percent: two decimals."""
    return f"{fixed(share, 2)}%"


def signed_percent(share: Decimal) -> str:
    """Write a PnL or a change, given in percent: two decimals and its sign."""
    return f"{signed(share, 2)}%"


def share(part: Decimal, whole: Decimal | None) -> str:
    """Write a part of a whole in percent with one decimal; a dash where there is no whole."""
    return "–" if whole is None or whole <= ZERO else f"{fixed(part / whole * HUNDRED, 1)}%"


def bps(value: Decimal) -> str:
    """Write basis points with one decimal, unsigned: the word beside it says cost or gain."""
    return fixed(abs(value), 1)


def distance_bps(value: Decimal) -> str:
    """Write a signed distance in basis points, for example +10 bps or −9.8 bps."""
    return f"{signed(value, 1).removesuffix('.0')} bps"


def cost_or_gain(cost_bps: Decimal) -> str:
    """Name the direction of a slippage: a cost, or a gain."""
    return "bps gain" if cost_bps < ZERO else "bps cost"


def age(seconds: Decimal | int | float | timedelta) -> str:
    """Write an age or a rest: 0.4 s, 47 s, 3 min 12 s, 1 h 5 min, 1 d 5 h."""
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    amount = max(ZERO, Decimal(str(seconds)))
    if amount < 10:
        return f"{fixed(amount, 1).removesuffix('.0')} s"
    whole = int(amount)
    if whole <= 60:
        return f"{whole} s"
    for large, large_name, small, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= large:
            rest = whole % large // small
            head = f"{whole // large} {large_name}"
            return f"{head} {rest} {small_name}" if rest else head
    return f"{whole} s"


def age_coarse(span: timedelta) -> str:
    """Write an age by its largest unit: 40 s, 22 min, 5 h, 3 d."""
    whole = max(0, int(span.total_seconds()))
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {name}"
    return f"{whole} s"


def clock(at: datetime, tz: tzinfo, now: datetime | None = None) -> str:
    """Write an event's local time, 14:32:05, with day and month when `now` is another day."""
    return _on_day(at, tz, now, "%H:%M:%S")


def clock_short(at: datetime, tz: tzinfo, now: datetime | None = None) -> str:
    """Write a time in a list, 14:32, with day and month when `now` is another day."""
    return _on_day(at, tz, now, "%H:%M")


def day(at: datetime, tz: tzinfo) -> str:
    """Write day and month, for example 17 Nov."""
    local = at.astimezone(tz)
    return f"{local.day} {_MONTHS[local.month - 1]}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def month_name(number: int) -> str:
    """Give a month's three letters, whatever the machine's language."""
    return _MONTHS[number - 1]


def _on_day(at: datetime, tz: tzinfo, now: datetime | None, form: str) -> str:
    local = at.astimezone(tz)
    text = local.strftime(form)
    if now is None or now.astimezone(tz).date() == local.date():
        return text
    return f"{day(at, tz)} {text}"


def used(value: Decimal, limit: Decimal) -> str:
    """Write a used part: whole beside a large limit, one decimal beside a small one."""
    return fixed(value, 0 if value == value.to_integral_value() or limit > 20 else 1)


def bar(value: Decimal, limit: Decimal) -> str:
    """Draw eight cells; the last one fills only at the limit."""
    if limit <= ZERO:
        return "░" * BAR_CELLS
    cells = int(fixed(max(ZERO, value) / limit * BAR_CELLS, 0).replace(",", ""))
    full = BAR_CELLS if value >= limit else min(BAR_CELLS - 1, cells)
    return "▓" * full + "░" * (BAR_CELLS - full)


def count(number: int, noun: str) -> str:
    """Write a count with its noun, for example 1 position or 3 positions."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

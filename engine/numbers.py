"""Decimal numbers as they enter from outside, and their plain rendering."""

from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)

from engine.errors import InvalidInput

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
BPS = Decimal(10000)
ARITHMETIC = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""How sums are rounded, today and in every replay: what is Python's own habit unless changed."""
MAGNITUDE_MAX = Decimal("1e18")
MAGNITUDE_MIN = Decimal("1e-18")
# Made once: `Decimal | int | float | str` in a call makes its union anew at each number.
_NUMBERS = (Decimal, int, float, str)
_LETTERS = frozenset("0123456789.+-eE")


def exact() -> AbstractContextManager[Context]:
    """Reckon as the journal was reckoned, whatever others have done to the context of all.

    ccxt sets another rounding and another trap in the context of whoever calls it.
    """
    return localcontext(ARITHMETIC)


def decimal_of(value: object, name: str) -> Decimal:
    """Read a finite Decimal from a Decimal, an int, a float or a text, through `str`.

    A text is written in ASCII without grouping: `1_000` or full-width digits are no number here.

    Raises: InvalidInput when it is no number, is NaN or infinite, or, zero aside, is not between
    1e-18 and 1e18 in magnitude.
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        raise InvalidInput(f"{name} must be a number such as 0.01, not {value!r}.")
    if isinstance(value, str) and not _LETTERS.issuperset(value.strip()):
        raise InvalidInput(f"{name} must be a number such as 0.01, not {value[:40]!r}.")
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        raise InvalidInput(f"{name} must be a number such as 0.01, not {value!r}.") from None
    if not number.is_finite():
        raise InvalidInput(f"{name} must be a finite number, not {value!r}.")
    if number.copy_abs() > MAGNITUDE_MAX:
        raise InvalidInput(f"{name} must be at most 1e18.")
    if number != ZERO and number.copy_abs() < MAGNITUDE_MIN:
        raise InvalidInput(f"{name} must be at least 1e-18.")
    return number


def positive(value: object, name: str) -> Decimal:
    """Read a Decimal above zero.

    Raises: InvalidInput otherwise.
    """
    number = decimal_of(value, name)
    if number <= ZERO:
        raise InvalidInput(f"{name} must be above zero, not {number}.")
    return number


def plain(number: Decimal) -> str:
    """Write a Decimal without exponent and without trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def age_text(seconds: Decimal) -> str:
    """Write an age the way a person says it: to tenths at first, whole units later."""
    if seconds < 2 * 60:
        return f"{seconds:.1f} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds // 86400:.0f} d"

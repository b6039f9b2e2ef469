"""Amounts: a number with its unit, read without guessing.

A comma is accepted only where the number has one meaning: `61,240.00` and `1,250,000`. `61,200` is
61 thousand to some and 61.2 to others, so it is refused with both spellings.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from bot.parsing.refusals import Malformed, shown
from engine.numbers import MAGNITUDE_MAX

DIGITS_MAX = 24
_SHAPE = re.compile(r"([+-]?)(\$?)([+-]?)([0-9.,'_]*[0-9][0-9.,'_]*)(e[+-]?[0-9]+)?([^0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Hold a number above zero; `unit` is empty, `%`, `x`, `$` or what followed in letters."""

    number: Decimal
    unit: str
    text: str


def is_amount(word: str) -> bool:
    """Tell whether a word begins like a number."""
    return re.match(r"[+-]?\$?[+-]?[.,]?[0-9]", word) is not None


def read_amount(word: str) -> Amount:
    """Read a word as a number with its unit. Raises: Malformed with the sentence to show."""
    match = _SHAPE.fullmatch(word)
    if match is None:
        raise Malformed("Not a number", f"{shown(word)} is no number such as 0.01.")
    sign, dollar, second_sign, digits, exponent, unit = match.groups()
    if "-" in (sign, second_sign):
        raise Malformed(
            "Below zero", f"{shown(word)} is below zero. Leave the minus out: the side says it."
        )
    if exponent:
        raise Malformed("Not a number", f"{shown(word)} has an exponent. Write the number out.")
    if len(digits) > DIGITS_MAX:
        raise Malformed("Number too long", f"A number has at most {DIGITS_MAX} characters.")
    number = Decimal(_digits(digits, word))
    if number == 0:
        raise Malformed("Zero", f"{shown(word)} is zero. The number must be above zero.")
    if number > MAGNITUDE_MAX:
        raise Malformed("Number too large", f"{shown(word)} is more than any market holds.")
    if unit in ("k", "m", "mio"):
        raise Malformed("Number unclear", f"{shown(word)}: write the zeros out.")
    if dollar and unit:
        raise Malformed("Number unclear", f"{shown(word)} has two units. Keep one.")
    return Amount(number=number, unit="$" if dollar else unit, text=shown(word))


def _digits(digits: str, word: str) -> str:
    """Give the plain digits of a number written in a way that has one meaning."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", digits):
        return digits
    if re.fullmatch(r"[1-9][0-9]{0,2}((,[0-9]{3})+\.[0-9]+|(,[0-9]{3}){2,})", digits):
        return digits.replace(",", "")
    if re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", digits):
        whole, point = digits.replace(",", ""), digits.replace(",", ".").rstrip("0").rstrip(".")
        raise Malformed(
            "Number unclear",
            f"{digits} reads two ways. Write {whole}, or {point} if you meant that.",
        )
    if re.fullmatch(r"[0-9]+,[0-9]+", digits):
        raise Malformed(
            "Number unclear", f"{digits}: decimals take a point. Write {digits.replace(',', '.')}."
        )
    raise Malformed("Not a number", f"{shown(word)} is no number such as 0.01.")

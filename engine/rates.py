"""Rates: what one unit of a currency is worth in another, at the mids of pairs that are quoted.

A stable coin is a currency like any other: its rate is its price. Where no pair leads from one
currency to another there is no rate, and nothing is assumed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.numbers import ONE
from engine.quotes import Quote

Fresh = Callable[[Quote], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Give the worth of one unit, and the quotes it was made of: none, one, or two in a row."""

    value: Decimal
    quotes: tuple[Quote, ...] = ()


PAR = Rate(value=ONE)


def rate_of(
    currency: str,
    into: str,
    quotes: Mapping[str, Quote],
    *,
    venues: tuple[str, ...],
    is_fresh: Fresh = lambda quote: True,
) -> Rate | None:
    """Give the rate of a currency in another, or None where no usable quotes lead there.

    A pair of both currencies comes first, at the first of the venues that quotes one; then two
    pairs over one currency between, the first by name.
    """
    if currency == into:
        return PAR
    straight = _straight(currency, into, quotes, venues, is_fresh)
    if straight is not None:
        return straight
    for between in sorted(_beside(currency, quotes) & _beside(into, quotes)):
        first = _straight(currency, between, quotes, venues, is_fresh)
        second = _straight(between, into, quotes, venues, is_fresh) if first is not None else None
        if first is not None and second is not None:
            both = (*first.quotes, *second.quotes)
            return Rate(value=first.value * second.value, quotes=both)
    return None


def _straight(
    currency: str,
    into: str,
    quotes: Mapping[str, Quote],
    venues: tuple[str, ...],
    is_fresh: Fresh,
) -> Rate | None:
    for venue in venues:
        there = quotes.get(f"{venue}:{currency}/{into}")
        if there is not None and is_fresh(there):
            return Rate(value=there.mid, quotes=(there,))
        back = quotes.get(f"{venue}:{into}/{currency}")
        if back is not None and is_fresh(back):
            return Rate(value=ONE / back.mid, quotes=(back,))
    return None


def _beside(currency: str, keys: Iterable[str]) -> set[str]:
    """Name the currencies that a spot pair among these instruments joins with one."""
    found: set[str] = set()
    for key in keys:
        base, _, quote = key.partition(":")[2].partition("/")
        if ":" in quote:
            continue
        if base == currency:
            found.add(quote)
        elif quote == currency:
            found.add(base)
    return found


def route(
    currency: str, into: str, instruments: Mapping[str, Instrument], *, venues: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Name the instruments whose quotes give a currency its rate; None where no market leads.

    They are found as `rate_of` finds their quotes.
    """
    if currency == into:
        return ()
    direct = _listed(currency, into, instruments, venues)
    if direct is not None:
        return (direct,)
    for between in sorted(_beside(currency, instruments) & _beside(into, instruments)):
        first = _listed(currency, between, instruments, venues)
        second = _listed(between, into, instruments, venues)
        if first is not None and second is not None:
            return (first, second)
    return None


def _listed(
    currency: str, into: str, instruments: Mapping[str, Instrument], venues: tuple[str, ...]
) -> str | None:
    for venue in venues:
        for symbol in (f"{currency}/{into}", f"{into}/{currency}"):
            key = instrument_key(venue, symbol)
            if key in instruments and instruments[key].active:
                return key
    return None

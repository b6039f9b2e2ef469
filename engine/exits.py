"""Exits that the engine watches: what a quote has reached, and how a stop follows the price.

Triggers: on spot the bid for a long and the ask for a short, on a swap the mark.
"""

from dataclasses import dataclass
from decimal import Decimal

from engine.instruments import Instrument, Toward
from engine.numbers import BPS, ONE, ZERO
from engine.portfolio import is_swap
from engine.positions import Position
from engine.quotes import Quote

TRAIL_STEP_BPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Name the leg of a position that a quote has reached: `stop` or `target`, and its price.

    Of several targets it is the furthest; one exit serves them all.
    """

    leg: str
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Say where a stop goes: behind a new peak, or to break-even, where `peak` is None."""

    stop: Decimal | None
    peak: Decimal | None


def trigger_price(position: Position, quote: Quote) -> Decimal:
    """Give the price that stops and targets of the position are judged by."""
    if is_swap(position.symbol):
        return quote.mark
    return quote.bid if position.is_long else quote.ask


def reached(position: Position, quote: Quote) -> Reached | None:
    """Give the leg that is reached; the stop first, then the furthest target."""
    price = trigger_price(position, quote)
    direction = 1 if position.is_long else -1
    if position.stop is not None and (price - position.stop) * direction <= 0:
        return Reached(leg="stop", price=position.stop)
    hit = [
        target.price
        for target in position.targets
        if target.price is not None and (price - target.price) * direction >= 0
    ]
    if not hit:
        return None
    return Reached(leg="target", price=max(hit) if position.is_long else min(hit))


def follow(position: Position, quote: Quote, instrument: Instrument | None) -> Follow | None:
    """Give where the stop goes at a quote; None where it stays.

    The peak moves by 5 bps at least, so that a journal does not grow with every quote.
    """
    plan = position.plan
    price = trigger_price(position, quote)
    if instrument is None or price <= ZERO:
        return None
    direction = 1 if position.is_long else -1
    if plan.trails:
        peak, begins = position.trail_peak, plan.trail_from
        if peak is None:
            moves = begins is None or (price - begins) * direction >= ZERO
        else:
            moves = (price - peak) * direction * BPS >= peak * TRAIL_STEP_BPS
        if moves:
            return Follow(stop=trailing_stop(position, price, instrument), peak=price)
    after = plan.break_even_after
    if after is not None and position.targets_filled >= after:
        even = break_even_price(position, instrument)
        if (price - even) * direction > ZERO:
            return Follow(stop=even, peak=None)
    return None


def trailing_stop(position: Position, peak: Decimal, instrument: Instrument) -> Decimal | None:
    """Give the stop behind a peak, on the tick next to it that is nearer to the price.

    Where a tick is wider than the trail it is the tick behind; None where that is no price.
    """
    width = position.plan.trail_width(peak)
    stop = peak - width if position.is_long else peak + width
    near, far = (Toward.UP, Toward.DOWN) if position.is_long else (Toward.DOWN, Toward.UP)
    direction = 1 if position.is_long else -1
    rounded = instrument.price_rounded(stop, near)
    if (peak - rounded) * direction <= ZERO:
        rounded = instrument.price_rounded(stop, far)
    return rounded if rounded > ZERO else None


def break_even_price(position: Position, instrument: Instrument) -> Decimal:
    """Give the price at which closing costs nothing: entry * (1 + fee) / (1 - fee), for a long.

    For a short the reverse. Rounded to the tick, to the side where nothing is lost.
    """
    fee = instrument.fee_taker
    if position.is_long:
        exact = position.entry_price * (ONE + fee) / (ONE - fee)
        return instrument.price_rounded(exact, Toward.UP)
    exact = position.entry_price * (ONE - fee) / (ONE + fee)
    return instrument.price_rounded(exact, Toward.DOWN)

"""Exits that the engine watches: which stop or target a quote has reached.

Triggers: on spot the bid for a long and the ask for a short, on a swap the mark.
"""

from dataclasses import dataclass
from decimal import Decimal

from engine.portfolio import is_swap
from engine.positions import Position
from engine.quotes import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Name the leg of a position that a quote has reached: `stop` or `target`, and its price."""

    leg: str
    price: Decimal


def trigger_price(position: Position, quote: Quote) -> Decimal:
    """Give the price that stops and targets of the position are judged by."""
    if is_swap(position.symbol):
        return quote.mark
    return quote.bid if position.is_long else quote.ask


def reached(position: Position, quote: Quote) -> Reached | None:
    """Give the leg that is reached; the stop first, then the nearest target."""
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
    return Reached(leg="target", price=min(hit) if position.is_long else max(hit))

"""The simulated order book: levels around a quote, which orders walk and resting orders wait in.

A quote gives only the best bid and ask. What lies behind is invented, the same way every time for
the same quote, so that a repeat of a run repeats its fills.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from engine.instruments import Instrument, Toward
from engine.numbers import BPS, ONE, ZERO
from engine.orders import OrderSide
from engine.quotes import Quote

# Real books thicken away from the touch; half a best level more with every step is typical.
LEVEL_GROWTH = Decimal("0.5")
JITTER_PCT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One price of the book and what can be had there, in base currency."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BookShape:
    """Say how deep a book is: about `depth_notional` (quote currency) on each best level.

    `levels` a side, `gap_bps` apart but at least one tick.
    """

    depth_notional: Decimal = Decimal(50_000)
    levels: int = 12
    gap_bps: Decimal = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Hold both sides of one moment, best level first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def opposite(self, side: OrderSide) -> tuple[Level, ...]:
        """Give the levels that an order of this side takes from."""
        return self.asks if side is OrderSide.BUY else self.bids

    def walk(
        self, side: OrderSide, quantity: Decimal, price_limit: Decimal | None
    ) -> tuple[Level, ...]:
        """Give the executions of a taker, best price first, never beyond its price limit.

        They add up to less than `quantity` where the book ends.
        """
        taken: list[Level] = []
        left = quantity
        for level in self.opposite(side):
            if left <= ZERO or not within(level.price, side, price_limit):
                break
            size = min(left, level.quantity)
            taken.append(Level(price=level.price, quantity=size))
            left -= size
        return tuple(taken)

    def traded_through(self, side: OrderSide, price_limit: Decimal) -> Decimal:
        """Give the volume that traded strictly beyond a resting order's price, in base currency.

        A price that only touches the limit fills nothing: others stand before us in the queue.
        """
        return sum(
            (
                level.quantity
                for level in self.opposite(side)
                if level.price != price_limit and within(level.price, side, price_limit)
            ),
            ZERO,
        )


def within(price: Decimal, side: OrderSide, price_limit: Decimal | None) -> bool:
    """Tell whether a price is as good as the limit asks."""
    if price_limit is None:
        return True
    return price <= price_limit if side is OrderSide.BUY else price >= price_limit


def is_triggered(quote: Quote, side: OrderSide, price_trigger: Decimal, *, is_swap: bool) -> bool:
    """Tell whether a STOP fires: a swap's on mark, a spot sell's on bid, a spot buy's on ask."""
    if side is OrderSide.SELL:
        return (quote.mark if is_swap else quote.bid) <= price_trigger
    return (quote.mark if is_swap else quote.ask) >= price_trigger


def book_around(quote: Quote, instrument: Instrument, shape: BookShape) -> Book:
    """Invent the book behind a quote."""
    return Book(
        bids=tuple(_levels(quote, instrument, shape, OrderSide.BUY)),
        asks=tuple(_levels(quote, instrument, shape, OrderSide.SELL)),
    )


def _levels(
    quote: Quote, instrument: Instrument, shape: BookShape, side: OrderSide
) -> Iterator[Level]:
    best = quote.bid if side is OrderSide.BUY else quote.ask
    gap = instrument.price_rounded(quote.mid * shape.gap_bps / BPS, Toward.UP)
    jitter = hashlib.sha256(f"{quote.symbol} {best} {side}".encode()).digest()
    for index in range(shape.levels):
        price = best - side.sign * gap * index
        if price <= ZERO:
            return
        share = ONE + LEVEL_GROWTH * index
        # From -40 % to +40 %, so that no two levels look made.
        share *= (
            ONE + Decimal(jitter[index % len(jitter)] * 2 * JITTER_PCT // 255 - JITTER_PCT) / 100
        )
        size = instrument.quantity_rounded(shape.depth_notional * share / price)
        yield Level(price=price, quantity=max(size, instrument.quantity_min))

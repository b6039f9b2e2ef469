"""Money at the paper venue: fees, reservations and margins, and the direction of their rounding."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal

from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ONE, ZERO
from engine.orders import OrderSide
from engine.positions import Liquidity
from engine.venues.ledger import SwapPosition, VenueOrder

# Venues keep balances to eight decimals; so does this one, so that sums stay exact.
UNIT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount of one currency."""

    currency: str
    value: Decimal


def is_swap(instrument: Instrument) -> bool:
    """Tell whether the instrument is a linear swap; it settles in its quote currency."""
    return instrument.kind is InstrumentKind.SWAP


def rounded(value: Decimal) -> Decimal:
    """Round to the ledger's unit, half up."""
    return value.quantize(UNIT, rounding=ROUND_HALF_UP)


def rounded_up(value: Decimal) -> Decimal:
    """Round a reservation, so that it always covers what it is for."""
    return value.quantize(UNIT, rounding=ROUND_UP)


def rounded_down(value: Decimal) -> Decimal:
    """Round a margin, so that its reservation always covered it."""
    return value.quantize(UNIT, rounding=ROUND_DOWN)


def fee_of(
    instrument: Instrument,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    liquidity: Liquidity,
    *,
    fees_in_base: bool,
) -> Amount:
    """Give the fee of one execution; `fees_in_base` takes it from what a spot buy bought."""
    rate = instrument.fee_maker if liquidity is Liquidity.MAKER else instrument.fee_taker
    if fees_in_base and not is_swap(instrument) and side is OrderSide.BUY:
        return Amount(currency=instrument.base, value=rounded(quantity * rate))
    return Amount(currency=instrument.quote, value=rounded(quantity * price * rate))


def closable(position: SwapPosition | None, side: OrderSide) -> Decimal:
    """Give how much of a position an order of this side would close; zero when it adds."""
    held = position.quantity if position is not None else ZERO
    return abs(held) if held * side.sign < ZERO else ZERO


def reservation(
    order: VenueOrder,
    instrument: Instrument,
    position: SwapPosition | None,
    price: Decimal,
    *,
    fees_in_base: bool,
) -> Amount:
    """Give what the rest of an order binds when it may execute at `price`, taker fee included."""
    left = order.remaining
    fee = rounded_up(left * price * instrument.fee_taker)
    if is_swap(instrument):
        opening = ZERO if order.reduce_only else max(ZERO, left - closable(position, order.side))
        bound = rounded_up(opening * price / order.leverage) + fee if opening > ZERO else ZERO
        return Amount(currency=instrument.quote, value=bound)
    if order.side is OrderSide.SELL:
        return Amount(currency=instrument.base, value=left)
    cost = rounded_up(left * price)
    return Amount(currency=instrument.quote, value=cost if fees_in_base else cost + fee)


def payable(
    order: VenueOrder,
    instrument: Instrument,
    position: SwapPosition | None,
    *,
    quantity: Decimal,
    price: Decimal,
    budget: Decimal,
) -> Decimal:
    """Give how much of `quantity` at `price` the budget pays for, rounded down to the lot.

    `budget` is what is free plus what the order itself had reserved, in the currency it spends.
    """
    if is_swap(instrument):
        closing = min(quantity, closable(position, order.side))
        opening = ZERO if order.reduce_only else quantity - closing
        unit = price / order.leverage + price * instrument.fee_taker
        return closing + _covered(opening, unit, budget, instrument)
    if order.side is OrderSide.SELL:
        return _covered(quantity, ONE, budget, instrument)
    return _covered(quantity, price * (ONE + instrument.fee_taker), budget, instrument)


def _covered(quantity: Decimal, unit: Decimal, budget: Decimal, instrument: Instrument) -> Decimal:
    if quantity * unit <= budget:
        return quantity
    return instrument.quantity_rounded(max(ZERO, budget) / unit)

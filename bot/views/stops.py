"""Stops: what protects a position, and what closing at a price would leave after fees."""

from dataclasses import dataclass
from decimal import Decimal

from engine.numbers import ONE, ZERO
from engine.orders import Order
from engine.positions import Position
from engine.protection import is_resting
from engine.signals import Target
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLevel:
    """A position's stop; `resting` when the venue has acknowledged it, else the console watches."""

    price: Decimal
    resting: bool
    order: Order | None = None


def stop_of(position: Position, state: State) -> StopLevel | None:
    """Find what stops a position: the order that rests for it, or the price that is watched."""
    for order in state.orders_on(position.key):
        if is_resting(order) and order.side is position.exit_side:
            # A trailing stop moves before the one at the venue does; both are obeyed.
            price = position.stop or order.price_trigger
            if price is not None:
                return StopLevel(price=price, resting=True, order=order)
    if position.stop is None:
        return None
    return StopLevel(price=position.stop, resting=False)


def pnl_after_exit(position: Position, price: Decimal, quantity: Decimal, fee: Decimal) -> Decimal:
    """Give (price - entry) * quantity - the closing fee; `quantity` unsigned, `fee` a share."""
    direction = ONE if position.is_long else -ONE
    return (price - position.entry_price) * quantity * direction - price * quantity * fee


def pnl_both_fees(
    position: Position, price: Decimal, quantity: Decimal, fee: Decimal, fee_paid: Decimal
) -> Decimal:
    """Give the PnL of a closed part with the entry's fee, `fee_paid`, counted too."""
    return pnl_after_exit(position, price, quantity, fee) - fee_paid


def target_quantities(
    total: Decimal, left: Decimal, targets: tuple[Target, ...], step: Decimal | None
) -> tuple[Decimal, ...]:
    """Give each target's quantity: its share of `total`, rounded down to the lot.

    Never more than is left; the last target of a full ladder takes all that is.
    """
    quantities: list[Decimal] = []
    is_full = sum((target.fraction for target in targets), ZERO) == ONE
    for number, target in enumerate(targets, start=1):
        share = total * target.fraction
        if step is not None:
            share = share // step * step
        if (is_full and number == len(targets)) or share > left:
            share = left
        quantities.append(share)
        left -= share
    return tuple(quantities)


def distance_pct(price: Decimal, mid: Decimal) -> Decimal:
    """Give how far a price is from the mid, in percent, unsigned."""
    return abs(mid - price) / mid * 100

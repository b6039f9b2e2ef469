"""Protection: the stop orders that guard a position at its venue, and what they cover.

A position's `stop` is the wish. Where the venue supports it an order of the kind STOP rests there
for it; in every moment in which none is acknowledged for all that is held, the engine watches.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderStatus
from engine.portfolio import is_swap
from engine.positions import Position
from engine.state import State

_ACKNOWLEDGED = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED})
RESTED_S_MIN = 60


class StopRest(StrEnum):
    """How a stop rests at a venue: as a market order in waiting, or with a limit behind it."""

    MARKET = "market"
    LIMIT = "limit"


def rest_place(venue: str, symbol: str) -> str:
    """Name what stops rest by: a venue's spot, or its swaps."""
    return f"{venue}:{'swap' if is_swap(symbol) else 'spot'}"


def is_protection(order: Order) -> bool:
    """Tell an order that waits for its trigger to close what is held."""
    return order.is_exit and order.kind is OrderKind.STOP


def is_resting(order: Order) -> bool:
    """Tell whether the venue has acknowledged a stop, and nobody has asked to cancel it."""
    return is_protection(order) and order.status in _ACKNOWLEDGED


def stops_on(state: State, key: str) -> tuple[Order, ...]:
    """Give the stop orders of an instrument that are not finished, the oldest first."""
    on = state.open_on.get(key)
    return tuple(state.orders[name] for name in on.stops) if on is not None else ()


def held_back(state: State, key: str) -> tuple[Order, ...]:
    """Give the exits of an instrument that wait for the end of a stop which binds the balance."""
    on = state.open_on.get(key)
    if on is None:
        return ()
    return tuple(order for name in on.exits if (order := state.orders[name]).held)


def resting_for(state: State, position: Position) -> tuple[Order, ...]:
    """Give the acknowledged stops that close the position."""
    side = position.exit_side
    return tuple(o for o in stops_on(state, position.key) if is_resting(o) and o.side is side)


def is_covered(
    state: State, position: Position, price: Decimal, instruments: Mapping[str, Instrument]
) -> bool:
    """Tell whether stops that a price has reached rest for all of a position, but for dust."""
    direction = 1 if position.is_long else -1
    covered = ZERO
    for order in resting_for(state, position):
        if order.price_trigger is not None and (price - order.price_trigger) * direction <= ZERO:
            covered += order.remaining
    bare = abs(position.quantity) - covered
    if bare <= ZERO or covered == ZERO:
        return covered > ZERO
    instrument = instruments.get(position.key)
    return instrument is not None and instrument.is_dust(bare, price)


def failures(state: State, position: Position) -> int:
    """Count the stops in a row that ended by themselves, refused or cancelled by the venue.

    One that had rested for a minute ends the row, as does one that was replaced.
    """
    count = 0
    for order in reversed(tuple(state.orders_finished.values())):
        if not is_protection(order) or order.position_id != position.position_id:
            continue
        if order.status is OrderStatus.FILLED or order.cancel_requested:
            return count
        count += 1
        if order.accepted_at is not None and order.finished_at is not None:
            rested_s = (order.finished_at - order.accepted_at).total_seconds()
            if rested_s >= RESTED_S_MIN:
                return count
    return count

"""Sending: the last judgement of an order, just before its socket write; pure."""

from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderStatus
from engine.risk_limits import TradingState
from engine.state import State

HALTED = "halted before it was sent"
REDUCING = "only exits there before it was sent"
NOTHING_LEFT = "nothing is left to close"
TOO_LARGE = "larger than what is left to close"


def withheld(state: State, order: Order) -> str | None:
    """Give why an order must not leave; None lets it pass.

    An entry is withheld once its scope is held back. An exit passes any halt, but never flips nor
    enlarges: it is withheld once its position, less the exits before it, is smaller than it. What
    nobody knows about and what rests as a stop at the venue does not count, as when it was decided.
    """
    if order.is_exit:
        return _exit_withheld(state, order)
    trading, _ = state.trading_on(order.venue, order.symbol, order.strategy)
    match trading:
        case TradingState.HALTED:
            return HALTED
        case TradingState.REDUCING:
            return REDUCING
        case TradingState.ACTIVE:
            return None


def _exit_withheld(state: State, order: Order) -> str | None:
    if order.kind is OrderKind.STOP:
        return None
    position = state.positions.get(order.key)
    if position is None or position.exit_side is not order.side:
        return NOTHING_LEFT
    before = ZERO
    on = state.open_on.get(order.key)
    for name in on.exits if on is not None else ():
        if name == order.client_order_id:
            break
        other = state.orders[name]
        if other.status is not OrderStatus.UNKNOWN and other.kind is not OrderKind.STOP:
            before += other.remaining
    if before + order.remaining > abs(position.quantity):
        return TOO_LARGE
    return None

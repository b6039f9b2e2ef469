"""Attempts of an exit: each may fill further from the price than the former, the last anywhere."""

from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine.copies import copied
from engine.decide.turn import Turn
from engine.instruments import Toward
from engine.numbers import BPS, ONE, ZERO
from engine.orders import Order, OrderKind, OrderSide, OrderStatus
from engine.portfolio import is_swap
from engine.protection import is_protection, stops_on

ROW_S = 60
"""How long after an unfilled attempt the next exit of a position still goes on from it."""

_UNFILLED = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


def send_exit(turn: Turn, order: Order, *, is_bounded: bool = True) -> None:
    """Submit an exit; a market order gets its bound here, unless nothing may hold it back.

    On spot it is held back until the stops that bind its balance have ended. On a swap the venue
    lets no reduce-only order go further than flat, so that nothing waits.
    """
    if is_bounded and order.kind is OrderKind.MARKET and order.price_limit is None:
        step = _step(turn, order.position_id)
        order = copied(order, price_limit=bound_of(turn, order, step=step))
    held = not is_swap(order.symbol) and bool(stops_on(turn.state, order.key))
    order = copied(order, held=held)
    turn.add(e.OrderSubmitted(at=turn.now, command_id=turn.command_id, order=order))


def bound_again(turn: Turn, order: Order) -> Decimal | None:
    """Give the bound of an exit that leaves only now, at the prices of now."""
    if order.kind is not OrderKind.MARKET or order.price_limit is None:
        return order.price_limit
    return bound_of(turn, order, step=_step(turn, order.position_id))


def bound_of(turn: Turn, order: Order, *, step: int) -> Decimal | None:
    """Give the worst price of an attempt; None, a market order, after the last step.

    It stands behind the best price of its own side, so that it can fill at once. Without a fresh
    quote an exit goes at market.
    """
    bounds = turn.state.limits.exit_bounds_bps
    quote = turn.context.fresh(order.key, turn.state)
    instrument = turn.context.instruments.get(order.key)
    if step >= len(bounds) or quote is None or instrument is None:
        return None
    is_buy = order.side is OrderSide.BUY
    touch = quote.ask if is_buy else quote.bid
    price = touch * (ONE + order.side.sign * bounds[step] / BPS)
    price = instrument.price_rounded(price, Toward.UP if is_buy else Toward.DOWN)
    return price if price > ZERO else None


def _step(turn: Turn, position_id: str | None) -> int:
    """Count the attempts in a row that ended unfilled, or filled in part, a moment ago."""
    count = 0
    for order in reversed(tuple(turn.state.orders_finished.values())):
        if order.position_id != position_id or not order.is_exit or is_protection(order):
            continue
        ended = order.finished_at or turn.now
        recent = abs(turn.now - ended) <= timedelta(seconds=ROW_S)
        if order.status not in _UNFILLED or order.kind is not OrderKind.MARKET or not recent:
            return count
        count += 1
    return count


def ended_unfilled(turn: Turn) -> tuple[Order, ...]:
    """Give the bounded exits that ended in this turn with something left, and by themselves.

    What the venue refused is not sent again at once: whoever wanted it tries again.
    """
    found = []
    for event in turn.events:
        if not isinstance(event, e.OrderCanceled | e.OrderExpired):
            continue
        order = turn.state.order(event.client_order_id)
        if order is None or not order.is_exit or order.kind is not OrderKind.MARKET:
            continue
        if order.price_limit is not None and not order.cancel_requested and order.remaining > ZERO:
            found.append(order)
    return tuple(found)

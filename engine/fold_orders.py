"""The fold of order events: status, identity, and what became of the signal behind them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, assert_never

from engine import events as e
from engine.orders import Order, OrderKind, OrderSide, OrderTrigger, triggered
from engine.state import ORDERS_TAIL, SENT_TAIL, SentMark, State
from engine.tails import tail, without

Changes = dict[str, Any]


def signal_outcome(state: State, signal_id: str, outcome: str) -> Changes:
    """Note what became of a signal, while it is in State's window."""
    received = state.signals.get(signal_id)
    if received is None:
        return {}
    return {"signals": {**state.signals, signal_id: replace(received, outcome=outcome)}}


def order_submitted(state: State, order: Order, event: e.OrderSubmitted) -> Changes:
    """Place a new order among the open ones, which is its reservation."""
    assert state.order(order.client_order_id) is None, f"{order.client_order_id} named twice"
    changes = with_order(state, replace(order, submitted_at=event.at))
    changes |= signal_outcome(state, order.signal_id or "", order.short_id)
    if not order.is_exit:
        mark = SentMark(at=event.at, fingerprint=_fingerprint(order))
        changes["sent"] = (*state.sent, mark)[-SENT_TAIL:]
    return changes


def _fingerprint(order: Order) -> str:
    price = order.price_limit if order.kind is OrderKind.LIMIT else None
    return fingerprint_of(order.key, order.side, order.quantity, price)


def fingerprint_of(
    key: str, side: OrderSide, quantity: Decimal, price_limit: Decimal | None
) -> str:
    """Name what makes two orders duplicates: symbol, side, quantity and a limit order's price."""
    price = None if price_limit is None else price_limit.normalize()
    return f"{key}|{side}|{quantity.normalize()}|{price}"


_OrderEvent = (
    e.OrderNotSent
    | e.OrderAccepted
    | e.OrderRejected
    | e.OrderUnknown
    | e.OrderAsked
    | e.OrderCancelRequested
    | e.OrderCanceled
    | e.OrderExpired
)


def order_changed(state: State, event: _OrderEvent) -> Changes:
    """Move an order along the table of transitions."""
    order = state.order(event.client_order_id)
    assert order is not None, f"{event.client_order_id} is not in State"
    changes: Changes = {}
    match event:
        case e.OrderNotSent(reason=reason):
            order = replace(triggered(order, OrderTrigger.NOT_SEND), refusal=reason)
        case e.OrderAccepted(venue_order_id=venue_order_id):
            order = replace(
                triggered(order, OrderTrigger.ACCEPT),
                venue_order_id=venue_order_id or order.venue_order_id,
                accepted_at=order.accepted_at or event.at,
                unknown_since=None,
            )
        case e.OrderRejected(code=code, reason=reason):
            order = replace(triggered(order, OrderTrigger.REJECT), refusal=f"{code}: {reason}")
            tally = replace(state.tally, errors=state.tally.errors + 1)
            changes["tally"] = tally
        case e.OrderUnknown(reason=reason):
            order = triggered(order, OrderTrigger.NO_ANSWER)
            order = replace(order, unknown_since=event.at, refusal=reason)
            tally = replace(state.tally, incidents=state.tally.incidents + 1)
            changes["tally"] = tally
        case e.OrderAsked(nowhere=nowhere):
            found_nowhere = order.not_founds + (1 if nowhere else 0)
            order = replace(order, asks=order.asks + 1, not_founds=found_nowhere)
        case e.OrderCancelRequested():
            order = replace(triggered(order, OrderTrigger.REQUEST_CANCEL), cancel_requested=True)
        case e.OrderCanceled():
            order = triggered(order, OrderTrigger.CANCEL)
        case e.OrderExpired():
            order = triggered(order, OrderTrigger.EXPIRE)
        case _:
            assert_never(event)
    if order.is_finished and order.finished_at is None:
        order = replace(order, finished_at=event.at)
        changes |= _target_returned(state, order)
    return {**with_order(state, order), **changes}


def _target_returned(state: State, order: Order) -> Changes:
    """Put a target back whose exit ended unfilled, or its unfilled share: it is tried again."""
    position = state.positions.get(order.key)
    if not order.is_exit or not order.targets or position is None or order.remaining <= 0:
        return {}
    if position.position_id != order.position_id:
        return {}
    watched = {target.price for target in position.targets}
    left = tuple(
        replace(target, fraction=target.fraction * order.remaining / order.quantity)
        for target in order.targets
        if target.price not in watched
    )
    changed = replace(position, targets=(*position.targets, *left))
    return {"positions": {**state.positions, order.key: changed}}


def with_order(state: State, order: Order) -> Changes:
    """Place an order among the open ones or in the tail of finished ones."""
    if order.is_finished:
        changes: Changes = {
            "orders_finished": tail(
                state.orders_finished, order.client_order_id, order, ORDERS_TAIL
            )
        }
        if order.client_order_id in state.orders:
            changes["orders"] = without(state.orders, order.client_order_id)
        return changes
    return {"orders": {**state.orders, order.client_order_id: order}}

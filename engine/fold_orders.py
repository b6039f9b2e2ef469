"""The fold of order events: status, identity, and what became of the signal behind them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.identities import instrument_key
from engine.instruments import cash_currency
from engine.numbers import ONE, ZERO
from engine.orders import Order, OrderKind, OrderSide, OrderStatus, OrderTrigger, status_after
from engine.state import ORDERS_TAIL, SENT_TAIL, OpenOrders, Reserved, SentMark, State
from engine.tails import entered, tail, without

Changes = dict[str, Any]
_EXACT = Decimal("1e-8")


def signal_outcome(state: State, signal_id: str, outcome: str) -> Changes:
    """Note what became of a signal, while it is in State's window."""
    received = state.signals.get(signal_id)
    if received is None:
        return {}
    return {"signals": entered(state.signals, signal_id, copied(received, outcome=outcome))}


def order_submitted(state: State, order: Order, event: e.OrderSubmitted) -> Changes:
    """Place a new order among the open ones, which is its reservation."""
    assert state.order(order.client_order_id) is None, f"{order.client_order_id} named twice"
    changes = with_order(state, copied(order, submitted_at=event.at))
    changes |= signal_outcome(state, order.signal_id or "", order.short_id)
    if order.is_exit and order.targets:
        changes |= _target_taken(state, order)
    if not order.is_exit:
        mark = SentMark(
            at=event.at,
            fingerprint=_fingerprint(order),
            venue=order.venue,
            strategy=order.strategy,
        )
        changes["sent"] = (*state.sent, mark)[-SENT_TAIL:]
    return changes


def _target_taken(state: State, order: Order) -> Changes:
    """Take what an exit serves off the ladder, for as long as it is under way."""
    position = state.positions.get(order.key)
    served = {target.price for target in order.targets}
    if position is None or not any(target.price in served for target in position.targets):
        return {}
    left = tuple(target for target in position.targets if target.price not in served)
    changed = copied(position, targets=left)
    return {"positions": entered(state.positions, order.key, changed)}


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
    | e.ExitReleased
    | e.OrderAccepted
    | e.OrderRejected
    | e.OrderUnknown
    | e.OrderAsked
    | e.OrderCancelRequested
    | e.OrderCanceled
    | e.OrderExpired
    | e.OrderReappeared
)


def order_changed(state: State, event: _OrderEvent) -> Changes:
    """Move an order along the table of transitions."""
    order = state.order(event.client_order_id)
    assert order is not None, f"{event.client_order_id} is not in State"
    changes: Changes = {}
    match event:
        case e.OrderNotSent(reason=reason):
            order = _moved(order, OrderTrigger.NOT_SEND, refusal=reason, price_end=event.mid)
        case e.ExitReleased(quantity=quantity, price_arrival=arrival):
            bound = None if event.at_market else event.price_limit or order.price_limit
            order = copied(
                order, held=False, quantity=quantity, price_arrival=arrival, price_limit=bound
            )
        case e.OrderAccepted(venue_order_id=venue_order_id):
            order = _moved(
                order,
                OrderTrigger.ACCEPT,
                venue_order_id=venue_order_id or order.venue_order_id,
                accepted_at=order.accepted_at or event.at,
                unknown_since=None,
            )
        case e.OrderRejected(code=code, reason=reason):
            order = _moved(
                order, OrderTrigger.REJECT, refusal=f"{code}: {reason}", price_end=event.mid
            )
            tally = copied(state.tally, errors=state.tally.errors + 1)
            changes["tally"] = tally
        case e.OrderUnknown(reason=reason):
            order = _moved(order, OrderTrigger.NO_ANSWER, unknown_since=event.at, refusal=reason)
            tally = copied(state.tally, incidents=state.tally.incidents + 1)
            changes["tally"] = tally
        case e.OrderAsked(nowhere=nowhere):
            found_nowhere = order.not_founds + (1 if nowhere else 0)
            order = copied(order, asks=order.asks + 1, not_founds=found_nowhere)
        case e.OrderCancelRequested():
            order = _moved(order, OrderTrigger.REQUEST_CANCEL, cancel_requested=True)
        case e.OrderCanceled():
            order = _moved(order, OrderTrigger.CANCEL, price_end=event.mid)
        case e.OrderExpired():
            order = _moved(order, OrderTrigger.EXPIRE, price_end=event.mid)
        case e.OrderReappeared(venue_order_id=venue_order_id, text=text):
            order = _moved(
                copied(order, cancel_requested=False),
                OrderTrigger.REAPPEAR,
                venue_order_id=venue_order_id or order.venue_order_id,
                accepted_at=event.at,
                finished_at=None,
                unknown_since=None,
                refusal=text,
            )
            changes["orders_finished"] = without(state.orders_finished, order.client_order_id)
            changes["tally"] = copied(state.tally, incidents=state.tally.incidents + 1)
        case _:
            assert_never(event)
    if order.is_finished and order.finished_at is None:
        order = copied(order, finished_at=event.at)
        changes |= _target_returned(state, order)
    return {**with_order(state, order), **changes}


def _moved(order: Order, trigger: OrderTrigger, **changes: Any) -> Order:
    return copied(order, status=status_after(order, trigger), **changes)


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
    changed = copied(position, targets=(*position.targets, *left))
    return {"positions": entered(state.positions, order.key, changed)}


def with_order(state: State, order: Order) -> Changes:
    """Place an order among the open ones or in the tail of finished ones; move its reservation."""
    before = state.orders.get(order.client_order_id)
    changes: Changes = {}
    if order.is_finished:
        changes["orders_finished"] = tail(
            state.orders_finished, order.client_order_id, order, ORDERS_TAIL
        )
        if before is not None:
            changes["orders"] = without(state.orders, order.client_order_id)
    else:
        changes["orders"] = entered(state.orders, order.client_order_id, order)
    had, has = _standing(before), _standing(order)
    held = holds = _NOTHING
    # Otherwise what it may still take is what it might before.
    if before is None or has is None or order.filled != before.filled:
        held, holds = _reservation(before), _reservation(order)
    if held != holds:
        changes["reserved"] = _reserved(state, order, held, holds)
    if had != has or held != holds:
        changes["open_on"] = _open_on(state, order, (had, has), holds.notional - held.notional)
    return changes


_NOTHING = Reserved()
_NONE_OPEN = OpenOrders()
_Standing = tuple[bool, bool, bool] | None
"""Whether an open order is an exit, is unknown, and protects; None where it is not open."""


def _standing(order: Order | None) -> _Standing:
    if order is None or order.is_finished:
        return None
    protects = order.is_exit and order.kind is OrderKind.STOP
    return order.is_exit, order.status is OrderStatus.UNKNOWN, protects


def _open_on(
    state: State, order: Order, standing: tuple[_Standing, _Standing], more: Decimal
) -> Mapping[str, OpenOrders]:
    """Move one order in the sum of its instrument; `more` is what it may take beyond before."""
    had, has = standing
    is_buy = order.side is OrderSide.BUY
    name, key = order.client_order_id, order.key
    total = state.open_on.get(key, _NONE_OPEN)
    moved = OpenOrders(
        entries=total.entries + _is_entry(has) - _is_entry(had),
        buys=total.buys + more if is_buy else total.buys,
        sells=total.sells if is_buy else total.sells + more,
        exits=_named(total.exits, name, is_in=has is not None and has[0]),
        stops=_named(total.stops, name, is_in=has is not None and has[2]),
        unknown=_named(total.unknown, name, is_in=has is not None and has[1]),
    )
    return (
        without(state.open_on, key) if moved == _NONE_OPEN else entered(state.open_on, key, moved)
    )


def _is_entry(standing: _Standing) -> int:
    return 1 if standing is not None and not standing[0] else 0


def _named(names: tuple[str, ...], name: str, *, is_in: bool) -> tuple[str, ...]:
    if is_in:
        return names if name in names else (*names, name)
    return tuple(each for each in names if each != name) if name in names else names


def _reservation(order: Order | None) -> Reserved:
    """Give what an open entry may still take: what is left at its worst price.

    Rounded up to 1e-8, so that sums are exact and what is released is what was reserved.
    """
    if order is None or order.is_exit or order.is_finished:
        return _NOTHING
    price = order.price_limit or order.price_arrival or order.price_decision or ZERO
    worth = order.remaining * price
    notional = worth.quantize(_EXACT, rounding=ROUND_CEILING)
    if order.leverage == ONE:
        return Reserved(margin=notional, notional=notional)
    margin = (worth / order.leverage).quantize(_EXACT, rounding=ROUND_CEILING)
    return Reserved(margin=margin, notional=notional)


def _reserved(
    state: State, order: Order, held: Reserved, holds: Reserved
) -> Mapping[str, Reserved]:
    """Move one order's reservation in the sums of its purse."""
    purse = instrument_key(order.venue, cash_currency(order.symbol))
    total = state.reserved.get(purse, _NOTHING)
    moved = Reserved(
        margin=total.margin - held.margin + holds.margin,
        notional=total.notional - held.notional + holds.notional,
    )
    if moved.margin == ZERO and moved.notional == ZERO:
        return without(state.reserved, purse)
    return entered(state.reserved, purse, moved)

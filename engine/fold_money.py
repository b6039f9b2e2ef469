"""The fold of events about money: fills, protections, equity, breakers."""

from decimal import Decimal
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.fold_orders import with_order
from engine.fold_venue import flowed
from engine.identities import instrument_key
from engine.instruments import cash_currency
from engine.numbers import ZERO
from engine.orders import Order, OrderTrigger, status_after
from engine.positions import Booking, Fill, Position, book
from engine.state import FILLS_TAIL, Breaker, DaySummary, DayTally, Protection, State
from engine.tails import entered, opened, tail, without

Changes = dict[str, Any]


def fill_booked(state: State, event: e.FillBooked) -> Changes:
    """Book a fill on its order, its position, the cash and the day's tally."""
    fill = event.fill
    assert fill.identity not in state.fills_known, f"{fill.identity} booked twice"
    if event.to_holding:
        return _traded_elsewhere(state, event)
    booking = book(
        state.positions.get(fill.key),
        fill,
        fee_quote=event.fee_quote,
        fee_base=event.fee_base,
        is_swap=event.is_swap,
    )
    changes: Changes = {"fills_known": tail(state.fills_known, fill.identity, 1, FILLS_TAIL)}
    order = state.order(fill.client_order_id) if fill.client_order_id is not None else None
    position = booking.position
    if order is not None:
        order = _filled(order, fill, event, booking)
        changes |= with_order(state, order)
        if position is not None and not order.is_exit and position.exit_side is not order.side:
            position = _protected(position, order)
    elif position is not None and fill.key not in state.positions:
        position = copied(position, external=True)
        if event.is_swap:
            changes["unexplained"] = entered(state.unexplained, fill.key, position.position_id)
    positions = opened(state.positions)
    positions.pop(fill.key, None)
    if position is not None:
        positions[fill.key] = position
    else:
        changes["set_aside"] = without(state.set_aside, fill.key)
        changes["unexplained"] = without(state.unexplained, fill.key)
    changes["positions"] = positions
    purse = instrument_key(fill.venue, cash_currency(fill.symbol))
    changes["cash"] = entered(state.cash, purse, state.cash.get(purse, ZERO) + booking.cash)
    changes["tally"] = _tallied(state.tally, fill, event.fee_quote, booking, order)
    if event.overfill > ZERO:
        changes["reducing"] = {**state.reducing, fill.key: "overfilled"}
    return changes


def _traded_elsewhere(state: State, event: e.FillBooked) -> Changes:
    """Let somebody else's spot trade move the cash; what it bought or sold is a holding.

    So the cash has flowed out of what is traded here, or into it.
    """
    fill = event.fill
    booking = book(None, fill, fee_quote=event.fee_quote, fee_base=event.fee_base, is_swap=False)
    currency = cash_currency(fill.symbol)
    purse = instrument_key(fill.venue, currency)
    changes: Changes = {
        "fills_known": tail(state.fills_known, fill.identity, 1, FILLS_TAIL),
        "cash": entered(state.cash, purse, state.cash.get(purse, ZERO) + booking.cash),
    }
    if state.equity is not None and currency == state.currency:
        changes["equity"] = flowed(state.equity, booking.cash)
    return changes


def _filled(order: Order, fill: Fill, event: e.FillBooked, booking: Booking) -> Order:
    filled = order.filled + fill.quantity
    spent = (order.price_average or ZERO) * order.filled + fill.price * fill.quantity
    whole = filled >= order.quantity
    status = status_after(order, OrderTrigger.FILL_ALL if whole else OrderTrigger.FILL_PART)
    return copied(
        order,
        status=status,
        filled=filled,
        price_average=spent / filled,
        fees=order.fees + event.fee_quote,
        realised_pnl=order.realised_pnl + booking.realised,
        fills=order.fills + 1,
        first_fill_at=order.first_fill_at or fill.at,
        venue_order_id=order.venue_order_id or fill.venue_order_id,
        unknown_since=None,
        finished_at=(order.finished_at or event.at) if status.is_finished else None,
    )


def _protected(position: Position, order: Order) -> Position:
    """Give a position what the entry that opened or enlarged it carries.

    New targets divide what is held now, not the largest size that an older ladder divided.
    """
    return copied(
        position,
        quantity_peak=abs(position.quantity) if order.targets else position.quantity_peak,
        stop=order.stop if order.stop is not None else position.stop,
        targets=order.targets or position.targets,
        leverage=order.leverage,
        strategy=order.strategy,
    )


def _tallied(
    tally: DayTally, fill: Fill, fee_quote: Decimal, booking: Booking, order: Order | None
) -> DayTally:
    changes: Changes = {}
    cost = order.slippage_cost_bps if order is not None and order.is_finished else None
    if cost is not None:
        changes["slippage_bps_sum"] = tally.slippage_bps_sum + cost
        changes["slippage_orders"] = tally.slippage_orders + 1
    tally = copied(
        tally,
        realised_pnl=tally.realised_pnl + booking.realised,
        fees=tally.fees + fee_quote,
        volume=tally.volume + fill.quantity * fill.price,
        **changes,
    )
    if booking.closed is None:
        return tally
    pnl = booking.closed.realised_pnl
    return copied(
        tally,
        closed_trades=tally.closed_trades + 1,
        won=tally.won + (1 if pnl > ZERO else 0),
        lost=tally.lost + (1 if pnl < ZERO else 0),
        best=pnl if tally.best is None else max(tally.best, pnl),
        worst=pnl if tally.worst is None else min(tally.worst, pnl),
    )


_ProtectionEvent = e.ProtectionChanged | e.ProtectionsSetAside | e.ProtectionsRestored


def protection_changed(state: State, event: _ProtectionEvent) -> Changes:
    """Replace, set aside or restore stops and targets."""
    match event:
        case e.ProtectionChanged():
            position = state.positions[event.key]
            peak = abs(position.quantity) if event.targets else position.quantity_peak
            changed = copied(position, stop=event.stop, targets=event.targets, quantity_peak=peak)
            return {
                "positions": entered(state.positions, event.key, changed),
                "set_aside": without(state.set_aside, event.key),
            }
        case e.ProtectionsSetAside():
            aside = {
                key: Protection(stop=position.stop, targets=position.targets)
                for key, position in state.positions.items()
                if position.stop is not None or position.targets
            }
            bare = {
                key: copied(position, stop=None, targets=())
                for key, position in state.positions.items()
            }
            return {"positions": bare, "set_aside": {**state.set_aside, **aside}}
        case e.ProtectionsRestored():
            restored = dict(state.positions)
            for key, protection in state.set_aside.items():
                if key in restored:
                    restored[key] = copied(
                        restored[key], stop=protection.stop, targets=protection.targets
                    )
            return {"positions": restored, "set_aside": {}}
        case _:
            assert_never(event)


def exit_triggered(state: State, event: e.ExitTriggered) -> Changes:
    """Take the reached target off the ladder; a stop stays until the position is closed."""
    position = state.positions[event.key]
    if event.leg != "target":
        return {}
    left = tuple(target for target in position.targets if target.price != event.price)
    changed = copied(position, targets=left)
    return {"positions": entered(state.positions, event.key, changed)}


def breaker_changed(
    state: State, event: e.BreakerTripped | e.BreakerWarned | e.BreakerRearmed
) -> Changes:
    """Latch, warn about, or re-arm a breaker.

    Re-arming a daily loss grants one further limit from current equity; re-arming a drawdown
    resets the high-water mark.
    """
    match event:
        case e.BreakerTripped():
            breaker = Breaker(
                breaker_id=event.breaker_id,
                kind=event.kind,
                value=event.value,
                limit=event.limit,
                action=event.action,
                sentence=event.sentence,
                since=event.at,
            )
            tally = copied(state.tally, incidents=state.tally.incidents + 1)
            return {"breakers": {**state.breakers, event.breaker_id: breaker}, "tally": tally}
        case e.BreakerWarned():
            return {"warned": {**state.warned, event.kind: event.at.date().isoformat()}}
        case e.BreakerRearmed():
            breaker = state.breakers[event.breaker_id]
            changes: Changes = {
                "breakers": without(state.breakers, event.breaker_id),
                "warned": without(state.warned, breaker.kind),
            }
            if state.equity is not None and breaker.kind == "daily_loss":
                changes["equity"] = copied(state.equity, loss_base=state.equity.equity)
            if state.equity is not None and breaker.kind == "drawdown":
                changes["equity"] = copied(state.equity, high_water=state.equity.equity)
            return changes
        case _:
            assert_never(event)


def equity_changed(state: State, event: e.EquitySampled | e.DayRolled) -> Changes:
    """Record a measured equity, or begin a day."""
    assert state.equity is not None, "equity is measured before the journal was opened"
    match event:
        case e.EquitySampled():
            measured = copied(
                state.equity,
                at=event.at,
                equity=event.equity,
                cash=event.cash,
                unrealised_pnl=event.unrealised_pnl,
                gross=event.gross,
                high_water=event.high_water,
            )
            return {"equity": measured}
        case e.DayRolled():
            rolled = copied(
                state.equity,
                day=event.day,
                day_open=event.day_open,
                loss_base=event.day_open,
            )
            warned = without(state.warned, "daily_loss")
            summary = DaySummary(
                day=state.equity.day,
                day_open=state.equity.day_open,
                equity=event.day_open,
                drawdown_pct=state.equity.drawdown_pct,
                tally=state.tally,
            )
            return {
                "equity": rolled,
                "tally": DayTally(),
                "warned": warned,
                "day_before": summary,
            }
        case _:
            assert_never(event)

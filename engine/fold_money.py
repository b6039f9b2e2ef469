"""The fold of events about money: fills, protections, equity."""

from dataclasses import replace
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.equity import DaySummary, DayTally
from engine.exit_plan import NO_PLAN
from engine.fold_fees import owed_by, paid
from engine.fold_orders import with_order
from engine.identities import instrument_key
from engine.instruments import cash_currency
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus, OrderTrigger, status_after
from engine.positions import Booking, Fill, Position, book
from engine.state import FEES_OWED_MAX, FILLS_TAIL, Protection, State
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
            # Only its first fill: by a later one the stop may have followed the price, and a target
            # of this very entry may have been sold.
            if order.fills == 1 or fill.key not in state.positions:
                position = _protected(position, order, event)
        elif position is not None and order.is_exit and order.targets:
            position = _served(position, order)
        elif position is not None:
            position = _shrunk(state.positions.get(fill.key), position)
    elif position is not None and fill.key in state.positions:
        position = _shrunk(state.positions[fill.key], position)
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
    changes |= paid(state, event, booking.cash)
    changes["tally"] = _tallied(state.tally, event, booking, order)
    if event.fee_owed != ZERO:
        changes["fees_owed"] = tail(
            state.fees_owed, fill.identity, owed_by(event, position), FEES_OWED_MAX
        )
    if event.overfill > ZERO:
        changes["reducing"] = {**state.reducing, fill.key: "overfilled"}
    return changes


def _traded_elsewhere(state: State, event: e.FillBooked) -> Changes:
    """Let somebody else's spot trade move the cash; what it bought or sold is a holding.

    So the cash has flowed out of what is traded here, or into it.
    """
    fill = event.fill
    booking = book(None, fill, fee_quote=event.fee_quote, fee_base=event.fee_base, is_swap=False)
    changes: Changes = {"fills_known": tail(state.fills_known, fill.identity, 1, FILLS_TAIL)}
    changes |= paid(state, event, booking.cash)
    beside = instrument_key(fill.venue, fill.fee_currency)
    is_beside = fill.fee_currency != cash_currency(fill.symbol) and beside in state.cash
    flow = -event.fee_quote if is_beside else ZERO
    currency = cash_currency(fill.symbol)
    if currency == state.currency or instrument_key(fill.venue, currency) in state.cash:
        flow += booking.cash
    if state.equity is not None:
        changes["equity"] = state.equity.flowed(flow * event.rate)
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
        price_end=(order.price_end or event.mid) if status.is_finished else None,
        finished_at=(order.finished_at or event.at) if status.is_finished else None,
    )


def _protected(position: Position, order: Order, event: e.FillBooked) -> Position:
    """Give a position what the entry that opened or enlarged it carries.

    New targets divide what is held now, not the largest size that an older ladder divided. A new
    trail begins at the price of the moment; what the entry says nothing about stays.
    """
    return copied(
        position,
        quantity_peak=abs(position.quantity) if order.targets else position.quantity_peak,
        stop=order.stop if order.stop is not None else position.stop,
        targets=order.targets or position.targets,
        plan=order.plan.begun(event.at).over(position.plan),
        trail_peak=None if order.plan.trails else position.trail_peak,
        targets_filled=0 if order.targets else position.targets_filled,
        ladder=None if order.targets else position.ladder,
        leverage=order.leverage,
        strategy=order.strategy,
    )


def _served(position: Position, order: Order) -> Position:
    """Count targets that have been sold to the end."""
    if order.status is not OrderStatus.FILLED:
        return position
    return copied(position, targets_filled=position.targets_filled + len(order.targets))


def _shrunk(before: Position | None, position: Position) -> Position:
    """Let a ladder shrink with what something else took off: its shares are of what is left."""
    if before is None or not position.targets or abs(position.quantity) >= abs(before.quantity):
        return position
    share = position.quantity / before.quantity
    return copied(position, ladder=position.ladder_base * share)


def _tallied(
    tally: DayTally, event: e.FillBooked, booking: Booking, order: Order | None
) -> DayTally:
    """Add a fill to what the day counts, in the reporting currency."""
    changes: Changes = {}
    fill, rate = event.fill, event.rate
    cost = order.slippage_cost_bps if order is not None and order.is_finished else None
    if cost is not None:
        changes["slippage_bps_sum"] = tally.slippage_bps_sum + cost
        changes["slippage_orders"] = tally.slippage_orders + 1
    tally = copied(
        tally,
        realised_pnl=tally.realised_pnl + booking.realised * rate,
        fees=tally.fees + event.fee_quote * rate,
        volume=tally.volume + fill.quantity * fill.price * rate,
        **changes,
    )
    if booking.closed is None:
        return tally
    pnl = (booking.closed.realised_pnl + booking.closed.funding) * rate
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
            if event.targets:
                changed = copied(changed, ladder=None)
            if event.targets != position.targets:
                changed = copied(changed, targets_filled=0)
            if event.plan is not None and event.plan != position.plan:
                changed = copied(changed, plan=event.plan, trail_peak=None)
            return {
                "positions": entered(state.positions, event.key, changed),
                "set_aside": without(state.set_aside, event.key),
            }
        case e.ProtectionsSetAside():
            aside = {
                key: Protection(
                    stop=position.stop,
                    targets=position.targets,
                    plan=position.plan,
                    trail_peak=position.trail_peak,
                )
                for key, position in state.positions.items()
                if position.is_guarded
            }
            bare = {
                key: copied(position, stop=None, targets=(), plan=NO_PLAN, trail_peak=None)
                for key, position in state.positions.items()
            }
            return {"positions": bare, "set_aside": {**state.set_aside, **aside}}
        case e.ProtectionsRestored():
            restored = dict(state.positions)
            for key, protection in state.set_aside.items():
                if key in restored:
                    restored[key] = copied(
                        restored[key],
                        stop=protection.stop,
                        targets=protection.targets,
                        plan=protection.plan,
                        trail_peak=protection.trail_peak,
                    )
            return {"positions": restored, "set_aside": {}}
        case _:
            assert_never(event)


def exit_triggered(state: State, event: e.ExitTriggered) -> Changes:
    """Take what was reached off the ladder; stop and time stay until the position is closed."""
    position = state.positions[event.key]
    if event.leg != "target":
        return {}
    served = event.prices or (event.price,)
    left = tuple(target for target in position.targets if target.price not in served)
    changed = copied(position, targets=left)
    return {"positions": entered(state.positions, event.key, changed)}


def stop_followed(state: State, event: e.StopFollowed) -> Changes:
    """Let a stop follow the price; whatever the event says, it never loosens."""
    position = state.positions[event.key]
    stop = position.stop
    if event.stop is not None:
        nearer = max if position.is_long else min
        stop = event.stop if stop is None else nearer(stop, event.stop)
    if event.peak is None:
        done = replace(position.plan, break_even_after=None)
        changed = copied(position, stop=stop, plan=done)
    else:
        changed = copied(position, stop=stop, trail_peak=event.peak)
    return {"positions": entered(state.positions, event.key, changed)}


def equity_changed(state: State, event: e.EquitySampled | e.DayRolled) -> Changes:
    """Record a measured equity, or begin a day."""
    assert state.equity is not None, "equity is measured before the journal was opened"
    match event:
        case e.EquitySampled():
            measured = state.equity.priced(event.equity)
            if event.unit_value is None:
                # An earlier release measured the mark in money.
                measured = measured.marked_high(event.high_water)
            measured = copied(
                measured,
                at=event.at,
                cash=event.cash,
                unrealised_pnl=event.unrealised_pnl,
                gross=event.gross,
            )
            return {"equity": measured, "rates": event.rates}
        case e.DayRolled():
            rolled = copied(
                state.equity,
                day=event.day,
                day_open=event.day_open,
                loss_base=event.day_open,
                day_flows=ZERO,
                loss_flows=ZERO,
            )
            warned = without(state.warned, "daily_loss")
            summary = DaySummary(
                day=state.equity.day,
                day_open=state.equity.day_open,
                equity=event.day_open,
                drawdown_pct=state.equity.drawdown_pct,
                tally=state.tally,
                flows=state.equity.day_flows,
            )
            return {
                "equity": rolled,
                "tally": DayTally(),
                "warned": warned,
                "day_before": summary,
            }
        case _:
            assert_never(event)

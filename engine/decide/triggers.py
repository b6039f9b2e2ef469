"""Exits that nobody asked for in this moment: a level reached, a time come, an attempt gone on."""

from datetime import datetime, timedelta
from decimal import Decimal

from engine import events as e
from engine.commands import TriggerExit
from engine.decide.attempts import ended_unfilled
from engine.decide.exits import (
    attempts_of,
    drop_resting_exits,
    exit_quantity,
    is_protecting_swap,
    submit_exit,
)
from engine.decide.turn import Turn
from engine.exits import trailing_stop, trigger_price
from engine.numbers import ZERO, plain
from engine.positions import Position
from engine.signals import TARGETS_MAX, Target

STEADY_S = 60
TIME_AGAIN_S_MAX = 30


def trigger(turn: Turn, command: TriggerExit) -> None:
    """Close by a watched stop or target, if it still stands and the quote still reaches it."""
    position = turn.state.position(command.position_id)
    if position is None:
        return
    targets = _targets(position, command) if command.leg == "target" else ()
    wanted = _reached(turn, position, command, targets)
    if wanted is None:
        return
    if command.leg == "stop":
        drop_resting_exits(turn, (position.key,), keeps=is_protecting_swap)
    if exit_quantity(turn, position, wanted) <= ZERO:
        return
    prices = tuple(target.price for target in targets if target.price is not None)
    turn.add(
        e.ExitTriggered(
            at=turn.now,
            command_id=turn.command_id,
            key=position.key,
            position_id=position.position_id,
            leg=command.leg,
            price=command.price,
            quote=command.quote,
            prices=prices,
            trailed=command.leg == "stop" and _has_trailed(turn, position),
        )
    )
    submit_exit(
        turn,
        position,
        wanted,
        intent=command.command_id,
        leg=command.leg,
        reason=f"{command.leg} {plain(command.price)}",
        targets=targets,
    )


def _has_trailed(turn: Turn, position: Position) -> bool:
    instrument = turn.context.instruments.get(position.key)
    peak = position.trail_peak
    if peak is None or instrument is None:
        return False
    return position.stop == trailing_stop(position, peak, instrument)


def _reached(
    turn: Turn, position: Position, command: TriggerExit, targets: tuple[Target, ...]
) -> Decimal | None:
    """Give the quantity a reached leg closes: all at a stop, their shares at targets.

    The last leg of a ladder that was to close everything takes what rounding left of the others.
    """
    held = abs(position.quantity)
    if command.leg == "stop":
        return held if position.stop == command.price else None
    if not targets:
        return None
    wanted = position.ladder_base * sum((target.fraction for target in targets), ZERO)
    instrument = turn.context.instruments.get(position.key)
    step = instrument.quantity_step if instrument is not None else ZERO
    rounding = step * (TARGETS_MAX - 1) if held < position.ladder_base else ZERO
    last = len(position.targets) == len(targets)
    return held if last and held - wanted <= rounding else wanted


def _targets(position: Position, command: TriggerExit) -> tuple[Target, ...]:
    """Give the targets that a price has reached, if the one that was seen still stands."""
    if all(target.price != command.price for target in position.targets):
        return ()
    direction = 1 if position.is_long else -1
    return tuple(
        target
        for target in position.targets
        if target.price is not None and (command.price - target.price) * direction >= ZERO
    )


def go_on(turn: Turn) -> None:
    """Send what is left of an exit that ended at its bound, with a wider one or none."""
    if turn.state.flattening is not None:
        return  # it tries again by itself, at market
    for order in ended_unfilled(turn):
        position = turn.state.positions.get(order.key)
        if position is None or position.position_id != order.position_id:
            continue
        served = {target.price for target in order.targets}
        submit_exit(
            turn,
            position,
            order.remaining,
            intent=order.intent,
            leg=order.reason.partition(" ")[0],
            reason=order.reason,
            targets=tuple(each for each in position.targets if each.price in served),
        )


def close_due(turn: Turn) -> None:
    """Close every position whose time has come, once the clock has run evenly for a minute."""
    steady = turn.context.steady_since
    if steady is not None and turn.now - steady < timedelta(seconds=STEADY_S):
        return
    for position in tuple(turn.state.positions.values()):
        ends = position.plan.close_at
        if ends is not None and ends <= turn.now and _may_try(turn, position):
            _close_by_time(turn, position, ends)


def _may_try(turn: Turn, position: Position) -> bool:
    """Tell whether the pause after the last exit by time is over: 4 s, doubled up to 30 s."""
    if turn.state.flattening is not None:
        return False
    intent = f"time:{position.position_id}"
    count = attempts_of(turn, intent, position.key)
    ended = [
        order.finished_at or turn.now
        for order in turn.state.orders_finished.values()
        if order.intent == intent and order.key == position.key
    ]
    pause_s = min(TIME_AGAIN_S_MAX, 2 * 2 ** min(count, 4))
    return not ended or abs(turn.now - max(ended)) >= timedelta(seconds=pause_s)


def _close_by_time(turn: Turn, position: Position, ends: datetime) -> None:
    drop_resting_exits(turn, (position.key,), keeps=is_protecting_swap)
    wanted = abs(position.quantity)
    if exit_quantity(turn, position, wanted) <= ZERO:
        return
    quote = turn.context.quotes.get(position.key)
    turn.add(
        e.ExitTriggered(
            at=turn.now,
            command_id=turn.command_id,
            key=position.key,
            position_id=position.position_id,
            leg="time",
            price=trigger_price(position, quote) if quote is not None else position.entry_price,
            quote=quote,
        )
    )
    submit_exit(
        turn,
        position,
        wanted,
        intent=f"time:{position.position_id}",
        leg="time",
        reason=f"time {ends:%Y-%m-%d %H:%M}",
    )

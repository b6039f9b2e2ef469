"""Stops that follow the price, and exits that a person changes on an open position."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine.commands import Actor, FollowStop, MoveStop, SetTimeStop, TrailStop
from engine.decide.turn import Turn
from engine.errors import InvalidInput
from engine.exit_plan import LASTS_S_MAX, LASTS_S_MIN, ExitPlan, plan_fault, plan_priced
from engine.exits import break_even_price, follow, trigger_price
from engine.instruments import Toward
from engine.numbers import HUNDRED, ONE, ZERO, plain
from engine.positions import Position


def follow_stop(turn: Turn, command: FollowStop) -> None:
    """Let the stop follow a quote, if it still has to."""
    position = turn.state.position(command.position_id)
    if position is None:
        return
    instrument = turn.context.instruments.get(position.key)
    step = follow(position, command.quote, instrument)
    if step is not None:
        turn.add(
            e.StopFollowed(
                at=turn.now,
                key=position.key,
                position_id=position.position_id,
                stop=step.stop,
                peak=step.peak,
                quote=command.quote,
            )
        )


def move_stop(turn: Turn, command: MoveStop) -> None:
    """Move the stop by a person's hand: to a price, a distance in percent, or to break-even.

    A stop that a hand has placed stands still: it ends the trail, but for a move to break-even.
    """
    position = _held(turn, command.position_id, command.actor, "move stop")
    if position is None:
        return
    price = _price(turn, position)
    direction = 1 if position.is_long else -1
    instrument = turn.context.instruments.get(position.key)
    plan = position.plan
    if command.price is not None:
        stop = command.price
    elif command.percent is not None:
        stop = price * (ONE - direction * command.percent / HUNDRED)
    elif instrument is not None:
        stop = break_even_price(position, instrument)
        plan = replace(plan, break_even_after=None)
        if position.stop is not None and (position.stop - stop) * direction >= ZERO:
            sentence = f"The stop {plain(position.stop)} is as good already."
            turn.refuse(command.actor, "move stop", "stop_better", sentence)
            return
    else:
        turn.refuse(command.actor, "move stop", "no_instrument", "The fees are not known.")
        return
    if instrument is not None:
        stop = instrument.price_rounded(stop, Toward.UP if position.is_long else Toward.DOWN)
    if stop <= ZERO or (price - stop) * direction <= ZERO:
        side = "below" if position.is_long else "above"
        sentence = f"The stop {plain(stop)} must stand {side} the price {plain(price)}."
        turn.refuse(command.actor, "move stop", "stop_side", sentence)
        return
    if command.price is not None or command.percent is not None:
        plan = plan.without_trail()
    _change(turn, position, plan=plan, stop=stop, actor=command.actor)


def trail_stop(turn: Turn, command: TrailStop) -> None:
    """Let the stop trail from now on, or stand still."""
    position = _held(turn, command.position_id, command.actor, "trail")
    if position is None:
        return
    still = position.plan.without_trail()
    if command.percent is None and command.distance is None:
        if not position.plan.trails:
            turn.refuse(command.actor, "trail", "no_trail", "The stop trails nothing.")
            return
        _change(turn, position, plan=still, stop=position.stop, actor=command.actor)
        return
    try:
        wished = ExitPlan(
            trail_pct=command.percent,
            trail_distance=command.distance,
            trail_from=command.begins,
        )
    except InvalidInput as fault:
        turn.refuse(command.actor, "trail", "trail", str(fault))
        return
    _replan(turn, position, wished.over(still), command.actor, "trail")


def set_time_stop(turn: Turn, command: SetTimeStop) -> None:
    """Close the position after a while, or by no time any more."""
    position = _held(turn, command.position_id, command.actor, "time stop")
    if position is None:
        return
    timeless = replace(position.plan, close_after_s=None, close_at=None)
    if command.after_s is None:
        if position.plan.close_at is None:
            turn.refuse(command.actor, "time stop", "no_time", "No time stop is set.")
            return
        _change(turn, position, plan=timeless, stop=position.stop, actor=command.actor)
        return
    if not LASTS_S_MIN <= command.after_s <= LASTS_S_MAX:
        sentence = "The time stop is one minute to 366 days away."
        turn.refuse(command.actor, "time stop", "plan", sentence)
        return
    ends = turn.now + timedelta(seconds=command.after_s)
    plan = replace(timeless, close_at=ends)
    _replan(turn, position, plan, command.actor, "time stop")


def _replan(turn: Turn, position: Position, plan: ExitPlan, actor: Actor, word: str) -> None:
    sign = 1 if position.is_long else -1
    price = _price(turn, position)
    fault = plan_fault(plan, price=price, sign=sign, now=turn.now) if plan.trails else None
    if fault is not None:
        turn.refuse(actor, word, "plan", fault)
        return
    priced = plan_priced(plan, price=price, sign=sign)
    _change(turn, position, plan=priced, stop=position.stop, actor=actor)


def _held(turn: Turn, position_id: str, actor: Actor, word: str) -> Position | None:
    position = turn.state.position(position_id)
    if position is None:
        turn.refuse(actor, word, "position_closed", "That position is closed already.")
    return position


def _price(turn: Turn, position: Position) -> Decimal:
    """Give the price that its stop is judged by, or the entry's while there is no fresh quote."""
    quote = turn.context.fresh(position.key, turn.state)
    return trigger_price(position, quote) if quote is not None else position.entry_price


def _change(
    turn: Turn, position: Position, *, plan: ExitPlan, stop: Decimal | None, actor: Actor
) -> None:
    turn.add(
        e.ProtectionChanged(
            at=turn.now,
            command_id=turn.command_id,
            key=position.key,
            position_id=position.position_id,
            stop=stop,
            targets=position.targets,
            reason=actor.text,
            plan=plan,
        )
    )

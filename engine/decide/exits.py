"""Exits decided: cancels, closes, stops and targets."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from engine import events as e
from engine.commands import (
    ENGINE,
    CancelOrder,
    ClosePosition,
    RestoreProtections,
    SetProtection,
    SetProtectionsAside,
)
from engine.decide.attempts import send_exit
from engine.decide.turn import Turn
from engine.identities import instrument_key
from engine.numbers import ONE, ZERO, plain
from engine.orders import Order, OrderKind, OrderPurpose, OrderStatus
from engine.portfolio import closing_price, is_swap
from engine.positions import Position
from engine.protection import is_protection
from engine.signals import Target

UNKNOWN_EXIT_WAIT_S = 3


def cancel_order(turn: Turn, command: CancelOrder) -> None:
    """Ask for one order to be cancelled; nothing stands in a cancel's way."""
    order = turn.state.order(command.client_order_id) or turn.context.order
    if order is None:
        turn.refuse(command.actor, "cancel", "order_unknown", "There is no such order here.")
        return
    if order.is_finished:
        sentence = f"{order.short_id} is {order.status} already."
        turn.refuse(command.actor, "cancel", "order_finished", sentence)
        return
    if order.cancel_requested:
        sentence = f"{order.short_id} is being cancelled already."
        turn.refuse(command.actor, "cancel", "order_cancelling", sentence)
        return
    position = turn.state.positions.get(order.key)
    if is_protection(order) and position is not None and position.stop is not None:
        # Else another would be placed at once: who cancels a stop wishes for none.
        turn.add(
            e.ProtectionChanged(
                at=turn.now,
                command_id=turn.command_id,
                key=position.key,
                position_id=position.position_id,
                stop=None,
                targets=position.targets,
                reason=command.actor.text,
                plan=position.plan.without_trail(),
            )
        )
    turn.add(
        e.OrderCancelRequested(
            at=turn.now,
            command_id=turn.command_id,
            client_order_id=order.client_order_id,
            actor=command.actor,
            reason="cancel",
        )
    )


def close_position(turn: Turn, command: ClosePosition) -> None:
    """Close a share of a position at market, capped by what other exits leave."""
    position = turn.state.position(command.position_id)
    if position is None:
        sentence = "That position is closed already."
        turn.refuse(command.actor, "close", "position_closed", sentence)
        return
    wanted = abs(position.quantity) * min(command.fraction, ONE)
    intent = command.command_id
    if not submit_exit(turn, position, wanted, intent=intent, leg="close", reason="close"):
        sentence = "Exits under way, or an amount too small to sell, leave nothing to close."
        turn.refuse(command.actor, "close", "exit_cap", sentence)


def submit_exit(
    turn: Turn,
    position: Position,
    wanted: Decimal,
    *,
    intent: str,
    leg: str,
    reason: str,
    targets: tuple[Target, ...] = (),
) -> bool:
    """Submit a market exit of at most `wanted`; False when rounding and capping leave nothing.

    An exit goes without a fresh quote too, then as a market order without arrival price.
    """
    quantity = exit_quantity(turn, position, wanted)
    if quantity <= ZERO:
        return False
    # A flatten may try for hours, so its attempts are named by the journal's position: the tail
    # of finished orders cannot count them all.
    attempt = turn.state.seq if leg == "flatten" else attempts_of(turn, intent, position.key)
    quote = turn.context.fresh(position.key, turn.state)
    mid = quote.mid if quote is not None else None
    order = Order(
        client_order_id=turn.order_name(
            position.venue, position.symbol, intent, f"{leg}:{position.key}", attempt
        ),
        venue=position.venue,
        symbol=position.symbol,
        side=position.exit_side,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.EXIT,
        quantity=quantity,
        intent=intent,
        leverage=position.leverage,
        targets=targets,
        strategy=position.strategy,
        reason=reason,
        position_id=position.position_id,
        price_decision=mid,
        price_arrival=mid,
    )
    send_exit(turn, order, is_bounded=leg != "flatten")
    return True


def is_protecting_swap(order: Order) -> bool:
    """Tell an order that protects a swap: reduce-only there, it holds no other exit back."""
    return order.is_exit and order.price_trigger is not None and is_swap(order.symbol)


def drop_resting_exits(
    turn: Turn, keys: tuple[str, ...], keeps: Callable[[Order], bool] | None = None
) -> None:
    """Cancel exits that rest, but for what `keeps`: they hold back the exit that must go now."""
    for order in turn.state.orders.values():
        resting = order.is_exit and order.kind is not OrderKind.MARKET
        if keeps is not None and keeps(order):
            continue
        if resting and order.key in keys and not order.cancel_requested:
            turn.add(
                e.OrderCancelRequested(
                    at=turn.now,
                    client_order_id=order.client_order_id,
                    actor=ENGINE,
                    reason="it holds back an exit",
                )
            )


def attempts_of(turn: Turn, intent: str, key: str) -> int:
    """Count the orders an intent has already sent on an instrument."""
    orders = (*turn.state.orders.values(), *turn.state.orders_finished.values())
    return sum(1 for order in orders if order.intent == intent and order.key == key)


def exit_quantity(
    turn: Turn,
    position: Position,
    wanted: Decimal,
    *,
    but: Order | None = None,
    counts_unknown_stops: bool = False,
) -> Decimal:
    """Round and cap an exit; `but` is one that was held back and is about to be released.

    What only protects takes nothing off: on a swap it is reduce-only, on spot the exit is held
    back until it has ended.

    An unknown exit holds another back for three seconds on a swap, where the venue enforces
    reduce-only. On spot it is resolved first; once the settle window is over and nobody could
    resolve it, the free balance caps what may go, and holdings are none of it.
    """
    pending = ZERO
    for order in turn.state.orders_on(position.key):
        if not order.is_exit or is_protecting_swap(order) or order is but:
            continue
        if is_protection(order) and not (
            counts_unknown_stops and order.status is OrderStatus.UNKNOWN
        ):
            continue
        if order.status is OrderStatus.UNKNOWN:
            since = order.unknown_since or turn.now
            waited_s = (turn.now - since).total_seconds()
            if not is_swap(position.symbol):
                wanted = min(wanted, _free(turn, position, since))
                continue
            if waited_s >= UNKNOWN_EXIT_WAIT_S:
                continue
        pending += order.remaining
    quantity = min(wanted, abs(position.quantity) - pending)
    instrument = turn.context.instruments.get(position.key)
    if instrument is None:
        return max(ZERO, quantity)
    if instrument.is_dust(quantity, closing_price(position, turn.context.quotes)):
        return ZERO
    return instrument.quantity_rounded(quantity)


def _free(turn: Turn, position: Position, since: datetime) -> Decimal:
    """Give what the venue shows as free of a spot position after the settle window, else zero."""
    shown = (turn.context.shown or {}).get(position.venue)
    steady = turn.context.steady_since
    if steady is not None and (steady > since or since > turn.now):
        # A clock set forward must not pass for waiting.
        since = steady
    settled_at = since + timedelta(seconds=turn.context.settle_s)
    if shown is None or turn.now < settled_at or shown.at < settled_at:
        return ZERO
    base = position.symbol.partition("/")[0]
    holding = turn.state.holdings.get(instrument_key(position.venue, base), ZERO)
    return max(ZERO, shown.free.get(base, ZERO) - holding)


def set_protection(turn: Turn, command: SetProtection) -> None:
    """Replace a position's stop and targets; each must stand on its own side of the price."""
    position = turn.state.position(command.position_id)
    if position is None:
        sentence = "That position is closed already."
        turn.refuse(command.actor, "protect", "position_closed", sentence)
        return
    quote = turn.context.fresh(position.key, turn.state)
    direction = 1 if position.is_long else -1
    price = quote.mid if quote is not None else position.entry_price
    if command.stop is not None and (price - command.stop) * direction <= ZERO:
        side = "below" if position.is_long else "above"
        sentence = f"The stop {plain(command.stop)} must stand {side} the price {plain(price)}."
        turn.refuse(command.actor, "protect", "stop_side", sentence)
        return
    for target in command.targets:
        if target.price is None or (target.price - price) * direction <= ZERO:
            side = "above" if position.is_long else "below"
            sentence = f"Each target must stand {side} the price {plain(price)}."
            turn.refuse(command.actor, "protect", "target_side", sentence)
            return
    turn.add(
        e.ProtectionChanged(
            at=turn.now,
            command_id=turn.command_id,
            key=position.key,
            position_id=position.position_id,
            stop=command.stop,
            targets=command.targets,
            reason=command.actor.text,
        )
    )


def set_aside(turn: Turn, command: SetProtectionsAside) -> None:
    """Take every stop and target away, remembering them."""
    guarded = [p for p in turn.state.positions.values() if p.is_guarded]
    if not guarded:
        turn.refuse(command.actor, "cancel stops", "no_stops", "There is no stop to cancel.")
        return
    turn.add(e.ProtectionsSetAside(at=turn.now, command_id=turn.command_id, actor=command.actor))


def restore(turn: Turn, command: RestoreProtections) -> None:
    """Put back what was set aside."""
    if not turn.state.set_aside:
        turn.refuse(command.actor, "put stops back", "no_stops", "No stop was set aside.")
        return
    turn.add(e.ProtectionsRestored(at=turn.now, command_id=turn.command_id, actor=command.actor))

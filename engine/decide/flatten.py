"""Flatten decided: close everything, cancel what protected it, verify at the venues.

Each step is journaled, so a crash at any of them is continued, not begun again. Flat is what every
venue shows twice, in both its books, with nothing open here.
"""

from datetime import timedelta

from engine import events as e
from engine import reports as r
from engine.commands import ENGINE, Actor, Flatten
from engine.decide.books import compare, take_over
from engine.decide.exits import (
    attempts_of,
    drop_resting_exits,
    exit_quantity,
    is_protecting_swap,
    submit_exit,
)
from engine.decide.kill_switch import cancel_entries
from engine.decide.turn import Turn
from engine.external import ExternalOrder
from engine.numbers import ZERO, plain
from engine.portfolio import is_dust
from engine.positions import Position
from engine.stops import FlattenRun

BACKOFF_S_MAX = 30
ALERT_AFTER_S = 30
ASK_AGAIN_S = 5
ASK_AGAIN_S_MAX = 60
LOOK_AGAIN_S = 1


def flatten(turn: Turn, command: Flatten) -> None:
    """Halt, and begin to close everything; asked for again, hurry what is stuck."""
    run = turn.state.flattening
    if run is not None:
        _again(turn, command, run)
        return
    _halt_for_flatten(turn, command.actor)
    open_positions = _open(turn)
    turn.add(
        e.FlattenStarted(
            at=turn.now,
            command_id=turn.command_id,
            actor=command.actor,
            keys=tuple(position.key for position in open_positions),
            quantities=tuple(position.quantity for position in open_positions),
            with_external=command.with_external,
        )
    )
    advance(turn)


def _again(turn: Turn, command: Flatten, run: FlattenRun) -> None:
    """Try at once what waits for its turn, and take external orders in; a second run is none."""
    is_wider = command.with_external and not run.with_external
    if not is_wider and not run.still_open:
        sentence = "Flattening already; each item is being worked on."
        turn.refuse(command.actor, "flatten", "flattening_already", sentence)
        return
    turn.add(
        e.FlattenHurried(
            at=turn.now,
            command_id=turn.command_id,
            actor=command.actor,
            with_external=command.with_external,
        )
    )
    advance(turn)


def _halt_for_flatten(turn: Turn, actor: Actor) -> None:
    if turn.state.stop is None:
        turn.add(
            e.TradingHalted(at=turn.now, command_id=turn.command_id, actor=actor, reason="flatten")
        )
    if turn.state.entries():
        cancel_entries(turn, actor, "flatten")


def _open(turn: Turn) -> tuple[Position, ...]:
    return tuple(
        position
        for position in turn.state.positions.values()
        if not is_dust(position, turn.context.instruments, turn.context.quotes)
    )


def advance(turn: Turn) -> None:
    """Send the exits that are due; when nothing is left here, ask the venues."""
    run = turn.state.flattening
    if run is None:
        return
    if run.with_external:
        _cancel_external(turn, run)
    open_positions = _open(turn)
    drop_resting_exits(
        turn, tuple(position.key for position in open_positions), keeps=is_protecting_swap
    )
    _drop_protection(turn, {position.key for position in open_positions})
    for position in open_positions:
        if _due(turn, run, position):
            wanted = abs(position.quantity)
            submit_exit(turn, position, wanted, intent=run.intent, leg="flatten", reason="flatten")
    if not open_positions and not turn.state.orders:
        _ask_venues(turn, run)
        return
    lines = _lines(turn, open_positions)
    if run.asked:
        # It was opened since the venues were asked: their answers are of before.
        turn.add(e.FlattenStillOpen(at=turn.now, lines=lines))
        return
    _shout(turn, run, lines)


def _cancel_external(turn: Turn, run: FlattenRun) -> None:
    """Cancel what nobody here sent, once in each attempt: the person has asked for it."""
    for orders in turn.state.external_orders.values():
        for order in orders:
            if order.venue_order_id not in run.external_asked and _concerns(turn, run, order):
                turn.add(
                    e.ExternalCancelRequested(
                        at=turn.now,
                        venue=order.venue,
                        venue_order_id=order.venue_order_id,
                        actor=ENGINE,
                    )
                )


def _concerns(turn: Turn, run: FlattenRun, order: ExternalOrder) -> bool:
    """Tell whether an external order stands on a symbol that the flatten closes, or has closed."""
    if order.key in run.keys or order.key in turn.state.positions:
        return True
    ours = (*turn.state.orders.values(), *turn.state.orders_finished.values())
    return any(each.intent == run.intent and each.key == order.key for each in ours)


def _drop_protection(turn: Turn, open_keys: set[str]) -> None:
    """Cancel what protects nothing any more: its position is closed, or dust."""
    for order in turn.state.orders.values():
        protects = order.is_exit and order.price_trigger is not None
        if protects and order.key not in open_keys and not order.cancel_requested:
            turn.add(
                e.OrderCancelRequested(
                    at=turn.now,
                    client_order_id=order.client_order_id,
                    actor=ENGINE,
                    reason="nothing is left to close",
                )
            )


def _due(turn: Turn, run: FlattenRun, position: Position) -> bool:
    """Tell whether another exit may go: nothing pending, and the backoff has passed."""
    if exit_quantity(turn, position, abs(position.quantity)) <= ZERO:
        return False
    attempts = attempts_of(turn, run.intent, position.key)
    if attempts == 0:
        return True
    finished = [
        order.finished_at
        for order in turn.state.orders_finished.values()
        if order.intent == run.intent and order.key == position.key and order.finished_at
    ]
    if not finished or _is_hurried(turn, run, position.key):
        return True
    wait = timedelta(seconds=min(BACKOFF_S_MAX, 2 ** min(attempts - 1, 5)))
    # A try that lies in the future was made before the clock was set back.
    return abs(turn.now - max(finished)) >= wait


def _is_hurried(turn: Turn, run: FlattenRun, key: str) -> bool:
    """Tell whether a person asked for another try since the last one on an instrument."""
    since = run.hurried_at
    if since is None:
        return False
    ours = (*turn.state.orders.values(), *turn.state.orders_finished.values())
    return not any(
        order.intent == run.intent
        and order.key == key
        and order.submitted_at is not None
        and order.submitted_at >= since
        for order in ours
    )


def _ask_venues(turn: Turn, run: FlattenRun) -> None:
    if run.asked:
        return
    last = run.last_alert_at
    doublings = min(max(run.attempt - 1, 0), 4)
    wait = timedelta(seconds=min(ASK_AGAIN_S_MAX, ASK_AGAIN_S * 2**doublings))
    if last is None or abs(turn.now - last) >= wait:
        turn.add(e.FlattenAsked(at=turn.now, attempt=run.attempt + 1))


def _lines(turn: Turn, positions: tuple[Position, ...]) -> tuple[str, ...]:
    held = [f"{p.key} {plain(p.quantity)}" for p in positions]
    waiting = [
        f"{order.key} order {order.short_id} {order.status}"
        for order in turn.state.orders.values()
        if order.key not in {p.key for p in positions}
    ]
    return tuple(held + waiting)


def _shout(turn: Turn, run: FlattenRun, lines: tuple[str, ...]) -> None:
    """Say what is still open, once it has taken too long, and again when it changes."""
    if not lines or lines == run.still_open:
        return
    if abs(turn.now - run.since) >= timedelta(seconds=ALERT_AFTER_S):
        turn.add(e.FlattenStillOpen(at=turn.now, lines=lines))


def venue_shown(turn: Turn, report: r.VenueSnapshot) -> None:
    """Compare the books, and let a flatten that asked be verified."""
    if report.venue in turn.state.venues_silent:
        turn.add(e.VenueAnswered(at=turn.now, venue=report.venue))
    before = turn.state.differing
    found = compare(turn, report)
    if turn.state.flattening is not None:
        # What a venue shows twice is so: it may have been opened, or closed, by hand.
        for key, differing in turn.state.differing.items():
            if key.startswith(f"{report.venue}:") and before.get(key) == differing:
                take_over(turn, differing)
    _verify(turn, report, tuple(difference.line for difference in found))


def _verify(turn: Turn, report: r.VenueSnapshot, lines: tuple[str, ...]) -> None:
    run = turn.state.flattening
    if run is None or not run.asked or report.venue in run.verified:
        return
    stays = {
        order.venue_order_id
        for order in turn.state.external_orders.get(report.venue, ())
        if order.client_order_id not in turn.state.impostors
        and not (run.with_external and _concerns(turn, run, order))
    }
    left = [seen for seen in report.orders if seen.venue_order_id not in stays]
    open_there = tuple(f"{o.venue}:{o.symbol} order {_name(o)}" for o in left)
    swaps = tuple(
        f"{report.venue}:{position.symbol} {plain(position.quantity)}"
        for position in report.positions
        if position.quantity != ZERO
    )
    here = tuple(p for p in _open(turn) if p.venue == report.venue)
    waiting = [order for order in turn.state.orders.values() if order.venue == report.venue]
    if here or waiting:
        # Something came back since the venue was asked: it is closed first, then asked again.
        lines = (*lines, *_lines(turn, here))
    if lines or open_there or swaps or waiting:
        turn.add(e.FlattenStillOpen(at=turn.now, lines=(*open_there, *swaps, *lines)))
        return
    looked_at = run.looked.get(report.venue)
    if looked_at is None:
        turn.add(e.FlattenLooked(at=turn.now, venue=report.venue))
    elif abs(report.at - looked_at) >= timedelta(seconds=LOOK_AGAIN_S):
        turn.add(e.FlattenVerified(at=turn.now, venue=report.venue))
        _end(turn)


def _end(turn: Turn) -> None:
    """End the flatten once every venue was seen flat, if nothing was opened meanwhile."""
    run = turn.state.flattening
    accounts = turn.state.journal.accounts if turn.state.journal is not None else ()
    if run is None or not set(accounts) <= set(run.verified):
        return
    lines = _lines(turn, _open(turn))
    if lines:
        turn.add(e.FlattenStillOpen(at=turn.now, lines=lines))
    else:
        turn.add(e.FlattenEnded(at=turn.now))


def _name(seen: r.OrderSeen) -> str:
    return seen.client_order_id or seen.venue_order_id


def venue_silent(turn: Turn, report: r.VenueSilent) -> None:
    """Note a venue that does not answer; a flatten cannot be verified there."""
    if report.venue not in turn.state.venues_silent:
        turn.add(e.VenueWentSilent(at=turn.now, venue=report.venue, reason=report.text))
    run = turn.state.flattening
    if run is not None and run.asked and report.venue not in run.verified:
        line = f"{report.venue} does not answer"
        turn.add(e.FlattenStillOpen(at=turn.now, lines=(line,)))

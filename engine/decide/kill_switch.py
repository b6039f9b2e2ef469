"""The kill switch decided: halt, flatten, verify, resume. Each step is journaled, so a crash at
any of them is continued, not begun again.
"""

from datetime import timedelta

from engine import events as e
from engine import reports as r
from engine.commands import ENGINE, Actor, ActorKind, Flatten, Halt, Resume, Role
from engine.decide.books import compare
from engine.decide.exits import attempts_of, drop_resting_exits, exit_quantity, submit_exit
from engine.decide.turn import Turn
from engine.external import ExternalOrder
from engine.numbers import ZERO, plain
from engine.portfolio import is_dust
from engine.positions import Position
from engine.state import FlattenRun

BACKOFF_S_MAX = 30
ALERT_AFTER_S = 30
ASK_AGAIN_S = 5
ASK_AGAIN_S_MAX = 60


def halt(turn: Turn, command: Halt) -> None:
    """Stop: no new entries from now on, and resting entries are cancelled."""
    if turn.state.stop is not None:
        turn.refuse(command.actor, "stop", "halted_already", "Halted already; nothing changed.")
        return
    _halt(turn, command.actor, command.reason)


def _halt(turn: Turn, actor: Actor, reason: str) -> None:
    if turn.state.stop is None:
        turn.add(
            e.TradingHalted(at=turn.now, command_id=turn.command_id, actor=actor, reason=reason)
        )
    cancel_entries(turn, actor, reason)


def cancel_entries(turn: Turn, actor: Actor, reason: str) -> None:
    """Ask for every open entry to be cancelled."""
    asked = 0
    for order in turn.state.entries():
        if order.cancel_requested:
            continue
        asked += 1
        turn.add(
            e.OrderCancelRequested(
                at=turn.now,
                command_id=turn.command_id,
                client_order_id=order.client_order_id,
                actor=actor,
                reason=reason,
            )
        )
    if not asked and not turn.events:
        turn.refuse(actor, "cancel entries", "no_entries", "No entry is open.")


def flatten(turn: Turn, command: Flatten) -> None:
    """Halt, and begin to close everything."""
    if turn.state.flattening is not None:
        sentence = "Flattening already; each item is being worked on."
        turn.refuse(command.actor, "flatten", "flattening_already", sentence)
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
    drop_resting_exits(turn, tuple(position.key for position in open_positions))
    for position in open_positions:
        if _due(turn, run, position):
            wanted = abs(position.quantity)
            submit_exit(turn, position, wanted, intent=run.intent, leg="flatten", reason="flatten")
    if not open_positions and not turn.state.orders:
        _ask_venues(turn, run)
        return
    _shout(turn, run, _lines(turn, open_positions))


def _cancel_external(turn: Turn, run: FlattenRun) -> None:
    """Cancel what nobody here sent, once in each attempt: the person has asked for it."""
    for orders in turn.state.external_orders.values():
        for order in orders:
            if order.venue_order_id not in run.external_asked:
                turn.add(
                    e.ExternalCancelRequested(
                        at=turn.now,
                        venue=order.venue,
                        venue_order_id=order.venue_order_id,
                        actor=ENGINE,
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
    if not finished:
        return True
    wait = timedelta(seconds=min(BACKOFF_S_MAX, 2 ** min(attempts - 1, 5)))
    # A try that lies in the future was made before the clock was set back.
    return abs(turn.now - max(finished)) >= wait


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
    found = compare(turn, report)
    _verify(turn, report, tuple(difference.line for difference in found))


def _verify(turn: Turn, report: r.VenueSnapshot, lines: tuple[str, ...]) -> None:
    run = turn.state.flattening
    if run is None or not run.asked or report.venue in run.verified:
        return
    external = {
        order.venue_order_id
        for order in there_are(turn, report.venue)
        if order.client_order_id not in turn.state.impostors
    }
    stays = () if run.with_external else external
    left = [seen for seen in report.orders if seen.venue_order_id not in stays]
    open_here = tuple(f"{o.venue}:{o.symbol} order {_name(o)}" for o in left)
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
    if lines or open_here or swaps or waiting:
        turn.add(e.FlattenStillOpen(at=turn.now, lines=(*open_here, *swaps, *lines)))
        return
    turn.add(e.FlattenVerified(at=turn.now, venue=report.venue))
    run = turn.state.flattening
    accounts = turn.state.journal.accounts if turn.state.journal is not None else ()
    if run is not None and set(accounts) <= set(run.verified):
        turn.add(e.FlattenEnded(at=turn.now))


def there_are(turn: Turn, venue: str) -> tuple[ExternalOrder, ...]:
    """Give the open orders of a venue that nobody here sent."""
    return turn.state.external_orders.get(venue, ())


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


def resume(turn: Turn, command: Resume) -> None:
    """Allow entries again: an owner's act, once no breaker is latched and no flatten runs."""
    actor = command.actor
    allowed = actor.role is Role.OWNER or actor.kind in (ActorKind.SHELL, ActorKind.PROGRAM)
    if not allowed:
        turn.refuse(actor, "resume", "role", "Only an owner may resume.")
    elif turn.state.flattening is not None:
        turn.refuse(actor, "resume", "flattening", "A flatten is under way; wait for its end.")
    elif turn.state.breakers:
        kinds = ", ".join(breaker.kind for breaker in turn.state.breakers.values())
        turn.refuse(actor, "resume", "breaker", f"Re-arm the breaker first: {kinds}.")
    elif turn.state.stop is None and not turn.state.reducing and not turn.state.accounts_halted:
        turn.refuse(actor, "resume", "not_halted", "Trading is active already.")
    else:
        turn.add(e.TradingResumed(at=turn.now, command_id=turn.command_id, actor=actor))

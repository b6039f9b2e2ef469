"""The kill switch decided: halt, and resume. What flattens is `flatten`."""

from engine import events as e
from engine.commands import Actor, ActorKind, Halt, Resume, Role
from engine.decide.factors import code_missing
from engine.decide.turn import Turn
from engine.scopes import EVERYWHERE, Scope


def halt(turn: Turn, command: Halt) -> None:
    """Stop: no new entries from now on, and resting entries are cancelled."""
    if turn.state.stop is not None:
        turn.refuse(command.actor, "stop", "halted_already", "Halted already; nothing changed.")
        return
    halt_for(turn, command.actor, command.reason)


def halt_for(turn: Turn, actor: Actor, reason: str) -> None:
    """Halt everything for somebody, unless it is halted, and cancel the entries."""
    if turn.state.stop is None:
        turn.add(
            e.TradingHalted(at=turn.now, command_id=turn.command_id, actor=actor, reason=reason)
        )
    cancel_entries(turn, actor, reason)


def cancel_entries(turn: Turn, actor: Actor, reason: str, *, scope: Scope = EVERYWHERE) -> None:
    """Ask for every open entry of a scope to be cancelled."""
    asked = 0
    for order in turn.state.entries():
        if order.cancel_requested or not scope.covers(order.venue, order.symbol, order.strategy):
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


def _is_resumable(turn: Turn) -> bool:
    """Tell whether something holds back that resuming lets go."""
    state = turn.state
    is_held = state.stop is not None or "" in state.restrictions
    return is_held or bool(state.reducing) or bool(state.accounts_halted)


def resume(turn: Turn, command: Resume) -> None:
    """Allow entries again: an owner's act, once no breaker is latched and no flatten runs."""
    actor = command.actor
    allowed = actor.role is Role.OWNER or actor.kind in (ActorKind.SHELL, ActorKind.PROGRAM)
    if not allowed:
        turn.refuse(actor, "resume", "role", "Only an owner may resume.")
    elif turn.state.flattening is not None:
        turn.refuse(actor, "resume", "flattening", "A flatten is under way; wait for its end.")
    elif latched := [each for each in turn.state.breakers.values() if not each.scope.key]:
        kinds = ", ".join(breaker.kind for breaker in latched)
        turn.refuse(actor, "resume", "breaker", f"Re-arm the breaker first: {kinds}.")
    elif not _is_resumable(turn):
        turn.refuse(actor, "resume", "not_halted", "Trading is active already.")
    elif not code_missing(turn, actor, "resume"):
        turn.add(e.TradingResumed(at=turn.now, command_id=turn.command_id, actor=actor))

"""Breakers decided: measured, warned about, tripped, eased, and re-armed by a person."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine.breakers import BREAKERS, BreakerKind, BreakerSpec, Reading, readings, spec_of
from engine.commands import (
    ENGINE,
    Actor,
    ActorKind,
    RearmBreaker,
    Role,
    SetTradingState,
    TripBreaker,
)
from engine.decide.factors import code_missing
from engine.decide.kill_switch import cancel_entries, halt_for
from engine.decide.turn import Turn
from engine.evidence import Evidence
from engine.identities import digest
from engine.numbers import ZERO
from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind, scope_at
from engine.stops import Breaker, incident_of

EQUITY = tuple(spec for spec in BREAKERS if spec.measure is None)
COUNTED = tuple(spec for spec in BREAKERS if spec.measure is not None)
TOLD = tuple(spec for spec in BREAKERS if spec.told is not None)


def judge_told(turn: Turn, before: Evidence) -> None:
    """Judge what the turn's events moved, in the same step: the next entry meets the latch."""
    evidence = turn.state.evidence
    if evidence is before:
        return
    judge(turn, [s for s in TOLD if s.told is not None and s.told(evidence) is not s.told(before)])


def check(turn: Turn) -> None:
    """Judge what time alone changes; clear what may clear by itself."""
    for spec in COUNTED:
        measured = {reading.scope.key for reading in judge(turn, [spec])}
        _ease_gone(turn, spec, measured)
    clear = timedelta(seconds=turn.state.limits.breakers.clear_after_s)
    for breaker in tuple(turn.state.breakers.values()) if clear else ():
        row = spec_of(breaker.kind)
        if row is None or not row.clears:
            continue
        if turn.context.lasted(breaker.since) >= clear:
            _rearm(turn, breaker.breaker_id, ENGINE)


def judge(turn: Turn, specs: Iterable[BreakerSpec]) -> tuple[Reading, ...]:
    """Trip, warn about or ease each breaker by what it measures now; give what was measured."""
    measured: list[Reading] = []
    for spec in specs:
        found = readings(spec, turn.state, turn.context)
        for reading in found:
            _judge(turn, spec, reading)
        measured.extend(found)
    return tuple(measured)


def _judge(turn: Turn, spec: BreakerSpec, reading: Reading) -> None:
    state, value, scope = turn.state, reading.value, reading.scope
    incident = incident_of(spec.kind, scope)
    if any(breaker.incident == incident for breaker in state.breakers.values()):
        return
    limits = state.limits
    if spec.is_tripped_by(value, limits):
        _trip(turn, spec, reading)
    elif incident not in state.warned:
        if spec.is_warned_by(value, limits):
            warned = e.BreakerWarned(
                at=turn.now,
                kind=spec.kind.value,
                value=value,
                limit=spec.limit(limits),
                scope=scope,
            )
            turn.add(warned)
    elif spec.is_eased_by(value, limits):
        _ease(turn, spec, scope, value)


def _ease(turn: Turn, spec: BreakerSpec, scope: Scope, value: Decimal) -> None:
    limit = spec.limit(turn.state.limits)
    turn.add(
        e.BreakerEased(at=turn.now, kind=spec.kind.value, scope=scope, value=value, limit=limit)
    )


def _ease_gone(turn: Turn, spec: BreakerSpec, measured: set[str]) -> None:
    """Ease what was warned about and can no more be measured: nothing is left of it."""
    for incident in tuple(turn.state.warned):
        kind, _, key = incident.partition("@")
        if kind == spec.kind and key not in measured:
            _ease(turn, spec, scope_at(key), ZERO)


def _sentence(spec: BreakerSpec, reading: Reading, limit: Decimal) -> str:
    scope = reading.scope
    where = "" if scope == EVERYWHERE else f" on {scope.text}"
    name = spec.name.capitalize()
    return f"{name}{where} {spec.text(reading.value)}, limit {spec.text(limit)}"


def _trip(turn: Turn, spec: BreakerSpec, reading: Reading) -> None:
    limit = spec.limit(turn.state.limits)
    scope = reading.scope
    turn.add(
        e.BreakerTripped(
            at=turn.now,
            command_id=turn.command_id,
            breaker_id=_name(turn, spec.kind, scope),
            kind=spec.kind.value,
            value=reading.value,
            limit=limit,
            action=spec.action,
            sentence=_sentence(spec, reading, limit),
            scope=scope,
        )
    )
    cancel_entries(turn, ENGINE, "breaker", scope=scope)


def _name(turn: Turn, kind: str, scope: Scope) -> str:
    return digest(turn.journal_id, incident_of(kind, scope), turn.now.isoformat(), length=12)


def trip(turn: Turn, command: TripBreaker) -> None:
    """Latch a breaker by hand."""
    kind = BreakerKind.MANUAL.value
    turn.add(
        e.BreakerTripped(
            at=turn.now,
            command_id=turn.command_id,
            breaker_id=_name(turn, kind, EVERYWHERE),
            kind=kind,
            value=ZERO,
            limit=ZERO,
            action=TradingState.HALTED,
            sentence=command.reason,
        )
    )
    cancel_entries(turn, ENGINE, "breaker")


def rearm(turn: Turn, command: RearmBreaker) -> None:
    """Re-arm one breaker, or all: an owner's act."""
    if not _may_loosen(turn, command.actor, "re-arm"):
        return
    wanted = command.breaker_id
    ids = tuple(turn.state.breakers) if wanted is None else (wanted,)
    known = [breaker_id for breaker_id in ids if breaker_id in turn.state.breakers]
    if not known:
        turn.refuse(command.actor, "re-arm", "no_breaker", "That breaker is not tripped.")
        return
    if code_missing(turn, command.actor, "re-arm"):
        return
    for breaker_id in known:
        _rearm(turn, breaker_id, command.actor)


def _rearm(turn: Turn, breaker_id: str, actor: Actor) -> None:
    breaker = turn.state.breakers[breaker_id]
    turn.add(
        e.BreakerRearmed(
            at=turn.now,
            command_id=turn.command_id,
            breaker_id=breaker_id,
            actor=actor,
            kind=breaker.kind,
            scope=breaker.scope,
        )
    )


def _may_loosen(turn: Turn, actor: Actor, command: str) -> bool:
    """Let an owner pass, or a program; refuse anybody else."""
    if actor.role is Role.OWNER or actor.kind in (ActorKind.SHELL, ActorKind.PROGRAM):
        return True
    verb = "re-arm a breaker" if command == "re-arm" else "let trading go on there"
    turn.refuse(actor, command, "role", f"Only an owner may {verb}.")
    return False


def set_trading_state(turn: Turn, command: SetTradingState) -> None:
    """Hold a scope back, which anyone may; letting it go, or loosening it, is an owner's act.

    For everything, HALTED is STOP. ACTIVE takes a STOP back only by `Resume`.
    """
    scope, wanted, actor = command.scope, command.trading, command.actor
    if scope == EVERYWHERE and wanted is TradingState.HALTED:
        halt_for(turn, actor, command.reason or "STOP")
        return
    held = turn.state.restrictions.get(scope.key)
    now = held.trading if held is not None else TradingState.ACTIVE
    is_looser = wanted.severity < now.severity or wanted is TradingState.ACTIVE
    name = "resume" if is_looser else "stop"
    if is_looser and not _may_loosen(turn, actor, name):
        return
    latched = [each for each in turn.state.breakers.values() if _is_within(each, scope)]
    if wanted is TradingState.ACTIVE and latched:
        kinds = ", ".join(breaker.kind.replace("_", " ") for breaker in latched)
        turn.refuse(actor, name, "breaker", f"Re-arm the breaker first: {kinds}.")
        return
    if wanted is now and not (wanted is TradingState.ACTIVE and _is_faulty(turn, scope)):
        sentence = f"{_title(scope)} is {now} already; nothing changed."
        turn.refuse(actor, name, f"{now}_already", sentence)
        return
    if is_looser and code_missing(turn, actor, name):
        return
    turn.add(
        e.TradingStateSet(
            at=turn.now,
            command_id=turn.command_id,
            scope=scope,
            trading=wanted,
            actor=actor,
            reason=command.reason,
        )
    )
    if wanted is not TradingState.ACTIVE:
        cancel_entries(turn, actor, f"stop {scope.text}", scope=scope)


def _is_within(breaker: Breaker, scope: Scope) -> bool:
    """Tell whether a breaker holds back just what a person wants to let go."""
    if breaker.scope == scope:
        return True
    is_symbol = scope.kind is breaker.scope.kind is ScopeKind.SYMBOL
    return is_symbol and scope.covers_instrument(breaker.scope.name)


def _is_faulty(turn: Turn, scope: Scope) -> bool:
    """Tell whether something was found wrong there that letting go says was seen."""
    state = turn.state
    if scope.kind is ScopeKind.VENUE:
        return scope.name in state.accounts_halted
    return any(scope.covers_instrument(key) for key in state.reducing)


def _title(scope: Scope) -> str:
    return scope.text[:1].upper() + scope.text[1:]

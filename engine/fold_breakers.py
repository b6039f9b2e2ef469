"""The fold of breakers and scopes, and of the evidence that breakers are judged by."""

from datetime import datetime
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.evidence import (
    NAMES_TAIL,
    OUTCOMES_TAIL,
    SLIPPAGES_TAIL,
    Evidence,
    Outcome,
    Slip,
)
from engine.numbers import HUNDRED
from engine.orders import NOT_FOUND, Order, OrderStatus
from engine.risk_limits import TradingState
from engine.scopes import Scope, ScopeKind
from engine.state import State
from engine.stops import Breaker, Restriction, incident_of
from engine.tails import entered, tail, without

Changes = dict[str, Any]

TELLING = frozenset(
    {
        e.EngineStarted,
        e.FillBooked,
        e.OrderAccepted,
        e.OrderRejected,
        e.OrderUnknown,
        e.BooksDiffer,
        e.BooksEqual,
        e.PositionAdopted,
        e.BreakerRearmed,
        e.BreakerWarned,
        e.BreakerEased,
    }
)
"""The kinds that say something to a breaker."""


def breaker_changed(
    state: State, event: e.BreakerTripped | e.BreakerWarned | e.BreakerEased | e.BreakerRearmed
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
                scope=event.scope,
            )
            tally = copied(state.tally, incidents=state.tally.incidents + 1)
            return {"breakers": {**state.breakers, event.breaker_id: breaker}, "tally": tally}
        case e.BreakerWarned():
            incident = incident_of(event.kind, event.scope)
            return {"warned": {**state.warned, incident: event.at.date().isoformat()}}
        case e.BreakerEased():
            return {"warned": without(state.warned, incident_of(event.kind, event.scope))}
        case e.BreakerRearmed():
            breaker = state.breakers[event.breaker_id]
            changes: Changes = {
                "breakers": without(state.breakers, event.breaker_id),
                "warned": without(state.warned, breaker.incident),
            }
            if state.equity is not None and breaker.kind == "daily_loss":
                changes["equity"] = state.equity.loss_begun()
            if state.equity is not None and breaker.kind == "drawdown":
                changes["equity"] = state.equity.mark_reset()
            return changes
        case _:
            assert_never(event)


def restricted(state: State, event: e.TradingStateSet) -> Changes:
    """Hold a scope back, or let it go: then what was found wrong there counts as seen, too."""
    scope = event.scope
    if event.trading is not TradingState.ACTIVE:
        held = Restriction(
            scope=scope,
            trading=event.trading,
            since=event.at,
            by=event.actor.text,
            reason=event.reason,
        )
        return {"restrictions": entered(state.restrictions, scope.key, held)}
    changes: Changes = {"restrictions": without(state.restrictions, scope.key)}
    if scope.kind is ScopeKind.VENUE:
        changes["accounts_halted"] = without(state.accounts_halted, scope.name)
    if scope.kind is ScopeKind.SYMBOL:
        changes["reducing"] = {
            key: why for key, why in state.reducing.items() if not scope.covers_instrument(key)
        }
    return changes


def evidence_after(state: State, event: e.Event, changes: Changes) -> Evidence:
    """Count what an event says to the breakers; `changes` are those it made to State already."""
    evidence = state.evidence
    match event:
        case e.FillBooked():
            return _filled(state, event, changes)
        case e.OrderAccepted(client_order_id=name):
            order = state.order(name)
            if order is None or order.accepted_at is not None or order.filled:
                return evidence
            return _answered(evidence, order, event.at, rejected=False)
        case e.OrderRejected(client_order_id=name, code=code):
            order = state.order(name)
            if order is None:
                return evidence
            if code == NOT_FOUND:
                # No answer is no rejection, and it counted as a failure when none came.
                return evidence
            return _answered(evidence, order, event.at, rejected=True)
        case e.OrderUnknown(client_order_id=name):
            order = state.order(name)
            return evidence if order is None else _failed(evidence, order.venue)
        case e.BooksDiffer(venue=venue):
            if venue in evidence.differ_since:
                return evidence
            since = entered(evidence.differ_since, venue, event.at)
            return copied(evidence, differ_since=since)
        case e.BooksEqual(venue=venue):
            return copied(evidence, differ_since=without(evidence.differ_since, venue))
        case e.PositionAdopted(key=key):
            venue = key.partition(":")[0]
            if venue in changes["books_differ"]:
                return evidence
            return copied(evidence, differ_since=without(evidence.differ_since, venue))
        case e.EngineStarted():
            return copied(evidence, started_at=event.at)
        case e.BreakerWarned(kind=kind, scope=scope):
            known = entered(evidence.warnings, incident_of(kind, scope), state.seq + 1)
            return copied(evidence, warnings=known)
        case e.BreakerEased(kind=kind, scope=scope):
            left = without(evidence.warnings, incident_of(kind, scope))
            return copied(evidence, warnings=left)
        case e.BreakerRearmed(breaker_id=name):
            return _anew(state, state.breakers[name], event.at)
        case _:
            return evidence


def _filled(state: State, event: e.FillBooked, changes: Changes) -> Evidence:
    """Count a closed position as lost or not, a first fill as an answer, and what an order cost."""
    evidence, fill = state.evidence, event.fill
    tally, before = changes.get("tally", state.tally), state.tally
    position = state.positions.get(fill.key)
    if tally.closed_trades > before.closed_trades and position is not None:
        lost = tally.lost > before.lost
        count = evidence.losses.get(position.strategy, 0) + 1 if lost else 0
        losses = tail(evidence.losses, position.strategy, count, NAMES_TAIL)
        evidence = copied(evidence, losses=losses)
    order = state.order(fill.client_order_id) if fill.client_order_id is not None else None
    if order is None:
        return evidence
    if order.accepted_at is None and not order.filled and not order.is_finished:
        evidence = _answered(evidence, order, event.at, rejected=False)
    done: Order | None = changes.get("orders_finished", {}).get(order.client_order_id)
    if done is None or order.is_finished or done.slippage_cost_bps is None:
        return evidence
    slip = Slip(at=event.at, cost_pct=done.slippage_cost_bps / HUNDRED)
    slips = (*evidence.slips.get(fill.key, ()), slip)[-SLIPPAGES_TAIL:]
    return copied(evidence, slips=tail(evidence.slips, fill.key, slips, NAMES_TAIL))


def _answered(evidence: Evidence, order: Order, at: datetime, *, rejected: bool) -> Evidence:
    venue = order.venue
    told = (*evidence.outcomes.get(venue, ()), Outcome(at=at, rejected=rejected))[-OUTCOMES_TAIL:]
    evidence = copied(evidence, outcomes=entered(evidence.outcomes, venue, told))
    if rejected:
        # A search that ends in a refusal began with a failure that was counted.
        is_counted = order.status is OrderStatus.UNKNOWN
        return evidence if is_counted else _failed(evidence, venue)
    return copied(evidence, failures=without(evidence.failures, venue))


def _failed(evidence: Evidence, venue: str) -> Evidence:
    count = evidence.failures.get(venue, 0) + 1
    return copied(evidence, failures=entered(evidence.failures, venue, count))


def _anew(state: State, breaker: Breaker, at: datetime) -> Evidence:
    """Begin to count anew: what a person has seen is not held against the scope again."""
    evidence, name = state.evidence, breaker.scope.name
    changes: Changes = {
        "rearmed": tail(evidence.rearmed, breaker.incident, at, NAMES_TAIL),
        "warnings": without(evidence.warnings, breaker.incident),
    }
    match breaker.kind:
        case "losses_in_a_row":
            changes["losses"] = without(evidence.losses, name)
        case "failures_in_a_row":
            changes["failures"] = without(evidence.failures, name)
        case "reject_rate":
            changes["outcomes"] = without(evidence.outcomes, name)
        case "average_slippage":
            changes["slips"] = without(evidence.slips, name)
        case "unknown_orders":
            forgiven = unknown_at(state, breaker.scope)
            changes["forgiven"] = entered(evidence.forgiven, breaker.incident, forgiven)
        case _:
            pass
    return copied(evidence, **changes)


def unknown_at(state: State, scope: Scope) -> tuple[str, ...]:
    """Name the orders of a venue that nobody knows about."""
    return tuple(
        name
        for key, on in state.open_on.items()
        if on.unknown and key.partition(":")[0] == scope.name
        for name in on.unknown
    )

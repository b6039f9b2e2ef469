"""Limits decided: a safer one holds at once, a riskier one takes a code and a second owner.

A code is asked of whoever has a second factor, a second owner wherever there is one. No value
goes past the ceiling that the environment gave.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from engine import events as e
from engine.commands import ENGINE, Actor, ApproveLimit, ChangeLimit, RejectLimit, Role
from engine.decide.factors import code_missing
from engine.decide.turn import Turn
from engine.identities import digest
from engine.limits import (
    Limit,
    LimitProposal,
    ProposalOutcome,
    beyond_ceiling,
    fault_in,
    limit_named,
    value_of,
)
from engine.state import State

LIFE: Final = timedelta(minutes=15)
RAISING: Final = "a riskier limit"
_ID_LENGTH: Final = 12


def needs_second(state: State, user_id: int | None) -> bool:
    """Tell whether a riskier limit that this person asks for waits for another owner."""
    return any(owner != user_id for owner in state.owners)


def change(turn: Turn, command: ChangeLimit) -> None:
    """Give a limit another value, or let it wait for the second owner."""
    actor, value = command.actor, command.value
    limit = limit_named(command.name)
    if not _is_owner(turn, actor):
        return
    if limit is None:
        turn.refuse(actor, "limit", "limit_unknown", f"There is no limit {command.name[:20]}.")
        return
    now = value_of(turn.state.limits, limit)
    sentence = _fault(turn.state, limit, value, command.before)
    if sentence is not None:
        turn.refuse(actor, "limit", "limit", sentence)
        return
    waiting = turn.state.limits_proposed.get(limit.name)
    if not limit.is_riskier(value, now):
        if waiting is not None:
            _end(turn, waiting, ProposalOutcome.REPLACED, actor)
        _set(turn, limit.name, now, value, actor)
    elif not code_missing(turn, actor, RAISING):
        if needs_second(turn.state, actor.user_id):
            _propose(turn, waiting, limit, value, actor)
        else:
            _set(turn, limit.name, now, value, actor)


def _fault(state: State, limit: Limit, value: Decimal, shown: Decimal | None) -> str | None:
    now = value_of(state.limits, limit)
    if shown is not None and shown != now:
        return (
            f"{limit.title} is {limit.text(now)} by now, not {limit.text(shown)}. "
            "Nothing was changed; look at it again."
        )
    fault = fault_in(limit, value, state.ceilings)
    if fault is not None:
        return f"{fault} Nothing was changed."
    return f"{limit.title} is {limit.text(now)} already." if value == now else None


def _propose(
    turn: Turn, waiting: LimitProposal | None, limit: Limit, value: Decimal, actor: Actor
) -> None:
    """Let it wait; where another owner asked for the very same, this is the second yes."""
    assert actor.user_id is not None, "an owner is a person"
    if waiting is not None and not _is_over(turn, waiting):
        if waiting.after == value and waiting.user_id != actor.user_id:
            _approve(turn, waiting, actor)
            return
        if waiting.after == value:
            sentence = f"{limit.title} {limit.text(value)} waits for another owner already."
            turn.refuse(actor, "limit", "limit_waits", sentence)
            return
    if waiting is not None:
        _end(turn, waiting, ProposalOutcome.REPLACED, actor)
    proposal = LimitProposal(
        proposal_id=digest(turn.journal_id, turn.command_id or "", limit.name, length=_ID_LENGTH),
        name=limit.name,
        before=value_of(turn.state.limits, limit),
        after=value,
        by=actor.text,
        user_id=actor.user_id,
        expires_at=turn.now + LIFE,
    )
    turn.add(
        e.LimitProposed(at=turn.now, command_id=turn.command_id, proposal=proposal, actor=actor)
    )


def approve(turn: Turn, command: ApproveLimit) -> None:
    """Be the second owner: what waited holds from now on."""
    actor = command.actor
    proposal = _waiting(turn, command.proposal_id, actor)
    if proposal is None:
        return
    if actor.user_id == proposal.user_id:
        sentence = "It waits for another owner: you asked for it. Nothing was changed."
        turn.refuse(actor, "limit", "limit_second", sentence)
    elif not code_missing(turn, actor, RAISING):
        _approve(turn, proposal, actor)


def _approve(turn: Turn, proposal: LimitProposal, actor: Actor) -> None:
    _end(turn, proposal, ProposalOutcome.APPROVED, actor)
    _set(turn, proposal.name, proposal.before, proposal.after, actor, asked_by=proposal.by)


def reject(turn: Turn, command: RejectLimit) -> None:
    """Take away what waits."""
    proposal = _waiting(turn, command.proposal_id, command.actor)
    if proposal is not None:
        _end(turn, proposal, ProposalOutcome.REJECTED, command.actor)


def sweep(turn: Turn) -> None:
    """End what no second owner answered in time."""
    for proposal in tuple(turn.state.limits_proposed.values()):
        if _is_over(turn, proposal):
            _end(turn, proposal, ProposalOutcome.EXPIRED, ENGINE)


def begin(turn: Turn) -> None:
    """Begin a session: nothing waits any more, and what is past a new ceiling comes down to it.

    It stays there when the ceiling rises again, until an owner raises it.
    """
    for proposal in tuple(turn.state.limits_proposed.values()):
        _end(turn, proposal, ProposalOutcome.EXPIRED, ENGINE)
    state = turn.state
    for limit in beyond_ceiling(state.ceilings, state.limits_chosen):
        chosen, ceiling = state.limits_chosen[limit.name], value_of(state.ceilings, limit)
        reason = f"{limit.variable} is the ceiling"
        _set(turn, limit.name, chosen, ceiling, ENGINE, reason=reason)


def _waiting(turn: Turn, proposal_id: str, actor: Actor) -> LimitProposal | None:
    """Give what waits under an id, if this person may decide on it; refuse otherwise."""
    if not _is_owner(turn, actor):
        return None
    known = turn.state.limits_proposed.values()
    proposal = next((each for each in known if each.proposal_id == proposal_id), None)
    if proposal is None:
        sentence = "That change waits no more. Nothing was changed; /risk shows what holds."
        turn.refuse(actor, "limit", "limit_over", sentence)
        return None
    if _is_over(turn, proposal):
        _end(turn, proposal, ProposalOutcome.EXPIRED, ENGINE)
        return None
    return proposal


def _is_owner(turn: Turn, actor: Actor) -> bool:
    if actor.role is Role.OWNER:
        return True
    turn.refuse(actor, "limit", "role", "Only an owner may change limits.")
    return False


def _is_over(turn: Turn, proposal: LimitProposal) -> bool:
    """Tell whether its time has passed; a clock set back makes none longer than it was."""
    return not proposal.expires_at - LIFE <= turn.now < proposal.expires_at


def _end(turn: Turn, proposal: LimitProposal, outcome: ProposalOutcome, actor: Actor) -> None:
    turn.add(
        e.LimitProposalEnded(
            at=turn.now,
            command_id=turn.command_id,
            proposal=proposal,
            outcome=outcome,
            actor=actor,
        )
    )


def _set(
    turn: Turn,
    name: str,
    before: Decimal,
    after: Decimal,
    actor: Actor,
    *,
    asked_by: str = "",
    reason: str = "",
) -> None:
    turn.add(
        e.LimitChanged(
            at=turn.now,
            command_id=turn.command_id,
            name=name,
            before=before,
            after=after,
            actor=actor,
            asked_by=asked_by,
            reason=reason,
        )
    )

"""Asking: which step an order needs before it goes, and whether a person's confirming is it.

The strongest reason decides the step. A step that nobody could do falls back to the next lighter
one that somebody can: without another owner a code, without a second factor the amount typed.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from engine.commands import Actor, ActorKind
from engine.confirming import Confirmation, ConfirmMode, Measure, Tier
from engine.context import Context, measured_equity
from engine.exposure import Exposure, exposure, share_pct
from engine.numbers import BPS, HUNDRED, plain
from engine.proposals import Proposal
from engine.rules.money import figure
from engine.state import State
from engine.tickets import Ask, Ticket


def asks_of(
    proposal: Proposal,
    state: State,
    context: Context,
    *,
    actor: Actor,
    wanted: bool,
    around: Exposure | None = None,
) -> tuple[Ask, ...]:
    """Give every reason to ask a person before sending; an exit never asks.

    Of each measure the heaviest tier alone speaks. `wanted` shows what would go at once; `around`
    is the worst case around its instrument, where that is known already.
    """
    if proposal.is_exit:
        return ()
    user_id = actor.user_id if actor.kind is ActorKind.PERSON else None
    found = [
        (possible(state, tier.confirmation, user_id), sentence)
        for tier, sentence in _reached(proposal, state, context, around)
    ]
    if state.confirm.mode is ConfirmMode.ALWAYS:
        found = [each for each in found if each[0].weight > Confirmation.TAP.weight]
        found.append((Confirmation.TAP, "every order is set to ask"))
    if wanted and not found:
        found.append((Confirmation.TAP, "it was to be shown first"))
    return tuple(Ask(rule="confirm", confirmation=step, sentence=text) for step, text in found)


def _reached(
    proposal: Proposal, state: State, context: Context, around: Exposure | None
) -> list[tuple[Tier, str]]:
    policy = state.confirm
    if policy.mode is ConfirmMode.NEVER:
        return []
    heaviest: dict[Measure, tuple[Tier, str]] = {}
    for tier in policy.tiers_in_force():
        known = heaviest.get(tier.measure)
        if known is not None and known[0].confirmation.weight >= tier.confirmation.weight:
            continue
        if tier.measure is Measure.COIN:
            around = around or exposure(state, context.quotes, proposal.key)
            sentence = _coin(tier, proposal, state, around)
        else:
            sentence = _MEASURES[tier.measure](tier, proposal, state)
        if sentence is not None:
            heaviest[tier.measure] = (tier, sentence)
    return list(heaviest.values())


def _notional(tier: Tier, proposal: Proposal, state: State) -> str | None:
    over, cost = _threshold(tier), proposal.cost_max
    return f"{cost:,.2f}, over {over:,.2f}" if cost > over else None


def _equity(tier: Tier, proposal: Proposal, state: State) -> str | None:
    over, cost, worth = _threshold(tier), proposal.cost_max, measured_equity(state)
    limit = worth * over / HUNDRED
    if cost <= limit:
        return None
    if tier.confirmation is Confirmation.SECOND_PERSON:
        return f"{figure(share_pct(cost, worth))}%, over {plain(over)}%"
    return f"{cost:,.2f}, over {limit:,.2f} ({plain(over)}%)"


def _coin(tier: Tier, proposal: Proposal, state: State, around: Exposure) -> str | None:
    over, worth = _threshold(tier), measured_equity(state)
    coin = around.with_entry(proposal.cost_max, proposal.side.sign).coin
    if coin <= worth * over / HUNDRED:
        return None
    share, base = figure(share_pct(coin, worth)), proposal.instrument.base
    return f"{base} share {share}%, over {plain(over)}%"


def _leverage(tier: Tier, proposal: Proposal, state: State) -> str | None:
    over, leverage = _threshold(tier), proposal.signal.leverage
    return f"leverage {plain(leverage)}x, over {plain(over)}x" if leverage > over else None


def _confidence(tier: Tier, proposal: Proposal, state: State) -> str | None:
    least, confidence = _threshold(tier), proposal.signal.confidence
    if Decimal(str(confidence)) >= least:
        return None
    return f"confidence {confidence:.2f}, below {least:.2f}"


def _live(tier: Tier, proposal: Proposal, state: State) -> str | None:
    is_live = state.journal is not None and state.journal.mode == "live"
    return "real money" if is_live else None


def _drift(tier: Tier, proposal: Proposal, state: State) -> str | None:
    # It is measured between the card and the tap; see `step_of`.
    return None


_Measured = Callable[[Tier, Proposal, State], str | None]
_MEASURES: Mapping[Measure, _Measured] = {
    Measure.EQUITY: _equity,
    Measure.NOTIONAL: _notional,
    Measure.LEVERAGE: _leverage,
    Measure.LIVE: _live,
    Measure.CONFIDENCE: _confidence,
    Measure.DRIFT: _drift,
}


def _threshold(tier: Tier) -> Decimal:
    assert tier.over is not None, f"{tier.measure} has a threshold"
    return tier.over


def heaviest(asks: tuple[Ask, ...]) -> Confirmation:
    """Give the step that the strongest reason asks for."""
    return max((ask.confirmation for ask in asks), key=lambda step: step.weight)


def step_of(
    state: State, ticket: Ticket, user_id: int | None, moved_bps: Decimal | None = None
) -> Confirmation:
    """Give the step that this person's confirming takes now.

    `moved_bps` is how far the mid has moved since the ticket was shown; None where it does not
    matter, or nobody knows.
    """
    steps = [ticket.confirmation]
    if moved_bps is not None and state.confirm.mode is not ConfirmMode.NEVER:
        steps += [
            tier.confirmation
            for tier in state.confirm.tiers_in_force()
            if tier.measure is Measure.DRIFT and abs(moved_bps) > _threshold(tier)
        ]
    step = max(steps, key=lambda each: each.weight)
    if step is Confirmation.SECOND_PERSON and ticket.confirmed_at is not None:
        return step
    return possible(state, step, user_id, asked_by=ticket.owner_id)


def possible(
    state: State, step: Confirmation, user_id: int | None, *, asked_by: int | None = None
) -> Confirmation:
    """Give the step itself, or the heaviest lighter one that this person, or another, can do.

    `user_id` None is whoever will confirm what a strategy wants; `asked_by` asked for the ticket
    that this person confirms, and may be the second one.
    """
    if step is Confirmation.SECOND_PERSON and not _has_second(state, user_id, asked_by):
        step = Confirmation.CODE
    if step is Confirmation.CODE:
        enrolled = bool(state.enrolled) if user_id is None else user_id in state.enrolled
        if not enrolled:
            step = Confirmation.TYPED
    return step


def _has_second(state: State, user_id: int | None, asked_by: int | None) -> bool:
    """Tell whether two people can be found of whom one is an owner."""
    if user_id is None:
        return len(state.owners) > 1
    if any(owner != user_id for owner in state.owners):
        return True
    return user_id in state.owners and asked_by is not None and asked_by != user_id


def may_second(state: State, ticket: Ticket, user_id: int | None) -> bool:
    """Tell whether a person may be the second one on a ticket that a first one has confirmed.

    They are two, and one of them is an owner; besides owners only who asked for it may.
    """
    first = ticket.confirmed_by_id
    if ticket.confirmed_at is None or user_id is None or user_id == first:
        return False
    if user_id in state.owners:
        return True
    return user_id == ticket.owner_id and first in state.owners


def seconds_asked(state: State, ticket: Ticket) -> int:
    """Count the owners who can be the second person."""
    return sum(may_second(state, ticket, owner) for owner in state.owners)


def drift_bps(shown: Decimal, now: Decimal) -> Decimal:
    """Give the signed distance of the mid from the mid a ticket shows, in basis points."""
    return (now - shown) / shown * BPS

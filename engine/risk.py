"""Risk: judging a proposal by every rule, and which confirmation it needs.

Every rule is evaluated and every broken one is told. An exit is only rounded and capped: nothing
stands between the operator and flat. The rules stand in `risk_rules`.
"""

from decimal import Decimal

from engine.confirming import Confirmation, ConfirmMode
from engine.context import Context, measured_equity
from engine.events import Breach
from engine.exposure import NONE, exposure
from engine.numbers import BPS, HUNDRED, plain
from engine.proposals import Proposal
from engine.risk_rules import RULES
from engine.rules.case import Case
from engine.state import State
from engine.tickets import Ask

_EXIT_RULES = tuple(rule for rule in RULES if rule.exits)


def breaches_of(
    proposal: Proposal, state: State, context: Context, *, is_approval: bool = False
) -> tuple[Breach, ...]:
    """Evaluate every rule and give each breach.

    `is_approval` leaves the signal's age to its ticket, whose own expiry has been checked.
    """
    rules, around = _EXIT_RULES, NONE
    if not proposal.is_exit:
        rules, around = RULES, exposure(state, context.quotes, proposal.key)
    case = Case(proposal=proposal, state=state, context=context, exposure=around)
    found = [rule.check(case) for rule in rules]
    if is_approval:
        found = [each for each in found if each is None or each.rule != "signal_age"]
    return tuple([breach for breach in found if breach is not None])


def asks_of(proposal: Proposal, state: State, *, wanted: bool) -> tuple[Ask, ...]:
    """Give every reason to ask a person before sending; an exit never asks."""
    if proposal.is_exit:
        return ()
    policy = state.confirm
    asks: list[str] = []
    if policy.mode is ConfirmMode.ALWAYS:
        asks.append("every order is set to ask")
    elif policy.mode is ConfirmMode.RISKY:
        asks.extend(_risky(proposal, state))
    if wanted and not asks:
        asks.append("it was to be shown first")
    return tuple(
        Ask(rule="confirm", confirmation=Confirmation.TAP, sentence=sentence) for sentence in asks
    )


def _risky(proposal: Proposal, state: State) -> list[str]:
    policy = state.confirm
    found: list[str] = []
    limit = measured_equity(state) * policy.risky_notional_pct / HUNDRED
    if proposal.cost_max > limit:
        share = plain(policy.risky_notional_pct)
        found.append(f"{proposal.cost_max:,.2f}, over {limit:,.2f} ({share}%)")
    if proposal.signal.leverage > policy.risky_leverage:
        leverage = plain(proposal.signal.leverage)
        found.append(f"leverage {leverage}x, over {plain(policy.risky_leverage)}x")
    if state.journal is not None and state.journal.mode == "live":
        found.append("real money")
    if proposal.signal.confidence < policy.risky_confidence:
        confidence = proposal.signal.confidence
        found.append(f"confidence {confidence:.2f}, below {policy.risky_confidence:.2f}")
    return found


def drift_bps(shown: Decimal, now: Decimal) -> Decimal:
    """Give the signed distance of the mid from the mid a ticket shows, in basis points."""
    return (now - shown) / shown * BPS

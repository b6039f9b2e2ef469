"""Risk: judging a proposal by every rule.

Every rule is evaluated and every broken one is told. An exit is only rounded and capped: nothing
stands between the operator and flat. The rules stand in `risk_rules`.
"""

from engine.context import Context
from engine.events import Breach
from engine.exposure import NONE, Exposure, exposure
from engine.proposals import Proposal
from engine.risk_rules import RULES
from engine.rules.case import Case
from engine.state import State

_EXIT_RULES = tuple(rule for rule in RULES if rule.exits)


def breaches_of(
    proposal: Proposal,
    state: State,
    context: Context,
    *,
    is_approval: bool = False,
    around: Exposure | None = None,
) -> tuple[Breach, ...]:
    """Evaluate every rule and give each breach.

    `around` is the worst case around its instrument, where that is known already. `is_approval`
    leaves the signal's age to its ticket, whose own expiry has been checked.
    """
    rules = _EXIT_RULES if proposal.is_exit else RULES
    if proposal.is_exit:
        around = NONE
    elif around is None:
        around = exposure(state, context.quotes, proposal.key)
    case = Case(proposal=proposal, state=state, context=context, exposure=around)
    found = [rule.check(case) for rule in rules]
    if is_approval:
        found = [each for each in found if each is None or each.rule != "signal_age"]
    return tuple([breach for breach in found if breach is not None])

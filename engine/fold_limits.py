"""The fold of limits: what owners chose, and what waits for a second one."""

from typing import Any, assert_never

from engine import events as e
from engine.limits import effective
from engine.state import State
from engine.tails import without

LimitEvent = e.LimitChanged | e.LimitProposed | e.LimitProposalEnded


def ceilings_given(state: State, event: e.EngineStarted) -> dict[str, Any]:
    """Take the ceilings of a start; what owners chose holds on below them."""
    limits = effective(event.limits, state.limits_chosen)
    return {"ceilings": event.limits, "limits": limits}


def limit_changed(state: State, event: LimitEvent) -> dict[str, Any]:
    """Change a limit at once, or let it wait."""
    match event:
        case e.LimitChanged(name=name, after=after):
            chosen = {**state.limits_chosen, name: after}
            return {"limits_chosen": chosen, "limits": effective(state.ceilings, chosen)}
        case e.LimitProposed(proposal=proposal):
            return {"limits_proposed": {**state.limits_proposed, proposal.name: proposal}}
        case e.LimitProposalEnded(proposal=proposal):
            return {"limits_proposed": without(state.limits_proposed, proposal.name)}
        case _:
            assert_never(event)

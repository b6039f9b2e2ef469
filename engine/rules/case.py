"""Cases: what a rule judges, gathered once for all of them."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.context import Context
from engine.copies import quick
from engine.exposure import Exposure
from engine.proposals import Proposal
from engine.state import State

CENT = Decimal("0.01")


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Hold a proposal and what it is judged by.

    `exposure` is the worst case without the proposal; of an exit nobody needs it.
    """

    proposal: Proposal
    state: State
    context: Context
    exposure: Exposure

    @property
    def after(self) -> Exposure:
        """Give the worst case with the proposal."""
        return self.exposure.with_entry(self.proposal.cost_max, self.proposal.side.sign)


def cent_up(amount: Decimal) -> Decimal:
    """Round up to what a person can type, so that the amount shown does pass."""
    return amount.quantize(CENT, rounding=ROUND_CEILING)


def cent_down(amount: Decimal) -> Decimal:
    """Round down to what a person can type, so that the amount shown does pass."""
    return amount.quantize(CENT, rounding=ROUND_FLOOR)

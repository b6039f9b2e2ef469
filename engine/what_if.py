"""What if: what a ticket would do to the account at the worst, before anybody confirms it."""

from decimal import Decimal

from engine.context import Context, measured_equity
from engine.exposure import Exposure, exposure, share_pct
from engine.numbers import HUNDRED, ZERO
from engine.proposals import Proposal
from engine.state import State
from engine.tickets import WhatIf


def what_if(
    proposal: Proposal, state: State, context: Context, around: Exposure | None = None
) -> WhatIf | None:
    """Measure an entry's worst case; None for an exit, and where there is no equity to share."""
    worth = measured_equity(state)
    if proposal.is_exit or worth <= ZERO:
        return None
    before = around or exposure(state, context.quotes, proposal.key)
    after = before.with_entry(proposal.cost_max, proposal.side.sign)
    limits = state.limits
    return WhatIf(
        gross_pct=share_pct(before.gross, worth),
        gross_pct_after=share_pct(after.gross, worth),
        gross_pct_max=limits.gross_pct_max,
        coin_pct=share_pct(before.coin, worth),
        coin_pct_after=share_pct(after.coin, worth),
        coin_pct_max=limits.coin_pct_max,
        drawdown_pct=_drawdown(state, ZERO),
        drawdown_pct_after=None
        if proposal.stop is None
        else _drawdown(state, proposal.pnl_at(proposal.stop)),
        drawdown_pct_max=limits.drawdown_pct_max,
    )


def _drawdown(state: State, pnl: Decimal) -> Decimal:
    """Give (high-water mark - (equity + pnl)) / high-water mark, in percent; never negative."""
    equity = state.equity
    if equity is None or equity.high_water <= ZERO:
        return ZERO
    return max(ZERO, (equity.high_water - equity.equity - pnl) / equity.high_water * HUNDRED)

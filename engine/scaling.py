"""Scaling: how much of its size a strategy's signal gets.

A person's number is executed as shown, and so is a quantity that a strategy names; nothing here
touches either.
"""

from dataclasses import dataclass
from decimal import Decimal

from engine.copies import quick
from engine.numbers import ONE, ZERO


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """Say how a signal without a quantity is sized, unless a person gave it.

    It gets its full size from a confidence of `full_from` on, `part` of it from `part_from`, and is
    denied below. One without any size asks for `size_pct` percent of equity. `adaptive` makes it
    smaller, never larger, where the price moves more than `volatility_pct` a day, and the nearer
    the drawdown is to its limit; of each of the two at least `least` is left.
    """

    full_from: Decimal = Decimal("0.75")
    part_from: Decimal = Decimal("0.60")
    part: Decimal = Decimal("0.65")
    size_pct: Decimal = ONE
    adaptive: bool = False
    volatility_pct: Decimal = Decimal(3)
    least: Decimal = Decimal("0.25")

    def share(self, confidence: Decimal) -> Decimal:
        """Give the share of its size that a signal of this confidence gets; zero for none."""
        if confidence >= self.full_from:
            return ONE
        return self.part if confidence >= self.part_from else ZERO


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Say by what a signal's size was multiplied, and what was measured: percents, None unknown."""

    confidence: Decimal
    by_confidence: Decimal
    volatility_pct: Decimal | None = None
    by_volatility: Decimal = ONE
    drawdown_pct: Decimal = ZERO
    by_drawdown: Decimal = ONE

    @property
    def share(self) -> Decimal:
        """Give the whole share, 0 to 1."""
        return self.by_confidence * self.by_volatility * self.by_drawdown


def scaling(
    policy: ScalingPolicy,
    confidence: Decimal,
    *,
    volatility_pct: Decimal | None,
    drawdown_pct: Decimal,
    drawdown_pct_max: Decimal,
) -> Scaling:
    """Give how a signal is scaled.

    Adaptive: min(1, target / volatility), the usual scaling to a constant volatility (Moreira and
    Muir 2017), times 1 - drawdown / limit. A volatility that nobody knows yet scales nothing.
    """
    by_confidence = policy.share(confidence)
    if not policy.adaptive:
        return Scaling(confidence=confidence, by_confidence=by_confidence)
    by_volatility = ONE
    if volatility_pct is not None and volatility_pct > policy.volatility_pct:
        by_volatility = max(policy.least, policy.volatility_pct / volatility_pct)
    by_drawdown = ONE
    if drawdown_pct > ZERO and drawdown_pct_max > ZERO:
        by_drawdown = max(policy.least, ONE - drawdown_pct / drawdown_pct_max)
    return Scaling(
        confidence=confidence,
        by_confidence=by_confidence,
        volatility_pct=volatility_pct,
        by_volatility=by_volatility,
        drawdown_pct=drawdown_pct,
        by_drawdown=by_drawdown,
    )

"""Scaling: how much of its size a strategy's signal gets, by its confidence.

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
    denied below.
    """

    full_from: Decimal = Decimal("0.75")
    part_from: Decimal = Decimal("0.60")
    part: Decimal = Decimal("0.65")

    def share(self, confidence: Decimal) -> Decimal:
        """Give the share of its size that a signal of this confidence gets; zero for none."""
        if confidence >= self.full_from:
            return ONE
        return self.part if confidence >= self.part_from else ZERO

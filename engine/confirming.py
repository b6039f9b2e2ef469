"""Confirming: what makes an order ask a person, and how much; the policy as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.numbers import ONE


class ConfirmMode(StrEnum):
    """When a ticket is opened instead of sending at once."""

    ALWAYS = "always"
    RISKY = "risky"
    NEVER = "never"


class Confirmation(StrEnum):
    """What a ticket asks for, lightest first."""

    NONE = "none"
    TAP = "tap"
    TYPED = "typed"
    CODE = "code"
    SECOND_PERSON = "second_person"

    @property
    def weight(self) -> int:
        """Order the steps, the heaviest last."""
        return _WEIGHT[self]


_WEIGHT = {step: weight for weight, step in enumerate(Confirmation)}


class Measure(StrEnum):
    """What a tier looks at.

    `NOTIONAL` is the most an order can cost, in the reporting currency, `EQUITY` the same as a
    share of equity in percent, `COIN` what its coin would come to at the worst, in percent of
    equity, `LEVERAGE` the order's, `CONFIDENCE` the signal's, 0 to 1, `DRIFT` how far the mid has
    moved since the ticket was shown, in basis points. `LIVE` is true with real money.
    """

    NOTIONAL = "notional"
    EQUITY = "equity"
    COIN = "coin"
    LEVERAGE = "leverage"
    CONFIDENCE = "confidence"
    DRIFT = "drift"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Ask for a step beyond a threshold: over `over`, or below it for confidence.

    The threshold itself asks for nothing; LIVE has none.
    """

    measure: Measure
    confirmation: Confirmation
    over: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPolicy:
    """Say what makes an order ask, and for what.

    The `risky_*` fields are the tiers that ask a tap, and real money asks one too; a tier of
    `tiers` that asks a tap or nothing takes the place of its measure's. `NEVER` asks for nothing;
    `ALWAYS` asks a tap of every entry, and more where a tier does. A ticket of two people lives
    `second_life_s` from the first one's tap.
    """

    mode: ConfirmMode = ConfirmMode.RISKY
    risky_notional_pct: Decimal = Decimal(2)
    risky_leverage: Decimal = ONE
    risky_confidence: float = 0.6
    ticket_life_s: int = 60
    tiers: tuple[Tier, ...] = ()
    second_life_s: int = 900

    def tiers_in_force(self) -> Iterator[Tier]:
        """Give every tier that can ask for something; the mode is not looked at."""
        replaced = {tier.measure for tier in self.tiers if not tier.confirmation.weight > 1}
        for tier in self._risky():
            if tier.measure not in replaced:
                yield tier
        for tier in self.tiers:
            if tier.confirmation is not Confirmation.NONE:
                yield tier

    def _risky(self) -> tuple[Tier, ...]:
        tap = Confirmation.TAP
        lowest = Decimal(str(self.risky_confidence))
        return (
            Tier(measure=Measure.EQUITY, confirmation=tap, over=self.risky_notional_pct),
            Tier(measure=Measure.LEVERAGE, confirmation=tap, over=self.risky_leverage),
            Tier(measure=Measure.LIVE, confirmation=tap),
            Tier(measure=Measure.CONFIDENCE, confirmation=tap, over=lowest),
        )

"""Exit plans: the exits of a position that change while it is held: trailing, break-even, time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.errors import InvalidInput
from engine.numbers import BPS, HUNDRED, ONE, ZERO, plain, positive

TRAIL_PCT_MIN = Decimal("0.1")
LASTS_S_MIN = 60
LASTS_S_MAX = 366 * 86400
BREAK_EVEN_MAX = 6
_NUMBERS = {
    "trail_pct": "The trail's percentage",
    "trail_distance": "The trail's distance",
    "trail_from": "The price where the trail begins",
    "trail_from_pct": "The percentage where the trail begins",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPlan:
    """Wish for exits beside stop and targets; everything is optional.

    The stop trails the best price by `trail_pct` percent or by `trail_distance` in quote currency,
    once the price has reached `trail_from`, or `trail_from_pct` percent of gain, or at once. After
    `break_even_after` targets the stop moves to where closing costs nothing. The position is closed
    `close_after_s` seconds after its first fill, or at `close_at`.

    Raises: InvalidInput when a number is NaN, infinite, zero, negative or out of bounds, when
    something is given twice, or when a time is naive.
    """

    trail_pct: Decimal | None = None
    trail_distance: Decimal | None = None
    trail_from: Decimal | None = None
    trail_from_pct: Decimal | None = None
    break_even_after: int | None = None
    close_after_s: int | None = None
    close_at: datetime | None = None

    def __post_init__(self) -> None:
        """Convert the numbers and refuse what no plan can be."""
        for field, name in _NUMBERS.items():
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, positive(value, name))
        if self.trail_pct is not None and self.trail_distance is not None:
            raise InvalidInput("Give the trail once: as a percentage or as a distance.")
        if self.trail_from is not None and self.trail_from_pct is not None:
            raise InvalidInput("Give once where the trail begins: a price or a percentage.")
        begins = self.trail_from is not None or self.trail_from_pct is not None
        if begins and not self.trails:
            raise InvalidInput("A trail that begins later needs its distance, for example 1.5%.")
        if self.trail_pct is not None and not TRAIL_PCT_MIN <= self.trail_pct < HUNDRED:
            given = plain(self.trail_pct)
            raise InvalidInput(f"The trail is 0.1% to less than 100%, not {given}%.")
        after = self.break_even_after
        if after is not None and (
            isinstance(after, bool)
            or not isinstance(after, int)
            or not 1 <= after <= BREAK_EVEN_MAX
        ):
            raise InvalidInput(f"Break-even comes after 1 to {BREAK_EVEN_MAX} targets.")
        self._check_time()

    def _check_time(self) -> None:
        lasts, at = self.close_after_s, self.close_at
        if lasts is not None and at is not None:
            raise InvalidInput("Give the time stop once: as a duration or as a time.")
        if lasts is not None and (
            isinstance(lasts, bool)
            or not isinstance(lasts, int)
            or not LASTS_S_MIN <= lasts <= LASTS_S_MAX
        ):
            raise InvalidInput("The time stop is one minute to 366 days away.")
        if at is None:
            return
        if not isinstance(at, datetime) or at.utcoffset() is None:
            raise InvalidInput("A time needs its time zone, for example 2026-01-31T12:00:00Z.")
        object.__setattr__(self, "close_at", at.astimezone(UTC))

    @property
    def trails(self) -> bool:
        """Tell whether the stop is to follow the price."""
        return self.trail_pct is not None or self.trail_distance is not None

    @property
    def follows(self) -> bool:
        """Tell whether a quote can move the stop."""
        return self.trails or self.break_even_after is not None

    def trail_width(self, price: Decimal) -> Decimal:
        """Give how far behind a best price the stop trails, in quote currency."""
        if self.trail_distance is not None:
            return self.trail_distance
        return price * (self.trail_pct or ZERO) / HUNDRED

    def without_trail(self) -> "ExitPlan":
        """Give the plan with a stop that stands still."""
        return replace(
            self, trail_pct=None, trail_distance=None, trail_from=None, trail_from_pct=None
        )

    def over(self, older: "ExitPlan") -> "ExitPlan":
        """Give the plan with the parts of an older one that it says nothing about."""
        trail = self if self.trails else older
        timed = self if self.close_after_s is not None or self.close_at is not None else older
        return ExitPlan(
            trail_pct=trail.trail_pct,
            trail_distance=trail.trail_distance,
            trail_from=trail.trail_from,
            trail_from_pct=trail.trail_from_pct,
            break_even_after=self.break_even_after or older.break_even_after,
            close_after_s=timed.close_after_s,
            close_at=timed.close_at,
        )

    def begun(self, at: datetime) -> "ExitPlan":
        """Give the plan of what was entered at a time: a duration becomes the time of its end."""
        if self.close_after_s is None:
            return self
        ends = at + timedelta(seconds=self.close_after_s)
        return replace(self, close_after_s=None, close_at=ends)


NO_PLAN = ExitPlan()


def plan_fault(plan: ExitPlan, *, price: Decimal, sign: int, now: datetime) -> str | None:
    """Say what is wrong with a plan at a price, `sign` +1 for a long; None when nothing is."""
    if plan.trails:
        width = plan.trail_width(price)
        if width >= price:
            return f"The trail of {plain(width)} is as much as the price, {plain(price)}."
        if width * BPS < price * TRAIL_PCT_MIN * HUNDRED:
            return f"The trail of {plain(width)} is less than 0.1% of the price, {plain(price)}."
    if plan.trail_from is not None and (plan.trail_from - price) * sign <= ZERO:
        side = "above" if sign > 0 else "below"
        return f"The trail begins {side} the price {plain(price)}; leave from out to begin at once."
    if plan.trail_from_pct is not None and sign < 0 and plan.trail_from_pct >= HUNDRED:
        return "A price cannot fall by 100% or more."
    if plan.close_at is not None and plan.close_at <= now:
        return f"The time stop {plan.close_at:%Y-%m-%d %H:%M} UTC has passed already."
    return None


def plan_priced(plan: ExitPlan, *, price: Decimal, sign: int) -> ExitPlan:
    """Give the plan with the percentage where its trail begins as a price."""
    if plan.trail_from_pct is None:
        return plan
    begins = price * (ONE + sign * plan.trail_from_pct / HUNDRED)
    return replace(plan, trail_from=begins, trail_from_pct=None)

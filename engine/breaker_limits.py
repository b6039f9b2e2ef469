"""Breaker limits: the thresholds and windows of the breakers that do not watch equity."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """Say when a breaker trips; shares are in percent, times in seconds.

    A rate counts what lies in its window, and only once there are `_min` of it. `cooldown_s` is how
    long an unknown order that stood when a person re-armed is not held against the venue again.
    `clear_after_s` lets a breaker that watches no money clear by itself; 0 is never.
    """

    losses_max: int = 5
    failures_max: int = 5
    reject_pct_max: Decimal = Decimal(50)
    reject_window_s: int = 600
    reject_orders_min: int = 10
    unknown_orders_max: int = 5
    mismatch_s_max: int = 300
    stale_s_max: int = 60
    venue_errors_pct_max: Decimal = Decimal(50)
    venue_errors_window_s: int = 60
    venue_calls_min: int = 10
    slippage_pct_max: Decimal = Decimal(1)
    slippage_pct_warn: Decimal = Decimal("0.5")
    slippage_window_s: int = 3600
    slippage_orders_min: int = 3
    cooldown_s: int = 300
    clear_after_s: int = 0

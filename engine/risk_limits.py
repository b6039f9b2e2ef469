"""Limits: the numbers that every decision is measured against."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.breaker_limits import BreakerLimits


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING sends only what reduces exposure; HALTED sends no new entries."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    @property
    def severity(self) -> int:
        """Order the states, the strictest last."""
        return _SEVERITY[self]


_SEVERITY = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Bound what may be sent; shares are in percent, distances in basis points, ages in seconds.

    `position_pct_max`, `coin_pct_max`, `gross_pct_max` and `net_pct_max` are shares of equity at
    worst-case exposure: of one instrument, of one base currency over all venues, of all sizes, and
    of the heavier side. Of the order rates a fifth is kept for exits and cancels.
    `exit_bounds_bps` are how far from the mid an exit may fill, attempt by attempt; what
    comes after the last is a market order.
    """

    positions_max: int = 10
    order_notional_pct_max: Decimal = Decimal(10)
    collar_bps_max: Decimal = Decimal(200)
    slippage_cap_bps: Decimal = Decimal(50)
    duplicate_window_s: int = 10
    signal_age_s_max: int = 60
    quote_age_s_max: int = 5
    drift_bps_max: Decimal = Decimal(50)
    orders_open_max: int = 200
    leverage_max: Decimal = Decimal(5)
    position_pct_max: Decimal = Decimal(100)
    coin_pct_max: Decimal = Decimal(100)
    gross_pct_max: Decimal = Decimal(300)
    net_pct_max: Decimal = Decimal(300)
    venue_orders_per_s_max: int = 10
    strategy_orders_per_s_max: int = 10
    orders_per_s_max: int = 20
    clock_skew_ms_max: int = 2000
    metadata_age_h_max: int = 48
    daily_loss_pct_max: Decimal = Decimal(2)
    drawdown_pct_max: Decimal = Decimal(10)
    warn_share: Decimal = Decimal("0.8")
    slippage_warn_bps: Decimal = Decimal(50)
    exit_bounds_bps: tuple[Decimal, ...] = (Decimal(50), Decimal(150))
    breakers: BreakerLimits = field(default_factory=BreakerLimits)

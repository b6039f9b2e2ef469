"""Limits that a person may change: each by its name, within its range, never past its ceiling.

The ceilings are the limits that the environment gave at the start. What owners choose in the chat
is kept beside them, and the stricter of the two is in force. Of most limits the larger value is
the riskier one; of `is_floor` the smaller one, and the ceiling is then the least.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from engine.numbers import plain
from engine.risk_limits import RiskLimits

CENT: Final = Decimal("0.01")
_INSIDE: Final = "breakers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Describe a changeable limit: its `name` as it is typed, its `title` on cards and in buttons.

    `field` is that of RiskLimits, or of its breakers; `variable` is the environment's. `low` and
    `high` are the range that is accepted, both included, in `unit` (nothing where it is a count).
    """

    name: str
    title: str
    what: str
    field: str
    variable: str
    unit: str = ""
    low: Decimal = Decimal(1)
    high: Decimal
    is_floor: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether only whole numbers are taken."""
        return self.field in _WHOLE

    def text(self, value: Decimal) -> str:
        """Write a value with its unit, for example 2% or 300 s."""
        unit = self.unit if self.unit in ("", "%", "x") else f" {self.unit}"
        return f"{plain(value)}{unit}"

    def is_riskier(self, value: Decimal, than: Decimal) -> bool:
        """Tell whether a value lets more through than another one."""
        return value < than if self.is_floor else value > than


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitProposal:
    """A riskier value that an owner asked for; a second owner makes it hold, until `expires_at`."""

    proposal_id: str
    name: str
    before: Decimal
    after: Decimal
    by: str
    user_id: int
    expires_at: datetime


class ProposalOutcome(StrEnum):
    """What became of a change that waited."""

    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"
    EXPIRED = "expired"


def _whole_fields() -> frozenset[str]:
    usual = RiskLimits()
    outer = {each.name: getattr(usual, each.name) for each in fields(usual)}
    inner = {
        f"{_INSIDE}{each.name}": getattr(usual.breakers, each.name)
        for each in fields(usual.breakers)
    }
    return frozenset(name for name, value in {**outer, **inner}.items() if type(value) is int)


_WHOLE: Final = _whole_fields()
_SHARE_MAX: Final = Decimal(10_000)
# State remembers the last 50 entries, and a fifth of each rate is kept for exits.
_PACE_MAX: Final = 60


def _share(name: str, title: str, what: str, field: str, variable: str) -> Limit:
    return Limit(
        name=name,
        title=title,
        what=what,
        field=field,
        variable=variable,
        unit="%",
        low=CENT,
        high=_SHARE_MAX,
    )


def _part(name: str, title: str, what: str, field: str, variable: str) -> Limit:
    """Describe a share that cannot be more than the whole."""
    return replace(_share(name, title, what, field, variable), high=Decimal(100))


def _up_to(
    name: str, title: str, what: str, field: str, variable: str, *, high: int, unit: str = ""
) -> Limit:
    return Limit(
        name=name,
        title=title,
        what=what,
        field=field,
        variable=variable,
        unit=unit,
        high=Decimal(high),
    )


EXPOSURE: Final[tuple[Limit, ...]] = (
    _part("dayloss", "Day loss", "Loss of a day that halts, of the day's first equity",
          "daily_loss_pct_max", "DAILY_LOSS_LIMIT_PCT"),
    _part("drawdown", "Drawdown", "Fall below the highest equity that halts",
          "drawdown_pct_max", "MAX_DRAWDOWN_PCT"),
    _up_to("positions", "Positions", "Symbols held or being entered at once",
           "positions_max", "MAX_POSITIONS", high=1000),
    _share("order", "One order", "What one order may cost, of equity",
           "order_notional_pct_max", "MAX_ORDER_PCT"),
    _share("position", "Position", "One symbol with its open orders, of equity",
           "position_pct_max", "MAX_POSITION_PCT"),
    _share("coin", "Top coin", "One coin over all venues, of equity",
           "coin_pct_max", "MAX_COIN_PCT"),
    _share("gross", "Gross", "All positions and open orders added up, of equity",
           "gross_pct_max", "MAX_GROSS_PCT"),
    _share("net", "Net", "The heavier side, long or short, of equity",
           "net_pct_max", "MAX_NET_PCT"),
    _up_to("leverage", "Leverage", "Of one order, and of everything against equity",
           "leverage_max", "MAX_LEVERAGE", high=125, unit="x"),
    _up_to("orders", "Orders", "Open orders at once",
           "orders_open_max", "MAX_OPEN_ORDERS", high=1000),
)  # fmt: skip
PRICE_AND_PACE: Final[tuple[Limit, ...]] = (
    _up_to("collar", "Collar", "How far beyond the mid an order's price may lie",
           "collar_bps_max", "MAX_COLLAR_BPS", high=5000, unit="bps"),
    _up_to("slippage", "Slippage", "How far from the mid a market order may fill",
           "slippage_cap_bps", "MAX_SLIPPAGE_BPS", high=5000, unit="bps"),
    _up_to("drift", "Drift", "How far the price may move before Confirm",
           "drift_bps_max", "MAX_DRIFT_BPS", high=5000, unit="bps"),
    replace(
        _up_to("duplicate", "Duplicate", "How long the same order is not taken again",
               "duplicate_window_s", "MIN_DUPLICATE_S", high=600, unit="s"),
        is_floor=True,
    ),
    _up_to("signalage", "Signal", "How old a signal may be",
           "signal_age_s_max", "MAX_SIGNAL_AGE_S", high=3600, unit="s"),
    _up_to("quoteage", "Quote", "How old the price of an entry may be",
           "quote_age_s_max", "MAX_QUOTE_AGE_S", high=300, unit="s"),
    _up_to("clock", "Clock", "How far our clock may be from the venue's",
           "clock_skew_ms_max", "MAX_CLOCK_SKEW_MS", high=60_000, unit="ms"),
    _up_to("metadata", "Metadata", "How old the venue's rules for a symbol may be",
           "metadata_age_h_max", "MAX_METADATA_AGE_H", high=720, unit="h"),
    _up_to("rate", "Rate", "Orders a second, all together; a fifth is kept for exits",
           "orders_per_s_max", "MAX_ORDERS_PER_S", high=_PACE_MAX),
    _up_to("venuerate", "At venue", "Orders a second at one venue; a fifth is kept for exits",
           "venue_orders_per_s_max", "MAX_VENUE_ORDERS_PER_S", high=_PACE_MAX),
    _up_to("strategyrate", "Strategy", "Orders a second of one strategy",
           "strategy_orders_per_s_max", "MAX_STRATEGY_ORDERS_PER_S", high=_PACE_MAX),
)  # fmt: skip
BREAKERS: Final[tuple[Limit, ...]] = (
    _up_to("losses", "Losses", "Losing trades in a row that trip",
           "breakers.losses_max", "BREAKER_LOSSES", high=1000),
    _up_to("failures", "Failures", "Failed orders in a row that trip",
           "breakers.failures_max", "BREAKER_FAILURES", high=1000),
    _part("rejects", "Rejects", "Rejected orders of those sent that trip",
          "breakers.reject_pct_max", "BREAKER_REJECT_PCT"),
    _up_to("unknown", "Unknown", "Unknown orders at once that trip",
           "breakers.unknown_orders_max", "BREAKER_UNKNOWN_ORDERS", high=1000),
    replace(
        _up_to("books", "Books", "How long books may differ before it trips",
               "breakers.mismatch_s_max", "BREAKER_BOOKS_S", high=86_400, unit="s"),
        low=Decimal(10),
    ),
    replace(
        _up_to("stale", "Stale", "How long prices may be missing before it trips",
               "breakers.stale_s_max", "BREAKER_STALE_S", high=86_400, unit="s"),
        low=Decimal(10),
    ),
    _part("errors", "Errors", "Failed calls of those to a venue that trip",
          "breakers.venue_errors_pct_max", "BREAKER_VENUE_ERRORS_PCT"),
    _part("slipstop", "Slip stop", "Average slippage that trips",
          "breakers.slippage_pct_max", "BREAKER_SLIPPAGE_PCT"),
)  # fmt: skip
GROUPS: Final[tuple[tuple[Limit, ...], ...]] = (EXPOSURE, PRICE_AND_PACE, BREAKERS)
LIMITS: Final[tuple[Limit, ...]] = tuple(limit for group in GROUPS for limit in group)
_BY_NAME: Final[Mapping[str, Limit]] = {limit.name: limit for limit in LIMITS}


def limit_named(name: str) -> Limit | None:
    """Give the limit of a name."""
    return _BY_NAME.get(name)


def value_of(limits: RiskLimits, limit: Limit) -> Decimal:
    """Give what a limit is."""
    inside = limit.field.startswith(_INSIDE)
    holder = limits.breakers if inside else limits
    return Decimal(getattr(holder, limit.field.removeprefix(_INSIDE)))


def with_value(limits: RiskLimits, limit: Limit, value: Decimal) -> RiskLimits:
    """Give limits of which one is another; a warning stays below what it warns of."""
    made: Any = int(value) if limit.is_whole else value
    name = limit.field.removeprefix(_INSIDE)
    if name == limit.field:
        return replace(limits, **{name: made})
    breakers = replace(limits.breakers, **{name: made})
    if name == "slippage_pct_max" and breakers.slippage_pct_warn >= value:
        breakers = replace(breakers, slippage_pct_warn=value * limits.warn_share)
    return replace(limits, breakers=breakers)


def effective(ceilings: RiskLimits, chosen: Mapping[str, Decimal]) -> RiskLimits:
    """Give what is in force: what owners chose, and the ceiling wherever that is stricter.

    A name that is no limit of this release changes nothing.
    """
    limits = ceilings
    for name, value in chosen.items():
        limit = _BY_NAME.get(name)
        if limit is not None and limit.is_riskier(value_of(ceilings, limit), value):
            limits = with_value(limits, limit, value)
    return limits


def beyond_ceiling(ceilings: RiskLimits, chosen: Mapping[str, Decimal]) -> tuple[Limit, ...]:
    """Give the limits that owners chose riskier than the ceilings allow by now."""
    return tuple(
        limit
        for limit in LIMITS
        if limit.name in chosen and limit.is_riskier(chosen[limit.name], value_of(ceilings, limit))
    )


def fault_in(limit: Limit, value: Decimal, ceilings: RiskLimits) -> str | None:
    """Say in a sentence why a limit cannot be this value; None where it can."""
    if not value.is_finite():
        return f"{limit.title} needs a number."
    ceiling = value_of(ceilings, limit)
    if limit.is_riskier(value, ceiling):
        word = "least" if limit.is_floor else "most"
        return (
            f"{limit.title} {limit.text(value)} is beyond the ceiling: "
            f"{limit.text(ceiling)} at {word}, by {limit.variable}."
        )
    if value == ceiling:
        return None
    if not limit.low <= value <= limit.high:
        return (
            f"{limit.title} {limit.text(value)} is out of range: "
            f"{limit.text(limit.low)} to {limit.text(limit.high)}."
        )
    if limit.is_whole and value != value.to_integral_value():
        return f"{limit.title} takes whole numbers only, not {plain(value)}."
    if value != value.quantize(CENT):
        return f"{limit.title} takes two decimals at most, not {plain(value)}."
    return None

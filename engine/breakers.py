"""Breakers: what each of them measures, when it trips, and what it then holds back, as one table.

Pure: measured from State and Context. Equity is measured elsewhere, on fresh marks only; whatever
cannot be measured now gives no reading, and so neither trips nor eases anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from engine.context import Context
from engine.evidence import Evidence
from engine.numbers import HUNDRED, ZERO, plain
from engine.portfolio import is_dust
from engine.risk_limits import RiskLimits, TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind
from engine.state import State
from engine.stops import incident_of

EASE_SHARE = Decimal("0.9")
"""What was warned about has fallen back once it is below this share of where the warning stands."""


class BreakerKind(StrEnum):
    """What a breaker watches."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    LOSSES_IN_A_ROW = "losses_in_a_row"
    FAILURES_IN_A_ROW = "failures_in_a_row"
    REJECT_RATE = "reject_rate"
    UNKNOWN_ORDERS = "unknown_orders"
    DIFFERING_BOOKS = "differing_books"
    STALE_PRICES = "stale_prices"
    VENUE_ERRORS = "venue_errors"
    AVERAGE_SLIPPAGE = "average_slippage"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a breaker measured in a scope, in its unit."""

    scope: Scope
    value: Decimal


Measure = Callable[[State, Context], Iterator[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSpec:
    """Describe a breaker: a row of the table.

    `limit`, `warn` and `window_s` are read from the limits in force; a warning stands at 80 % of
    the limit unless `warn` says where it begins (beyond it). `window_s` None means no window.
    `told` gives the evidence by which an event moves it; None where time alone does. `clears` tells
    whether it may clear by itself where that option is on. `advice` is what to do.
    """

    kind: BreakerKind
    unit: str
    action: TradingState
    scope: ScopeKind
    limit: Callable[[RiskLimits], Decimal]
    advice: str
    measure: Measure | None = None
    told: Callable[[Evidence], object] | None = None
    warn: Callable[[RiskLimits], Decimal] | None = None
    window_s: Callable[[RiskLimits], int | None] = lambda _: None
    clears: bool = True

    @property
    def name(self) -> str:
        """Give its name as a person reads it."""
        return self.kind.value.replace("_", " ")

    def is_tripped_by(self, value: Decimal, limits: RiskLimits) -> bool:
        """Tell whether a value reaches the limit; zero never does."""
        return value > ZERO and value >= self.limit(limits)

    def is_warned_by(self, value: Decimal, limits: RiskLimits) -> bool:
        """Tell whether a value reaches the warning."""
        if self.warn is not None:
            return value > self.warn(limits)
        return value > ZERO and value >= self.limit(limits) * limits.warn_share

    def is_eased_by(self, value: Decimal, limits: RiskLimits) -> bool:
        """Tell whether a value has fallen back far enough below the warning to begin anew."""
        share = self.limit(limits) * limits.warn_share
        begin = self.warn(limits) if self.warn is not None else share
        return value < begin * EASE_SHARE

    def text(self, value: Decimal) -> str:
        """Write a value in this breaker's unit."""
        if self.unit == "%":
            return f"{value:.2f}%"
        return f"{plain(value.quantize(Decimal(1)))} {self.unit}"


def _losses(state: State, _: Context) -> Iterator[Reading]:
    for strategy, count in state.evidence.losses.items():
        yield Reading(scope=Scope(kind=ScopeKind.STRATEGY, name=strategy), value=Decimal(count))


def _failures(state: State, _: Context) -> Iterator[Reading]:
    for venue, count in state.evidence.failures.items():
        yield Reading(scope=_at(venue), value=Decimal(count))


def _rejects(state: State, context: Context) -> Iterator[Reading]:
    limits = state.limits.breakers
    window = timedelta(seconds=limits.reject_window_s)
    for venue, outcomes in state.evidence.outcomes.items():
        # A clock that was set back leaves samples in the future; they are as near as others.
        lately = [each.rejected for each in outcomes if abs(context.now - each.at) <= window]
        if len(lately) >= max(1, limits.reject_orders_min):
            share = HUNDRED * sum(lately) / len(lately)
            yield Reading(scope=_at(venue), value=share)


def _unknown(state: State, context: Context) -> Iterator[Reading]:
    """Count a venue's unknown orders; those that a person has seen wait for the cooldown."""
    counts: dict[str, int] = {}
    cooldown = timedelta(seconds=state.limits.breakers.cooldown_s)
    for key, on in state.open_on.items():
        if not on.unknown:
            continue
        venue = key.partition(":")[0]
        incident = incident_of(BreakerKind.UNKNOWN_ORDERS, _at(venue))
        forgiven = state.evidence.forgiven.get(incident, ())
        since = state.evidence.rearmed.get(incident)
        if since is not None and context.lasted(since) >= cooldown:
            forgiven = ()
        counts[venue] = counts.get(venue, 0) + sum(name not in forgiven for name in on.unknown)
    for venue, count in counts.items():
        yield Reading(scope=_at(venue), value=Decimal(count))


def _books(state: State, context: Context) -> Iterator[Reading]:
    evidence = state.evidence
    for venue, since in evidence.differ_since.items():
        incident = incident_of(BreakerKind.DIFFERING_BOOKS, _at(venue))
        begun = max(
            each
            for each in (since, evidence.started_at, evidence.rearmed.get(incident))
            if each is not None
        )
        yield Reading(scope=_at(venue), value=_seconds(context.lasted(begun)))


def _stale(state: State, context: Context) -> Iterator[Reading]:
    """Give the age of each venue's oldest price among what is held there."""
    ages: dict[str, timedelta] = {}
    evidence = state.evidence
    for key, position in state.positions.items():
        if is_dust(position, context.instruments, context.quotes):
            continue
        venue = position.venue
        quote = context.quotes.get(key)
        incident = incident_of(BreakerKind.STALE_PRICES, _at(venue))
        begun = max(
            each
            for each in (
                quote.at if quote is not None else position.opened_at,
                evidence.started_at,
                evidence.rearmed.get(incident),
            )
            if each is not None
        )
        ages[venue] = max(ages.get(venue, timedelta()), context.lasted(begun))
    for venue, age in ages.items():
        yield Reading(scope=_at(venue), value=_seconds(age))


def _errors(state: State, context: Context) -> Iterator[Reading]:
    for venue, tally in context.calls.items():
        incident = incident_of(BreakerKind.VENUE_ERRORS, _at(venue))
        since = state.evidence.rearmed.get(incident)
        if since is not None and context.lasted(since) <= tally.oldest:
            continue  # some of it was seen by the person who re-armed
        if tally.calls >= max(1, state.limits.breakers.venue_calls_min):
            share = HUNDRED * tally.errors / tally.calls
            yield Reading(scope=_at(venue), value=share)


def _slippage(state: State, context: Context) -> Iterator[Reading]:
    limits = state.limits.breakers
    window = timedelta(seconds=limits.slippage_window_s)
    for key, slips in state.evidence.slips.items():
        lately = [each.cost_pct for each in slips if abs(context.now - each.at) <= window]
        if len(lately) >= max(1, limits.slippage_orders_min):
            yield Reading(
                scope=Scope(kind=ScopeKind.SYMBOL, name=key),
                value=sum(lately, ZERO) / len(lately),
            )


def _at(venue: str) -> Scope:
    return Scope(kind=ScopeKind.VENUE, name=venue)


def _seconds(lasted: timedelta) -> Decimal:
    return Decimal(lasted // timedelta(seconds=1))


_HALTED, _REDUCING = TradingState.HALTED, TradingState.REDUCING

BREAKERS: tuple[BreakerSpec, ...] = (
    BreakerSpec(
        kind=BreakerKind.DAILY_LOSS,
        unit="%",
        action=_HALTED,
        scope=ScopeKind.GLOBAL,
        limit=lambda limits: limits.daily_loss_pct_max,
        clears=False,
        advice="Look at what lost.",
    ),
    BreakerSpec(
        kind=BreakerKind.DRAWDOWN,
        unit="%",
        action=_HALTED,
        scope=ScopeKind.GLOBAL,
        limit=lambda limits: limits.drawdown_pct_max,
        clears=False,
        advice="Decide whether to go on at all.",
    ),
    BreakerSpec(
        kind=BreakerKind.LOSSES_IN_A_ROW,
        unit="losses",
        action=_REDUCING,
        scope=ScopeKind.STRATEGY,
        limit=lambda limits: Decimal(limits.breakers.losses_max),
        measure=_losses,
        told=lambda evidence: evidence.losses,
        advice="See whether the strategy still fits the market.",
    ),
    BreakerSpec(
        kind=BreakerKind.FAILURES_IN_A_ROW,
        unit="failures",
        action=_REDUCING,
        scope=ScopeKind.VENUE,
        limit=lambda limits: Decimal(limits.breakers.failures_max),
        measure=_failures,
        told=lambda evidence: evidence.failures,
        advice="See /orders for what the venue said.",
    ),
    BreakerSpec(
        kind=BreakerKind.REJECT_RATE,
        unit="%",
        action=_REDUCING,
        scope=ScopeKind.VENUE,
        limit=lambda limits: limits.breakers.reject_pct_max,
        window_s=lambda limits: limits.breakers.reject_window_s,
        measure=_rejects,
        told=lambda evidence: evidence.outcomes,
        advice="See /orders for the venue's reasons, often too little money or a wrong size.",
    ),
    BreakerSpec(
        kind=BreakerKind.UNKNOWN_ORDERS,
        unit="orders",
        action=_HALTED,
        scope=ScopeKind.VENUE,
        limit=lambda limits: Decimal(limits.breakers.unknown_orders_max),
        measure=_unknown,
        told=lambda evidence: evidence.failures,  # each unknown order is a failure, too
        advice="Wait until the venue has told, or look there by hand.",
    ),
    BreakerSpec(
        kind=BreakerKind.DIFFERING_BOOKS,
        unit="s",
        action=_HALTED,
        scope=ScopeKind.VENUE,
        limit=lambda limits: Decimal(limits.breakers.mismatch_s_max),
        measure=_books,
        advice="Take over what the venue holds, or find who else trades there.",
    ),
    BreakerSpec(
        kind=BreakerKind.STALE_PRICES,
        unit="s",
        action=_REDUCING,
        scope=ScopeKind.VENUE,
        limit=lambda limits: Decimal(limits.breakers.stale_s_max),
        measure=_stale,
        advice="Watched stops see nothing: look at the venue's own prices, and close by hand.",
    ),
    BreakerSpec(
        kind=BreakerKind.VENUE_ERRORS,
        unit="%",
        action=_HALTED,
        scope=ScopeKind.VENUE,
        limit=lambda limits: limits.breakers.venue_errors_pct_max,
        window_s=lambda limits: limits.breakers.venue_errors_window_s,
        measure=_errors,
        advice="See /venues and the venue's own status page.",
    ),
    BreakerSpec(
        kind=BreakerKind.AVERAGE_SLIPPAGE,
        unit="%",
        action=_REDUCING,
        scope=ScopeKind.SYMBOL,
        limit=lambda limits: limits.breakers.slippage_pct_max,
        warn=lambda limits: limits.breakers.slippage_pct_warn,
        window_s=lambda limits: limits.breakers.slippage_window_s,
        measure=_slippage,
        told=lambda evidence: evidence.slips,
        advice="The book is thin: smaller orders, limit orders, or another venue.",
    ),
)
SPECS = {spec.kind.value: spec for spec in BREAKERS}


def spec_of(kind: str) -> BreakerSpec | None:
    """Give the row of a kind; None for the manual one, which measures nothing."""
    return SPECS.get(kind)


def readings(spec: BreakerSpec, state: State, context: Context) -> tuple[Reading, ...]:
    """Measure a breaker in every scope in which there is something to measure."""
    if spec.measure is not None:
        return tuple(spec.measure(state, context))
    equity = state.equity
    if equity is None:
        return ()
    is_day = spec.kind is BreakerKind.DAILY_LOSS
    value = equity.day_loss_pct if is_day else equity.drawdown_pct
    return (Reading(scope=EVERYWHERE, value=value),)

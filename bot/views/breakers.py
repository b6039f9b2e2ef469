"""Breakers: how much of each limit is used, what is latched, and what a person holds back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.views.board import day_limit
from bot.views.scene import Scene, listing, where_of
from engine.breakers import BREAKERS, BreakerSpec, readings, spec_of
from engine.calls import CallTally
from engine.context import Context
from engine.days import day_start_of
from engine.decide.factors import needs_code
from engine.events import BreakerWarned
from engine.identities import short
from engine.instruments import Instrument
from engine.numbers import HUNDRED, ZERO
from engine.portfolio import valuation
from engine.quotes import Quote
from engine.state import State
from engine.stops import Breaker, Restriction

MONEY = ("daily_loss", "drawdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """Show how much of a limit is used.

    On a daily loss the amounts are the day's PnL and the limit in money, negative; on a drawdown
    they are the fall from the high-water mark; elsewhere there are none. Shares are in percent, but
    for a breaker of another unit.
    """

    kind: str
    amount: Decimal | None
    amount_pct: Decimal
    limit: Decimal | None
    limit_pct: Decimal

    @property
    def is_money(self) -> bool:
        """Tell whether it watches equity."""
        return self.kind in MONEY

    @property
    def used_pct(self) -> Decimal:
        """Give the used part of the limit, in percent; beyond 100 once it is exceeded."""
        if self.limit_pct == ZERO:
            return ZERO
        return abs(self.amount_pct) / abs(self.limit_pct) * HUNDRED


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningView:
    """Show a limit that is used to its warning share; `where` is empty for everything.

    `is_over` when it has fallen back before anybody was told.
    """

    scene: Scene
    use: LimitUse
    at: datetime
    where: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerView:
    """Show a latched breaker; `new_day_at` is when the next trading day begins."""

    scene: Scene
    breaker: Breaker
    name: str
    use: LimitUse
    bases: tuple[str, ...]
    position_id: str | None
    gross: Decimal
    new_day_at: datetime
    needs_code: bool
    where: str = ""
    window_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeView:
    """Show what an armed breaker measures now, at its worst scope; None where nothing does."""

    spec: BreakerSpec
    value: Decimal | None
    limit: Decimal
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakersView:
    """Show every breaker against its limit, the latched ones, and what persons hold back."""

    scene: Scene
    breakers: tuple[tuple[Breaker, str], ...]
    gauges: tuple[GaugeView, ...] = ()
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RearmView:
    """Show what re-arming a breaker lets go again, and what it costs."""

    scene: Scene
    shown: BreakerView
    still: tuple[str, ...]


def breakers_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote] | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    calls: Mapping[str, CallTally] | None = None,
) -> BreakersView:
    """Measure every breaker now, and list the latched ones, the oldest first."""
    latched = sorted(state.breakers.values(), key=lambda breaker: breaker.since)
    context = Context(
        now=scene.now, quotes=quotes or {}, instruments=instruments or {}, calls=calls or {}
    )
    return BreakersView(
        scene=scene,
        breakers=tuple((breaker, short(breaker.breaker_id, "B")) for breaker in latched),
        gauges=tuple(_gauge(spec, state, context) for spec in BREAKERS),
        restrictions=tuple(state.restrictions.values()),
    )


def _gauge(spec: BreakerSpec, state: State, context: Context) -> GaugeView:
    measured = readings(spec, state, context)
    worst = max(measured, key=lambda reading: reading.value, default=None)
    return GaugeView(
        spec=spec,
        value=max(ZERO, worst.value) if worst is not None else None,
        limit=spec.limit(state.limits),
        where=where_of(worst.scope) if worst is not None else "",
    )


def warning_view(
    scene: Scene,
    event: BreakerWarned,
    state: State,
    quotes: Mapping[str, Quote],
    *,
    is_over: bool = False,
) -> WarningView:
    """Show a warning."""
    use = limit_use(state, quotes, event.kind, value=event.value, limit=event.limit)
    where = where_of(event.scope)
    return WarningView(scene=scene, use=use, at=event.at, where=where, is_over=is_over)


def limit_use(
    state: State, quotes: Mapping[str, Quote], kind: str, *, value: Decimal, limit: Decimal
) -> LimitUse:
    """Measure a limit; the amounts are those of now, the shares those that were judged."""
    equity = state.equity
    if equity is None or (kind not in MONEY and spec_of(kind) is not None):
        return LimitUse(kind=kind, amount=None, amount_pct=value, limit=None, limit_pct=limit)
    worth = valuation(state, quotes)
    equity = equity.priced(worth.equity) if worth is not None else equity
    if kind == "daily_loss":
        most = day_limit(state)
        return LimitUse(
            kind=kind,
            amount=equity.day_pnl,
            amount_pct=-value,
            limit=-most if most is not None else None,
            limit_pct=-limit,
        )
    return LimitUse(
        kind=kind,
        amount=equity.equity - equity.high_water,
        amount_pct=-value,
        limit=-equity.high_water * limit / HUNDRED,
        limit_pct=-limit,
    )


def breaker_view(
    scene: Scene,
    breaker: Breaker,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> BreakerView:
    """Show a breaker."""
    held = tuple(state.positions.values())
    worth = valuation(state, quotes)
    sampled = state.equity.gross if state.equity is not None else ZERO
    spec = spec_of(breaker.kind)
    return BreakerView(
        scene=scene,
        breaker=breaker,
        name=short(breaker.breaker_id, "B"),
        use=limit_use(state, quotes, breaker.kind, value=breaker.value, limit=breaker.limit),
        bases=tuple(listing(position.key, instruments).base for position in held),
        position_id=held[0].position_id if len(held) == 1 else None,
        gross=worth.gross if worth is not None else sampled,
        new_day_at=day_start_of(state.day_starts).next(scene.now),
        needs_code=needs_code(state, scene.user_id),
        where=where_of(breaker.scope),
        window_s=spec.window_s(state.limits) if spec is not None else None,
    )


def rearm_view(
    scene: Scene,
    breaker: Breaker,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> RearmView:
    """Show what re-arming would let go; `still` names what holds back all the same."""
    others = [each for each in state.breakers.values() if each != breaker]
    still = [spec_name(each.kind) for each in others if not each.scope.key]
    if state.stop is not None:
        still.insert(0, "STOP")
    return RearmView(
        scene=scene,
        shown=breaker_view(scene, breaker, state, quotes, instruments),
        still=tuple(still),
    )


def spec_name(kind: str) -> str:
    """Name a breaker of a kind, the manual one too."""
    spec = spec_of(kind)
    return spec.name if spec is not None else "by a program"

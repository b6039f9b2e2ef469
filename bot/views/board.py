"""The board and the greeting: what stands at a glance, from State and the quotes of the moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.views.health import VenueHealth
from bot.views.scene import Scene, where_of
from bot.views.stops import stop_of
from engine.equity import Equity
from engine.instruments import Instrument
from engine.numbers import HUNDRED, ZERO
from engine.portfolio import is_dust, valuation
from engine.protection import is_resting
from engine.quotes import Quote
from engine.risk_limits import TradingState
from engine.state import State
from engine.stops import Breaker, Stop

GOOD_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The last error that was told: when, and what, in a few words.

    `stops_entries` while none is taken because of it, `halted` once somebody stopped on top of
    that, which nobody could write down yet.
    """

    at: datetime
    text: str
    stops_entries: bool = False
    halted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """Show the account; amounts in the reporting currency, shares in percent.

    `equity` None before the first measure; `stale_since` is the newest quote's time once every
    price is too old; `stops_without` counts positions that nothing protects; `breakers` has those
    of everything first, `held` names what a person holds back alone.
    """

    scene: Scene
    trading: TradingState
    stop: Stop | None
    breakers: tuple[Breaker, ...]
    held: tuple[str, ...]
    equity: Decimal | None
    day_pnl: Decimal | None
    day_pct: Decimal | None
    day_limit: Decimal | None
    daily_loss_pct_max: Decimal
    drawdown_pct: Decimal | None
    drawdown_pct_max: Decimal
    gross: Decimal | None
    positions: int
    positions_max: int
    dust: int
    resting: int
    watched: int
    entries: int
    orders: int
    unknown: int
    venues: tuple[VenueHealth, ...]
    errors: int
    fault: Fault | None
    stale_since: datetime | None
    good_until: datetime
    flatten_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartView:
    """Greet: what this is, what is connected, and the limits in money."""

    scene: Scene
    equity: Decimal | None
    venues: tuple[VenueHealth, ...]
    order_max: Decimal | None
    day_loss_max: Decimal | None
    halted: bool


def board_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    venues: Sequence[VenueHealth],
    *,
    fault: Fault | None = None,
    good_for: timedelta = GOOD_FOR,
) -> BoardView:
    """Measure the account now; on stale prices the last equity that was sampled fresh stands."""
    # Only what the account trades at matters: with no quotes at all nothing can be measured.
    times = [health.quote_at for health in venues if health.quote_at is not None]
    is_stale = bool(venues) and all(health.is_stale for health in venues)
    sampled = state.equity
    worth = None if is_stale else valuation(state, quotes)
    if sampled is not None and worth is not None:
        sampled = sampled.priced(worth.equity)
    equity = worth.equity if worth is not None else sampled.equity if sampled else None
    gross = worth.gross if worth is not None else sampled.gross if sampled else None
    stops = [stop_of(position, state) for position in state.positions.values()]
    dust = sum(is_dust(position, instruments, quotes) for position in state.positions.values())
    return BoardView(
        scene=scene,
        trading=TradingState.HALTED if fault is not None and fault.halted else state.trading,
        stop=state.stop,
        breakers=tuple(sorted(state.breakers.values(), key=lambda each: bool(each.scope.key))),
        held=tuple(where_of(each.scope) for each in state.restrictions.values() if each.scope.key),
        equity=equity,
        day_pnl=sampled.day_pnl if sampled is not None else None,
        day_pct=sampled.day_pct if sampled is not None else None,
        day_limit=day_limit(state),
        daily_loss_pct_max=state.limits.daily_loss_pct_max,
        drawdown_pct=_drawdown_pct(sampled),
        drawdown_pct_max=state.limits.drawdown_pct_max,
        gross=gross,
        positions=len(state.positions) - dust,
        positions_max=state.limits.positions_max,
        dust=dust,
        resting=sum(stop is not None and stop.resting for stop in stops),
        watched=sum(stop is not None and not stop.resting for stop in stops),
        entries=len(state.entries()),
        orders=len(state.orders),
        unknown=sum(len(state.unknown_on(key)) for key in {o.key for o in state.orders.values()}),
        venues=tuple(venues),
        errors=state.tally.errors,
        fault=fault,
        stale_since=max(times, default=scene.now) if is_stale else None,
        good_until=scene.now + good_for,
        flatten_running=state.flattening is not None,
    )


def day_limit(state: State) -> Decimal | None:
    """Give the loss since the day opened at which the breaker trips, in money; None before
    the first measure. After a re-arming one further limit counts from the equity then.
    """
    equity = state.equity
    if equity is None:
        return None
    opening = equity.loss_base - equity.loss_flows
    base = opening if opening > ZERO else equity.loss_base
    spent = equity.day_open - equity.loss_base
    return spent + base * state.limits.daily_loss_pct_max / HUNDRED


def start_view(scene: Scene, state: State, venues: Sequence[VenueHealth]) -> StartView:
    """Greet a person."""
    equity = state.equity.equity if state.equity is not None else None
    share = state.limits.order_notional_pct_max / HUNDRED
    return StartView(
        scene=scene,
        equity=equity,
        venues=tuple(venues),
        order_max=equity * share if equity is not None else None,
        day_loss_max=day_limit(state),
        halted=state.trading is TradingState.HALTED,
    )


def resting_stops(state: State) -> int:
    """Count the stops that rest at venues."""
    return sum(is_resting(order) for order in state.orders.values())


def _drawdown_pct(equity: Equity | None) -> Decimal | None:
    if equity is None or equity.unit_high <= ZERO:
        return None
    return equity.drawdown_pct

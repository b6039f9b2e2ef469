"""Accounts: balance, PnL, performance, signals, mode, venues and a symbol's price."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.views.health import VenueHealth
from bot.views.positions import LevelView, position_levels
from bot.views.scene import Listing, Scene, listing
from bot.views.stops import StopLevel, stop_of
from engine.decide.factors import needs_code
from engine.equity import DayTally, Equity
from engine.instruments import Instrument, cash_currency
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.performance import delay_cost_bps, shortfall_cost_bps
from engine.portfolio import Valuation, cash_free, valuation
from engine.positions import Position
from engine.quotes import Quote
from engine.state import JournalIdentity, ReceivedSignal, State

SIGNAL_ROWS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """Show the cash of one venue in one currency; `free` is held by no order and no margin."""

    venue: str
    currency: str
    cash: Decimal
    free: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceView:
    """Show cash, what is held in positions, and the equity of both.

    `holdings` are what a venue holds beside them, by venue: never counted, never sold.
    """

    scene: Scene
    purses: tuple[Purse, ...]
    holdings: tuple[tuple[str, str, Decimal], ...]
    worth: Valuation | None
    equity: Equity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlView:
    """Show the day's PnL and the drawdown, in the reporting currency, at the marks of now."""

    scene: Scene
    equity: Equity | None
    open_pnl: Decimal | None
    tally: DayTally
    drawdown_pct_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Show how a measure is distributed: percentiles by nearest rank, and the number measured."""

    name: str
    average: Decimal
    p50: Decimal
    p95: Decimal
    p99: Decimal
    worst: Decimal
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceView:
    """Show execution quality over the orders that State remembers; latencies in milliseconds."""

    scene: Scene
    orders: int
    filled: int
    refused: int
    slippage: Spread | None
    delay: Spread | None
    shortfall: Spread | None
    latencies: tuple[Spread, ...]
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsView:
    """Show the newest signals, each with what became of it as far as the tails reach."""

    scene: Scene
    signals: tuple[tuple[ReceivedSignal, OrderStatus | None], ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeView:
    """Show which journal this is, and what mode and accounts it belongs to."""

    scene: Scene
    journal: JournalIdentity | None
    confirm: str
    version: str
    seq: int
    is_enrolled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuesView:
    """Show how fresh each venue is, and which prices these are."""

    scene: Scene
    venues: tuple[VenueHealth, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """Show a symbol's price, its change, and the levels of what is held of it."""

    scene: Scene
    listing: Listing
    quote: Quote | None
    position: Position | None
    stop: StopLevel | None
    targets: tuple[LevelView, ...]

    @property
    def quote_age(self) -> timedelta | None:
        """Give the age of the quote."""
        return None if self.quote is None else max(timedelta(), self.scene.now - self.quote.at)


def holdings_of(state: State, venue: str) -> list[tuple[str, Decimal]]:
    """Give the holdings of a venue, by currency."""
    head = f"{venue}:"
    return [(p.removeprefix(head), q) for p, q in state.holdings.items() if p.startswith(head)]


def balance_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> BalanceView:
    """Show every purse."""
    fees = {
        (instrument.venue, cash_currency(instrument.symbol)): instrument.fee_taker
        for instrument in instruments.values()
    }
    purses = []
    for purse, cash in state.cash.items():
        venue, _, currency = purse.rpartition(":")
        free = cash_free(state, venue, currency, fees.get((venue, currency), ZERO))
        purses.append(Purse(venue=venue, currency=currency, cash=cash, free=free))
    return BalanceView(
        scene=scene,
        purses=tuple(purses),
        holdings=tuple(
            (venue, currency, quantity)
            for venue in (state.journal.accounts if state.journal is not None else ())
            for currency, quantity in holdings_of(state, venue)
        ),
        worth=valuation(state, quotes),
        equity=state.equity,
    )


def pnl_view(scene: Scene, state: State, quotes: Mapping[str, Quote]) -> PnlView:
    """Show the day so far."""
    worth = valuation(state, quotes)
    sampled = state.equity
    if sampled is not None and worth is not None:
        sampled = sampled.priced(worth.equity)
    return PnlView(
        scene=scene,
        equity=sampled,
        open_pnl=worth.unrealised_pnl if worth is not None else None,
        tally=state.tally,
        drawdown_pct_max=state.limits.drawdown_pct_max,
    )


def performance_view(scene: Scene, state: State) -> PerformanceView:
    """Measure the orders in State's tail; nothing is shown that was not measured."""
    orders = tuple(state.orders_finished.values())
    costs = [cost for order in orders if (cost := order.slippage_cost_bps) is not None]
    sent = [order for order in orders if order.status is not OrderStatus.NOT_SENT]
    stages = (
        ("Answer", _spans(orders, "submitted_at", "accepted_at")),
        ("First", _spans(orders, "submitted_at", "first_fill_at")),
        ("Done", _spans(_filled(orders), "submitted_at", "finished_at")),
    )
    latencies = [spread(name, spans) for name, spans in stages]
    return PerformanceView(
        scene=scene,
        orders=len(sent),
        filled=len(_filled(orders)),
        refused=sum(order.status is OrderStatus.REJECTED for order in orders),
        slippage=spread("Slippage", costs),
        delay=spread("Delay", _known(delay_cost_bps(order) for order in sent)),
        shortfall=spread("Shortfall", _known(shortfall_cost_bps(order) for order in sent)),
        latencies=tuple(found for found in latencies if found is not None),
        fees=sum((order.fees for order in orders), ZERO),
    )


def _known(values: Iterable[Decimal | None]) -> list[Decimal]:
    return [value for value in values if value is not None]


def _filled(orders: Iterable[Order]) -> list[Order]:
    return [order for order in orders if order.status is OrderStatus.FILLED]


def _spans(orders: Iterable[Order], start: str, end: str) -> list[Decimal]:
    spans = []
    for order in orders:
        first, last = getattr(order, start), getattr(order, end)
        if isinstance(first, datetime) and isinstance(last, datetime):
            spans.append(Decimal(str((last - first).total_seconds())) * 1000)
    return spans


def spread(name: str, values: Sequence[Decimal]) -> Spread | None:
    """Give percentiles by nearest rank; None without a value."""
    if not values:
        return None
    ordered = sorted(values)

    def rank(percent: int) -> Decimal:
        place = -(-len(ordered) * percent // 100)
        return ordered[max(place, 1) - 1]

    return Spread(
        name=name,
        average=sum(ordered, ZERO) / len(ordered),
        p50=rank(50),
        p95=rank(95),
        p99=rank(99),
        worst=ordered[-1],
        number=len(ordered),
    )


def signals_view(scene: Scene, state: State) -> SignalsView:
    """Show the newest signals first."""
    received = sorted(state.signals.values(), key=lambda signal: signal.at, reverse=True)
    orders = (*state.orders_finished.values(), *state.orders.values())
    statuses = {order.signal_id: order.status for order in orders}
    shown = tuple((each, statuses.get(each.signal_id)) for each in received[:SIGNAL_ROWS])
    return SignalsView(scene=scene, signals=shown, total=len(received))


def mode_view(scene: Scene, state: State, version: str) -> ModeView:
    """Show what this journal is; nothing can be changed here."""
    return ModeView(
        scene=scene,
        journal=state.journal,
        confirm=state.confirm.mode.value,
        version=version,
        seq=state.seq,
        is_enrolled=needs_code(state, scene.user_id),
    )


def chart_view(
    scene: Scene,
    key: str,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> ChartView:
    """Show a symbol."""
    about, position = listing(key, instruments), state.positions.get(key)
    return ChartView(
        scene=scene,
        listing=about,
        quote=quotes.get(key),
        position=position,
        stop=stop_of(position, state) if position is not None else None,
        targets=position_levels(position, about) if position is not None else (),
    )

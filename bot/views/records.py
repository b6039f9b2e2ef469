"""Records: the audit, the limits, the day's report, the alert preferences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal

from bot.views.scene import Scene
from engine import events as e
from engine.commands import Actor, ActorKind, AlertKind, AlertMode
from engine.identities import short
from engine.numbers import HUNDRED, ZERO, plain
from engine.orders import Order
from engine.portfolio import valuation
from engine.quotes import Quote
from engine.state import Chat, State
from engine.tickets import TicketStatus

AUDIT_ROWS = 6
CHOSEN_KINDS = (
    AlertKind.FILL,
    AlertKind.TROUBLE,
    AlertKind.WARNING,
    AlertKind.SLIPPAGE,
    AlertKind.REPORT,
    AlertKind.SIGNAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Show one event: its number, time, who, and what in a few words."""

    seq: int
    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """Show a page of the audit, newest first; `page` counts from 0."""

    scene: Scene
    lines: tuple[AuditLine, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """Show one event whole, field by field."""

    scene: Scene
    line: AuditLine
    kind: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """Show one limit with what is used of it."""

    name: str
    value: Decimal
    limit: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskView:
    """Show every limit; amounts in the reporting currency, `rules` are further sentences."""

    scene: Scene
    rows: tuple[LimitRow, ...]
    gross_with_orders: Decimal | None
    order_max: Decimal | None
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Show a day's report; `best_name` and `worst_name` name the coin where it is known."""

    scene: Scene
    report: e.DayReported
    best_name: str
    worst_name: str
    incident_text: str
    drawdown_pct_max: Decimal

    @property
    def day_pnl(self) -> Decimal:
        """Give the equity gained over the day."""
        return self.report.equity - self.report.day_open

    @property
    def closed(self) -> Decimal:
        """Give what closing earned before fees."""
        return self.report.realised_pnl + self.report.fees

    @property
    def open_change(self) -> Decimal:
        """Give the change of what is open."""
        return self.day_pnl - self.report.realised_pnl


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsView:
    """Show how a chat is told about each kind."""

    scene: Scene
    modes: tuple[tuple[AlertKind, AlertMode], ...]
    is_bound: bool


def audit_view(
    scene: Scene, events: Sequence[tuple[int, e.Event]], *, page: int, pages: int
) -> AuditView:
    """Show a page; `events` are numbered, newest first, at most six."""
    return AuditView(
        scene=scene,
        lines=tuple(audit_line(seq, event) for seq, event in events[:AUDIT_ROWS]),
        page=page,
        pages=max(1, pages),
    )


def audit_line(seq: int, event: e.Event) -> AuditLine:
    """Say in a few words who did what."""
    return AuditLine(seq=seq, at=event.at, who=_who(event), what=_what(event))


def event_view(scene: Scene, seq: int, event: e.Event) -> EventView:
    """Show one event whole."""
    return EventView(
        scene=scene,
        line=audit_line(seq, event),
        kind=type(event).__name__,
        rows=tuple(_rows("", event)),
    )


def _rows(prefix: str, value: object) -> list[tuple[str, str]]:
    if not is_dataclass(value):
        return [(prefix, _text(value))]
    rows: list[tuple[str, str]] = []
    for field in fields(value):
        inner = getattr(value, field.name)
        if inner is None or inner in ("", ()):
            continue
        name = f"{prefix} {field.name}".strip().replace("_", " ")
        rows += _rows(name, inner)
    return rows


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _who(event: e.Event) -> str:
    actor = getattr(event, "actor", None)
    if isinstance(actor, Actor):
        if actor.kind is ActorKind.PERSON:
            return str(actor.user_id)
        return actor.kind.value
    user_id = getattr(event, "user_id", None)
    if isinstance(user_id, int):
        return str(user_id)
    return "venue" if isinstance(event, _BY_VENUE) else "engine"


_BY_VENUE = (
    e.FillBooked,
    e.OrderAccepted,
    e.OrderRejected,
    e.OrderCanceled,
    e.OrderExpired,
    e.VenueAnswered,
)
_WORDS: Mapping[type[e.Event], str] = {
    e.JournalOpened: "journal",
    e.EpochBegun: "restored",
    e.EngineStarted: "started",
    e.EngineEnded: "ended",
    e.LiveArmed: "armed",
    e.OrderNotSent: "not sent",
    e.OrderAccepted: "accepted",
    e.OrderRejected: "rejected",
    e.OrderUnknown: "unknown",
    e.OrderAsked: "asked",
    e.OrderCancelRequested: "cancel",
    e.OrderCanceled: "cancelled",
    e.OrderExpired: "expired",
    e.OrderRecalled: "recalled",
    e.OrderReappeared: "is back",
    e.ExternalOrdersSeen: "not ours",
    e.ExternalCancelRequested: "cancel",
    e.HoldingsSeen: "holdings",
    e.CashDoubted: "cash?",
    e.CashFlowed: "cash flow",
    e.PositionAdopted: "adopted",
    e.AccountHalted: "halted",
    e.ProtectionChanged: "stop moved",
    e.ProtectionsSetAside: "stops off",
    e.ProtectionsRestored: "stops back",
    e.TradingHalted: "STOP",
    e.TradingResumed: "resume",
    e.BreakerTripped: "breaker",
    e.BreakerWarned: "warning",
    e.BreakerRearmed: "re-arm",
    e.EquitySampled: "equity",
    e.DayRolled: "new day",
    e.FlattenStarted: "flatten",
    e.FlattenAsked: "flat?",
    e.FlattenVerified: "flat here",
    e.FlattenStillOpen: "still open",
    e.FlattenEnded: "flat",
    e.BooksDiffer: "books diff",
    e.BooksEqual: "books eq",
    e.VenueWentSilent: "silent",
    e.VenueAnswered: "answers",
    e.DayReported: "report",
    e.ChatBound: "chat",
    e.AlertModeSet: "alerts",
    e.AlertAcknowledged: "seen",
    e.StrangerNoted: "stranger",
    e.BacklogSetAside: "set aside",
}
_TICKET_WORDS = {
    TicketStatus.APPROVED: "ok",
    TicketStatus.CANCELED: "no",
    TicketStatus.EXPIRED: "late",
    TicketStatus.MOVED: "moved",
    TicketStatus.DENIED: "deny",
}


def _what(event: e.Event) -> str:
    match event:
        case e.SignalReceived(signal=signal):
            return f"{signal.action.value} {signal.symbol.partition('/')[0]}"
        case e.OrderDenied(symbol=symbol):
            return f"denied {symbol.partition('/')[0]}"
        case e.TicketOpened(ticket=ticket):
            return f"ask {ticket.short_id}"
        case e.TicketEnded():
            word = _TICKET_WORDS.get(event.status, event.status.value)
            return f"{word} {short(event.ticket_id, 'T')}"
        case e.OrderSubmitted(order=order):
            return f"sent {order.short_id}"
        case e.FillBooked(fill=fill):
            return f"fill {fill.symbol.partition('/')[0]}"
        case e.ExitTriggered(leg=leg):
            return f"{leg} hit"
        case e.CommandRefused(command=command):
            return f"no {command}"
        case _:
            return _WORDS[type(event)]


def risk_view(scene: Scene, state: State, quotes: Mapping[str, Quote]) -> RiskView:
    """Show every limit that is enforced, with what is used of it now."""
    limits, equity = state.limits, state.equity
    worth = valuation(state, quotes)
    total = worth.equity if worth is not None else equity.equity if equity else ZERO
    gross = worth.gross if worth is not None else equity.gross if equity else ZERO
    entries = sum((_entry_worth(order) for order in state.entries()), ZERO)
    rows = [
        LimitRow(
            name="Day loss",
            value=equity.day_loss_pct if equity else ZERO,
            limit=limits.daily_loss_pct_max,
            unit="%",
        ),
        LimitRow(
            name="Drawdown",
            value=equity.drawdown_pct if equity else ZERO,
            limit=limits.drawdown_pct_max,
            unit="%",
        ),
        LimitRow(
            name="Positions",
            value=Decimal(len(state.positions)),
            limit=Decimal(limits.positions_max),
        ),
        LimitRow(
            name="Orders", value=Decimal(len(state.orders)), limit=Decimal(limits.orders_open_max)
        ),
        LimitRow(
            name="Leverage",
            value=gross / total if total > ZERO else ZERO,
            limit=limits.leverage_max,
            unit="x",
        ),
    ]
    share = limits.order_notional_pct_max
    return RiskView(
        scene=scene,
        rows=tuple(rows),
        gross_with_orders=gross + entries,
        order_max=total * share / HUNDRED,
        rules=(
            f"Price within {plain(limits.collar_bps_max)} bps of the mid",
            f"Market orders capped {plain(limits.slippage_cap_bps)} bps away",
            f"Drift at the confirm {plain(limits.drift_bps_max)} bps at most",
            f"The same order not within {limits.duplicate_window_s} s",
            f"Asks: {state.confirm.mode.value}; tickets live {state.confirm.ticket_life_s} s",
        ),
    )


def _entry_worth(order: Order) -> Decimal:
    return order.remaining * (order.price_limit or order.price_arrival or ZERO)


def report_view(
    scene: Scene,
    report: e.DayReported,
    *,
    drawdown_pct_max: Decimal = Decimal(10),
    best_name: str = "",
    worst_name: str = "",
    incident_text: str = "",
) -> ReportView:
    """Show a day's report."""
    return ReportView(
        scene=scene,
        report=report,
        best_name=best_name,
        worst_name=worst_name,
        incident_text=incident_text,
        drawdown_pct_max=drawdown_pct_max,
    )


def alerts_view(scene: Scene, chat: Chat | None) -> AlertsView:
    """Show how a chat is told; a chat that is not bound yet shows what it would be."""
    return AlertsView(
        scene=scene,
        modes=tuple(
            (kind, chat.mode_of(kind) if chat is not None else AlertMode.ON)
            for kind in CHOSEN_KINDS
        ),
        is_bound=chat is not None,
    )

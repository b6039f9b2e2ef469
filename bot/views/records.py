"""Records: the audit, the limits, the day's report, the alert preferences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal

from bot.views.event_words import event_words
from bot.views.scene import Scene
from engine import events as e
from engine.commands import Actor, ActorKind, AlertKind, AlertMode
from engine.context import measured_equity
from engine.exposure import exposure
from engine.instruments import Instrument
from engine.limit_use import limit_uses
from engine.numbers import HUNDRED, ZERO, plain
from engine.quotes import Quote
from engine.state import Chat, State

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
    others_reached: int = 0


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
        """Give the equity gained over the day, without what came in or went out."""
        return self.report.equity - self.report.day_open

    @property
    def day_pct(self) -> Decimal:
        """Give the gain as a share of what the day opened with, in percent."""
        opening = self.report.day_open - self.report.flows
        base = opening if opening > ZERO else self.report.day_open
        return self.day_pnl / base * HUNDRED if base > ZERO else ZERO

    @property
    def closed(self) -> Decimal:
        """Give what closing earned before fees."""
        return self.report.realised_pnl + self.report.fees

    @property
    def open_change(self) -> Decimal:
        """Give the change of what is open."""
        return self.day_pnl - self.report.realised_pnl - self.report.funding


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
    return AuditLine(seq=seq, at=event.at, who=_who(event), what=event_words(event))


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
        if inner is None or inner is False or inner in ("", ()):
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


RISK_ROWS: Mapping[str, str] = {
    "daily_loss_pct_max": "Day loss",
    "drawdown_pct_max": "Drawdown",
    "positions_max": "Positions",
    "orders_open_max": "Orders",
    "gross_pct_max": "Gross",
    "coin_pct_max": "Top coin",
    "leverage_max": "Leverage",
}
"""What K2 shows; the other limits stand where they are changed."""


def risk_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> RiskView:
    """Show the limits that can be used up, with what is used of them now, as the rules count."""
    limits, total = state.limits, measured_equity(state)
    uses = limit_uses(state, quotes, instruments, scene.now)
    return RiskView(
        scene=scene,
        rows=tuple(
            LimitRow(name=RISK_ROWS[use.field], value=use.value, limit=use.limit, unit=use.unit)
            for use in uses
            if use.field in RISK_ROWS
        ),
        others_reached=sum(use.is_reached for use in uses if use.field not in RISK_ROWS),
        gross_with_orders=exposure(state, quotes, "").gross,
        order_max=total * limits.order_notional_pct_max / HUNDRED,
        rules=(
            f"Price within {plain(limits.collar_bps_max)} bps of the mid",
            f"Market orders capped {plain(limits.slippage_cap_bps)} bps away",
            f"Drift at the confirm {plain(limits.drift_bps_max)} bps at most",
            f"The same order not within {limits.duplicate_window_s} s",
            f"Asks: {state.confirm.mode.value}; tickets live {state.confirm.ticket_life_s} s",
        ),
    )


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

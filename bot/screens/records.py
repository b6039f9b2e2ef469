"""K1 to K4: the audit, the limits, the daily report, the alert preferences."""

from bot.callbacks import AlertKindCycle, Dismiss, LimitsShow, OpenEvent, Page, Refresh, Show
from bot.screens import figures
from bot.screens.layout import (
    PANEL_COLUMNS,
    Screen,
    Sign,
    bold,
    code,
    in_threes,
    in_twos,
    line,
    panel,
    plain_text,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.views.records import (
    AlertsView,
    AuditLine,
    AuditView,
    EventView,
    LimitRow,
    ReportView,
    RiskView,
)
from bot.views.scene import Scene
from engine.commands import AlertKind

_WHO_MAX = 4
_WHO = {"engine": "auto", "schedule": "auto", "venue": "vnue"}
_KINDS = {
    AlertKind.FILL: "Fills",
    AlertKind.TROUBLE: "Trouble",
    AlertKind.WARNING: "Warnings",
    AlertKind.SLIPPAGE: "Slippage",
    AlertKind.REPORT: "Reports",
    AlertKind.SIGNAL: "Signals",
}


def audit(view: AuditView) -> Screen:
    """K1: list what happened, newest first, a button to open each entry."""
    scene = view.scene
    refresh = press("Refresh", Refresh(page=Page.AUDIT, number=view.page))
    if not view.lines:
        return Screen(text=text_of(bold("Audit"), "Nothing is written yet."), rows=(row(refresh),))
    buttons = [press(f"{item.seq}", OpenEvent(seq=item.seq)) for item in view.lines]
    turns = [refresh]
    if view.page + 1 < view.pages:
        turns.insert(0, press("Older", Refresh(page=Page.AUDIT, number=view.page + 1)))
    if view.page > 0:
        turns.insert(0, press("Newer", Refresh(page=Page.AUDIT, number=view.page - 1)))
    return Screen(
        text=text_of(
            bold("Audit, newest first"),
            panel(*(_audit_line(item, scene) for item in view.lines)),
            f"No., time, who, what. Page {view.page + 1} of {view.pages:,}",
        ),
        rows=(*in_threes(buttons), row(*turns)),
    )


def _audit_line(item: AuditLine, scene: Scene) -> str:
    at = figures.clock_short(item.at, scene.tz, scene.now)
    if len(at) > 5:
        local = item.at.astimezone(scene.tz)
        at = f"{local.day:02}{figures.month_name(local.month)}"
    who = item.who
    if len(who) > _WHO_MAX:
        who = f"…{who[-3:]}" if who.isdigit() else _WHO.get(who, who)[:_WHO_MAX]
    head = f"{item.seq:>4} {at} {who:>{_WHO_MAX}} "
    return head + shortened(item.what, PANEL_COLUMNS - len(head))


def audit_entry(view: EventView) -> Screen:
    """Show one entry whole: every field that says something."""
    item, scene = view.line, view.scene
    lines = [f"{plain_text(name)}: {plain_text(value)}" for name, value in view.rows]
    return Screen(
        text=text_of(
            bold(f"Audit {item.seq}: {shortened(item.what, 20)}"),
            f"{figures.clock(item.at, scene.tz, scene.now)}, {plain_text(item.who)}",
            f"{code(view.kind)}",
            "",
            *lines,
        ),
        rows=(row(press("Audit", Show(page=Page.AUDIT))),),
    )


def risk(view: RiskView) -> Screen:
    """K2: every limit with what is used of it."""
    scene = view.scene
    reached = sum(item.value >= item.limit for item in view.rows) + view.others_reached
    what = "Risk: every limit holds"
    if reached:
        what = f"Risk: {figures.count(reached, 'limit')} reached"
    return Screen(
        text=text_of(
            title_line(what, sign=Sign.STOPPED if reached else Sign.FINE, live=scene.live),
            panel(*(_limit_line(item) for item in view.rows)),
            quote(
                f"Gross with open orders: {figures.money(view.gross_with_orders)}"
                if view.gross_with_orders is not None
                else None,
                f"One order at most {figures.money(view.order_max)} {plain_text(scene.currency)}"
                if view.order_max is not None
                else None,
                *(plain_text(rule) for rule in view.rules),
            ),
            f"As of {figures.clock(scene.now, scene.tz)}",
        ),
        rows=(
            row(press("Change limits" if scene.is_owner else "All limits", LimitsShow(number=0))),
            row(
                press("Breakers", Show(page=Page.BREAKERS)),
                press("Refresh", Refresh(page=Page.RISK)),
            ),
        ),
    )


def _limit_line(item: LimitRow) -> str:
    value = figures.used(item.value, item.limit)
    text = f"{value} / {figures.trimmed(item.limit)}{item.unit}"
    return line(item.name, text, figures.bar(item.value, item.limit))


def report(view: ReportView) -> Screen:
    """K3: the day in figures; the journal's head anchors its chain."""
    scene, day = view.scene, view.report
    date = f"{day.day.day} {figures.month_name(day.day.month)}"
    pnl = figures.signed_money(view.day_pnl)
    slip = day.slippage_bps
    incidents = None
    if day.incidents:
        text = f": {plain_text(view.incident_text)}" if view.incident_text else ""
        incidents = f"{figures.count(day.incidents, 'incident')}{text}."
    limit = f"of {figures.trimmed(view.drawdown_pct_max)}%"
    trades = figures.count(day.closed_trades, "trade")
    return Screen(
        text=text_of(
            title_line(
                (f"{date} {pnl} {scene.currency}", f"{date} {pnl}", date),
                sign=Sign.FINE,
                live=scene.live,
            ),
            panel(
                line("Closed", figures.signed_money(view.closed), trades[:8]),
                line("Open", figures.signed_money(view.open_change), "change"),
                line("Fees", figures.signed_money(-day.fees), scene.currency),
                line("Day", pnl, second=figures.signed_percent(view.day_pct)),
                line("Equity", figures.money(day.equity), scene.currency),
                line("Best", figures.signed_money(day.best), shortened(view.best_name, 8))
                if day.best is not None
                else None,
                line("Worst", figures.signed_money(day.worst), shortened(view.worst_name, 8))
                if day.worst is not None
                else None,
                line("Slippage", figures.bps(slip), figures.cost_or_gain(slip))
                if slip is not None
                else None,
                line("Drawdown", figures.percent(day.drawdown_pct), limit),
            ),
            f"{day.won} won, {day.lost} lost."
            f" Volume {figures.money(day.volume)} {plain_text(scene.currency)}.",
            incidents,
            f"Journal head {code(day.chain_head[:16])}" if day.chain_head else None,
        ),
        rows=(
            row(
                press("PnL", Show(page=Page.PNL)),
                press("Performance", Show(page=Page.PERFORMANCE)),
            ),
        ),
    )


def alerts(view: AlertsView) -> Screen:
    """K4: what is always on, and a button for each kind that can be turned."""
    buttons = [
        press(f"{_KINDS[kind]}: {mode.value}", AlertKindCycle(kind=kind))
        for kind, mode in view.modes
    ]
    return Screen(
        text=text_of(
            bold("Alerts in this chat"),
            panel(
                line("Stop", "on", "always"),
                line("Breaker", "on", "always"),
                line("Tickets", "on", "always"),
            ),
            "Tap to change: on, silent, off.",
            None if view.is_bound else "Send /start here to receive them.",
        ),
        rows=(*in_twos(buttons), row(press("Done", Dismiss()))) if view.is_bound else (),
    )

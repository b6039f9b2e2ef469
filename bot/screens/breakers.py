"""J2 and what belongs to it: a breaker tripped, the list of all, the question of a re-arming."""

from decimal import Decimal

from bot.callbacks import (
    Acknowledge,
    Dismiss,
    OpenPosition,
    Page,
    Rearm,
    RearmAsk,
    Refresh,
    ScopeGo,
    Show,
)
from bot.screens import figures
from bot.screens.board import breaker_name
from bot.screens.ladder import flatten_row
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    Style,
    bold,
    code,
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
from bot.screens.limits import use_lines, used_line
from bot.views.breakers import BreakersView, BreakerView, GaugeView, RearmView
from bot.views.scene import Scene, where_of
from bot.views.scopes import token_of
from engine.breakers import spec_of
from engine.events import BreakerRearmed
from engine.risk_limits import TradingState
from engine.stops import Breaker

_TITLES = {"daily_loss": "day loss", "drawdown": "drawdown"}
_GAUGES = {
    "daily_loss": "Day loss",
    "drawdown": "Drawdown",
    "losses_in_a_row": "Losses",
    "failures_in_a_row": "Failures",
    "reject_rate": "Rejects",
    "unknown_orders": "Unknown",
    "differing_books": "Books",
    "stale_prices": "Prices",
    "venue_errors": "Errors",
    "average_slippage": "Slippage",
}
_GRANTS = {
    "daily_loss": "grants one further limit",
    "drawdown": "resets the high-water mark",
    "losses_in_a_row": "counts from zero",
    "failures_in_a_row": "counts from zero",
    "reject_rate": "counts from zero",
    "unknown_orders": "leaves those of now out",
    "differing_books": "waits as long once more",
    "stale_prices": "waits as long once more",
    "venue_errors": "counts from zero",
    "average_slippage": "counts from zero",
}


def breaker(view: BreakerView) -> Screen:
    """J2: a breaker is latched; what is blocked, what works, how it is re-armed."""
    scene, latched = view.scene, view.breaker
    spec = spec_of(latched.kind)
    repeats = None if latched.acknowledged else "Repeats each 60 s until acknowledged."
    since = figures.clock(latched.since, scene.tz, scene.now)
    where = f" on {plain_text(view.where)}" if view.where else ""
    advice = plain_text(spec.advice) if spec is not None and not view.use.is_money else None
    return Screen(
        text=text_of(
            title_line(_titles(view), sign=Sign.ALARM, live=scene.live),
            f"{_state_word(latched)} since {since}{where}",
            None if spec is not None else plain_text(latched.sentence),
            panel(
                *_measured(view),
                line("Open", str(len(view.bases)), _bases(view)),
                line("Gross", figures.money(view.gross), scene.currency),
            ),
            quote(
                f"<b>Blocked</b> {'new entries' + where if where else 'all new entries'}",
                "<b>Works</b> exits, cancels, stops",
                f"<b>Do</b> {advice}" if advice is not None else None,
                f"<b>Re-arm</b> {_rearm_text(view)}",
            ),
            repeats,
            code(view.name),
        ),
        rows=_breaker_rows(view),
    )


def _titles(view: BreakerView) -> tuple[str, ...]:
    spec = spec_of(view.breaker.kind)
    if spec is None:
        return ("Breaker tripped",)
    if view.use.is_money:
        share = figures.signed_percent(view.use.amount_pct)
        return (f"Breaker: {_TITLES[view.breaker.kind]} {share}",)
    value = spec.text(view.breaker.value)
    return (f"Breaker: {spec.name} {value}", f"Breaker: {spec.name}", "Breaker tripped")


def _measured(view: BreakerView) -> tuple[str, ...]:
    if spec_of(view.breaker.kind) is None:
        return ()
    over = () if view.window_s is None else (line("Over", str(view.window_s), "s"),)
    return (*use_lines(view.use), used_line(view.use), *over)


def _state_word(latched: Breaker) -> str:
    return "Halted" if latched.action is TradingState.HALTED else "Reducing"


def _bases(view: BreakerView) -> str:
    bases = " ".join(view.bases)
    return bases if len(bases) <= 8 else "in all"


def _rearm_text(view: BreakerView) -> str:
    scene, kind = view.scene, view.breaker.kind
    if view.needs_code and kind == "daily_loss":
        new_day = figures.clock_short(view.new_day_at, scene.tz)
        return f"an owner with a code, after {new_day} (new day) or a higher limit"
    who = "an owner with a code" if view.needs_code else "an owner"
    if view.needs_code and kind == "drawdown":
        return who
    return f"{who}; {_GRANTS[kind]}" if kind in _GRANTS else who


def _breaker_rows(view: BreakerView) -> tuple[Row, ...]:
    scene, latched = view.scene, view.breaker
    position = press("Position", Show(page=Page.POSITIONS))
    if view.position_id is not None:
        position = press("Position", OpenPosition(position_id=view.position_id))
    middle = [position] if view.bases else []
    if scene.is_owner:
        label = "Re-arm, then code" if view.needs_code else "Re-arm"
        middle.insert(0, press(label, RearmAsk(breaker_id=latched.breaker_id)))
    rows: list[Row] = []
    if scene.may_trade and view.bases:
        rows.append(flatten_row(len(view.bases)))
    if middle:
        rows.append(row(*middle))
    if not latched.acknowledged:
        subject = f"breaker:{latched.breaker_id}"
        rows.append(row(press("Acknowledge", Acknowledge(subject=subject))))
    return tuple(rows)


def rearm(view: RearmView) -> Screen:
    """Ask before a breaker is re-armed: what it lets go again, and what that costs."""
    scene, shown = view.scene, view.shown
    latched = shown.breaker
    spec = spec_of(latched.kind)
    name = breaker_name(latched.kind)
    where = f" on {plain_text(shown.where)}" if shown.where else ""
    still = ", ".join(plain_text(each) for each in view.still)
    label = "Re-arm, then code" if shown.needs_code else "Re-arm"
    style = Style.GREEN if scene.live else Style.BLUE
    go = press(label, Rearm(breaker_id=latched.breaker_id), style)
    return Screen(
        text=text_of(
            title_line(
                (f"Re-arm {name}?", "Re-arm this breaker?"), sign=Sign.STOPPED, live=scene.live
            ),
            f"Latched {figures.age_coarse(scene.now - latched.since)}{where}.",
            panel(*_measured(shown)) if spec is not None else plain_text(latched.sentence),
            quote(
                f"<b>Allows again</b> new entries{where}" if not still else None,
                f"<b>Still held back by</b> {still}" if still else None,
                f"<b>Then</b> it {_GRANTS[latched.kind]}" if latched.kind in _GRANTS else None,
                f"<b>First</b> {plain_text(spec.advice)}" if spec is not None else None,
            ),
            None if scene.is_owner else "Only an owner may re-arm.",
            code(shown.name),
        ),
        rows=(*((row(go),) if scene.is_owner else ()), row(press("Leave it", Dismiss()))),
    )


def rearmed(scene: Scene, event: BreakerRearmed) -> Screen:
    """Say that a breaker is re-armed, by whom."""
    name = breaker_name(event.kind)
    where = where_of(event.scope)
    code_ = " with code" if event.actor.with_code else ""
    by = f"By {plain_text(event.actor.text)}{code_}"
    return Screen(
        text=text_of(
            title_line((f"Re-armed: {name}", "Breaker re-armed"), sign=Sign.FINE, live=scene.live),
            f"On {plain_text(where)}." if where else None,
            f"{by} at {figures.clock(event.at, scene.tz, scene.now)}.",
        )
    )


def breakers(view: BreakersView) -> Screen:
    """List every breaker against its limit, what is latched, and what persons hold back."""
    scene = view.scene
    count = len(view.breakers)
    what = f"{figures.count(count, 'breaker')} tripped" if count else "No breaker tripped"
    lines = [
        f"🚨 {bold(breaker_name(latched.kind).capitalize())}: {plain_text(latched.sentence)}\n"
        f"since {figures.clock(latched.since, scene.tz, scene.now)} · {code(name)}"
        for latched, name in view.breakers
    ]
    lines += [
        f"⛔ {bold(_capital(where_of(held.scope) or 'Everything'))}: "
        f"{'no new entries' if held.trading is TradingState.HALTED else 'only exits'}, "
        f"by {plain_text(held.by)} since {figures.clock(held.since, scene.tz, scene.now)}"
        for held in view.restrictions
    ]
    is_shut = bool(count or view.restrictions)
    return Screen(
        text=text_of(
            title_line(what, sign=Sign.STOPPED if count else Sign.FINE, live=scene.live),
            panel(*(_gauge_line(gauge) for gauge in view.gauges)) if view.gauges else None,
            *lines,
            "Only an owner may re-arm or resume." if is_shut and not scene.is_owner else None,
            f"As of {figures.clock(scene.now, scene.tz)}",
        ),
        rows=(
            *_letting_go(view),
            row(press("Risk", Show(page=Page.RISK)), press("Refresh", Refresh(page=Page.BREAKERS))),
        ),
    )


def _letting_go(view: BreakersView) -> tuple[Row, ...]:
    if not view.scene.is_owner:
        return ()
    rearms = [
        row(
            press(
                f"Re-arm {shortened(breaker_name(latched.kind), 26)}",
                RearmAsk(breaker_id=latched.breaker_id),
            )
        )
        for latched, _ in view.breakers
    ]
    resumes = [
        row(
            press(
                f"Resume {shortened(where_of(held.scope) or 'everything', 26)}",
                ScopeGo(scope=token_of(held.scope)),
            )
        )
        for held in view.restrictions
        if held.scope.key
    ]
    return tuple([*rearms, *resumes][:8])


def _gauge_line(gauge: GaugeView) -> str:
    name = _GAUGES[gauge.spec.kind]
    limit = figures.trimmed(gauge.limit)
    unit = gauge.spec.unit if gauge.spec.unit in ("%", "s") else ""
    if gauge.value is None and not unit:
        return line(name, f"0 / {limit}", figures.bar(Decimal(0), gauge.limit))
    if gauge.value is None:
        return line(name, f"– / {limit}{unit}", figures.bar(Decimal(0), gauge.limit))
    digits = 1 if gauge.spec.unit == "%" and gauge.value % 1 else 0
    value = figures.fixed(gauge.value, digits)
    return line(name, f"{value} / {limit}{unit}", figures.bar(gauge.value, gauge.limit))


def _capital(text: str) -> str:
    return plain_text(text[:1].upper() + text[1:])

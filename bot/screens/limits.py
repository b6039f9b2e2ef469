"""J1, J2, J3: a limit nearly used, a breaker tripped, a fill that cost too much."""

from decimal import Decimal

from bot.callbacks import Acknowledge, OpenOrder, OpenPosition, Page, Rearm, Show
from bot.screens import figures
from bot.screens.board import breaker_name
from bot.screens.ladder import flatten_row
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
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
from bot.screens.orders import done_word, slippage_line
from bot.views.orders import SlippageView
from bot.views.trouble import BreakersView, BreakerView, LimitUse, WarningView

_AMOUNT_NAMES = {"daily_loss": "Today", "drawdown": "From high"}
_TITLES = {"daily_loss": "day loss", "drawdown": "drawdown"}


def warning(view: WarningView) -> Screen:
    """J1: a limit is used to its warning share."""
    scene, use = view.scene, view.use
    used = figures.fixed(use.used_pct, 0)
    name = breaker_name(use.kind).capitalize()
    left: str | None = None
    if use.amount is not None and use.limit is not None:
        left = line("Left", figures.money(max(use.amount - use.limit, Decimal(0))), scene.currency)
    return Screen(
        text=text_of(
            title_line(
                (f"{name} at {used}% of limit", f"{name} at {used}%", f"Limit at {used}%"),
                sign=Sign.LOOK,
                live=scene.live,
            ),
            panel(*_use_lines(use), left, _used_line(use)),
            "At the limit new entries stop.",
            f"Exits go on. {figures.clock(view.at, scene.tz, scene.now)}",
        ),
        rows=(
            row(press("Positions", Show(page=Page.POSITIONS)), press("Risk", Show(page=Page.RISK))),
        ),
    )


def _use_lines(use: LimitUse) -> tuple[str, ...]:
    amount = figures.signed_money(use.amount) if use.amount is not None else "–"
    limit = figures.signed_money(use.limit) if use.limit is not None else "–"
    return (
        line(
            _AMOUNT_NAMES.get(use.kind, "Now"),
            amount,
            second=figures.signed_percent(use.amount_pct),
        ),
        line("Limit", limit, second=figures.signed_percent(use.limit_pct)),
    )


def _used_line(use: LimitUse) -> str:
    bar = figures.bar(abs(use.amount_pct), abs(use.limit_pct))
    return line("Used", f"{figures.fixed(use.used_pct, 0)}%", bar)


def breaker(view: BreakerView) -> Screen:
    """J2: a breaker is latched; what is blocked, what works, how it is re-armed."""
    scene, latched = view.scene, view.breaker
    since = figures.clock(latched.since, scene.tz, scene.now)
    is_measured = latched.kind in _TITLES
    share = figures.signed_percent(view.use.amount_pct)
    what = f"Breaker: {_TITLES[latched.kind]} {share}" if is_measured else "Breaker tripped"
    repeats = None if latched.acknowledged else "Repeats each 60 s until acknowledged."
    return Screen(
        text=text_of(
            title_line(what, sign=Sign.ALARM, live=scene.live),
            f"{_state_word(view)} since {since}",
            None if is_measured else plain_text(latched.sentence),
            panel(
                *(_use_lines(view.use) if is_measured else ()),
                _used_line(view.use) if is_measured else None,
                _open_line(view),
                line("Gross", figures.money(view.gross), scene.currency),
            ),
            quote(
                "<b>Blocked</b> all new entries",
                "<b>Works</b> exits, cancels, stops",
                f"<b>Re-arm</b> {_rearm_text(view)}",
            ),
            repeats,
            code(view.name),
        ),
        rows=_breaker_rows(view),
    )


def _state_word(view: BreakerView) -> str:
    return "Halted" if view.breaker.action.value == "halted" else "Reducing"


def _open_line(view: BreakerView) -> str:
    bases = " ".join(view.bases)
    note = bases if len(bases) <= 8 else "in all"
    return line("Open", str(len(view.bases)), note)


def _rearm_text(view: BreakerView) -> str:
    scene = view.scene
    if view.needs_code:
        who = "an owner with a code"
        if view.breaker.kind == "daily_loss":
            new_day = figures.clock_short(view.new_day_at, scene.tz)
            return f"{who}, after {new_day} (new day) or a higher limit"
        return who
    grants = {
        "daily_loss": "an owner; grants one further limit",
        "drawdown": "an owner; resets the high-water mark",
    }
    return grants.get(view.breaker.kind, "an owner")


def _breaker_rows(view: BreakerView) -> tuple[Row, ...]:
    scene, latched = view.scene, view.breaker
    position = press("Position", Show(page=Page.POSITIONS))
    if view.position_id is not None:
        position = press("Position", OpenPosition(position_id=view.position_id))
    middle = [position] if view.bases else []
    if scene.is_owner:
        label = "Re-arm, then code" if view.needs_code else "Re-arm"
        middle.insert(0, press(label, Rearm(breaker_id=latched.breaker_id)))
    rows: list[Row] = []
    if scene.may_trade and view.bases:
        rows.append(flatten_row(len(view.bases)))
    if middle:
        rows.append(row(*middle))
    if not latched.acknowledged:
        subject = f"breaker:{latched.breaker_id}"
        rows.append(row(press("Acknowledge", Acknowledge(subject=subject))))
    return tuple(rows)


def breakers(view: BreakersView) -> Screen:
    """List the latched breakers with a button to re-arm each, or say that there is none."""
    scene = view.scene
    now = f"As of {figures.clock(scene.now, scene.tz)}"
    if not view.breakers:
        return Screen(
            text=text_of(
                title_line("No breaker tripped", sign=Sign.FINE, live=scene.live),
                "They watch daily loss and drawdown.",
                now,
            ),
            rows=(row(press("Risk", Show(page=Page.RISK))),),
        )
    lines = [
        f"🚨 {bold(breaker_name(latched.kind).capitalize())}: {plain_text(latched.sentence)}\n"
        f"since {figures.clock(latched.since, scene.tz, scene.now)} · {code(name)}"
        for latched, name in view.breakers
    ]
    rows = [
        row(
            press(
                f"Re-arm {shortened(breaker_name(latched.kind), 26)}",
                Rearm(breaker_id=latched.breaker_id),
            )
        )
        for latched, _ in view.breakers
        if scene.is_owner
    ]
    return Screen(
        text=text_of(
            title_line(
                f"{figures.count(len(view.breakers), 'breaker')} tripped",
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            *lines,
            None if scene.is_owner else "Only an owner may re-arm.",
            now,
        ),
        rows=(*rows, row(press("Risk", Show(page=Page.RISK)))),
    )


def slippage(view: SlippageView) -> Screen:
    """J3: a fill cost more than the threshold."""
    scene, order, about = view.scene, view.order.order, view.order.listing
    cost = order.slippage_cost_bps or Decimal(0)
    base = shortened(about.base, 8)
    bps = figures.bps(cost)
    what = "Stop" if order.is_exit and order.reason.startswith("stop") else "Order"
    closed = ", closed" if order.is_exit and view.order.position is None else ""
    done = done_word(view.order).lower()
    average = order.price_average or Decimal(0)
    arrival = order.price_arrival or Decimal(0)
    money = view.order.slippage_money or Decimal(0)
    today = ""
    if view.day_average_bps is not None:
        number = figures.count(view.day_orders, "order")
        today = f"Today {figures.fixed(view.day_average_bps, 1)} bps average over {number}."
    at = figures.clock(order.finished_at or scene.now, scene.tz, scene.now)
    return Screen(
        text=text_of(
            title_line(
                (f"Slippage {bps} bps on {base}", f"Slippage {bps} bps", "Slippage"),
                sign=Sign.LOOK,
                live=scene.live,
            ),
            f"{what} filled: {done} {figures.quantity(order.filled)} {plain_text(base)}{closed}.",
            panel(
                line("Arrival", figures.average(arrival, about.tick), "mid"),
                line("Average", figures.average(average, about.tick), about.quote),
                slippage_line(cost),
                line("", figures.money(money), about.quote),
                line("Warns at", figures.bps(view.warn_bps), "bps"),
                line("Realised", figures.signed_money(order.realised_pnl), about.quote)
                if order.is_exit
                else None,
            ),
            today or None,
            f"{at} · {code(order.short_id)}",
        ),
        rows=(
            row(
                press("Fill card", OpenOrder(client_order_id=order.client_order_id)),
                press("Performance", Show(page=Page.PERFORMANCE)),
            ),
        ),
    )

"""J1, J3: a limit nearly used, a fill that cost too much. A tripped breaker is in `breakers`."""

from decimal import Decimal

from bot.callbacks import OpenOrder, Page, Show
from bot.screens import figures
from bot.screens.board import breaker_name
from bot.screens.layout import (
    Screen,
    Sign,
    code,
    line,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.orders import done_word, slippage_line
from bot.views.breakers import LimitUse, WarningView
from bot.views.orders import SlippageView
from bot.views.scene import Scene, where_of
from engine.breakers import BreakerSpec, spec_of
from engine.events import BreakerEased

_AMOUNT_NAMES = {"daily_loss": "Today", "drawdown": "From high"}


def warning(view: WarningView) -> Screen:
    """J1: a limit is used to its warning share."""
    scene, use = view.scene, view.use
    used = figures.fixed(use.used_pct, 0)
    name = breaker_name(use.kind).capitalize()
    left: str | None = None
    where = f" on {plain_text(view.where)}" if view.where else ""
    if use.amount is not None and use.limit is not None:
        left = line("Left", figures.money(max(use.amount - use.limit, Decimal(0))), scene.currency)
    return Screen(
        text=text_of(
            title_line(
                (f"{name} at {used}% of limit", f"{name} at {used}%", f"Limit at {used}%"),
                sign=Sign.LOOK,
                live=scene.live,
            ),
            panel(*use_lines(use), left, used_line(use)),
            f"At the limit new entries{where} stop.",
            "It has fallen back since." if view.is_over else None,
            f"Exits go on. {figures.clock(view.at, scene.tz, scene.now)}",
        ),
        rows=(
            row(press("Positions", Show(page=Page.POSITIONS)), press("Risk", Show(page=Page.RISK))),
        ),
    )


def eased(scene: Scene, event: BreakerEased) -> Screen:
    """J1, over: what was warned about has fallen back."""
    name = breaker_name(event.kind).capitalize()
    where = where_of(event.scope)
    spec = spec_of(event.kind)
    values = (
        f"{spec.text(event.value)} now, limit {spec.text(event.limit)}."
        if spec is not None
        else None
    )
    return Screen(
        text=text_of(
            title_line((f"{name} fell back", "It fell back"), sign=Sign.FINE, live=scene.live),
            f"On {plain_text(where)}." if where else None,
            values,
            figures.clock(event.at, scene.tz, scene.now),
        )
    )


def use_lines(use: LimitUse) -> tuple[str, ...]:
    """Write what is used and the limit: in money and percent, or in the breaker's own unit."""
    spec = spec_of(use.kind)
    if not use.is_money and spec is not None:
        return (_own_line("Now", use.amount_pct, spec), _own_line("Limit", use.limit_pct, spec))
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


def _own_line(name: str, value: Decimal, spec: BreakerSpec) -> str:
    if spec.unit == "%":
        return line(name, figures.percent(value))
    return line(name, figures.fixed(value, 0), spec.unit)


def used_line(use: LimitUse) -> str:
    """Write the used share of a limit with its bar."""
    bar = figures.bar(abs(use.amount_pct), abs(use.limit_pct))
    return line("Used", f"{figures.fixed(use.used_pct, 0)}%", bar)


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

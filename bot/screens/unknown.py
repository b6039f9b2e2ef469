"""F1, F2, F3: an order that the venue has not spoken about, and how it was settled."""

from bot.callbacks import AskNow, OpenPosition, RepeatOrder
from bot.screens import figures
from bot.screens.layout import (
    Screen,
    Sign,
    code,
    copy,
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
from bot.views.orders import OrderView
from engine.numbers import ZERO
from engine.orders import OrderSide


def unknown(view: OrderView) -> Screen:
    """F1: say that nobody knows yet, what is asked, what is blocked and what works."""
    order, scene, about = view.order, view.scene, view.listing
    base = shortened(about.base, 10)
    venue = plain_text(about.venue_title)
    waited = ""
    if order.unknown_since is not None and order.submitted_at is not None:
        waited = f" in {figures.age(order.unknown_since - order.submitted_at)}"
    sent = order.submitted_at or scene.now
    is_buy = order.side is OrderSide.BUY
    buttons = [copy("Copy id", order.venue_order_id or order.client_order_id)]
    if scene.may_trade:
        buttons.insert(0, press("Ask now", AskNow(client_order_id=order.client_order_id)))
    blocked = "a second exit until it is settled" if order.is_exit else f"{base} entries"
    return Screen(
        text=text_of(
            title_line(
                (f"Unknown: {order.side.value} {base}", "Unknown"),
                sign=Sign.UNKNOWN,
                live=scene.live,
            ),
            f"No answer from {venue}{waited}. It may have the order. Asking the venue.",
            panel(
                line(
                    "Buy" if is_buy else "Sell",
                    figures.quantity(order.quantity),
                    shortened(about.base, 8),
                ),
                line("Sent", figures.clock(sent, scene.tz), "once"),
                line("Asked", str(order.asks), "time" if order.asks == 1 else "times"),
                line("Next ask", figures.clock(view.next_ask_at, scene.tz))
                if view.next_ask_at is not None
                else None,
                line("At most", figures.money(view.cost_max), about.quote)
                if view.cost_max is not None and is_buy
                else None,
            ),
            quote(
                "It is never sent again.",
                f"<b>Blocked</b> {plain_text(blocked)}",
                "<b>Works</b> STOP, close, cancel",
            ),
            code(order.short_id),
        ),
        rows=(row(*buttons),),
    )


def found(view: OrderView) -> Screen:
    """F2: say that the venue had the order after all, and what became of it."""
    order, scene, about = view.order, view.scene, view.listing
    base = shortened(about.base, 10)
    venue = plain_text(about.venue_title)
    told = figures.clock(order.finished_at or order.accepted_at or scene.now, scene.tz, scene.now)
    is_filled = order.filled > ZERO
    done = "bought" if order.side is OrderSide.BUY else "sold"
    buttons = [copy("Copy id", order.venue_order_id or order.client_order_id)]
    if view.position is not None:
        name = view.position.position_id
        buttons.insert(0, press("Position", OpenPosition(position_id=name)))
    return Screen(
        text=text_of(
            title_line(
                (f"Found: {base} {done if is_filled else 'order'}", "Found"),
                sign=Sign.FINE,
                live=scene.live,
            ),
            f"{venue} had filled it, told at {told}."
            if is_filled
            else f"{venue} has it, told at {told}.",
            panel(*_found_lines(view)),
            None if order.is_exit else f"{plain_text(base)} entries are free again.",
            code(order.short_id),
        ),
        rows=(row(*buttons),),
    )


def _found_lines(view: OrderView) -> list[str]:
    order, about = view.order, view.listing
    base = shortened(about.base, 8)
    if order.price_average is None:
        return [line("Size", figures.quantity(order.quantity), base)]
    is_buy = order.side is OrderSide.BUY
    cost = order.slippage_cost_bps
    lines = [
        line("Bought" if is_buy else "Sold", figures.quantity(order.filled), base),
        line("Average", figures.average(order.price_average, about.tick), about.quote),
    ]
    if cost is not None:
        lines.append(line("Slippage", figures.bps(cost), figures.cost_or_gain(cost)))
    lines.append(line("Spent" if is_buy else "Received", figures.money(view.spent), about.quote))
    lines.append(line("Fee", figures.money(order.fees), about.quote))
    held = view.position
    if held is not None:
        name = "Long now" if held.is_long else "Short now"
        lines.append(line(name, figures.quantity(abs(held.quantity)), base))
        if view.stop is not None:
            where = "resting" if view.stop.resting else "watched"
            lines.append(line("Stop", figures.price(view.stop.price, about.tick), where))
    return lines


def settled(view: OrderView) -> Screen:
    """F3: say that the venue never had the order."""
    order, scene, about = view.order, view.scene, view.listing
    base = shortened(about.base, 10)
    venue = plain_text(about.venue_title)
    done = "bought" if order.side is OrderSide.BUY else "sold"
    over = ""
    if order.unknown_since is not None and order.finished_at is not None:
        seconds = int((order.finished_at - order.unknown_since).total_seconds())
        over = f" over {seconds} s"
    free: str | None = None
    if view.cost_max is not None and not order.is_exit:
        free = f"{figures.money(view.cost_max)} {plain_text(about.quote)} are free again."
    again = RepeatOrder(client_order_id=order.client_order_id)
    can_repeat = scene.may_trade and not order.is_exit
    return Screen(
        text=text_of(
            title_line(
                (f"Settled: {base} not {done}", "Settled: not accepted"),
                sign=Sign.FINE,
                live=scene.live,
            ),
            f"{venue} answered {figures.count(order.not_founds, 'time')}{over}:"
            " not in open orders, closed orders or trades.",
            "",
            free,
            None if order.is_exit else f"{plain_text(base)} entries are free again.",
            "If it appears after all, you are told.",
            code(order.short_id),
        ),
        rows=(row(press("New ticket at the price now", again)),) if can_repeat else (),
    )

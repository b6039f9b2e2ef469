"""G1, G2 and the other states of an order's card: one card an order, the latest state wins."""

from datetime import datetime
from decimal import Decimal
from typing import assert_never

from bot.callbacks import (
    CancelOrder,
    OpenPosition,
    Page,
    Refresh,
    RefreshOrder,
    RepeatOrder,
)
from bot.screens import figures
from bot.screens.layout import (
    PANEL_COLUMNS,
    ButtonView,
    Row,
    Screen,
    Sign,
    code,
    copy,
    line,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.levels import left_line, level_lines, watched_line
from bot.screens.stop_orders import filled_line, now_covers, stop_gone
from bot.screens.unknown import unknown
from bot.views.orders import OrderView
from engine.numbers import ONE, ZERO
from engine.orders import OrderKind, OrderSide, OrderStatus
from engine.protection import is_protection


def order(view: OrderView) -> Screen:
    """Show an order as it stands: sent, working, filling, filled, unknown, or ended."""
    status = view.order.status
    match status:
        case OrderStatus.UNKNOWN:
            return unknown(view)
        case OrderStatus.FILLED:
            return filled(view)
        case OrderStatus.PARTIALLY_FILLED:
            return filling(view)
        case OrderStatus.PENDING_CANCEL:
            return filling(view) if view.order.filled > ZERO else _waiting(view, "Cancelling")
        case OrderStatus.SUBMITTED:
            return _waiting(view, "Waiting" if view.order.held else "Sent")
        case OrderStatus.ACCEPTED:
            return _waiting(view, "Working")
        case OrderStatus.CANCELED:
            return _ended(view, "Cancelled", "The rest was cancelled.")
        case OrderStatus.EXPIRED:
            return _ended(view, "Expired", "The rest expired at its price limit.")
        case OrderStatus.REJECTED:
            return _ended(view, "Rejected", "The venue refused the rest.")
        case OrderStatus.NOT_SENT:
            return _ended(view, "Not sent", "Nothing was sent.")
        case OrderStatus.DENIED:
            return _ended(view, "Denied", "Nothing was sent.")
        case _:
            assert_never(status)


def done_word(view: OrderView) -> str:
    """Say what the fills did: Bought, Sold, or Sold short."""
    if view.order.side is OrderSide.BUY:
        return "Bought"
    return "Sold" if view.order.is_exit else "Sold short"


def wish(view: OrderView) -> str:
    """Say what the order wants, for example buy 8 LTC."""
    side = view.order.side.value
    quantity = figures.quantity(view.order.quantity)
    return f"{side} {quantity} {shortened(view.listing.base, 10)}"


def filling(view: OrderView) -> Screen:
    """G1: show what is filled, what still works, and what protects the part."""
    order, scene, about = view.order, view.scene, view.listing
    base = shortened(about.base, 10)
    done, whole = figures.quantity(order.filled), figures.quantity(order.quantity)
    share = figures.share(order.filled, order.quantity)
    direction = "up to" if order.side is OrderSide.BUY else "down to"
    rest = "rest works"
    if order.price_limit is not None:
        rest += f" {direction} {figures.price(order.price_limit, about.tick)}"
    if order.cancel_requested:
        rest = "the rest is being cancelled"
    stop: str | None = None
    if view.stop is not None and not order.is_exit:
        price = figures.price(view.stop.price, about.tick)
        covers = f"{done} {shortened(about.base, 8)}"
        stop = line("Stop", price, covers if len(covers) <= PANEL_COLUMNS else done)
    buttons = [_copy(view)]
    if scene.may_trade and not order.cancel_requested:
        cancel = CancelOrder(client_order_id=order.client_order_id)
        buttons.insert(0, press("Cancel the rest", cancel))
    return Screen(
        text=text_of(
            title_line(
                (
                    f"{done_word(view)} {done} / {whole} {base}",
                    f"{done_word(view)} {done} {base}",
                    f"{done_word(view)} {share} of {shortened(base, 6)}",
                ),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            f"{share} filled, {rest}",
            panel(*_price_lines(view), _worth_line(view), _fee_line(view), stop),
            _protection(view),
            _first_fill(view),
            code(order.short_id),
        ),
        rows=(row(*buttons),),
    )


def filled(view: OrderView) -> Screen:
    """G2: show the average against the arrival price, what it cost, and what protects it."""
    order, scene, about = view.order, view.scene, view.listing
    base = shortened(about.base, 10)
    quantity = figures.quantity(order.filled)
    return Screen(
        text=text_of(
            title_line(
                (f"{done_word(view)} {quantity} {base}", f"{done_word(view)} {base}"),
                sign=Sign.FINE,
                live=scene.live,
            ),
            filled_line(view, _duration(order.submitted_at, order.finished_at)),
            _fill_panel(view),
            _protection(view),
            now_covers(view) if order.is_exit else watched_line(len(view.targets)),
            f"{_span(view)} · {code(order.short_id)}",
        ),
        rows=(_after_fill(view),),
    )


def _fill_panel(view: OrderView) -> str:
    order, about = view.order, view.listing
    lines = [*_price_lines(view)]
    if view.slippage_money is not None:
        lines.append(line("", figures.money(view.slippage_money), about.quote))
    lines += [_worth_line(view), _fee_line(view)]
    if order.is_exit:
        lines.append(line("Realised", figures.signed_money(order.realised_pnl), about.quote))
        lines.append(left_line(view.position, order, about))
        return panel(*lines)
    lines.append("")
    if view.stop is not None:
        pnl = figures.signed_money(view.stop_pnl) if view.stop_pnl is not None else ""
        price = figures.price(view.stop.price, about.tick)
        lines.append(line("Stop", price, second=pnl))
    lines += level_lines(view.targets, about.tick, rows_max=4 if view.stop is None else 3)
    return panel(*lines)


def _price_lines(view: OrderView) -> list[str]:
    order, about = view.order, view.listing
    lines = []
    if order.price_average is not None:
        average = figures.average(order.price_average, about.tick)
        lines.append(line("Average", average, about.quote))
    if order.price_arrival is not None:
        lines.append(line("Arrival", figures.average(order.price_arrival, about.tick), "mid"))
    lines.append(slippage_line(order.slippage_cost_bps))
    return lines


def slippage_line(cost_bps: Decimal | None) -> str:
    """Write the slippage row; without a fresh arrival mid it says so, never zero."""
    if cost_bps is None:
        return line("Slippage", "–", "no quote")
    return line("Slippage", figures.bps(cost_bps), figures.cost_or_gain(cost_bps))


def _worth_line(view: OrderView) -> str:
    name = "Spent" if view.order.side is OrderSide.BUY else "Received"
    if view.listing.is_swap:
        # A swap moves margin and fees; the worth of the contracts changes no hands.
        name = "Value"
    return line(name, figures.money(view.spent), view.listing.quote)


def _fee_line(view: OrderView) -> str:
    return line("Fee", figures.money(view.order.fees), view.listing.quote)


def _protection(view: OrderView) -> str | None:
    if view.order.is_exit:
        return None
    if view.stop is None:
        return "No stop: nothing protects it."
    if view.stop.resting:
        return f"Protected: the stop rests at {plain_text(view.listing.venue_title)}."
    return "Protected: stop watched by the console."


def _first_fill(view: OrderView) -> str | None:
    order, scene = view.order, view.scene
    if order.first_fill_at is None:
        return None
    at = figures.clock(order.first_fill_at, scene.tz, scene.now)
    if order.submitted_at is None:
        return f"First fill {at}"
    seconds = Decimal(str((order.first_fill_at - order.submitted_at).total_seconds()))
    return f"First fill {at}, {figures.fixed(seconds, 2)} s after sending"


def _duration(start: datetime | None, end: datetime | None) -> str:
    return f" in {figures.age(end - start)}" if start is not None and end is not None else ""


def _span(view: OrderView) -> str:
    order, scene = view.order, view.scene
    end = figures.clock(order.finished_at or scene.now, scene.tz, scene.now)
    if order.first_fill_at is None:
        return end
    start = figures.clock(order.first_fill_at, scene.tz, scene.now)
    return start if start == end else f"{start} to {end}"


def _after_fill(view: OrderView) -> Row:
    buttons = [_copy(view)]
    if view.position is not None:
        name = view.position.position_id
        buttons.insert(0, press("Position", OpenPosition(position_id=name)))
    return row(*buttons)


def _copy(view: OrderView) -> ButtonView:
    return copy("Copy id", view.order.venue_order_id or view.order.client_order_id)


def _waiting(view: OrderView, word: str) -> Screen:
    order, scene, about = view.order, view.scene, view.listing
    price = order.price_trigger if order.kind is OrderKind.STOP else order.price_limit
    since = order.accepted_at or order.submitted_at or scene.now
    name = {OrderKind.LIMIT: "Limit", OrderKind.STOP: "Stop", OrderKind.MARKET: "Bound"}
    buttons = [_copy(view)]
    if scene.may_trade and not order.cancel_requested:
        cancel = CancelOrder(client_order_id=order.client_order_id)
        buttons.insert(0, press("Cancel order", cancel))
    leverage = f" · {figures.trimmed(order.leverage)}x" if order.leverage > ONE else ""
    kind = "exit" if order.is_exit else "entry"
    return Screen(
        text=text_of(
            title_line(
                (f"{word}: {wish(view)}", f"{word}: {order.side.value} {about.base[:8]}"),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            plain_text(
                f"{about.title} · {about.venue_title}{leverage} · {order.kind.value} {kind}"
            ),
            panel(
                line("Size", figures.quantity(order.quantity), shortened(about.base, 8)),
                line(name[order.kind], figures.price(price, about.tick))
                if price is not None
                else None,
                line("Price", figures.mid(view.mid, about.tick)) if view.mid is not None else None,
                line("At most", figures.money(view.cost_max), about.quote)
                if view.cost_max is not None and order.side is OrderSide.BUY
                else None,
                line("Since", figures.clock(since, scene.tz), figures.age(scene.now - since)),
            ),
            "It waits for the end of the stop, which binds the balance." if order.held else None,
            "If you cancel it, nothing protects the position." if is_protection(order) else None,
            code(order.short_id),
        ),
        rows=(
            row(*buttons),
            row(
                press("Back", Refresh(page=Page.ORDERS)),
                press("Refresh", RefreshOrder(client_order_id=order.client_order_id)),
            ),
        ),
    )


def _ended(view: OrderView, word: str, rest: str) -> Screen:
    order, scene = view.order, view.scene
    if order.filled > ZERO:
        return _part(view, rest)
    base = shortened(view.listing.base, 8)
    sign = Sign.FINE if order.status is OrderStatus.CANCELED else Sign.STOPPED
    venue = plain_text(view.listing.venue_title)
    was_sent = order.status not in (OrderStatus.NOT_SENT, OrderStatus.DENIED)
    told = {
        OrderStatus.CANCELED: f"Nothing filled; cancelled at {venue}.",
        OrderStatus.EXPIRED: f"Nothing filled; it lapsed at {venue}.",
        OrderStatus.REJECTED: f"{venue} refused it. Nothing filled.",
    }
    at = figures.clock(order.finished_at or scene.now, scene.tz, scene.now)
    if is_protection(order):
        return stop_gone(view, told.get(order.status, "Nothing was sent."), _after_fill(view))
    again = RepeatOrder(client_order_id=order.client_order_id)
    can_repeat = was_sent and scene.may_trade and not order.is_exit
    return Screen(
        text=text_of(
            title_line(
                (f"{word}: {wish(view)}", f"{word}: {order.side.value} {base}"),
                sign=sign,
                live=scene.live,
            ),
            told[order.status] if was_sent else "Nothing was sent.",
            plain_text(_sentence(order.refusal)) if order.refusal else None,
            f"{at} · {code(order.short_id)}",
        ),
        rows=(row(press("New ticket at the price now", again)),) if can_repeat else (),
    )


def _part(view: OrderView, rest: str) -> Screen:
    order, scene = view.order, view.scene
    base = shortened(view.listing.base, 10)
    done, whole = figures.quantity(order.filled), figures.quantity(order.quantity)
    return Screen(
        text=text_of(
            title_line(
                (
                    f"{done_word(view)} {done} / {whole} {base}",
                    f"{done_word(view)} {done} {base}",
                    f"{done_word(view)} part of {shortened(base, 6)}",
                ),
                sign=Sign.LOOK,
                live=scene.live,
            ),
            f"Filled {figures.share(order.filled, order.quantity)}. {rest}",
            _fill_panel(view),
            _protection(view),
            f"{_span(view)} · {code(order.short_id)}",
        ),
        rows=(_after_fill(view),),
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."

"""H1: the open orders, one line an item, a button to open each."""

from bot.callbacks import CancelEntries, OpenOrder, Page, Refresh
from bot.screens import figures
from bot.screens.external import order_lines
from bot.screens.layout import (
    Screen,
    Sign,
    in_threes,
    listed,
    panel,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.paging import page_note, paging
from bot.views.orders import OrderLine, OrdersView

_NAME_MAX = 4


def orders(view: OrdersView) -> Screen:
    """H1: list the open orders, one line an item, a button to open each."""
    scene = view.scene
    now = figures.clock(scene.now, scene.tz)
    refresh = press("Refresh", Refresh(page=Page.ORDERS, number=view.page))
    if not view.lines:
        what = "None of ours is open" if view.external else "No open orders"
        title = title_line(what, sign=Sign.FINE, live=scene.live)
        beside = quote(*order_lines(view.external))
        return Screen(text=text_of(title, beside, f"As of {now}"), rows=(row(refresh),))
    heading = figures.count(view.total, "order")
    if view.stops:
        heading += f", {view.stops} {'is a stop' if view.stops == 1 else 'are stops'}"
    items = [
        press(
            shortened(f"{item.number} {item.listing.base}", 9),
            OpenOrder(client_order_id=item.client_order_id),
        )
        for item in view.lines
    ]
    can_cancel = view.entries and scene.may_trade
    label = f"Cancel {view.entries} {'entry' if view.entries == 1 else 'entries'}"
    return Screen(
        text=text_of(
            title_line(heading, sign=Sign.FINE, live=scene.live),
            panel(*(_line(item) for item in view.lines)),
            f"+ buys, {figures.MINUS} sells.{_closing(view.exits)}",
            quote(*order_lines(view.external)),
            f"As of {now}" + page_note(view.page, view.pages),
        ),
        rows=(
            *((row(press(label, CancelEntries())),) if can_cancel else ()),
            *in_threes([*items, refresh]),
            *paging(Page.ORDERS, view.page, view.pages),
        ),
    )


def _closing(exits: int) -> str:
    if not exits:
        return ""
    return " 1 only closes." if exits == 1 else f" 1 to {exits} only close."


def _line(item: OrderLine) -> str:
    name = f"{item.number} {shortened(item.listing.base, _NAME_MAX)}"
    quantity = figures.signed_quantity(item.quantity)
    head = f"{name:<5}"
    is_short = len(head) + 1 + len(quantity) <= 11
    head = f"{head}{quantity:>{11 - len(head)}}" if is_short else f"{name} {quantity}"
    price = figures.price(item.price, item.listing.tick) if item.price is not None else "at market"
    return listed(head, "", price, note=item.kind)

"""What is at a venue and not from here, in lines."""

from collections.abc import Sequence
from typing import Final

from bot.screens import figures
from bot.screens.layout import plain_text
from bot.views.scene import venue_title
from engine.external import ExternalOrder

LINES_MAX: Final = 8


def order_line(order: ExternalOrder) -> str:
    """Show an external order in a line."""
    base, price = plain_text(order.symbol), order.price_limit or order.price_trigger
    at = f" at {figures.money(price)}" if price is not None else " at market"
    return f"{order.side} {figures.quantity(order.remaining)} {base}{at}"


def order_lines(orders: Sequence[ExternalOrder]) -> list[str]:
    """Show external orders of any venue, a heading before them; nothing where there are none."""
    if not orders:
        return []
    lines = [f"{plain_text(venue_title(one.venue))}: {order_line(one)}" for one in orders]
    left = len(lines) - LINES_MAX
    more = [f"and {left} more"] if left > 0 else []
    return ["Not from here, counted:", *lines[:LINES_MAX], *more]

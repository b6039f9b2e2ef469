"""What cards say of a stop that rested: it filled, it rests no more, it covers what is left."""

from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    code,
    plain_text,
    shortened,
    text_of,
    title_line,
)
from bot.views.orders import OrderView
from engine.protection import is_protection


def filled_line(view: OrderView, took: str) -> str:
    """Say how long a fill took; of a stop, that it did what it was there for."""
    fills = figures.count(view.order.fills, "fill")
    if is_protection(view.order):
        return f"Stop filled: it rested at {plain_text(view.listing.venue_title)}, {fills}"
    return f"Filled{took}, {fills}"


def now_covers(view: OrderView) -> str | None:
    """H4: say what the stop covers once a part is closed."""
    left, stop, about = view.position, view.stop, view.listing
    if left is None or stop is None:
        return None
    size = f"{figures.quantity(abs(left.quantity))} {plain_text(shortened(about.base, 10))}"
    return f"Stop {figures.price(stop.price, about.tick)} now covers {size}."


def stop_gone(view: OrderView, told: str, after_it: Row) -> Screen:
    """Say that a stop rests no more, who looks after the position now, and what comes next."""
    order, scene, about = view.order, view.scene, view.listing
    base, stop = shortened(about.base, 10), view.stop
    after: str | None = None
    if view.position is not None and stop is not None and stop.resting:
        price = figures.price(stop.price, about.tick)
        after = f"Another rests there: {price}."
    elif view.position is not None and view.position.stop is not None:
        price = figures.price(view.position.stop, about.tick)
        after = f"The console watches {price}, and tries again."
    elif view.position is not None:
        after = "No stop: nothing protects it."
    at = figures.clock(order.finished_at or scene.now, scene.tz, scene.now)
    return Screen(
        text=text_of(
            title_line(
                (f"Stop not resting: {base}", "Stop not resting"),
                sign=Sign.LOOK if after is not None else Sign.FINE,
                live=scene.live,
            ),
            told,
            plain_text(order.refusal) if order.refusal else None,
            after,
            f"{at} · {code(order.short_id)}",
        ),
        rows=(after_it,) if view.position is not None else (),
    )

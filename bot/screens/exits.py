"""A watched stop or target that was reached, and a stop that was moved."""

from bot.callbacks import OpenPosition
from bot.screens import figures
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
from bot.views.exits import ExitView
from bot.views.positions import PositionView
from engine.identities import short

_WORDS = {"stop": "Stop", "target": "Target", "time": "Time"}


def triggered(view: ExitView) -> Screen:
    """Say which level was reached, and that the close is under way; its fill card follows."""
    scene, about = view.scene, view.listing
    base = shortened(about.base, 8)
    word = _WORDS[view.leg]
    held = None
    if view.quantity is not None:
        way = "long" if view.quantity > 0 else "short"
        size = figures.quantity(abs(view.quantity))
        held = f"Held: {size} {plain_text(base)} {way}. The fill card follows."
    at = figures.clock(view.event.at, scene.tz, scene.now)
    buttons = (row(press("Position", OpenPosition(position_id=view.position_id))),)
    return Screen(
        text=text_of(
            title_line(
                (f"Trailing stop reached: {base}", f"Trailing stop: {base}")
                if view.trailed
                else f"{word} reached: {base}",
                sign=Sign.FINE if view.leg == "target" else Sign.LOOK,
                live=scene.live,
            ),
            plain_text(f"{about.title} · {about.venue_title}"),
            panel(
                *_prices(view),
            ),
            held,
            f"{at} · {code(short(view.position_id, 'P'))}",
        ),
        rows=buttons if view.quantity is not None else (),
    )


def _prices(view: ExitView) -> list[str]:
    """Give the level and the quote that reached it; a time has no level."""
    tick, quote = view.listing.tick, view.quote
    lines = [] if view.leg == "time" else [line(_WORDS[view.leg], figures.price(view.price, tick))]
    if quote is None:
        return [*lines, line("Price", "none", "no quote")]
    return [
        *lines,
        line("Bid", figures.price(quote.bid, tick)),
        line("Ask", figures.price(quote.ask, tick)),
    ]


def stop_moved(view: PositionView) -> Screen:
    """Say where a position's stop stands now, and what closing there leaves."""
    scene, about, stop = view.scene, view.listing, view.stop
    base = shortened(about.base, 8)
    rows = []
    if stop is not None and view.stop_pnl is not None:
        price = figures.price(stop.price, about.tick)
        rows.append(line("Stop", price, second=figures.signed_money(view.stop_pnl)))
    return Screen(
        text=text_of(
            title_line(
                f"Stop moved: {base}" if rows else f"Stop removed: {base}",
                sign=Sign.FINE if rows else Sign.LOOK,
                live=scene.live,
            ),
            panel(*rows) if rows else None,
            _where(view) if rows else "Nothing protects it now.",
            f"{figures.clock(scene.now, scene.tz)} · {code(view.position.short_id)}",
        ),
        rows=(row(press("Position", OpenPosition(position_id=view.position.position_id))),),
    )


def _where(view: PositionView) -> str:
    if view.stop is not None and view.stop.resting:
        return f"It rests at {plain_text(view.listing.venue_title)}; the console watches it, too."
    return "The console watches it."

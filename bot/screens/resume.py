"""I6, I7: what resuming allows again, and that it happened."""

from bot.callbacks import Page, ResumeConfirm, ResumeStay, Show
from bot.screens import figures
from bot.screens.board import breaker_name
from bot.screens.layout import (
    Screen,
    Sign,
    Style,
    plain_text,
    press,
    quote,
    row,
    text_of,
    title_line,
)
from bot.views.ladder import ResumedView, ResumeView
from bot.views.scene import venue_title
from engine.risk_limits import TradingState


def resume(view: ResumeView) -> Screen:
    """I6: show what it re-enables and what was checked, and ask an owner."""
    scene = view.scene
    can_resume = scene.is_owner and not view.breakers
    what = "Resume LIVE" if scene.live else "Resume paper"
    label = f"{what}, then code" if view.needs_code else what
    style = Style.GREEN if scene.live else Style.BLUE
    rows = [row(press(label, ResumeConfirm(), style))] if can_resume else []
    stay = press("Stay halted", ResumeStay())
    venues = " and ".join(plain_text(venue_title(venue)) for venue in view.venues)
    age = figures.age_coarse(scene.now - view.since)
    heading = f"HALTED {age}. Resume?" if can_resume else f"HALTED {age}"
    return Screen(
        text=text_of(
            title_line(heading, sign=Sign.STOPPED, live=scene.live),
            quote(
                "Allows again:",
                f"new entries on {venues}",
                *(plain_text(text) for text in view.also),
            ),
            _books(view),
            _positions(view),
            _latches(view),
            *(f"⚠️ {plain_text(venue_title(venue))} silent" for venue in view.silent),
            *(
                f"⚠️ {plain_text(venue_title(venue))}: {plain_text(why)}. Is no other console "
                "trading there?"
                for venue, why in view.halted_accounts
            ),
            None if scene.is_owner else "Only an owner may resume.",
        ),
        rows=(*rows, row(stay)),
    )


def _books(view: ResumeView) -> str:
    if view.books_differ:
        venues = ", ".join(plain_text(venue_title(venue)) for venue in view.books_differ)
        return f"⚠️ Books differ at {venues}"
    if view.checked_at is None:
        return "✅ Books equal"
    scene = view.scene
    return f"✅ Books equal, checked {figures.clock(view.checked_at, scene.tz, scene.now)}"


def _positions(view: ResumeView) -> str:
    orders = figures.count(view.orders, "order")
    if not view.positions and not view.orders:
        return f"✅ Flat: 0 positions, {orders}"
    return f"✅ Open: {figures.count(view.positions, 'position')}, {orders}"


def _latches(view: ResumeView) -> str:
    if view.breakers:
        names = ", ".join(plain_text(breaker_name(kind)) for kind in view.breakers)
        return f"⛔ Breaker tripped: {names}. Re-arm it first."
    if view.unknown:
        return f"⚠️ {figures.count(view.unknown, 'order')} unknown, no breaker"
    return "✅ No unknown orders, no breaker"


def resumed(view: ResumedView) -> Screen:
    """I7: say since when trading is active, by whom, and that nothing that waited was run."""
    scene = view.scene
    at = figures.clock(view.at, scene.tz)
    by = "you" if view.by_viewer and not view.with_code else plain_text(view.by)
    code = " with code" if view.with_code else ""
    after = f", after {figures.age_coarse(view.halted_for)}" if view.halted_for else ""
    active = view.trading is TradingState.ACTIVE
    return Screen(
        text=text_of(
            title_line(
                f"{view.trading.value.upper()} since {at}" if active else "Still HALTED",
                sign=Sign.FINE if active else Sign.STOPPED,
                live=scene.live,
            ),
            f"By {by}{code}{after}.",
            "Nothing that waited was run." if active else "A breaker is tripped: /risk",
        ),
        rows=(row(press("Status", Show(page=Page.STATUS))),),
    )

"""J4, J6 to J9: books that differ, silent venues, what was set aside, strangers."""

from bot.callbacks import (
    Acknowledge,
    Adopt,
    DropBacklog,
    OpenPosition,
    Page,
    Redo,
    Show,
    size_name,
)
from bot.screens import figures
from bot.screens.layout import (
    Screen,
    Sign,
    bold,
    code,
    copy,
    in_threes,
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
from bot.views.scene import Scene, venue_title
from bot.views.trouble import (
    AnsweredView,
    BacklogView,
    BooksView,
    HeldThere,
    SilentView,
    StrangerView,
)

_BACKLOG_MAX = 30
_HELD_MAX = 3


def books(view: BooksView) -> Screen:
    """J4: the venue shows something else than we do; entries there wait."""
    scene = view.scene
    bases = sorted({about.base for about in view.listings})
    name = shortened(", ".join(bases), 10) or venue_title(view.venue)
    blocked = plain_text(", ".join(bases)) or plain_text(venue_title(view.venue))
    has_sides = view.here is not None and view.there is not None and len(view.listings) == 1
    works = "closing what is held"
    if view.there is not None and has_sides:
        works = f"closing up to {figures.quantity(abs(view.there))} {blocked}"
    rows = []
    if scene.may_trade:
        if view.key is not None and view.there is not None and has_sides:
            take = f"Take {venue_title(view.venue)}'s {figures.quantity(view.there)}"
            seen = size_name(view.there)
            rows.append(row(press(take[:28], Adopt(key=view.key, seen=seen))))
        subject = f"books:{view.venue}"
        rows.append(row(press("Acknowledge", Acknowledge(subject=subject))))
    return Screen(
        text=text_of(
            title_line((f"Books differ: {name}", "Books differ"), sign=Sign.LOOK, live=scene.live),
            _sides(view) if has_sides else None,
            *(() if has_sides else (plain_text(text) for text in view.lines)),
            quote(
                "No trade explains it, still asking.",
                f"<b>Blocked</b> {blocked} entries",
                f"<b>Works</b> {works}",
            ),
            f"Found {figures.clock(view.at, scene.tz, scene.now)} · {code(view.name)}",
        ),
        rows=tuple(rows),
    )


def _sides(view: BooksView) -> str | None:
    if view.here is None or view.there is None:
        return None
    base = shortened(view.listings[0].base, 8)
    missing = view.here - view.there
    rows: list[str | None] = [
        line("Here", figures.quantity(view.here), base),
        line(venue_title(view.venue), figures.quantity(view.there), base),
        line("Missing" if missing > 0 else "Extra", figures.quantity(abs(missing)), base),
    ]
    if view.mark is not None:
        worth = figures.money(abs(missing) * view.mark)
        rows.append(line("Worth", worth, view.listings[0].quote))
    return panel(*rows)


def silent(view: SilentView) -> Screen:
    """J6: a venue does not answer; what is held there, what is blocked, what works."""
    scene = view.scene
    venue = venue_title(view.venue)
    age = figures.age(int((scene.now - view.since).total_seconds()))
    lines = [text for item in view.held[:_HELD_MAX] for text in _held(item, scene)]
    if len(view.held) > _HELD_MAX:
        lines.append(f"and {len(view.held) - _HELD_MAX} more")
    others = " and ".join(plain_text(venue_title(name)) for name in view.others)
    shown = [press("Acknowledge", Acknowledge(subject=f"venue:{view.venue}"))]
    if len(view.held) == 1:
        shown.insert(0, press("Position", OpenPosition(position_id=view.held[0].position_id)))
    elif view.held:
        shown.insert(0, press("Positions", Show(page=Page.POSITIONS)))
    return Screen(
        text=text_of(
            title_line(
                (f"{venue} silent for {age}", f"{venue} silent"), sign=Sign.LOOK, live=scene.live
            ),
            f"Since {figures.clock(view.since, scene.tz, scene.now)}."
            f" Asking every {view.ask_every_s} s.",
            panel(*lines) if lines else None,
            quote(
                _stops(view),
                f"<b>Blocked</b> {plain_text(venue)} entries",
                f"<b>Works</b> all of {others}" if others else "<b>Works</b> STOP",
            ),
        ),
        rows=(row(*shown),),
    )


def _held(item: HeldThere, scene: Scene) -> tuple[str, ...]:
    about = item.listing
    way = "long" if item.quantity > 0 else "short"
    at = figures.clock(item.value_at, scene.tz) if item.value_at is not None else "at entry"
    lines = [
        line(shortened(about.base, 8), figures.signed_quantity(item.quantity), way),
        line("Value", figures.money(item.value), at),
    ]
    if item.stop is not None:
        where = f"at {about.venue_title}" if item.stop.resting else "watched"
        price = figures.price(item.stop.price, about.tick)
        lines.append(line("Stop", price, where if len(where) <= 8 else "resting"))
    return tuple(lines)


def _stops(view: SilentView) -> str | None:
    stops = [item.stop for item in view.held if item.stop is not None]
    if not stops:
        return None
    venue = plain_text(venue_title(view.venue))
    if all(stop.resting for stop in stops):
        return f"The stop at {venue} works without us."
    return f"The console watches the stop; it acts once {venue} answers."


def answered(view: AnsweredView) -> Screen:
    """J7: the venue answers again."""
    scene = view.scene
    venue = plain_text(venue_title(view.venue))
    end = figures.clock(view.at, scene.tz, scene.now)
    span = f"At {end}."
    if view.since is not None:
        start = figures.clock(view.since, scene.tz, scene.now)
        span = f"Silent {start} to {end}, {figures.age(view.at - view.since)}."
    held = figures.count(view.positions, "position")
    equal = f"Books equal: {held}, {figures.count(view.orders, 'order')}."
    return Screen(
        text=text_of(
            title_line(f"{venue_title(view.venue)} answers again", sign=Sign.FINE, live=scene.live),
            span,
            "Books differ, see the card." if view.books_differ else equal,
            None if view.books_differ else f"{venue} entries are free again.",
        ),
        rows=(row(press("Status", Show(page=Page.STATUS))),),
    )


def backlog(view: BacklogView) -> Screen:
    """J8: what came while the console was down and was not run; a redone line is struck through."""
    scene = view.scene
    items = view.items[:_BACKLOG_MAX]
    down = None
    if view.down_since is not None:
        start = figures.clock(view.down_since, scene.tz, scene.now)
        end = figures.clock(view.at, scene.tz, scene.now)
        age = figures.age_coarse(view.at - view.down_since)
        down = f"Down {start} to {end}, {age}."
    rows = [
        press(f"Redo {number}", Redo(seq=view.seq, index=number - 1))
        for number in range(1, len(items) + 1)
        if number - 1 not in view.redone
    ]
    drop = f"Drop all {len(rows)}" if len(rows) > 1 else "Drop it"
    more = len(view.items) - len(items)
    return Screen(
        text=text_of(
            title_line(
                f"Back: {len(view.items)} set aside, not run", sign=Sign.LOOK, live=scene.live
            ),
            down,
            *(f"✅ Done: {plain_text(text)}" for text in view.done),
            quote(
                *(_item(number, text, view) for number, text in enumerate(items, start=1)),
                f"and {more} more, dropped" if more else None,
            ),
            "Redo makes a new ticket, new price." if rows else None,
        ),
        rows=(*in_threes(rows), row(press(drop, DropBacklog(seq=view.seq)))) if rows else (),
    )


def _item(number: int, text: str, view: BacklogView) -> str:
    line_ = f"{number}. {plain_text(text)}"
    return f"<s>{line_}</s>" if number - 1 in view.redone else line_


def stranger(view: StrangerView) -> Screen:
    """J9: tell the owners that somebody without a role wrote."""
    scene = view.scene
    since = figures.clock_short(view.since, scene.tz, scene.now)
    again = figures.clock_short(view.next_at, scene.tz, scene.now)
    name = str(view.user_id)
    return Screen(
        text=text_of(
            f"{Sign.LOOK} {bold('A stranger wrote here')}",
            "No answer was given, nothing was run.",
            f"Id {code(name)}, {figures.count(view.messages, 'message')} from {since}",
            f"Next notice not before {again}.",
        ),
        rows=(row(copy("Copy id", name), press("Audit", Show(page=Page.AUDIT))),),
    )

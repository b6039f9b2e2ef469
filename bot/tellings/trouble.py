"""Trouble: limits, books, venues, strangers, what was set aside, and chats that cannot be told."""

from typing import Final

from bot.screens import limits as limit_screens
from bot.screens import trouble as screens
from bot.screens.breakers import breaker as breaker_screen
from bot.screens.breakers import rearmed
from bot.screens.layout import Screen, Sign, plain_text, text_of, title_line
from bot.tellings.telling import Desk, Silence, Telling, Told, name_of, stage_of
from bot.views.breakers import breaker_view, warning_view
from bot.views.orders import slippage_view
from bot.views.scene import Scene, venue_title
from bot.views.trouble import (
    answered_view,
    backlog_view,
    books_view,
    silent_view,
    stranger_view,
)
from engine.events import (
    BacklogSetAside,
    BooksDiffer,
    BreakerEased,
    BreakerRearmed,
    BreakerWarned,
    StrangerNoted,
    VenueAnswered,
    VenueWentSilent,
)
from storage.cards import Card
from storage.outbox import OutboxRow

TRIPPED: Final = "tripped"
REARMED: Final = "rearmed"
SILENT: Final = "silent"
ANSWERED: Final = "answered"
DIFFER: Final = "differ"
EQUAL: Final = "equal"
RINGS_AGAIN: Final = frozenset({"BreakerTripped", "BreakerRepeated"})


async def breaker_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J2: ring, and ring again in place of the former ping until somebody has seen it."""
    row, state = rows[-1], desk.state()
    breaker = state.breakers.get(name_of(row))
    if breaker is None:
        return await _rearmed(desk, rows, card)
    if breaker.acknowledged and card is not None:
        return Silence(reason="seen since")
    scene = desk.scene(row.chat_id)
    view = breaker_view(scene, breaker, state, desk.latest, desk.instruments)
    rings = card is None or any(one.event in RINGS_AGAIN for one in rows)
    return Telling(
        screen=breaker_screen(view),
        stage=TRIPPED,
        fresh=rings,
        removes=card.message_id if card is not None and rings else None,
    )


async def _rearmed(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """Say on its card that a breaker is re-armed, so that nobody acts on it any more."""
    row = next((each for each in rows if each.event == "BreakerRearmed"), None)
    event = await desk.event(row) if row is not None else None
    if card is None or not isinstance(event, BreakerRearmed):
        return Silence(reason="re-armed since")
    return Telling(screen=rearmed(desk.scene(card.chat_id), event), stage=REARMED)


async def warning_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J1: a limit is used to its warning share; its card says so when it has fallen back."""
    event = await desk.event(rows[-1])
    is_over = isinstance(event, BreakerEased)
    if card is not None and isinstance(event, BreakerEased):
        return Telling(screen=limit_screens.eased(desk.scene(card.chat_id), event))
    if is_over:
        # Nobody was told yet: a warning that is over is told all the same, once.
        event = await desk.event(rows[0])
    if not isinstance(event, BreakerWarned):
        return Silence(reason="no such warning")
    state, scene = desk.state(), desk.scene(rows[-1].chat_id)
    view = warning_view(scene, event, state, desk.latest, is_over=is_over)
    return Telling(screen=limit_screens.warning(view))


async def slippage_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J3: a fill cost more than the threshold; it answers the order's card."""
    row = rows[-1]
    order = await desk.order(name_of(row))
    if order is None:
        return Silence(reason="no such order")
    scene = desk.scene(row.chat_id)
    view = slippage_view(scene, order, desk.state(), desk.instruments)
    fill = await desk.cards.find(row.chat_id, f"order:{name_of(row)}")
    return Telling(
        screen=limit_screens.slippage(view),
        fresh=card is None,
        reply_to=fill.message_id if fill is not None else None,
    )


async def books_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J4: the books differ; the card is edited when they are equal again."""
    row, state = rows[-1], desk.state()
    venue = name_of(row)
    scene = desk.scene(row.chat_id)
    if venue not in state.books_differ:
        if card is None or stage_of(card) == EQUAL:
            return Silence(reason="equal again before it was shown")
        return Telling(screen=_equal(scene, venue), stage=EQUAL)
    event = await desk.event(next((r for r in rows if r.event == "BooksDiffer"), row))
    if not isinstance(event, BooksDiffer):
        return Silence(reason="no such difference")
    there = {each.key: each.there for each in event.found}
    view = books_view(scene, event, state, desk.instruments, quotes=desk.latest, there=there)
    return Telling(screen=screens.books(view), stage=DIFFER, fresh=stage_of(card) != DIFFER)


def _equal(scene: Scene, venue: str) -> Screen:
    name = venue_title(venue)
    titles = (f"Books equal again: {name}", "Books equal again")
    return Screen(
        text=text_of(
            title_line(titles, sign=Sign.FINE, live=scene.live),
            plain_text(f"{name} shows what stands here. Entries there are free again."),
        )
    )


async def venue_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J6 rings; J7 answers it, because an edit would not be heard."""
    row, state = rows[-1], desk.state()
    venue, before = name_of(row), stage_of(card)
    scene = desk.scene(row.chat_id)
    event = await desk.event(row)
    since = card.at if card is not None and before == SILENT else None
    if venue in state.venues_silent:
        began = since or (event.at if isinstance(event, VenueWentSilent) else row.at)
        shown = silent_view(scene, venue, began, state, desk.latest, instruments=desk.instruments)
        return Telling(screen=screens.silent(shown), stage=SILENT, fresh=before != SILENT)
    at = event.at if isinstance(event, VenueAnswered) else row.at
    view = answered_view(scene, venue, state, at=at, since=since)
    return Telling(
        screen=screens.answered(view),
        stage=ANSWERED,
        fresh=before != ANSWERED,
        reply_to=card.message_id if card is not None else None,
    )


async def stranger_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """J9: tell the owners that somebody without a role wrote."""
    event = await desk.event(rows[-1])
    if not isinstance(event, StrangerNoted):
        return Silence(reason="no such stranger")
    view = stranger_view(desk.scene(rows[-1].chat_id), event)
    return Telling(screen=screens.stranger(view))


async def backlog_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """J8: what came while the console was down and was not run."""
    row = rows[-1]
    event = await desk.event(row)
    if not isinstance(event, BacklogSetAside):
        return Silence(reason="no such backlog")
    if card is not None:
        # Redone lines are struck through by whoever redoes them.
        return Silence(reason="shown already")
    view = backlog_view(desk.scene(row.chat_id), event, row.seq)
    return Telling(screen=screens.backlog(view))


async def blocked_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Tell the owners that somebody is out of reach."""
    who = int(name_of(rows[-1]))
    role = desk.role_of(who)
    name = f"{role} {who}" if role is not None else f"Chat {who}"
    title = title_line("A chat takes no messages", sign=Sign.LOOK, live=None)
    text = text_of(
        title,
        plain_text(f"{name[0].upper()}{name[1:]} blocked this bot, or left."),
        "Alerts do not reach them until they write here again.",
    )
    return Telling(screen=Screen(text=text), fresh=True)

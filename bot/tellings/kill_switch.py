"""The kill switch: STOP rings everywhere, a flatten edits its card, its verdict rings."""

from typing import Final

from bot.callbacks import Page, Show
from bot.screens import figures
from bot.screens.ladder import flatten as flatten_screen
from bot.screens.ladder import halted
from bot.screens.layout import Screen, Sign, press, row, text_of, title_line
from bot.screens.resume import resumed
from bot.tellings.telling import Desk, Silence, Telling, Told, stage_of
from bot.views.flatten import flatten_view
from bot.views.ladder import ladder_view, resumed_view
from engine.events import EmergencyMerged, TradingResumed
from engine.stops import FlattenRun
from storage.cards import Card
from storage.outbox import OutboxRow

STOP_SUBJECT: Final = "stop"
RUNNING: Final = "running"
STILL_OPEN: Final = "open"
FLAT: Final = "flat"
# Rung again by the clock alone, each minute; the engine says it as often as it asks.
REPEATED: Final = "FlattenRepeated"


async def stop_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """I1: halted, in a new message that rings."""
    state = desk.state()
    if state.stop is None:
        return Silence(reason="resumed since")
    if state.flattening is not None:
        return Silence(reason="the flatten's card says so")
    scene = desk.scene(rows[-1].chat_id)
    view = ladder_view(scene, state, desk.latest, desk.instruments)
    return Telling(screen=halted(view), stage="halted", fresh=True)


async def flatten_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """I3 edits, I4 and I5 are new; a repeated I5 takes the place of the former one."""
    chat_id = rows[-1].chat_id
    state = desk.state()
    run = state.flatten
    if run is None:
        return Silence(reason="no flatten is known")
    stage, before = _stage(run), stage_of(card)
    view = flatten_view(desk.scene(chat_id), run, state, desk.latest, desk.instruments)
    screen = flatten_screen(view)
    if stage.startswith(RUNNING) and before != stage:
        # The ladder's card, where the tap on Flatten was, goes on as the flatten's.
        ladder = await desk.cards.find(chat_id, STOP_SUBJECT)
        since = state.stop.since if state.stop is not None else run.since
        takes = ladder.message_id if ladder is not None and ladder.at >= since else None
        return Telling(screen=screen, stage=stage, fresh=takes is None, takes=takes)
    shouts = stage.startswith(STILL_OPEN) and any(row.event == REPEATED for row in rows)
    again = shouts and before == stage and not run.acknowledged
    former = card.message_id if card is not None and again else None
    fresh = before != stage or again
    return Telling(screen=screen, stage=stage, fresh=fresh, removes=former)


def _stage(run: FlattenRun) -> str:
    """Name the run and how far it is, so that the next run's card is another one."""
    word = FLAT if run.ended_at is not None else STILL_OPEN if run.still_open else RUNNING
    return f"{word} {run.since.strftime('%Y%m%dT%H%M%S.%f')}"


async def emergency_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Say that what was sent while the journal was away stands in it now."""
    event = await desk.event(rows[-1])
    if not isinstance(event, EmergencyMerged):
        return Silence(reason="no such merge")
    scene = desk.scene(rows[-1].chat_id)
    number = figures.count(len(event.orders), "order")
    return Telling(
        screen=Screen(
            text=text_of(
                title_line("Journal is back", sign=Sign.FINE, live=scene.live),
                f"Recorded beside it since {figures.clock(event.since, scene.tz)}, in it now: "
                f"{number} sent, {figures.count(event.events, 'event')}.",
            ),
            rows=(row(press("Status", Show(page=Page.STATUS))),),
        ),
        fresh=True,
    )


async def resume_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """I7: trading goes on, by whom."""
    event = await desk.event(rows[-1])
    if not isinstance(event, TradingResumed):
        return Silence(reason="no such resume")
    state = desk.state()
    if state.stop is not None:
        return Silence(reason="stopped again since")
    scene = desk.scene(rows[-1].chat_id)
    view = resumed_view(
        scene, state, at=event.at, by=event.actor.text, with_code=event.actor.with_code
    )
    return Telling(screen=resumed(view), fresh=True)

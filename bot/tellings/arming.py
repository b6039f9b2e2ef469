"""Arming: real money trades only once an owner has said so, after each start."""

from typing import Final

from bot.callbacks import ArmLive, Page, Show
from bot.screens import figures
from bot.screens.layout import Screen, Sign, Style, plain_text, press, row, text_of, title_line
from bot.tellings.telling import Desk, Silence, Telling, Told, name_of
from bot.views.scene import venue_title
from engine.events import LiveArmed
from storage.cards import Card
from storage.outbox import OutboxRow

ASKED: Final = "asked"
ARMED: Final = "armed"


async def arming_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Ask an owner once after a start; then say who armed it."""
    state, row_ = desk.state(), rows[-1]
    scene = desk.scene(row_.chat_id)
    if name_of(row_) != str(state.session):
        return Silence(reason="started again since")
    event = await desk.event(row_)
    if isinstance(event, LiveArmed):
        text = text_of(
            title_line(("Live trading is armed", "Armed"), sign=Sign.FINE, live=scene.live),
            f"By {plain_text(event.actor.text)}. It lasts until the console ends.",
        )
        return Telling(screen=Screen(text=text), stage=ARMED)
    if state.armed:
        return Silence(reason="armed since")
    venues = (
        ", ".join(venue_title(each) for each in state.journal.accounts) if state.journal else ""
    )
    limits = state.limits
    text = text_of(
        title_line(("Arm live trading?", "Arm live?"), sign=Sign.LOOK, live=scene.live),
        f"<b>Real money</b> at {plain_text(venues)}.",
        f"Open now: {figures.count(len(state.positions), 'position')}, "
        f"{figures.count(len(state.orders), 'order')}.",
        f"Limits: {limits.positions_max} positions, day loss {limits.daily_loss_pct_max} %, "
        f"drawdown {limits.drawdown_pct_max} %.",
        "Until armed no entry leaves. Exits, stops, cancels and STOP work.",
    )
    return Telling(
        screen=Screen(
            text=text,
            rows=(
                row(
                    press(
                        "Arm: entries with real money", ArmLive(session=state.session), Style.GREEN
                    )
                ),
                row(press("Limits", Show(page=Page.RISK)), press("Venues", Show(page=Page.VENUES))),
            ),
        ),
        stage=ASKED,
        fresh=True,
    )

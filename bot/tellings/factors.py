"""Second factors: an owner hears who set one up, who removed one, and whose codes are locked."""

from typing import assert_never

from bot.callbacks import Page, Show
from bot.screens import figures
from bot.screens.layout import Screen, Sign, plain_text, press, row, text_of, title_line
from bot.tellings.telling import Desk, Silence, Telling, Told
from engine.events import FactorEnrolled, FactorLocked, FactorRemoved
from storage.cards import Card
from storage.outbox import OutboxRow


async def factor_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Tell the owners: whoever takes over a phone would change this first."""
    event = await desk.event(rows[-1])
    if not isinstance(event, FactorEnrolled | FactorRemoved | FactorLocked):
        return Silence(reason="no such second factor")
    scene = desk.scene(rows[-1].chat_id)
    role = desk.role_of(event.user_id)
    who = f"{role} {event.user_id}" if role is not None else str(event.user_id)
    match event:
        case FactorEnrolled():
            title = title_line("Second factor set up", sign=Sign.FINE, live=None)
            lines = [f"By {who}. From now on a code is asked of them."]
        case FactorRemoved(reason=reason):
            title = title_line("Second factor removed", sign=Sign.LOOK, live=None)
            lines = [f"Of {who}: {reason}.", "No code is asked of them now."]
        case FactorLocked(until=until):
            title = title_line("Codes locked", sign=Sign.LOOK, live=None)
            clock = figures.clock_short(until, scene.tz, scene.now)
            lines = [f"{who[0].upper()}{who[1:]} gave too many wrong codes."]
            lines.append(f"None is taken before {clock}. STOP and exits need no code.")
        case _:
            assert_never(event)
    text = text_of(title, *map(plain_text, lines))
    return Telling(
        screen=Screen(text=text, rows=(row(press("Audit", Show(page=Page.AUDIT))),)), fresh=True
    )

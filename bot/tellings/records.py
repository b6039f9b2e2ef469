"""Records: the daily report, and the denials of wishes that no person is waiting for."""

from bot.screens.records import report
from bot.screens.refusals import denied
from bot.tellings.telling import Desk, Silence, Telling, Told
from bot.views.records import report_view
from bot.views.tickets import denied_view
from engine.events import DayReported, OrderDenied
from storage.cards import Card
from storage.outbox import OutboxRow


async def report_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """K3: the day in figures, with its picture where there is one; it never rings."""
    event = await desk.event(rows[-1])
    if not isinstance(event, DayReported):
        return Silence(reason="no such report")
    picture = await desk.day_picture(event.day)
    screen = report(report_view(desk.scene(rows[-1].chat_id), event))
    return Telling(screen=screen, fresh=True, quiet=True, picture=picture)


async def denied_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """E6 for a strategy's wish: every rule that denied it."""
    row = rows[-1]
    event = await desk.event(row)
    if not isinstance(event, OrderDenied):
        return Silence(reason="no such denial")
    view = denied_view(desk.scene(row.chat_id), event, row.seq, desk.instruments)
    return Telling(screen=denied(view), fresh=True)

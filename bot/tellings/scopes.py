"""Scopes: what a person held back or let go is told to everybody."""

from bot.screens.scopes import scope_set
from bot.tellings.telling import Desk, Silence, Telling, Told
from bot.views.scopes import scope_view
from engine.events import TradingStateSet
from storage.cards import Card
from storage.outbox import OutboxRow


async def scope_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Say what holds now, in a new message that rings."""
    event = await desk.event(rows[-1])
    if not isinstance(event, TradingStateSet):
        return Silence(reason="no such scope")
    view = scope_view(desk.scene(rows[-1].chat_id), event, desk.state())
    return Telling(screen=scope_set(view), fresh=True)

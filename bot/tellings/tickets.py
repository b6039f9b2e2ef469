"""Tickets: those of a strategy ring; a person's own is answered where it was asked for."""

from typing import Final

from bot.screens.outcomes import outcome
from bot.tellings.telling import Desk, Silence, Telling, Told, name_of
from bot.views.scene import Scene
from bot.views.tickets import ticket_view
from engine.asking import may_second
from engine.events import SignalReceived, TicketEnded
from engine.tickets import Ticket, TicketStatus
from storage.cards import Card
from storage.outbox import OutboxRow

OPEN: Final = "open"
WAITS: Final = "waits"
OPENED: Final = "TicketOpened"
CONFIRMED: Final = "TicketConfirmed"
REPEATED: Final = "TicketRepeated"


async def ticket_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """Show the ticket, or what became of it."""
    row = rows[-1]
    state = desk.state()
    ticket = state.ticket(name_of(row))
    if ticket is None:
        return Silence(reason="a ticket of long ago")
    scene = desk.scene(row.chat_id)
    if ticket.status is TicketStatus.OPEN:
        return await _offer(desk, rows, card, ticket, scene)
    opened_here = any(one.event == OPENED for one in rows)
    if card is None and not (opened_here and await _is_for(desk, ticket, row.chat_id, scene)):
        return Silence(reason="never shown in this chat")
    event = await desk.event(row)
    quote = event.quote if isinstance(event, TicketEnded) else None
    view = ticket_view(scene, ticket, state, desk.instruments, quote)
    return Telling(screen=outcome(view), stage=ticket.status.value)


async def _offer(
    desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None, ticket: Ticket, scene: Scene
) -> Told:
    row = rows[-1]
    if ticket.expires_at <= scene.now:
        # Its end is an event of its own, a moment away.
        return Silence(reason="ran out before it was shown")
    if not await _is_for(desk, ticket, row.chat_id, scene):
        return Silence(reason="made for somebody else")
    view = ticket_view(scene, ticket, desk.state(), desk.instruments)
    waits = ticket.confirmed_at is not None
    rings = waits and any(one.event == CONFIRMED for one in rows)
    again = any(one.event == REPEATED for one in rows)
    if waits and not view.is_second:
        # Who confirmed, or may only look on, sees it wait; nothing here is asked of them.
        rings = again = False
    return Telling(
        screen=outcome(view),
        stage=WAITS if waits else OPEN,
        fresh=again or rings or card is None,
        reply_to=_asked_in(ticket, row.chat_id),
        removes=card.message_id if card is not None and (again or rings) else None,
    )


async def _is_for(desk: Desk, ticket: Ticket, chat_id: int, scene: Scene) -> bool:
    """Tell whether the chat is where the ticket was asked for, or of somebody to decide on it."""
    if ticket.owner_id is None:
        return scene.may_trade
    if may_second(desk.state(), ticket, chat_id):
        return True
    origin = ticket.owner_id
    for stored in await desk.queries.events_of(ticket.command_id):
        if isinstance(stored.event, SignalReceived) and stored.event.actor.chat_id is not None:
            origin = stored.event.actor.chat_id
    return chat_id == origin


def _asked_in(ticket: Ticket, chat_id: int) -> int | None:
    """Give the message that asked for the ticket, where it stands in this chat."""
    source, _, rest = ticket.command_id.partition(":")
    chat, _, message = rest.partition(":")
    if source != "tg" or chat != str(chat_id) or not message.isdecimal():
        return None
    return int(message)

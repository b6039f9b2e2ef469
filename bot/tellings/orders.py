"""Orders: one card an order. It rings at the first fill, at Unknown, and at what comes late."""

from datetime import timedelta
from typing import Final

from bot.screens import orders as screens
from bot.screens.exits import triggered
from bot.screens.layout import Screen, Sign, code, plain_text, text_of, title_line
from bot.screens.unknown import found, settled
from bot.tellings.telling import Desk, Silence, Telling, Told, name_of, stage_of
from bot.views.exits import exit_view
from bot.views.orders import OrderView, order_view
from bot.views.scene import Scene
from engine.events import ExitTriggered, FillBooked
from engine.numbers import ZERO, plain
from engine.orders import Order, OrderStatus
from storage.cards import Card
from storage.outbox import OutboxRow

UNKNOWN: Final = "unknown"
WORKING: Final = "working"
FILLING: Final = "filling"
DONE: Final = "done"
LATE_COMPLETION: Final = timedelta(seconds=60)
NOT_FOUND: Final = "not_found"


def asked_scope(chat_id: int) -> str:
    """Name the notes that hold, by order, the message of a chat that asked for it."""
    return f"asked:{chat_id}"


async def order_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """Show the order as it stands now."""
    row = rows[-1]
    order = await desk.order(name_of(row))
    if order is None:
        return await _stray_fill(desk, row)
    before, stage = stage_of(card), _stage(order)
    scene = desk.scene(row.chat_id)
    view = order_view(scene, order, desk.state(), desk.instruments, desk.latest)
    late = stage == DONE == before and await _any_late(desk, rows)
    since = scene.now - card.at if card is not None else timedelta()
    overdue = before == FILLING and stage == DONE and since > LATE_COMPLETION
    fresh = before != stage and not (before == FILLING and stage == DONE)
    if any(one.event == "OrderReappeared" for one in rows):
        return Telling(screen=_back(scene, view), stage=stage, fresh=True)
    return Telling(
        screen=_screen(view, before, stage),
        stage=stage,
        fresh=fresh or late or overdue,
        reply_to=await _thread(desk, row, order, None if before == WORKING else card),
        removes=card.message_id if card is not None and fresh and before == WORKING else None,
    )


def _back(scene: Scene, view: OrderView) -> Screen:
    """Say that an order which was given up is at the venue after all."""
    order, about = view.order, view.listing
    title = (f"It exists after all: {order.side} {about.base[:10]}", "It exists after all")
    done = f"Filled {plain(order.filled)} of {plain(order.quantity)}, {order.status}."
    return Screen(
        text=text_of(
            title_line(title, sign=Sign.LOOK, live=scene.live),
            plain_text(f"{about.venue_title} has an order that was settled as nothing."),
            plain_text(done),
            "It counts again. What is left of it is being cancelled.",
            code(order.short_id),
        )
    )


async def _any_late(desk: Desk, rows: tuple[OutboxRow, ...]) -> bool:
    """Tell whether a fill came after the order's end; the others are on its card already."""
    for row in rows:
        event = await desk.event(row) if row.event == "FillBooked" else None
        if isinstance(event, FillBooked) and event.is_late:
            return True
    return False


def _stage(order: Order) -> str:
    if order.status is OrderStatus.UNKNOWN:
        return UNKNOWN
    if order.is_finished:
        return DONE
    return FILLING if order.filled > ZERO else WORKING


def _screen(view: OrderView, before: str | None, stage: str) -> Screen:
    if before != UNKNOWN or stage == UNKNOWN:
        return screens.order(view)
    order = view.order
    if order.status is OrderStatus.REJECTED and order.filled == ZERO:
        return settled(view) if order.not_founds else screens.order(view)
    if order.is_finished and order.filled == ZERO:
        return screens.order(view)
    return found(view)


async def _thread(desk: Desk, row: OutboxRow, order: Order, card: Card | None) -> int | None:
    """Find the message to answer: the order's older card, its ticket's, or the one that asked."""
    if card is not None:
        return card.message_id
    if order.ticket_id is None:
        asked = await desk.notes.get(asked_scope(row.chat_id), order.client_order_id)
        return int(asked) if asked is not None else None
    ticket = await desk.cards.find(row.chat_id, f"ticket:{order.ticket_id}")
    return ticket.message_id if ticket is not None else None


async def _stray_fill(desk: Desk, row: OutboxRow) -> Told:
    """Tell a fill on an order that nobody here placed."""
    event = await desk.event(row)
    if not isinstance(event, FillBooked):
        return Silence(reason="no such order")
    fill, scene = event.fill, desk.scene(row.chat_id)
    base = fill.symbol.partition("/")[0][:10]
    title = title_line((f"A fill not from here: {base}", "A fill not from here"),
                       sign=Sign.LOOK, live=scene.live)  # fmt: skip
    did = "bought" if fill.side.sign > 0 else "sold"
    what = f"{fill.venue.capitalize()} {did} {plain(fill.quantity)} at {plain(fill.price)}."
    text = text_of(
        title,
        plain_text(what),
        "It moved cash and a holding, no position of ours."
        if event.to_holding
        else "It is booked, and counts in exposure.",
        code(fill.trade_id),
    )
    return Telling(screen=Screen(text=text), stage=DONE, fresh=True)


async def exit_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Say that a watched stop or target was reached; the exit's own card follows with its fill."""
    event = await desk.event(rows[-1])
    if not isinstance(event, ExitTriggered):
        return Silence(reason="no such exit")
    scene = desk.scene(rows[-1].chat_id)
    view = exit_view(scene, event, desk.state(), desk.instruments)
    return Telling(screen=triggered(view), fresh=True)

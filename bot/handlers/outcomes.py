"""Outcomes: what a receipt says, told to whoever asked, unless the outbox tells that chat anyway.

A bound chat hears of tickets, stops and flattens through the outbox, which survives a crash. A
denial or a refusal is only for the one who asked, and a chat that is not bound hears it all here.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from bot.chat_order import ChatOrder
from bot.handlers.notices import notice
from bot.handlers.visits import Sight, Visit
from bot.screens.figures import quantity
from bot.screens.layout import Screen, Sign, shortened
from bot.screens.orders import order as order_screen
from bot.screens.outcomes import outcome
from bot.screens.refusals import (
    already_used,
    denied,
    not_yours,
    refused,
    too_small,
    wrong_stop,
)
from bot.tellings.orders import asked_scope
from bot.views.orders import order_view
from bot.views.refusals import (
    command_refused_view,
    too_small_view,
    unknown_symbol_view,
    wrong_stop_view,
)
from bot.views.scene import Scene, listing, venue_title
from bot.views.tickets import denied_view, ticket_view
from engine import events as e
from engine.commands import AlertKind, AlertMode
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.quotes import Quote
from engine.receipts import Receipt
from engine.tickets import Ticket
from storage.cards import Cards
from storage.notes import Notes

LOOKS: Final = 14
LOOK_EVERY_S: Final = 0.05


def is_bound(sight: Sight, chat_id: int) -> bool:
    """Tell whether the outbox speaks to this chat."""
    return str(chat_id) in sight.state.chats


def refused_in(receipt: Receipt) -> e.CommandRefused | None:
    """Give the refusal that a receipt holds."""
    return next((each for each in receipt.events if isinstance(each, e.CommandRefused)), None)


def ticket_screen(
    sight: Sight, scene: Scene, ticket: Ticket, quote_now: Quote | None = None
) -> Screen:
    """Show a ticket as it stands: open, or what became of it."""
    view = ticket_view(scene, ticket, sight.state, sight.instruments, quote_now)
    return outcome(view)


def ticket_popup(sight: Sight, scene: Scene, ticket: Ticket, rule: str) -> str:
    """E4, E5: say why a tap on a ticket's button did nothing."""
    view = ticket_view(scene, ticket, sight.state, sight.instruments)
    return not_yours(view) if rule == "ticket_person" else already_used(view)


def denial_screen(sight: Sight, scene: Scene, event: e.OrderDenied, seq: int) -> Screen:
    """Show a denial: the one rule that has a card of its own, or every reason (M1, M2, M3, E6)."""
    rule = event.breaches[0].rule if len(event.breaches) == 1 else ""
    key = f"{event.venue}:{event.symbol}"
    instrument, quote = sight.instruments.get(key), event.quote
    if rule == "symbol":
        name, venue = shortened(event.symbol, 12), venue_title(event.venue)
        return refused(unknown_symbol_view(scene, name, venue, event.suggestions, seq))
    if instrument is not None and quote is not None:
        if rule == "minimum":
            asked = event.notional or (event.quantity or ZERO) * (event.price_limit or quote.mid)
            return too_small(too_small_view(scene, instrument, quote, asked, seq))
        known = sight.state.signals.get(event.signal_id)
        stop = known.signal.stop_loss if known is not None else None
        if rule == "stop_side" and event.side is not None and stop is not None:
            view = wrong_stop_view(scene, instrument, quote, event.side, stop, seq=seq)
            return wrong_stop(view)
    return denied(denied_view(scene, event, seq, sight.instruments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Tell what became of a command."""

    sight: Sight
    cards: Cards
    notes: Notes
    order: ChatOrder

    async def tell(self, visit: Visit, receipt: Receipt) -> None:
        """Reply to each event that nobody else tells this chat. Raises: DeliveryError."""
        count = len(receipt.events)
        is_flatten = any(isinstance(event, e.FlattenStarted) for event in receipt.events)
        for place, event in enumerate(receipt.events):
            if isinstance(event, e.OrderSubmitted) and event.order.ticket_id is None:
                if not is_flatten:
                    await self._sent(visit, event.order)
                continue
            # A repeat's receipt carries today's State, so the event's number is not known from it.
            seq = None if receipt.is_repeat else receipt.state.seq - count + 1 + place
            screen = self._screen(visit, event, seq, is_repeat=receipt.is_repeat)
            if screen is not None:
                await visit.reply(screen, silent=not isinstance(event, e.TicketOpened))

    def _screen(
        self, visit: Visit, event: e.Event, seq: int | None, *, is_repeat: bool
    ) -> Screen | None:
        sight, scene = self.sight, self.sight.scene(visit.person)
        bound = is_bound(sight, visit.chat_id)
        match event:
            case e.OrderDenied():
                shown = denial_screen(sight, scene, event, seq or 0)
                return shown if seq is not None else shown.without_buttons()
            case e.CommandRefused():
                return refused(command_refused_view(scene, event))
            case e.TicketOpened(ticket=ticket) if is_repeat or not bound:
                known = sight.state.ticket(ticket.ticket_id) or ticket
                return ticket_screen(sight, scene, known)
            case e.OrderCancelRequested(client_order_id=client_order_id):
                return self._cancelling(scene, client_order_id)
            case e.FlattenStarted(keys=keys) if not bound:
                what = f"{len(keys)} to close" if keys else "nothing is open"
                return notice(scene, "Halted, flattening", f"Since now, {what}.", sign=Sign.WAITING)
            case e.TradingResumed() if not bound:
                return notice(scene, "ACTIVE", "Entries are allowed again.")
            case _:
                return None

    async def _sent(self, visit: Visit, order: Order) -> None:
        """Answer for an order that left without a ticket. Raises: DeliveryError, JournalError.

        Where the outbox tells this chat of fills, the fill card is the answer, under the message
        that asked; only an order that rests a moment later is shown as sent, and that card goes
        when the first fill's card stands.
        """
        sight, name = self.sight, order.client_order_id
        chat = sight.state.chats.get(str(visit.chat_id))
        told = chat is not None and chat.mode_of(AlertKind.FILL) is not AlertMode.OFF
        asked = visit.update.message_id
        if told and asked is not None:
            await self.notes.put(asked_scope(visit.chat_id), name, str(asked))
            if await self._is_answered(name):
                return
        if not told:
            await visit.reply(self._sent_screen(visit, order))
            return
        # While this chat's order is held no alert can cross: what fills now finds the card.
        async with self.order.of(visit.chat_id):
            if self._has_news(name):
                return
            message_id = await visit.reply(self._sent_screen(visit, order))
            await self.cards.put(visit.chat_id, f"order:{name}", message_id, "working:", sight.now)

    def _sent_screen(self, visit: Visit, order: Order) -> Screen:
        sight = self.sight
        known = sight.state.order(order.client_order_id) or order
        scene = sight.scene(visit.person)
        view = order_view(scene, known, sight.state, sight.instruments, sight.quotes)
        return order_screen(view)

    async def _is_answered(self, client_order_id: str) -> bool:
        """Wait a moment for what the outbox will tell."""
        for _ in range(LOOKS):
            if self._has_news(client_order_id):
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        return False

    def _has_news(self, client_order_id: str) -> bool:
        """Tell whether the outbox speaks of the order: a fill, an end, or that nobody knows."""
        order = self.sight.state.order(client_order_id)
        if order is None or order.is_finished or order.filled > ZERO:
            return True
        return order.status is OrderStatus.UNKNOWN

    def _cancelling(self, scene: Scene, client_order_id: str) -> Screen:
        order = self.sight.state.order(client_order_id)
        if order is None:
            return notice(scene, "Cancelling", sign=Sign.WAITING)
        about = listing(order.key, self.sight.instruments)
        return notice(
            scene,
            (f"Cancelling {about.base} {order.kind}", f"Cancelling {about.base}", "Cancelling"),
            f"{order.side.value.capitalize()} {quantity(order.remaining)} {about.base} at "
            f"{about.venue_title}. What fills meanwhile counts.",
            f"{order.short_id}",
            sign=Sign.WAITING,
        )

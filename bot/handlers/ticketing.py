"""Ticketing: taps on a ticket's buttons, and tickets made anew from what was wished before."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from bot import callbacks as b
from bot.callbacks import PresetUnit
from bot.handlers.codes import Codes
from bot.handlers.outcomes import Outcomes, is_bound, refused_in, ticket_popup, ticket_screen
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.screens import steps as step_screens
from bot.screens import tickets as ticket_screens
from bot.views.guided import PRESET_SHARES_PCT, PRESETS
from bot.views.tickets import denied_view, ticket_view
from engine import commands as c
from engine import events as e
from engine.asking import drift_bps, step_of
from engine.confirming import Confirmation
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.receipts import Receipt
from engine.signals import SignalAction, TradingSignal
from engine.tickets import Ticket, TicketStatus
from storage.cards import Cards
from storage.queries import Queries

TOO_OLD: Final = "Too old to repeat. Write the command again. Nothing was sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticketing:
    """Approve, withdraw and resize tickets; make new ones of old wishes."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading
    codes: Codes
    cards: Cards
    queries: Queries

    async def confirm(self, visit: Visit, button: b.ConfirmTicket) -> None:
        """Approve a ticket, once its step is done; the popup tells what no card can."""
        if await self._asked(visit, button):
            return
        receipt = await self.sight.console.send(
            c.ApproveTicket(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                ticket_id=button.ticket_id,
                typed=visit.typed,
            )
        )
        await self._after_ticket(visit, button.ticket_id, receipt)

    async def _asked(self, visit: Visit, button: b.ConfirmTicket) -> bool:
        """Ask for the amount or the code first, where the ticket takes one (D4, D6)."""
        sight, person = self.sight, visit.person
        ticket = sight.state.ticket(button.ticket_id)
        if ticket is None or ticket.status is not TicketStatus.OPEN:
            return False
        if sight.now >= ticket.expires_at or not self._may_touch(visit, ticket):
            return False
        quote = sight.quotes.get(ticket.key)
        moved = None
        if ticket.kind is OrderKind.MARKET and quote is not None:
            moved = drift_bps(ticket.quote.mid, quote.mid)
            if abs(moved) > sight.state.limits.drift_bps_max:
                return False
        step = step_of(sight.state, ticket, person.user_id, moved)
        view = ticket_view(sight.scene(person), ticket, sight.state, sight.instruments)
        if step is Confirmation.TYPED and visit.typed is None:
            await self.codes.ask_amount(
                visit,
                button,
                step_screens.typing(view),
                amount=ticket.amount_typed,
                until=ticket.expires_at,
            )
            return True
        if step is Confirmation.CODE and not person.with_code:
            await self.codes.ask(
                visit,
                button,
                what=step_screens.what_it_does(view),
                until=ticket.expires_at,
                cancel=b.CancelTicket(ticket_id=ticket.ticket_id),
                name=ticket.short_id,
            )
            return True
        return False

    async def cancel(self, visit: Visit, button: b.CancelTicket) -> None:
        """Withdraw a ticket, and take away the question for its amount or code."""
        asks = b.ConfirmTicket(ticket_id=button.ticket_id)
        at_question = await self.codes.forget(visit, asks)
        receipt = await self.sight.console.send(self._withdrawal(visit, button.ticket_id, ""))
        if at_question and refused_in(receipt) is None and is_bound(self.sight, visit.chat_id):
            # The tapped message is gone; the ticket's own card is edited by the outbox.
            await visit.answer()
            return
        await self._after_ticket(visit, button.ticket_id, receipt)

    def _withdrawal(self, visit: Visit, ticket_id: str, suffix: str) -> c.CancelTicket:
        return c.CancelTicket(
            command_id=f"{visit.command_id}{suffix}",
            actor=visit.person.actor,
            at=self.sight.now,
            ticket_id=ticket_id,
        )

    async def _after_ticket(self, visit: Visit, ticket_id: str, receipt: Receipt) -> None:
        scene = self.sight.scene(visit.person)
        fault = refused_in(receipt)
        ticket = self.sight.state.ticket(ticket_id)
        if fault is not None:
            text = f"{fault.sentence} This tap did nothing."
            is_over = ticket is not None and ticket.status is not TicketStatus.OPEN
            if ticket is not None and (is_over or fault.rule == "ticket_person"):
                text = ticket_popup(self.sight, scene, ticket, fault.rule)
            if visit.update.is_tap:
                await visit.answer(text, alert=True)
            else:
                await visit.reply_text(text.replace(" This tap did nothing.", ""))
        await visit.answer()
        told = (e.TicketEnded, e.TicketConfirmed)
        news = next((each for each in receipt.events if isinstance(each, told)), None)
        if ticket is not None and (news is not None or ticket.status is not TicketStatus.OPEN):
            await self._edit_ticket(visit, ticket, news)
        for event in receipt.events:
            if isinstance(event, e.OrderDenied):
                await self.outcomes.tell(visit, receipt)
                return

    async def _edit_ticket(
        self, visit: Visit, ticket: Ticket, news: e.TicketEnded | e.TicketConfirmed | None
    ) -> None:
        """Bring the tapped card up to date, where the outbox does not do it."""
        subject = f"ticket:{ticket.ticket_id}"
        if news is not None and is_bound(self.sight, visit.chat_id):
            card = await self.cards.find(visit.chat_id, subject)
            if card is not None and card.message_id == visit.update.message_id:
                return
        quote = news.quote if isinstance(news, e.TicketEnded) else None
        scene = self.sight.scene(visit.person)
        await visit.edit(ticket_screen(self.sight, scene, ticket, quote))

    async def edit_size(self, visit: Visit, button: b.EditSize) -> None:
        """Offer other sizes on the ticket's own card."""
        await self._shown_again(visit, button.ticket_id, sizes=True)

    async def back(self, visit: Visit, button: b.BackToTicket) -> None:
        """Show the ticket again."""
        await self._shown_again(visit, button.ticket_id, sizes=False)

    async def _shown_again(self, visit: Visit, ticket_id: str, *, sizes: bool) -> None:
        sight, scene = self.sight, self.sight.scene(visit.person)
        ticket = sight.state.ticket(ticket_id)
        if ticket is None:
            await visit.answer("There is no such ticket here.", alert=True)
            return
        if not self._may_touch(visit, ticket):
            await visit.answer(ticket_popup(sight, scene, ticket, "ticket_person"), alert=True)
            return
        await visit.answer()
        if not sizes or ticket.status is not TicketStatus.OPEN:
            await visit.edit(ticket_screen(sight, scene, ticket))
            return
        view = ticket_view(scene, ticket, sight.state, sight.instruments)
        presets = PRESET_SHARES_PCT if view.is_exit else PRESETS
        await visit.edit(ticket_screens.edit_size(view, presets))

    def _may_touch(self, visit: Visit, ticket: Ticket) -> bool:
        return visit.person.is_owner or ticket.owner_id == visit.person.user_id

    async def resize(self, visit: Visit, button: b.ResizeTicket) -> None:
        """Void a ticket and make one of another size."""
        ticket = self.sight.state.ticket(button.ticket_id)
        await self.codes.forget(visit, b.ConfirmTicket(ticket_id=button.ticket_id))
        receipt = await self.sight.console.send(self._withdrawal(visit, button.ticket_id, ":void"))
        await self._after_ticket(visit, button.ticket_id, receipt)
        if ticket is None or refused_in(receipt) is not None:
            return
        signal = resized(ticket.signal, button.unit, button.amount)
        await self.trading.submit(visit, signal, ticket.venue, wanted=True)

    async def again(self, visit: Visit, button: b.NewTicket) -> None:
        """Make a ticket of the same wish at the price now."""
        ticket = self.sight.state.ticket(button.ticket_id)
        if ticket is None:
            await visit.answer(TOO_OLD, alert=True)
            return
        await visit.answer()
        await visit.strip()
        await self.trading.submit(visit, ticket.signal, ticket.venue, wanted=True)

    async def repeat(self, visit: Visit, button: b.RepeatOrder) -> None:
        """Make a ticket of what an order wanted."""
        await visit.answer()
        order = self.sight.state.order(button.client_order_id)
        order = order or await self.queries.order(button.client_order_id)
        if order is None:
            await visit.reply_text(TOO_OLD)
            return
        await visit.strip()
        await self.trading.submit(visit, signal_of(order), order.venue, wanted=True)

    async def corrected(
        self,
        visit: Visit,
        button: b.DenialTicket | b.MinimumTicket | b.StopChoice | b.SymbolChoice,
    ) -> None:
        """Make a ticket of a denied wish with what would pass."""
        await visit.answer()
        stored = await self.queries.event(button.seq)
        denial = stored.event if stored is not None else None
        signal = await self._denied_signal(denial) if isinstance(denial, e.OrderDenied) else None
        if not isinstance(denial, e.OrderDenied) or signal is None:
            await visit.reply_text(TOO_OLD)
            return
        changed = self._changed(visit, signal, denial, button)
        if changed is None:
            await visit.reply_text("Nothing passes any more. Write the command again.")
            return
        await visit.strip()
        await self.trading.submit(visit, changed, denial.venue, wanted=True)

    async def _denied_signal(self, denial: e.OrderDenied) -> TradingSignal | None:
        known = self.sight.state.signals.get(denial.signal_id)
        if known is not None:
            return known.signal
        if denial.command_id is None:
            return None
        for stored in await self.queries.events_of(denial.command_id):
            if isinstance(stored.event, e.SignalReceived):
                return stored.event.signal
        return None

    def _changed(
        self,
        visit: Visit,
        signal: TradingSignal,
        denial: e.OrderDenied,
        button: b.DenialTicket | b.MinimumTicket | b.StopChoice | b.SymbolChoice,
    ) -> TradingSignal | None:
        scene = self.sight.scene(visit.person)
        match button:
            case b.DenialTicket(seq=seq):
                passing = denied_view(scene, denial, seq, self.sight.instruments).passing
                if passing is None:
                    return None
                return resized(signal, PresetUnit.NOTIONAL, passing)
            case b.MinimumTicket():
                return self._smallest(signal, denial)
            case b.StopChoice(percent=percent):
                return replace(signal, stop_loss=None, stop_loss_pct=Decimal(percent))
            case b.SymbolChoice(symbol=symbol):
                return replace(signal, symbol=symbol)

    def _smallest(self, signal: TradingSignal, denial: e.OrderDenied) -> TradingSignal | None:
        key = f"{denial.venue}:{denial.symbol}"
        instrument, quote = self.sight.instruments.get(key), self.sight.quotes.get(key)
        if instrument is None or quote is None:
            return None
        price = signal.price_limit or quote.mid
        quantity = instrument.quantity_covering(instrument.notional_min, price)
        bare = replace(signal, quantity=None, notional=None, percent=None, risk_pct=None)
        return replace(bare, quantity=quantity)


def resized(signal: TradingSignal, unit: PresetUnit, amount: Decimal) -> TradingSignal:
    """Give the same wish in another size."""
    bare = replace(signal, quantity=None, notional=None, percent=None, risk_pct=None)
    match unit:
        case PresetUnit.NOTIONAL:
            return replace(bare, notional=amount)
        case PresetUnit.RISK_PCT:
            return replace(bare, risk_pct=amount)
        case PresetUnit.PERCENT:
            return replace(bare, percent=amount)


def signal_of(order: Order) -> TradingSignal:
    """Give the wish that would make this order again."""
    action = SignalAction.BUY
    if order.purpose is OrderPurpose.EXIT:
        action = SignalAction.CLOSE
    elif order.side is OrderSide.SELL:
        action = SignalAction.SHORT
    return TradingSignal(
        symbol=order.symbol,
        action=action,
        quantity=order.quantity,
        price_limit=order.price_limit if order.kind is OrderKind.LIMIT else None,
        stop_loss=order.stop,
        targets=order.targets,
        plan=order.plan,
        leverage=order.leverage,
        venue=order.venue,
    )

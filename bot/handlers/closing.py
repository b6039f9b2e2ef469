"""Closing: whatever makes exposure smaller. One tap or one line, and never a ticket."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot import callbacks as b
from bot.handlers.notices import notice
from bot.handlers.outcomes import Outcomes, refused_in
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.arguments import CancelDraft, CloseDraft, cancel_of, close_of
from bot.parsing.refusals import Refusal
from bot.screens.layout import Screen, Sign
from bot.screens.order_list import orders as orders_screen
from bot.screens.orders import order as order_screen
from bot.screens.positions import position as position_screen
from bot.screens.positions import positions as positions_screen
from bot.views.orders import order_view, orders_view
from bot.views.positions import free_of, position_view, positions_view
from engine import commands as c
from engine.events import OrderCancelRequested
from engine.numbers import HUNDRED, plain
from storage.queries import Queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Close positions, cancel orders, move stops; show positions and orders."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading
    queries: Queries
    # The positions that a tap is closing a share of at this moment, by id.
    under_way: set[str] = field(default_factory=set)

    def positions(self, visit: Visit, page: int = 0) -> Screen:
        """Show the list of positions."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = positions_view(scene, sight.state, sight.quotes, sight.instruments, page=page)
        return positions_screen(view)

    def orders(self, visit: Visit, page: int = 0) -> Screen:
        """Show the list of open orders."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        return orders_screen(orders_view(scene, sight.state, sight.instruments, page=page))

    def position(self, visit: Visit, position_id: str) -> Screen:
        """Show one position, or say that it is closed."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = position_view(scene, position_id, sight.state, sight.quotes, sight.instruments)
        if view is None:
            return notice(scene, "Position closed", "It is not open any more.")
        return position_screen(view)

    async def order(self, visit: Visit, client_order_id: str) -> Screen:
        """Show one order of any age."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        order = sight.state.order(client_order_id) or await self.queries.order(client_order_id)
        if order is None:
            return notice(scene, "No such order", "It is not known here.", sign=Sign.STOPPED)
        return order_screen(order_view(scene, order, sight.state, sight.instruments, sight.quotes))

    async def close_command(self, visit: Visit, text: str) -> None:
        """Run /close; without words show what can be closed."""
        draft = close_of(text, self.sight.state.positions.values())
        match draft:
            case None:
                await visit.reply(self.positions(visit))
            case Refusal():
                await self.trading.refuse(visit, draft)
            case CloseDraft(position_id=position_id, fraction=fraction):
                await self._close(visit, position_id, fraction)

    async def close_tap(self, visit: Visit, button: b.ClosePosition) -> None:
        """Run a tap on Close: the card loses its buttons, then shows what is left.

        A second tap of a hurried thumb, or one on a card that shows another size than the
        position has by now, closes nothing: half of what is left is not what was asked for.
        """
        name = button.position_id
        why_not = self._why_not_close(button)
        if why_not is not None:
            await visit.answer(f"{why_not} This tap did nothing.", alert=True)
            if name not in self.under_way:
                await visit.edit(self.position(visit, name))
            return
        self.under_way.add(name)
        try:
            await visit.answer()
            await visit.edit(self.position(visit, name).without_buttons())
            await self._close(visit, name, Decimal(button.percent) / HUNDRED)
        finally:
            self.under_way.discard(name)
        await visit.edit(self.position(visit, name))

    def _why_not_close(self, button: b.ClosePosition) -> str | None:
        """Say why a tap is not of this moment; None when it is. Closing all needs no size."""
        if button.position_id in self.under_way:
            return "Already closing, by the tap before this one."
        position = self.sight.state.position(button.position_id)
        if position is None or button.percent >= HUNDRED:
            return None
        free = free_of(position, self.sight.state)
        if b.size_name(free) == button.seen:
            return None
        return f"The size is not what this card showed: {plain(free)} can be closed now."

    async def _close(self, visit: Visit, position_id: str, fraction: Decimal) -> None:
        """Send the exit; its fill is told as a card."""
        receipt = await self.sight.console.send(
            c.ClosePosition(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                position_id=position_id,
                fraction=fraction,
            )
        )
        await self.outcomes.tell(visit, receipt)

    async def break_even(self, visit: Visit, button: b.BreakEven) -> None:
        """Move a position's stop to where closing costs nothing."""
        await visit.answer()
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = position_view(
            scene, button.position_id, sight.state, sight.quotes, sight.instruments
        )
        if view is None or view.break_even is None:
            await visit.reply(
                notice(
                    scene,
                    "Stop not moved",
                    "The price has not passed break-even, or the stop is as good already.",
                    sign=Sign.STOPPED,
                )
            )
            return
        receipt = await sight.console.send(
            c.SetProtection(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=sight.now,
                position_id=button.position_id,
                stop=view.break_even,
                targets=view.position.targets,
            )
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            price = plain(view.break_even)
            await visit.reply(notice(scene, f"Stop now {price}", "Closing there costs nothing."))
        await visit.edit(self.position(visit, button.position_id))

    async def cancel_command(self, visit: Visit, text: str) -> None:
        """Run /cancel; without words show what can be cancelled."""
        draft = cancel_of(text, self.sight.state.orders.values())
        match draft:
            case None:
                await visit.reply(self.orders(visit))
            case Refusal():
                await self.trading.refuse(visit, draft)
            case CancelDraft(entries=True):
                await self._cancel_entries(visit)
            case CancelDraft(client_order_ids=ids):
                for place, client_order_id in enumerate(ids):
                    suffix = f":{place}" if place else ""
                    await self._cancel(visit, client_order_id, suffix)

    async def _cancel(self, visit: Visit, client_order_id: str, suffix: str = "") -> bool:
        """Cancel one order; False when it was refused."""
        receipt = await self.sight.console.send(
            c.CancelOrder(
                command_id=f"{visit.command_id}{suffix}",
                actor=visit.person.actor,
                at=self.sight.now,
                client_order_id=client_order_id,
            )
        )
        await self.outcomes.tell(visit, receipt)
        return refused_in(receipt) is None

    async def _cancel_entries(self, visit: Visit) -> bool:
        receipt = await self.sight.console.send(
            c.CancelEntries(
                command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now
            )
        )
        await self.outcomes.tell(visit, receipt)
        return any(isinstance(each, OrderCancelRequested) for each in receipt.events)

    async def cancel_tap(self, visit: Visit, button: b.CancelOrder) -> None:
        """Cancel the order of a card or a list."""
        await visit.answer()
        await self._cancel(visit, button.client_order_id)
        await visit.edit(await self.order(visit, button.client_order_id))

    async def cancel_entries_tap(self, visit: Visit) -> None:
        """Cancel every entry and bring the list up to date."""
        await visit.answer()
        await self._cancel_entries(visit)
        await visit.edit(self.orders(visit))

    async def cancel_old(self, visit: Visit, text: str) -> str | None:
        """Cancel the entries an old /cancel named; None where it named anything else."""
        draft = cancel_of(text, self.sight.state.orders.values())
        if not isinstance(draft, CancelDraft):
            return None
        if draft.entries:
            return "cancel all entries" if await self._cancel_entries(visit) else None
        orders = [self.sight.state.order(each) for each in draft.client_order_ids]
        if any(order is None or order.is_exit for order in orders):
            return None
        for place, client_order_id in enumerate(draft.client_order_ids):
            await self._cancel(visit, client_order_id, f":{place}" if place else "")
        return f"cancel {text.strip()}"

    async def cancel_old_tap(
        self, visit: Visit, button: b.CancelOrder | b.CancelEntries
    ) -> str | None:
        """Carry out an old tap that cancels entries; None where it would cancel an exit."""
        if isinstance(button, b.CancelEntries):
            return "cancel all entries" if await self._cancel_entries(visit) else None
        order = self.sight.state.order(button.client_order_id)
        if order is None or order.is_exit:
            return None
        await self._cancel(visit, button.client_order_id)
        return f"cancel {order.symbol} {order.short_id}"

"""Settling in: greeting, which alerts a chat gets, acknowledging, and what was set aside."""

from dataclasses import dataclass
from typing import Final

from bot import callbacks as b
from bot.callbacks import Page
from bot.handlers.outcomes import Outcomes, refused_in
from bot.handlers.pages import Pages
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.menus import Menus
from bot.parsing.arguments import AlertDraft, alert_of
from bot.parsing.refusals import Refusal
from bot.screens.arrival import keyboard, start
from bot.screens.layout import Screen
from bot.views.board import start_view
from bot.views.health import health_of
from engine import commands as c
from engine.commands import AlertMode
from engine.events import BacklogSetAside
from engine.numbers import ZERO
from storage.queries import Queries

KEYS_TEXT: Final = "The keys stand below. STOP is always among them."
NEXT_MODE: Final = {
    AlertMode.ON: AlertMode.SILENT,
    AlertMode.SILENT: AlertMode.OFF,
    AlertMode.OFF: AlertMode.ON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """Bind chats and choose what they hear."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading
    pages: Pages
    queries: Queries
    menus: Menus

    async def start(self, visit: Visit) -> None:
        """Greet, set the keyboard and the menu, and send alerts here from now on.

        A group is bound by an owner alone.
        """
        person = visit.person
        if not person.in_group or person.is_owner:
            receipt = await self.sight.console.send(
                c.BindChat(
                    command_id=visit.command_id,
                    actor=person.actor,
                    at=self.sight.now,
                    chat_id=person.chat_id,
                    user_id=person.user_id,
                    is_group=person.in_group,
                )
            )
            await self.outcomes.tell(visit, receipt)
        # Telegram takes a keyboard or inline buttons with one message, so the keys come first.
        await visit.reply(Screen(text=KEYS_TEXT, keyboard=keyboard(person.role)))
        await visit.reply(self._greeting(visit))
        if not person.in_group:
            await self.menus.set_for(person.user_id, person.role)

    def _greeting(self, visit: Visit) -> Screen:
        sight, scene = self.sight, self.sight.scene(visit.person)
        venues = health_of(sight.state, sight.quotes, sight.instruments, sight.now)
        shown = start(start_view(scene, sight.state, venues))
        return Screen(text=shown.text, rows=shown.rows)

    async def alerts_command(self, visit: Visit, text: str) -> None:
        """Run /alerts; without words show what this chat hears."""
        draft = alert_of(text)
        match draft:
            case Refusal():
                await self.trading.refuse(visit, draft)
                return
            case AlertDraft(kind=kind, mode=mode):
                if not await self._set(visit, kind, mode):
                    return
            case None:
                pass
        await visit.reply(await self.pages.screen(visit, Page.ALERTS))

    async def cycle(self, visit: Visit, button: b.AlertKindCycle) -> None:
        """Turn one kind to its next mode and show it on the card."""
        await visit.answer()
        chat = self.sight.state.chats.get(str(visit.chat_id))
        mode = chat.mode_of(button.kind) if chat is not None else AlertMode.ON
        if await self._set(visit, button.kind, NEXT_MODE[mode]):
            await visit.edit(await self.pages.screen(visit, Page.ALERTS))

    async def _set(self, visit: Visit, kind: c.AlertKind, mode: AlertMode) -> bool:
        receipt = await self.sight.console.send(
            c.SetAlertMode(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                chat_id=visit.chat_id,
                kind=kind,
                mode=mode,
            )
        )
        await self.outcomes.tell(visit, receipt)
        return refused_in(receipt) is None

    async def acknowledge(self, visit: Visit, button: b.Acknowledge) -> None:
        """Note that the alert was seen: it stops repeating, what it tells of goes on."""
        receipt = await self.sight.console.send(
            c.Acknowledge(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                subject=button.subject,
            )
        )
        await visit.answer("Seen. It no longer repeats.")
        await self.outcomes.tell(visit, receipt)
        await visit.strip()

    async def adopt(self, visit: Visit, button: b.Adopt) -> None:
        """Take into a position what the card showed, if the venue still shows it."""
        state = self.sight.state
        differing = state.differing.get(button.key)
        venue, _, symbol = button.key.partition(":")
        held = state.holdings.get(f"{venue}:{symbol.partition('/')[0]}", ZERO)
        quantity = differing.there if differing is not None else held
        if b.size_name(quantity) != button.seen:
            await visit.answer("It has changed since; nothing was adopted.")
            return
        receipt = await self.sight.console.send(
            c.Adopt(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                key=button.key,
                quantity=quantity,
            )
        )
        await visit.answer("Adopted." if refused_in(receipt) is None else "Nothing was adopted.")
        await self.outcomes.tell(visit, receipt)
        await visit.strip()

    async def set_aside(self, visit: Visit, button: b.Redo) -> str | None:
        """Give the text of a command that was set aside in this chat."""
        stored = await self.queries.event(button.seq)
        event = stored.event if stored is not None else None
        if not isinstance(event, BacklogSetAside) or event.chat_id != visit.chat_id:
            return None
        if button.index >= len(event.items):
            return None
        return event.items[button.index].partition(" ")[2]

"""Trading: what a person typed becomes a signal; what was refused is corrected by a tap."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from bot.callbacks import TakeSuggestion
from bot.handlers.outcomes import Outcomes
from bot.handlers.suggestions import Suggestions
from bot.handlers.visits import Sight, Visit
from bot.parsing.drafts import Draft, Verb, draft_free, draft_order
from bot.parsing.refusals import Refusal
from bot.screens.refusals import refused
from bot.views.refusals import refusal_view
from engine.commands import SubmitSignal
from engine.signals import TradingSignal
from storage.notes import Notes

QUOTE_WAIT_S: Final = 3.0
QUOTE_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """Read orders, refuse with buttons that correct, submit signals."""

    sight: Sight
    outcomes: Outcomes
    notes: Notes

    async def order(self, visit: Visit, verb: Verb, text: str, *, wanted: bool = False) -> None:
        """Run /buy or /sell; `wanted` opens a ticket even where none is needed."""
        await self._drafted(visit, draft_order(verb, text, self.sight.market()), wanted=wanted)

    async def free_text(self, visit: Visit, text: str) -> bool:
        """Make a ticket of a text that looks like an order; False where it does not."""
        draft = draft_free(text, self.sight.market())
        if draft is None:
            return False
        await self._drafted(visit, draft, wanted=True)
        return True

    async def _drafted(self, visit: Visit, draft: Draft | Refusal, *, wanted: bool) -> None:
        if isinstance(draft, Refusal):
            await self.refuse(visit, draft)
            return
        await self.submit(visit, draft.signal, draft.venue, wanted=wanted)

    async def refuse(self, visit: Visit, fault: Refusal) -> None:
        """Reply with what is wrong, and keep each corrected command behind its button."""
        message_id = visit.update.message_id or 0
        commands = [each.command for each in fault.suggestions]
        await self._suggestions.keep(visit.chat_id, message_id, visit.person.user_id, commands)
        scene = self.sight.scene(visit.person)
        await visit.reply(refused(refusal_view(scene, fault, message_id)))

    @property
    def _suggestions(self) -> Suggestions:
        return Suggestions(self.notes)

    async def suggested(self, visit: Visit, button: TakeSuggestion) -> str | None:
        """Give a corrected command that was kept for this person."""
        return await self._suggestions.find(visit.chat_id, visit.person.user_id, button)

    async def submit(
        self, visit: Visit, signal: TradingSignal, venue: str, *, wanted: bool
    ) -> None:
        """Send a signal to the engine and tell what came of it."""
        await self.quoted(f"{venue}:{signal.symbol}")
        now = self.sight.now
        receipt = await self.sight.console.send(
            SubmitSignal(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=now,
                signal=replace(signal, created_at=now, signal_id=None, expires_at=None),
                venue=venue,
                ticket_wanted=wanted,
            )
        )
        await self.outcomes.tell(visit, receipt)

    async def quoted(self, key: str) -> None:
        """Follow a symbol and give its first quote a moment to come; without one it is denied."""
        quotes = self.sight.console.quotes
        quotes.follow(key)
        waited_s = 0.0
        while key not in quotes.latest() and waited_s < QUOTE_WAIT_S:
            await asyncio.sleep(QUOTE_LOOK_S)
            waited_s += QUOTE_LOOK_S

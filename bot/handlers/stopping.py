"""Stopping: STOP, flatten, resume, re-arm, and the rungs between them."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from bot import callbacks as b
from bot.console import Unsettled
from bot.handlers.notices import notice
from bot.handlers.outcomes import Outcomes, is_bound, refused_in
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.arguments import surplus_of
from bot.screens import ladder as ladder_screens
from bot.screens.layout import Screen, Sign
from bot.screens.resume import resume as resume_screen
from bot.views.ladder import flatten_view, ladder_view, resume_view
from engine import commands as c
from engine.alerts import Lane
from engine.errors import EngineError
from engine.events import TradingHalted
from engine.receipts import Receipt

JOURNAL_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """Stop and answer, whatever else is broken; ask before going on."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading

    def ladder(self, visit: Visit) -> Screen:
        """Show what stands after STOP."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = ladder_view(scene, sight.state, sight.quotes, sight.instruments)
        return ladder_screens.halted(view)

    async def stopped(self, visit: Visit, halt: Awaitable[Receipt]) -> None:
        """Journal a stop that is latched in memory already, and show the ladder.

        When the journal does not answer in time, the person is told so at once: nothing leaves
        all the same.
        """
        receipt = await self._journaled(visit, halt)
        if receipt is None:
            return
        is_new = any(isinstance(each, TradingHalted) for each in receipt.events)
        if not is_new or receipt.is_repeat or not is_bound(self.sight, visit.chat_id):
            await visit.reply(self.ladder(visit), silent=False, lane=Lane.STOP)

    async def _journaled(self, visit: Visit, sent: Awaitable[Receipt]) -> Receipt | None:
        """Wait a moment for the receipt of what has halted already; else say so, and give None."""
        waiting = asyncio.ensure_future(sent)  # the engine keeps it; it may outlive the answer
        try:
            async with asyncio.timeout(JOURNAL_WAIT_S):
                return await asyncio.shield(waiting)
        except (TimeoutError, EngineError) as fault:
            # The engine writes it down, and goes on with it, as soon as it can.
            waiting.add_done_callback(_observed)
            reason = str(fault) or "the journal does not answer"
        await visit.reply(
            notice(
                self.sight.scene(visit.person),
                "HALTED, not yet journaled",
                f"No new entries leave. Not written down yet: {reason}",
                sign=Sign.STOPPED,
            ),
            silent=False,
            lane=Lane.STOP,
        )
        return None

    async def flatten_command(self, visit: Visit, text: str) -> None:
        """Run /flatten, unless it names something: it would close everything all the same."""
        fault = surplus_of("flatten", text)
        if fault is not None:
            await self.trading.refuse(visit, fault)
            return
        await self._flatten(visit)

    async def flatten_tap(self, visit: Visit) -> None:
        """Close everything; the card that asked loses its buttons at once."""
        await visit.answer()
        await visit.strip()
        await self._flatten(visit)

    async def _flatten(self, visit: Visit) -> None:
        command = c.Flatten(
            command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now
        )
        wanted = self.sight.console.send(command)
        sent = asyncio.ensure_future(wanted)  # the engine keeps it; it may outlive the answer
        receipt = await self._journaled(visit, sent)
        if receipt is None:
            raise Unsettled(sent)
        if refused_in(receipt) is not None or not is_bound(self.sight, visit.chat_id):
            sight, run = self.sight, self.sight.state.flatten
            if run is not None:
                view = flatten_view(
                    sight.scene(visit.person), run, sight.state, sight.quotes, sight.instruments
                )
                await visit.reply(ladder_screens.flatten(view), lane=Lane.STOP)
                return
        await self.outcomes.tell(visit, receipt)

    async def cancel_stops(self, visit: Visit) -> None:
        """Set every stop aside: what is left stands unprotected, and the card says so."""
        await visit.answer()
        receipt = await self.sight.console.send(
            c.SetProtectionsAside(
                command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now
            )
        )
        await self.outcomes.tell(visit, receipt)
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = ladder_view(scene, sight.state, sight.quotes, sight.instruments)
        if refused_in(receipt) is None:
            await visit.edit(ladder_screens.stops_aside(view), lane=Lane.STOP)

    async def restore_stops(self, visit: Visit) -> None:
        """Put the stops back."""
        await visit.answer()
        receipt = await self.sight.console.send(
            c.RestoreProtections(
                command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now
            )
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            await visit.edit(self.ladder(visit), lane=Lane.STOP)

    async def leave(self, visit: Visit) -> None:
        """Leave everything as it is, halted."""
        await visit.answer()
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = ladder_view(scene, sight.state, sight.quotes, sight.instruments)
        await visit.edit(ladder_screens.left_as_is(view))

    async def resume_command(self, visit: Visit, text: str) -> None:
        """Run /resume: show what it would allow again, and ask."""
        fault = surplus_of("resume", text)
        if fault is not None:
            await self.trading.refuse(visit, fault)
            return
        sight, scene = self.sight, self.sight.scene(visit.person)
        if sight.state.stop is None and not sight.state.breakers:
            await visit.reply(notice(scene, "ACTIVE already", "Nothing is halted."))
            return
        await visit.reply(resume_screen(resume_view(scene, sight.state)))

    async def resume_tap(self, visit: Visit) -> None:
        """Allow entries again."""
        await visit.answer()
        await visit.strip()
        receipt = await self.sight.console.send(
            c.Resume(command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now)
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            # The question must not go on saying that everything stands still.
            answered = notice(
                self.sight.scene(visit.person), "Resumed", "Entries are allowed again."
            )
            await visit.edit(answered)

    async def rearm(self, visit: Visit, button: b.Rearm) -> None:
        """Re-arm a breaker."""
        await visit.answer()
        receipt = await self.sight.console.send(
            c.RearmBreaker(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                breaker_id=button.breaker_id,
            )
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            await visit.strip()
            state = self.sight.state.trading
            await visit.reply(
                notice(
                    self.sight.scene(visit.person), "Breaker re-armed", f"Trading is {state} now."
                )
            )

    async def arm(self, visit: Visit, button: b.ArmLive) -> None:
        """Allow entries with real money until the process ends."""
        await visit.answer()
        receipt = await self.sight.console.send(
            c.ArmLive(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                session=button.session,
            )
        )
        await self.outcomes.tell(visit, receipt)


def _observed(waiting: asyncio.Future[Receipt]) -> None:
    """Take note of a late end, so that nothing is reported as never retrieved."""
    if not waiting.cancelled():
        waiting.exception()

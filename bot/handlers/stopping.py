"""Stopping: STOP, flatten, resume, re-arm, and the rungs between them."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from bot import callbacks as b
from bot.console import Unsettled
from bot.handlers.notices import notice
from bot.handlers.outcomes import Outcomes, is_bound, refused_in
from bot.handlers.scoping import Scoping
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.arguments import surplus_of
from bot.parsing.refusals import shown
from bot.parsing.scopes import is_unread
from bot.screens import ladder as ladder_screens
from bot.screens.layout import Screen, Sign
from bot.screens.resume import resume as resume_screen
from bot.views.flatten import flatten_view
from bot.views.ladder import ladder_view, resume_view
from engine import commands as c
from engine.alerts import Lane
from engine.errors import EngineError
from engine.events import TradingHalted
from engine.receipts import Receipt
from engine.risk_limits import TradingState
from engine.state import State

JOURNAL_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """Stop and answer, whatever else is broken; ask before going on."""

    sight: Sight
    outcomes: Outcomes
    trading: Trading
    scoping: Scoping

    def ladder(self, visit: Visit) -> Screen:
        """Show what stands after STOP."""
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = ladder_view(scene, sight.state, sight.quotes, sight.instruments)
        return ladder_screens.halted(view)

    async def stopped(self, visit: Visit, text: str, halt: Awaitable[Receipt]) -> None:
        """Journal a stop that is latched in memory already, and show the ladder.

        When the journal does not answer in time, the person is told so at once: nothing leaves
        all the same. `text` is what followed the word: a scope, or nothing, or what names none.
        """
        scope = self.scoping.scope(text)
        receipt = await self._journaled(visit, halt)
        if receipt is None:
            return
        if scope is not None:
            await self.scoping.told(visit, receipt)
            return
        if is_unread(text, scope):
            await visit.reply(self._all_of_it(visit, text), silent=False, lane=Lane.STOP)
        is_new = any(isinstance(each, TradingHalted) for each in receipt.events)
        if not is_new or receipt.is_repeat or not is_bound(self.sight, visit.chat_id):
            await visit.reply(self.ladder(visit), silent=False, lane=Lane.STOP)

    def _all_of_it(self, visit: Visit, text: str) -> Screen:
        return notice(
            self.sight.scene(visit.person),
            "HALTED: everything",
            f"{shown(text)} names no venue, symbol or strategy here, so everything is stopped.",
            "One alone: /stop binance, /stop btc, /stop strategy breakout",
            sign=Sign.STOPPED,
        )

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

    async def flatten_tap(self, visit: Visit, *, with_external: bool = False) -> None:
        """Close everything; the card that asked loses its buttons at once."""
        await visit.answer()
        await visit.strip()
        await self._flatten(visit, with_external=with_external)

    async def _flatten(self, visit: Visit, *, with_external: bool = False) -> None:
        command = c.Flatten(
            command_id=visit.command_id,
            actor=visit.person.actor,
            at=self.sight.now,
            with_external=with_external,
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
        if text:
            await self.scoping.resume(visit, text)
            return
        sight, scene = self.sight, self.sight.scene(visit.person)
        if sight.state.trading is TradingState.ACTIVE:
            await visit.reply(notice(scene, "ACTIVE already", *_held_back(sight.state)))
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


def _held_back(state: State) -> tuple[str, ...]:
    """Say that nothing is halted, and which scopes are all the same."""
    scopes = [*(each.scope for each in state.restrictions.values())]
    scopes += [each.scope for each in state.breakers.values()]
    names = sorted({each.text for each in scopes if each.key})
    if not names:
        return ("Nothing is halted.",)
    return ("Trading goes on, but not on:", ", ".join(names), "/resume and its name asks.")


def _observed(waiting: asyncio.Future[Receipt]) -> None:
    """Take note of a late end, so that nothing is reported as never retrieved."""
    if not waiting.cancelled():
        waiting.exception()

"""The desk: every update of an operator ends here. Authorise, decode, call, render."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, assert_never

from bot import callbacks as b
from bot.access import COMMANDS, Act, Person, act_of, refusal_sentence
from bot.attempts import DeliveryError
from bot.callbacks import Button, ForgedCallback, Page
from bot.handlers.closing import Closing
from bot.handlers.codes import Codes
from bot.handlers.describing import described
from bot.handlers.factors import Factors
from bot.handlers.guiding import Guiding
from bot.handlers.limiting import LimitButton, Limiting
from bot.handlers.moving import Moving
from bot.handlers.notices import failure, notice, reason_of
from bot.handlers.pages import Looked, Pages
from bot.handlers.scoping import Scoping
from bot.handlers.settling import Settling
from bot.handlers.stopping import Stopping
from bot.handlers.ticketing import Ticketing
from bot.handlers.trading import Trading
from bot.handlers.visits import Sender, Sight, Visit
from bot.incoming import Incoming
from bot.parsing.drafts import Verb
from bot.parsing.words import plain, split_command
from bot.screens.layout import Sign
from bot.screens.refusals import not_from_here
from engine.alerts import Lane
from engine.receipts import Receipt
from storage.queries import Queries

log = logging.getLogger(__name__)

EDIT_RUNS_NOTHING: Final = "An edited message runs nothing. Send it as a new one."
TOO_LATE: Final = "This tap came too late to be run. Nothing was done."
BUSY: Final = "Too much waits already. This was not run; send it again in a moment."
HELP_LINE: Final = "I read commands and the keys below. /help lists them, with examples."
KEYS: Final = {
    "status": Page.STATUS,
    "positions": Page.POSITIONS,
    "orders": Page.ORDERS,
    "help": Page.HELP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Handle updates; implements the intake's port."""

    sight: Sight
    sender: Sender
    trading: Trading
    ticketing: Ticketing
    guiding: Guiding
    closing: Closing
    moving: Moving
    stopping: Stopping
    scoping: Scoping
    limiting: Limiting
    pages: Pages
    settling: Settling
    codes: Codes
    factors: Factors
    queries: Queries

    def _visit(self, update: Incoming, person: Person) -> Visit:
        return Visit(update=update, person=person, sender=self.sender)

    async def handle(self, update: Incoming, person: Person) -> None:
        """Do what was asked and reply; a tap is answered whatever happens."""
        visit = self._visit(update, person)
        if update.is_tap:
            try:
                await self._tapped(visit)
            finally:
                await visit.answer()
        elif update.is_edit:
            if update.text is not None and (update.command or update.text.startswith("/")):
                await visit.reply_text(EDIT_RUNS_NOTHING)
        elif update.update.message is not None and not update.update.message.left_chat_member:
            await self._written(visit, update.text or "")

    async def _written(self, visit: Visit, text: str) -> None:
        command = split_command(text)
        if command is not None:
            await self._commanded(visit, *command)
            return
        if await self.codes.written(visit, text, self._pressed):
            return
        if await self.moving.written(visit, text):
            return
        key = plain("".join(c for c in text if c.isalpha() or c.isspace()))
        if key == "trade":
            if await self._allowed(visit, Act.TRADE):
                await self.guiding.begin(visit)
        elif key in KEYS:
            await visit.reply(await self.pages.screen(visit, KEYS[key]))
        elif visit.person.may(Act.TRADE) and await self.trading.free_text(visit, text):
            return
        elif not visit.person.in_group:
            await visit.reply_text(HELP_LINE)

    async def _allowed(self, visit: Visit, act: Act) -> bool:
        """Refuse what the role does not allow, with the role that would."""
        if visit.person.may(act):
            return True
        sentence = refusal_sentence(visit.person, act)
        if visit.update.is_tap:
            await visit.answer(f"{sentence} This tap did nothing.", alert=True)
        else:
            scene = self.sight.scene(visit.person)
            await visit.reply(
                notice(scene, "Not your role", sentence, "Nothing was done.", sign=Sign.STOPPED)
            )
        log.info("refused by role", extra={"command_id": visit.command_id, "act": act.value})
        return False

    async def _commanded(self, visit: Visit, name: str, text: str) -> None:
        act = COMMANDS.get(name)
        if act is None:
            await visit.reply_text(f"There is no command /{name}. /help lists them.")
            return
        if not await self._allowed(visit, act):
            return
        match name:
            case "start":
                await self.settling.start(visit)
            case "buy" | "sell":
                await self.trading.order(visit, Verb(name), text)
            case "close":
                await self.closing.close_command(visit, text)
            case "cancel":
                await self.closing.cancel_command(visit, text)
            case "flatten":
                await self.stopping.flatten_command(visit, text)
            case "resume":
                await self.stopping.resume_command(visit, text)
            case "alerts":
                await self.settling.alerts_command(visit, text)
            case "risk" if text:
                is_change = any(map(str.isdigit, text))
                if not is_change or await self._allowed(visit, Act.LIMITS):
                    await self.limiting.command(visit, text)
            case "chart":
                await self.pages.chart(visit, text)
            case _:
                await visit.reply(await self.pages.screen(visit, Page(name)))

    async def _tapped(self, visit: Visit) -> None:
        try:
            button = visit.update.button()
        except ForgedCallback as forged:
            log.warning(
                "forged callback",
                extra={
                    "command_id": visit.command_id,
                    "user_id": visit.person.user_id,
                    "reason": str(forged),
                },
            )
            await visit.answer(not_from_here(), alert=True)
            return
        if not await self._allowed(visit, act_of(button)):
            return
        if self.codes.needed(visit.person, button):
            await self.codes.ask(visit, button)
        else:
            await self._pressed(visit, button)

    async def _pressed(self, visit: Visit, button: Button) -> None:
        """Run a tap. Long because every kind of button stands here once."""
        if isinstance(button, Looked):
            await self.pages.tapped(visit, button)
            return
        if isinstance(button, LimitButton):
            await self.limiting.tapped(visit, button)
            return
        match button:
            case b.ConfirmTicket():
                await self.ticketing.confirm(visit, button)
            case b.CancelTicket():
                await self.ticketing.cancel(visit, button)
            case b.EditSize():
                await self.ticketing.edit_size(visit, button)
            case b.BackToTicket():
                await self.ticketing.back(visit, button)
            case b.ResizeTicket():
                await self.ticketing.resize(visit, button)
            case b.NewTicket():
                await self.ticketing.again(visit, button)
            case b.RepeatOrder():
                await self.ticketing.repeat(visit, button)
            case b.DenialTicket() | b.MinimumTicket() | b.StopChoice() | b.SymbolChoice():
                await self.ticketing.corrected(visit, button)
            case b.GuidedStart():
                await visit.answer()
                await self.guiding.begin(visit)
            case b.GuidedOther() | b.GuidedSymbol() | b.GuidedSide() | b.GuidedType():
                await visit.answer()
                await self.guiding.step(visit, button)
            case b.GuidedPreset():
                await visit.answer()
                await self.guiding.preset(visit, button)
            case b.ClosePosition():
                await self.closing.close_tap(visit, button)
            case b.BreakEven():
                await self.closing.break_even(visit, button)
            case b.MoveStopAsk() | b.MoveStopBy() | b.MoveStopType():
                await self.moving.tapped(visit, button)
            case b.TrailAsk() | b.TrailBy() | b.TrailOff() | b.TimeStopIn():
                await self.moving.tapped(visit, button)
            case b.CancelOrder():
                await self.closing.cancel_tap(visit, button)
            case b.CancelEntries():
                await self.closing.cancel_entries_tap(visit)
            case b.StopFlatten():
                await self.stopping.flatten_tap(visit)
            case b.StopFlattenExternal():
                await self.stopping.flatten_tap(visit, with_external=True)
            case b.StopCancelStops():
                await self.stopping.cancel_stops(visit)
            case b.StopRestoreStops():
                await self.stopping.restore_stops(visit)
            case b.StopLeave():
                await self.stopping.leave(visit)
            case b.ResumeConfirm():
                await self.stopping.resume_tap(visit)
            case b.Rearm():
                await self.scoping.rearm(visit, button)
            case b.RearmAsk():
                await self.scoping.ask(visit, button)
            case b.ScopeGo():
                await self.scoping.go(visit, button)
            case b.ArmLive():
                await self.stopping.arm(visit, button)
            case b.CancelCode():
                await self.codes.cancel(visit)
            case b.FactorBegin():
                await self.factors.begin(visit, button)
            case b.FactorFinish():
                await self.factors.finish(visit)
            case b.FactorRemove():
                await self.factors.remove(visit, button)
            case b.Acknowledge():
                await self.settling.acknowledge(visit, button)
            case b.Adopt():
                await self.settling.adopt(visit, button)
            case b.AlertKindCycle():
                await self.settling.cycle(visit, button)
            case b.TakeSuggestion() | b.Redo():
                await self._run_again(visit, button)
            case b.ResumeStay() | b.DropBacklog() | b.Dismiss():
                await visit.answer()
                await visit.strip()
            case _:
                assert_never(button)

    async def _run_again(self, visit: Visit, button: b.TakeSuggestion | b.Redo) -> None:
        """Run a command that was kept or set aside; an order becomes a ticket, at today's price."""
        await visit.answer()
        if isinstance(button, b.TakeSuggestion):
            text = await self.trading.suggested(visit, button)
        else:
            text = await self.settling.set_aside(visit, button)
        command = split_command(text) if text is not None else None
        if command is None:
            await visit.reply_text("That cannot be run again from here. Send it as a message.")
            return
        name, words = command
        if name in ("buy", "sell"):
            if isinstance(button, b.TakeSuggestion):
                await visit.strip()
            await self.trading.order(visit, Verb(name), words, wanted=True)
        else:
            await self._commanded(visit, name, words)

    async def stopped(self, update: Incoming, person: Person, halt: Awaitable[Receipt]) -> None:
        """Journal a stop that is latched already, and reply."""
        command = update.command
        text = command[1] if command is not None else ""
        await self.stopping.stopped(self._visit(update, person), text, halt)

    async def was_run(self, update: Incoming) -> bool:
        """Tell whether an earlier process ran this and died before it could say so."""
        return bool(await self.queries.events_of(update.command_id))

    async def carry_out_old(self, update: Incoming, person: Person) -> str | None:
        """Cancel entries where an old update asked for it; None sets everything else aside."""
        visit = self._visit(update, person)
        done = await self._old_cancel(visit) if person.may(Act.CANCEL) else None
        await visit.answer(None if done else TOO_LATE, alert=done is None)
        return done

    async def _old_cancel(self, visit: Visit) -> str | None:
        update = visit.update
        command = update.command
        if command is not None and command[0] == "cancel" and not update.is_edit:
            return await self.closing.cancel_old(visit, command[1])
        if not update.is_tap:
            return None
        try:
            button = update.button()
        except ForgedCallback:
            return None
        if isinstance(button, b.CancelOrder | b.CancelEntries):
            return await self.closing.cancel_old_tap(visit, button)
        return None

    async def refuse_busy(self, update: Incoming, person: Person) -> None:
        """Say that too much waits already."""
        visit = self._visit(update, person)
        if update.is_tap:
            await visit.answer(BUSY, alert=True)
        elif not update.is_edit:
            await visit.reply_text(BUSY)

    async def failed(self, update: Incoming, person: Person, fault: Exception) -> None:
        """Say that handling failed; what keeps even that from its chat is logged."""
        visit = self._visit(update, person)
        try:
            await visit.answer("This failed. See the message below.", alert=True)
            scene = self.sight.scene(person)
            await visit.reply(failure(scene, reason_of(fault)), lane=Lane.TICKET)
        except DeliveryError as undelivered:
            log.warning(
                "failure not told",
                extra={"command_id": update.command_id, "reason": str(undelivered)},
            )

    def described(self, update: Incoming) -> str:
        """Give one line for the journal."""
        return described(update)

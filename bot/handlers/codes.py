"""Codes: an act that needs the second factor waits for one; the next six digits run it, or not.

A ticket that asks its amount typed waits in the same way. What waits stands in the notes, one act
for each person and chat, so that a restart forgets none. A code is deleted from the chat before it
is looked at.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from bot import callbacks as b
from bot.access import Act, Person, act_of
from bot.callbacks import Button, ForgedCallback, decode, encode
from bot.handlers.visits import Sight, Visit
from bot.incoming import CODE_UNREAD, amount_in, code_in
from bot.screens import codes as screens
from bot.screens.board import breaker_name
from bot.screens.layout import Screen
from bot.second_factor import CodeAnswer, SecondFactor, Verdict
from bot.views.scene import where_of
from engine import commands as c
from engine.commands import ENGINE
from engine.decide.factors import needs_code
from engine.scopes import scope_at
from storage.notes import Notes

LIFE: Final = timedelta(minutes=2)
# What opens these takes a code; a ticket says itself whether it does.
CODED: Final = frozenset({Act.RESUME, Act.REARM, Act.ARM})

NOTHING_ASKED: Final = "No code is asked for now. Nothing was done; tap the button first."

Run = Callable[[Visit, Button], Awaitable[None]]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a person's code: the tapped button, its card, and the question below it.

    `amount` when it waits for that amount, typed, instead of a code.
    """

    tap: str
    card: int | None
    question: int
    until: datetime
    amount: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Ask for a code, read it, and run what waited for it."""

    sight: Sight
    factor: SecondFactor
    notes: Notes

    def needed(self, person: Person, button: Button) -> bool:
        """Tell whether a tap has to wait for this person's code."""
        has_factor = needs_code(self.sight.state, person.user_id)
        asks_only = isinstance(button, b.RearmAsk)
        return has_factor and not person.with_code and act_of(button) in CODED and not asks_only

    async def ask(
        self,
        visit: Visit,
        button: Button,
        *,
        what: str | None = None,
        until: datetime | None = None,
        cancel: Button | None = None,
        name: str | None = None,
    ) -> None:
        """Ask for the code (D6): `what` it does in one line, `until` when, and its short `name`."""
        await visit.answer()
        until = until or self.sight.now + LIFE
        question = await visit.reply(
            screens.asked(
                self.sight.scene(visit.person),
                what=what or self._spoken(button),
                until=until,
                cancel=cancel or b.CancelCode(),
                name=name,
            ),
            silent=False,
        )
        await self.wait(visit, button, question=question, until=until)

    async def ask_amount(
        self, visit: Visit, button: Button, screen: Screen, *, amount: Decimal, until: datetime
    ) -> None:
        """Ask for an amount (D4): typed, it does what was tapped."""
        await visit.answer()
        question = await visit.reply(screen, silent=False)
        await self.wait(visit, button, question=question, until=until, amount=amount)

    async def wait(
        self,
        visit: Visit,
        button: Button,
        *,
        question: int,
        until: datetime,
        amount: Decimal | None = None,
    ) -> None:
        """Let an act wait for the person's next code; `question` goes once it is answered."""
        await self._drop(visit)
        waiting = Waiting(
            tap=encode(button),
            card=visit.update.message_id if visit.update.is_tap else None,
            question=question,
            until=until,
            amount=None if amount is None else f"{amount:f}",
        )
        written = msgspec.json.encode(waiting).decode()
        await self.notes.put(_scope(visit), str(visit.person.user_id), written)

    def _spoken(self, button: Button) -> str:
        match button:
            case b.ResumeConfirm():
                return "It lets new entries leave again."
            case b.Rearm(breaker_id=breaker_id):
                breaker = self.sight.state.breakers.get(breaker_id)
                which = "the breaker" if breaker is None else breaker_name(breaker.kind)
                return f"It re-arms {which}."
            case b.ScopeGo(scope=scope):
                return f"It lets {where_of(scope_at(scope))} trade again."
            case b.ArmLive():
                return "It arms entries with real money."
            case b.FactorRemove():
                return "It removes your second factor."
            case b.FactorBegin():
                return "It sets up another authenticator."
            case _:
                return "It does what you tapped."

    async def written(self, visit: Visit, text: str, run: Run) -> bool:
        """Take a text that may be a code; False when it is something else."""
        if text == CODE_UNREAD:
            await visit.reply_text("The console restarted before it read your code. Send another.")
            return True
        code, amount = code_in(text), amount_in(text)
        if code is None and amount is None:
            return False
        waiting = await self._waiting(visit)
        if waiting is not None and waiting.amount is not None:
            return await self._typed(visit, text, waiting, run)
        if code is None:
            return False
        if waiting is None and not needs_code(self.sight.state, visit.person.user_id):
            return False
        await visit.remove()
        if waiting is None:
            await visit.reply_text(NOTHING_ASKED)
            return True
        if self.sight.now >= waiting.until:
            await self._drop(visit)
            await visit.reply(screens.too_late(self.sight.scene(visit.person)))
            return True
        button = _button(waiting)
        if isinstance(button, b.FactorFinish):
            answer = await self.factor.finish(visit.person.user_id, code)
        else:
            answer = await self.factor.check(visit.person.user_id, code)
        if answer.verdict is not Verdict.GOOD or button is None:
            await self._refused(visit, answer, waiting)
            return True
        await self._drop(visit)
        await run(_acting(visit, waiting.card), button)
        return True

    async def _typed(self, visit: Visit, text: str, waiting: Waiting, run: Run) -> bool:
        """Run what waited for an amount once it is that amount; any other leaves it waiting."""
        amount = amount_in(text)
        button = _button(waiting)
        if self.sight.now >= waiting.until or button is None:
            await self._drop(visit)
            await visit.reply(screens.too_late(self.sight.scene(visit.person)))
            return True
        asked = Decimal(waiting.amount or "NaN")
        if amount != asked:
            if code_in(text) is not None and needs_code(self.sight.state, visit.person.user_id):
                # A code that nobody asked for is one all the same.
                await visit.remove()
            await visit.reply_text(f"That is not {asked:f}. Nothing was sent; it still waits.")
            return True
        await self._drop(visit)
        await run(visit.at_card(waiting.card, visit.person, amount), button)
        return True

    async def _refused(self, visit: Visit, answer: CodeAnswer, waiting: Waiting) -> None:
        if answer.verdict in (Verdict.WRONG, Verdict.USED):
            what = screens.wrong(self.sight.scene(visit.person), answer, waiting.until)
            await visit.reply(what)
            return
        await self._drop(visit)
        if answer.locks and answer.until is not None:
            await self.sight.console.send(
                c.LockFactor(
                    command_id=visit.command_id,
                    actor=ENGINE,
                    at=self.sight.now,
                    user_id=visit.person.user_id,
                    until=answer.until,
                )
            )
        await visit.reply(
            screens.refused(self.sight.scene(visit.person), answer, has_key=self.factor.has_key)
        )

    async def cancel(self, visit: Visit) -> None:
        """Take the question away; what waited for the code is not done."""
        await visit.answer("Nothing was done.")
        await self._drop(visit)
        if visit.card is not None:
            await visit.remove()

    async def forget(self, visit: Visit, button: Button) -> bool:
        """Let an act wait no longer; True where the tapped message was its question, now gone."""
        waiting = await self._waiting(visit)
        if waiting is None or waiting.tap != encode(button):
            return False
        await self._drop(visit)
        return waiting.question == visit.update.message_id

    async def _waiting(self, visit: Visit) -> Waiting | None:
        raw = await self.notes.get(_scope(visit), str(visit.person.user_id))
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=Waiting)
        except msgspec.DecodeError:
            return None

    async def _drop(self, visit: Visit) -> None:
        """Forget what waits, and take its question away."""
        waiting = await self._waiting(visit)
        if waiting is None:
            return
        await self.notes.delete(_scope(visit), str(visit.person.user_id))
        await visit.take_away(waiting.question)


def _button(waiting: Waiting) -> Button | None:
    try:
        return decode(waiting.tap)
    except ForgedCallback:
        return None


def _acting(visit: Visit, card: int | None) -> Visit:
    """Give the visit as the tap would have made it: by the person with a code, at the card."""
    person = replace(visit.person, with_code=True)
    return visit.at_card(card, person)


def _scope(visit: Visit) -> str:
    return f"code:{visit.chat_id}"

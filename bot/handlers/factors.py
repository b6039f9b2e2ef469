"""Second factors in the chat: set one up by a picture, put another in its place, or remove it."""

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot import callbacks as b
from bot.handlers.codes import Codes
from bot.handlers.outcomes import Outcomes, refused_in
from bot.handlers.visits import Sight, Visit
from bot.screens import codes as screens
from bot.second_factor import SecondFactor
from engine import commands as c
from engine.commands import ENGINE
from engine.decide.factors import needs_code

LIFE: Final = timedelta(minutes=10)
SCALE: Final = 8
BORDER: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """Let each person who may trade look after their own second factor."""

    sight: Sight
    outcomes: Outcomes
    codes: Codes
    factor: SecondFactor

    async def begin(self, visit: Visit, button: b.FactorBegin) -> None:
        """Show a new secret; where one stands that can be read, its code is asked first."""
        await visit.answer()
        person, scene = visit.person, self.sight.scene(visit.person)
        if person.in_group:
            await visit.reply(screens.private_only(scene))
            return
        if not self.factor.has_key:
            await visit.reply(screens.no_key(scene))
            return
        if needs_code(self.sight.state, person.user_id) and not person.with_code:
            if await self.factor.is_readable(person.user_id):
                await self.codes.ask(visit, button)
                return
            # Only who runs the console can have changed the key; the owners are told.
            await self._removed(visit, ENGINE, "SECRET_KEY is another than when it was set up")
        made = await self.factor.begin(person.user_id, f"{person.role} {person.user_id}")
        until = self.sight.now + LIFE
        png = qr_picture(made.address.reveal())
        question = await visit.show(png, screens.enrolment(scene, made, until))
        await self.codes.wait(visit, b.FactorFinish(), question=question, until=until)

    async def finish(self, visit: Visit) -> None:
        """Ask for codes from now on: the first one was right."""
        receipt = await self.sight.console.send(
            c.EnrolFactor(command_id=visit.command_id, actor=visit.person.actor, at=self.sight.now)
        )
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is None:
            await visit.reply(screens.enrolled(self.sight.scene(visit.person)))

    async def remove(self, visit: Visit, button: b.FactorRemove) -> None:
        """Do without a second factor: its code is asked first."""
        person = visit.person
        if needs_code(self.sight.state, person.user_id) and not person.with_code:
            await self.codes.ask(visit, button)
            return
        await visit.answer()
        if await self._removed(visit, person.actor, "they removed it"):
            await self.factor.forget(person.user_id)
            await visit.reply(screens.removed(self.sight.scene(person)))

    async def _removed(self, visit: Visit, actor: c.Actor, reason: str) -> bool:
        receipt = await self.sight.console.send(
            c.RemoveFactor(
                command_id=f"{visit.command_id}:remove",
                actor=actor,
                at=self.sight.now,
                user_id=visit.person.user_id,
                reason=reason,
            )
        )
        await self.outcomes.tell(visit, receipt)
        return refused_in(receipt) is None


def qr_picture(address: str) -> bytes:
    """Draw an authenticator's address as a QR code, a PNG that a dark chat does not swallow."""
    # 5 MB and 65 ms that only who sets up a second factor pays.
    import segno  # noqa: PLC0415 - see above

    png = io.BytesIO()
    segno.make(address, error="m", micro=False).save(png, kind="png", scale=SCALE, border=BORDER)
    return png.getvalue()

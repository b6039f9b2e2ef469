"""Moving: a position's stop moved by hand, typed, or set to trail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, assert_never

import msgspec

from bot import callbacks as b
from bot.handlers.closing import Closing
from bot.handlers.notices import notice
from bot.handlers.outcomes import Outcomes, refused_in
from bot.handlers.visits import Sight, Visit
from bot.incoming import amount_in
from bot.screens import figures
from bot.screens import moving as screens
from bot.screens.layout import Screen, Sign
from bot.views.positions import PositionView, position_view
from engine import commands as c
from engine.errors import InvalidInput
from engine.numbers import HUNDRED, plain
from storage.notes import Notes

LIFE: Final = timedelta(minutes=2)

StopButton = (
    b.MoveStopAsk
    | b.MoveStopBy
    | b.MoveStopType
    | b.TrailAsk
    | b.TrailBy
    | b.TrailOff
    | b.TimeStopIn
)
Draw = Callable[[PositionView], Screen]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a person's text: which position's stop it moves, and its question."""

    position_id: str
    question: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Move stops; what a typed one is for stands in the notes, so that a restart forgets none."""

    sight: Sight
    outcomes: Outcomes
    closing: Closing
    notes: Notes

    async def tapped(self, visit: Visit, button: StopButton) -> None:
        """Run a tap on a stop's buttons."""
        match button:
            case b.MoveStopAsk():
                await self._drawn(visit, button.position_id, screens.move_stop)
            case b.MoveStopBy():
                await self._by(visit, button)
            case b.MoveStopType():
                await self._type_it(visit, button)
            case b.TrailAsk():
                await self._drawn(visit, button.position_id, screens.trail)
            case b.TrailBy():
                await self._trail(visit, button.position_id, button.percent)
            case b.TrailOff():
                await self._trail(visit, button.position_id, None)
            case b.TimeStopIn():
                await self._time_stop(visit, button)
            case _:
                assert_never(button)

    async def _drawn(self, visit: Visit, position_id: str, draw: Draw) -> None:
        await visit.answer()
        view = self._view(visit, position_id)
        await visit.edit(self.closing.position(visit, position_id) if view is None else draw(view))

    def _view(self, visit: Visit, position_id: str) -> PositionView | None:
        sight = self.sight
        scene = sight.scene(visit.person)
        return position_view(scene, position_id, sight.state, sight.quotes, sight.instruments)

    async def _by(self, visit: Visit, button: b.MoveStopBy) -> None:
        """Move the stop to a distance from the price now."""
        await visit.answer()
        await self._moved(visit, button.position_id, percent=button.percent)
        await visit.edit(self.closing.position(visit, button.position_id))

    async def _trail(self, visit: Visit, position_id: str, percent: Decimal | None) -> None:
        await visit.answer()
        await self._sent(
            visit,
            c.TrailStop(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                position_id=position_id,
                percent=percent,
            ),
            "Stop stands still" if percent is None else f"Stop trails {figures.trimmed(percent)}%",
        )
        await visit.edit(self.closing.position(visit, position_id))

    async def _time_stop(self, visit: Visit, button: b.TimeStopIn) -> None:
        """Close the position by the clock, or by none any more."""
        await visit.answer()
        hours = button.hours
        await self._sent(
            visit,
            c.SetTimeStop(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                position_id=button.position_id,
                after_s=hours * 3600 or None,
            ),
            "Time stop taken away" if hours == 0 else f"Closes in {hours} h",
        )
        await visit.edit(self.closing.position(visit, button.position_id))

    async def _type_it(self, visit: Visit, button: b.MoveStopType) -> None:
        """Wait for the price as a text."""
        await visit.answer()
        view = self._view(visit, button.position_id)
        if view is None:
            await visit.edit(self.closing.position(visit, button.position_id))
            return
        until = self.sight.now + LIFE
        question = await visit.reply(screens.typing(view, until), silent=False)
        await self._drop(visit)
        waiting = Waiting(position_id=button.position_id, question=question, until=until)
        written = msgspec.json.encode(waiting).decode()
        await self.notes.put(_scope(visit), str(visit.person.user_id), written)

    async def written(self, visit: Visit, text: str) -> bool:
        """Take a text that is the price or distance waited for; False when it is something else."""
        found = re.fullmatch(r"(.*?)\s*(%?)", text.strip())
        number = amount_in(found[1]) if found is not None else None
        waiting = await self._waiting(visit) if number is not None else None
        if found is None or number is None or waiting is None:
            return False
        await self._drop(visit)
        if self.sight.now >= waiting.until:
            await visit.reply_text("That came too late; the stop was not moved. Tap Move stop.")
            return True
        if found[2] and number >= HUNDRED:
            await visit.reply_text("A distance is less than 100%. The stop was not moved.")
            return True
        price, percent = (None, number) if found[2] else (number, None)
        await self._moved(visit, waiting.position_id, price=price, percent=percent)
        return True

    async def _moved(
        self,
        visit: Visit,
        position_id: str,
        *,
        price: Decimal | None = None,
        percent: Decimal | None = None,
    ) -> None:
        try:
            command = c.MoveStop(
                command_id=visit.command_id,
                actor=visit.person.actor,
                at=self.sight.now,
                position_id=position_id,
                price=price,
                percent=percent,
            )
        except InvalidInput as fault:
            await visit.reply_text(f"{fault} The stop was not moved.")
            return
        await self._sent(visit, command, "Stop moved")

    async def _sent(
        self, visit: Visit, command: c.MoveStop | c.TrailStop | c.SetTimeStop, done: str
    ) -> None:
        receipt = await self.sight.console.send(command)
        await self.outcomes.tell(visit, receipt)
        if refused_in(receipt) is not None:
            return
        scene = self.sight.scene(visit.person)
        position = self.sight.state.position(command.position_id)
        stop = position.stop if position is not None else None
        where = f"Its stop stands at {plain(stop)}." if stop is not None else "It has no stop yet."
        await visit.reply(notice(scene, done, where, sign=Sign.FINE))

    async def _waiting(self, visit: Visit) -> Waiting | None:
        raw = await self.notes.get(_scope(visit), str(visit.person.user_id))
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=Waiting)
        except msgspec.DecodeError:
            return None

    async def _drop(self, visit: Visit) -> None:
        waiting = await self._waiting(visit)
        if waiting is not None:
            await self.notes.delete(_scope(visit), str(visit.person.user_id))
            await visit.take_away(waiting.question)


def _scope(visit: Visit) -> str:
    return f"stop:{visit.chat_id}"

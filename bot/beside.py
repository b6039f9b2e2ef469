"""Beside: the chats are told of a flatten directly while the journal, and its outbox, are away.

What is left open rings again each minute here, too, until somebody acknowledges it. What is sent
here is told once more by the outbox when the journal is back: rather twice than never.
"""

import asyncio
import logging
from typing import Final

from bot.attempts import DeliveryError
from bot.delivery import Delivery
from bot.pings import URGENT_EVERY
from bot.screens.ladder import flatten as flatten_screen
from bot.screens.layout import Screen, text_of
from bot.tellings.telling import Desk
from bot.views.flatten import flatten_view
from engine import events as e
from engine.alerts import Lane
from engine.loop import Loop
from engine.state import State

WORDS: Final = "The journal is away: this is recorded beside it, and merged when it is back."
UNWRITTEN: Final = "The journal is away, and so is the place beside it: nothing new is written."
LOOK_EVERY_S: Final = 1.0
AGAIN_S: Final = URGENT_EVERY.total_seconds()

log = logging.getLogger(__name__)


class Beside:
    """Show every bound chat how a flatten stands that goes on without the journal."""

    def __init__(self, loop: Loop, desk: Desk, delivery: Delivery) -> None:
        self._loop = loop
        self._desk = desk
        self._delivery = delivery
        self._sending: set[asyncio.Task[None]] = set()
        self._told: tuple[str, ...] = ()
        self._told_at_s = 0.0
        loop.subscribe(self._see)

    async def stop(self) -> None:
        """End what is being sent."""
        sending = tuple(self._sending)
        for task in sending:
            task.cancel()
        if sending:
            await asyncio.wait(sending)

    async def run(self) -> None:
        """Ring again for what is still open, as long as the journal is away, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Ring again where a minute has passed since the chats were told."""
        run, loop = self._loop.state.flattening, self._loop
        is_away = loop.in_emergency or loop.journal_down_since_s is not None
        if run is None or not run.still_open or run.acknowledged or not is_away:
            return
        since = self._desk.clock.now() - (run.last_alert_at or run.since)
        if abs(since) >= URGENT_EVERY and self._is_due:
            self._tell(loop.state)

    @property
    def _is_due(self) -> bool:
        return not self._told or asyncio.get_running_loop().time() - self._told_at_s >= AGAIN_S

    def _see(self, event: e.Event, state: State, _received_s: float) -> None:
        told = isinstance(event, e.FlattenStarted | e.FlattenStillOpen | e.FlattenEnded)
        if not told or not self._loop.in_emergency:
            return
        # The same is said again whenever the venues are asked; it rings once a minute.
        if not isinstance(event, e.FlattenStillOpen) or event.lines != self._told or self._is_due:
            self._tell(state)

    def _tell(self, state: State) -> None:
        self._told = state.flatten.still_open if state.flatten is not None else ()
        self._told_at_s = asyncio.get_running_loop().time()
        for chat in state.chats.values():
            # No TaskGroup: it is begun by an event, and ends in `stop` at the latest.
            task = asyncio.get_running_loop().create_task(self._send(chat.chat_id, state))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, chat_id: int, state: State) -> None:
        run, desk = state.flatten, self._desk
        assert run is not None, "a flatten is told that never began"
        view = flatten_view(desk.scene(chat_id), run, state, desk.latest, desk.instruments)
        screen = flatten_screen(view)
        words = WORDS if self._loop.in_emergency else UNWRITTEN
        shown = Screen(text=text_of(screen.text, words), rows=screen.rows)
        try:
            await self._delivery.send(chat_id, shown, silent=False, lane=Lane.STOP)
        except DeliveryError as fault:
            log.warning("a flatten was not told", extra={"chat_id": chat_id, "fault": str(fault)})

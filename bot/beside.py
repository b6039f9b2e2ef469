"""Beside: the chats are told of a flatten directly while the journal, and its outbox, are away.

What is sent here is told once more by the outbox when the journal is back: rather twice than never.
"""

import asyncio
import logging
from typing import Final

from bot.attempts import DeliveryError
from bot.delivery import Delivery
from bot.screens.ladder import flatten as flatten_screen
from bot.screens.layout import Screen, text_of
from bot.tellings.telling import Desk
from bot.views.flatten import flatten_view
from engine import events as e
from engine.alerts import Lane
from engine.loop import Loop
from engine.state import State

WORDS: Final = "The journal is away: this is recorded beside it, and merged when it is back."

log = logging.getLogger(__name__)


class Beside:
    """Show every bound chat how a flatten stands that goes on without the journal."""

    def __init__(self, loop: Loop, desk: Desk, delivery: Delivery) -> None:
        self._loop = loop
        self._desk = desk
        self._delivery = delivery
        self._sending: set[asyncio.Task[None]] = set()
        loop.subscribe(self._see)

    async def stop(self) -> None:
        """End what is being sent."""
        sending = tuple(self._sending)
        for task in sending:
            task.cancel()
        if sending:
            await asyncio.wait(sending)

    def _see(self, event: e.Event, state: State, _received_s: float) -> None:
        told = isinstance(event, e.FlattenStarted | e.FlattenStillOpen | e.FlattenEnded)
        if not told or not self._loop.in_emergency:
            return
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
        shown = Screen(text=text_of(screen.text, WORDS), rows=screen.rows)
        try:
            await self._delivery.send(chat_id, shown, silent=False, lane=Lane.STOP)
        except DeliveryError as fault:
            log.warning("a flatten was not told", extra={"chat_id": chat_id, "fault": str(fault)})

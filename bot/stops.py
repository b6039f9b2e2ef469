"""Stops: a STOP is latched first, answered beside every line, and let go of once it is journaled.

Until then its update stays unhandled: if the process ends before, the next one stops again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from bot.access import Person
from bot.attempts import DeliveryError
from bot.console import Console, Desk
from bot.incoming import Incoming
from bot.parsing.scopes import scope_of
from engine.commands import Halt, SetTradingState
from engine.errors import EngineError
from engine.ports import Clock
from engine.receipts import Receipt
from engine.risk_limits import TradingState

log = logging.getLogger(__name__)


class Stops:
    """See every STOP through; `spawn` begins a task, `done` marks updates as handled."""

    def __init__(
        self,
        *,
        console: Console,
        desk: Desk,
        clock: Clock,
        spawn: Callable[[Coroutine[None, None, None]], None],
        done: Callable[[Sequence[int]], Awaitable[None]],
    ) -> None:
        self._console = console
        self._desk = desk
        self._clock = clock
        self._spawn = spawn
        self._done = done
        self._halts: dict[int, asyncio.Future[Receipt]] = {}

    def latch(self, update: Incoming, person: Person) -> None:
        """Stop in memory before this returns; journal and answer it in a task. Once an update."""
        if update.update_id in self._halts:
            return
        command = self._command(update, person)
        sent = self._console.latch_stop(command)
        halt = asyncio.ensure_future(sent)  # the engine keeps it until it is journaled
        self._halts[update.update_id] = halt
        self._spawn(self._answer(update, person, halt))

    def _command(self, update: Incoming, person: Person) -> Halt | SetTradingState:
        """Stop the scope that was named, and everything where none was that can be read."""
        words = update.command
        console, now = self._console, self._clock.now()
        scope = None
        if words is not None and words[1]:
            scope = scope_of(words[1], console.state, console.quotes.instruments())
        if scope is None:
            return Halt(command_id=update.command_id, actor=person.actor, at=now)
        return SetTradingState(
            command_id=update.command_id,
            actor=person.actor,
            at=now,
            scope=scope,
            trading=TradingState.HALTED,
        )

    def is_latched(self, update_id: int) -> bool:
        """Tell whether the update is a STOP that is being seen through."""
        return update_id in self._halts

    def stored(self, update_id: int) -> None:
        """Mark the update, which is stored by now, as handled once its STOP is journaled."""
        self.done_once(self._halts[update_id], update_id)

    def done_once(self, receipt: asyncio.Future[Receipt], update_id: int) -> None:
        """Mark the update as handled once its command is journaled, and not before."""
        self._spawn(self._settle(update_id, receipt))

    async def _answer(
        self, update: Incoming, person: Person, halt: asyncio.Future[Receipt]
    ) -> None:
        try:
            await self._desk.stopped(update, person, halt)
        except (EngineError, DeliveryError) as fault:
            log.warning("not told", extra={"command_id": update.command_id, "fault": str(fault)})
            await self._desk.failed(update, person, fault)
        except Exception as fault:  # task boundary: the stop stands, its answer failed
            log.exception("stop not told", extra={"command_id": update.command_id})
            await self._desk.failed(update, person, fault)

    async def _settle(self, update_id: int, receipt: asyncio.Future[Receipt]) -> None:
        await asyncio.wait([receipt])
        self._halts.pop(update_id, None)
        fault = asyncio.CancelledError() if receipt.cancelled() else receipt.exception()
        if fault is None:
            await self._done([update_id])
        else:
            log.warning("not journaled", extra={"update_id": update_id, "fault": str(fault)})

"""The console's ports: what the chat needs of the engine, and what the intake needs of the desk."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

from bot.access import Person
from bot.incoming import Incoming
from engine.calls import CallTally
from engine.commands import Command, Halt, SetTradingState
from engine.ports import Quotes
from engine.receipts import Receipt
from engine.state import State


class Console(Protocol):
    """The engine as the chat sees it."""

    @property
    def state(self) -> State:
        """Give State as it is now."""
        ...

    @property
    def quotes(self) -> Quotes:
        """Give the market."""
        ...

    async def send(self, command: Command) -> Receipt:
        """Decide and journal a command.

        Raises: JournalUnavailable, EngineStopped, QueueFull; nothing was done then.
        """
        ...

    def latch_stop(self, command: Halt | SetTradingState) -> Awaitable[Receipt]:
        """Stop everything, or a scope, in memory at once; awaiting the result journals it."""
        ...

    def calls(self) -> Mapping[str, CallTally]:
        """Give by venue how its calls went lately."""
        ...


class Unsettled(Exception):
    """Say that a command is taken and answered, but not journaled yet; `receipt` will tell."""

    def __init__(self, receipt: asyncio.Future[Receipt]) -> None:
        super().__init__("the journal has not taken it yet")
        self.receipt = receipt


class Desk(Protocol):
    """Where updates are handled. Every method but `described` may raise; intake then says so.

    `handle` raises Unsettled for what must not be forgotten before it is journaled.
    """

    async def handle(self, update: Incoming, person: Person) -> None:
        """Do what was asked and reply."""
        ...

    async def stopped(self, update: Incoming, person: Person, halt: Awaitable[Receipt]) -> None:
        """Journal a stop that is latched already, and reply."""
        ...

    async def was_run(self, update: Incoming) -> bool:
        """Tell whether the journal knows what the update asked for; only its reply may lack."""
        ...

    async def carry_out_old(self, update: Incoming, person: Person) -> str | None:
        """Cancel entries where an old update asked for it and say what was done; else None."""
        ...

    async def refuse_busy(self, update: Incoming, person: Person) -> None:
        """Say that too much waits already and that this was not run."""
        ...

    async def failed(self, update: Incoming, person: Person, fault: Exception) -> None:
        """Say that handling failed; must not raise."""
        ...

    def described(self, update: Incoming) -> str:
        """Give one line that says what an update asked for, fit for the journal."""
        ...

"""The console's ports: what the chat needs of the engine, and nothing else of it."""

from collections.abc import Awaitable
from typing import Protocol

from engine.commands import Command, Halt
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

    def latch_stop(self, command: Halt) -> Awaitable[Receipt]:
        """Stop in memory at once; awaiting the result journals it."""
        ...

"""The guard: what a transaction asks before it may write, at best without waiting for longer."""

from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

from storage.statements import together

R = TypeVar("R")
Guard = Callable[[Connection], Callable[[], None]]
"""Asks within a transaction; what it gives judges the answer once that is there.

Judging raises JournalLocked, and the transaction is then rolled back.
"""


def unguarded(_connection: Connection) -> Callable[[], None]:
    """Let everybody write."""
    return _passed


def _passed() -> None:
    return None


class InOneGo(Generic[R]):
    """Work that asks the guard together with its own statements, and so waits once less."""

    def __init__(self, work: Callable[[Connection, Guard], R]) -> None:
        self.work = work

    def __call__(self, connection: Connection) -> R:
        """Do the work where nothing is guarded."""
        return self.work(connection, unguarded)


def guarded(function: Callable[[Connection], R], connection: Connection, guard: Guard) -> R:
    """Run the function within a transaction, if the guard lets it. Raises: JournalLocked."""
    if isinstance(function, InOneGo):
        result: R = function.work(connection, guard)
        return result
    if guard is not unguarded:
        with together(connection):
            judge = guard(connection)
        judge()
    return function(connection)

"""A life: one process from its start to its death, which may come between any two of its acts."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

from tests.simulation.trace import Trace
from tests.simulation.virtual_time import OWNED

R = TypeVar("R")
BURY_ROUNDS = 50
OWNED_MAX = 512
OUTSIDE_S_MAX = 120.0


class Life:
    """Let a process act until it dies; the dead do nothing.

    Each act passes a point before it and a point after it, and `dies_at` names the point that is
    the last. What was sent at that moment goes on outside: a request that left, arrives.
    """

    def __init__(self, *, number: int, trace: Trace, outside: Context, dies_at: int | None) -> None:
        self.number = number
        self.points = 0
        self.dies_at = dies_at
        self.over = asyncio.Event()
        self.at_death: list[Callable[[], None]] = []
        self._trace = trace
        self._outside = outside
        self._tasks: list[asyncio.Task[Any]] = []
        self.context = copy_context()
        self.context.run(OWNED.set, self._tasks)

    @property
    def is_over(self) -> bool:
        """Tell whether the process has died."""
        return self.over.is_set()

    def check(self) -> None:
        """Stop whoever still acts for a dead process."""
        if self.is_over:
            raise asyncio.CancelledError

    def point(self, what: str) -> None:
        """Pass a point at which the process may die."""
        self.check()
        self.points += 1
        if self.points == self.dies_at:
            self.end(what)
            raise asyncio.CancelledError

    def end(self, what: str) -> None:
        """Die."""
        self._trace.note("DIES", f"life {self.number} at point {self.points}, {what}")
        self.over.set()
        for close in self.at_death:
            close()

    def begin(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Begin what belongs to the process and dies with it."""
        if len(self._tasks) > OWNED_MAX:
            self._tasks[:] = [task for task in self._tasks if not task.done()]
        return asyncio.get_running_loop().create_task(work, context=self.context)

    async def ask(self, what: str, work: Coroutine[Any, Any, R]) -> R:
        """Let something happen outside, and wait for its answer.

        It goes on outside when the process dies or loses patience; a dead process gets no answer.
        """
        try:
            self.point(f"before {what}")
        except asyncio.CancelledError:
            work.close()
            raise
        loop = asyncio.get_running_loop()
        task = loop.create_task(_bounded(work), context=self._outside)
        task.add_done_callback(_heard)
        self.point(f"after {what}")
        result = await asyncio.shield(task)
        self.check()
        return result

    async def bury(self) -> None:
        """End every task of a dead process; what they still try is refused by `check`."""
        for _ in range(BURY_ROUNDS):
            left = self.left()
            if not left:
                return
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1.0)
        raise AssertionError(f"the dead go on: {self.left()}")

    def left(self) -> list[asyncio.Task[Any]]:
        """Give the tasks of this process that have not ended."""
        return [task for task in self._tasks if not task.done()]


async def _bounded(work: Coroutine[Any, Any, R]) -> R:
    """Let nothing hang outside for ever, or a long session would fill up with it."""
    async with asyncio.timeout(OUTSIDE_S_MAX):
        return await work


def _heard(task: asyncio.Task[Any]) -> None:
    """Let nobody be warned of an answer whose asker has gone."""
    if not task.cancelled():
        task.exception()

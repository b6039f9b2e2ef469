"""Virtual time: an event loop whose clock jumps to the next thing that is due, and never waits.

It begins at 0 and knows no network: whoever opens a connection has left the simulation.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

R = TypeVar("R")
BEGIN = datetime(2026, 11, 17, 23, 57, tzinfo=UTC)
# Selecting is a system call that finds nothing here; one in so many keeps signals working.
LOOK_EVERY = 64
ROUNDS_MAX = 50_000

OWNED: ContextVar["list[asyncio.Task[Any]] | None"] = ContextVar("OWNED", default=None)
"""Where the tasks that begin in this context are noted; a process's tasks die with it."""


class _JumpingSelector(selectors.DefaultSelector):
    """Pass the time that a loop would wait, without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0
        self._looks = self._rounds = 0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is due: a deadlock")
        if timeout > 0:
            self.passed_s += timeout
            self._rounds = 0
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            raise RuntimeError("somebody goes in circles, and time stands still")
        self._looks += 1
        return super().select(0) if self._looks % LOOK_EVERY == 0 else []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Run everything at once, in the order in which it is due."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self.set_task_factory(_noted)

    def time(self) -> float:
        return self._jumping.passed_s

    async def create_connection(self, *_: Any, **__: Any) -> NoReturn:
        raise AssertionError("I17: somebody connects to a network")

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]
        raise AssertionError("somebody leaves the loop for a thread, where nothing repeats itself")


def _noted(
    loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
) -> asyncio.Task[Any]:
    owned = OWNED.get() if context is None else context.get(OWNED)
    task = asyncio.Task(coro, loop=loop, context=context)
    if owned is not None:
        owned.append(task)
    return task


class VirtualClock:
    """Tell the running loop's time; `jump` moves the wall clock alone, as a correction does."""

    def __init__(self) -> None:
        self._jumped = timedelta(0)

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.monotonic()) + self._jumped

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def jump(self, seconds: float) -> None:
        self._jumped += timedelta(seconds=seconds)


def run(main: Coroutine[Any, Any, R]) -> R:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)

"""Virtual time: an event loop whose clock jumps to the next thing that is due, and never waits."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

R = TypeVar("R")
BEGIN = datetime(2026, 11, 17, 23, 57, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Pass the time that a loop would wait, without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is due: a deadlock")
        self.passed_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Run everything at once, in the order in which it is due."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed_s


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

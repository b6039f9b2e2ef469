"""Patience: how long the journal is waited for, which is short once a flatten waits."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.errors import JournalUnavailable

PATIENCE_S = 2.0

R = TypeVar("R")
log = logging.getLogger("storage.emergency")


class OutOfPatience(JournalUnavailable):
    """Say that the journal was not waited for any longer; it may do yet what it was asked."""


class Patience:
    """Wait for work, for two seconds at most while somebody is in a hurry.

    What was given up on goes on by itself, and `settled` waits for it.
    """

    def __init__(self) -> None:
        self._is_hurried = False
        self._waiting: set[asyncio.Future[None]] = set()
        self._left: set[asyncio.Task[Any]] = set()

    def hurry(self, *, is_wanted: bool) -> None:
        """Begin to be in a hurry, or end it."""
        begins, self._is_hurried = is_wanted and not self._is_hurried, is_wanted
        for waiter in self._waiting if begins else ():
            asyncio.get_running_loop().call_later(PATIENCE_S, self._give_up, waiter)

    async def wait(self, work: Coroutine[Any, Any, R]) -> R:
        """Give what the work gives. Raises: OutOfPatience, and what the work raises."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        waiter: asyncio.Future[None] = loop.create_future()
        task.add_done_callback(lambda _: _answered(waiter))
        self._waiting.add(waiter)
        timer = loop.call_later(PATIENCE_S, self._give_up, waiter) if self._is_hurried else None
        try:
            await waiter
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self._waiting.discard(waiter)
            if timer is not None:
                timer.cancel()
        if task.done():
            return task.result()
        self._left.add(task)
        task.add_done_callback(self._take_leave)
        raise OutOfPatience("The journal does not answer, and a flatten waits.")

    async def settled(self) -> None:
        """Wait until all that was given up on has ended."""
        if self._left:
            await asyncio.wait(self._left)

    def _give_up(self, waiter: "asyncio.Future[None]") -> None:
        if self._is_hurried:
            _answered(waiter)

    def _take_leave(self, task: "asyncio.Task[Any]") -> None:
        self._left.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.info("what was not waited for failed: %s", task.exception())


def _answered(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)

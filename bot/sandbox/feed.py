"""News of the sandbox: a numbered stream for open pages and for whoever waits for a change."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bot.sandbox.wire import Json

QUEUED_MAX = 1000


class Feed:
    """Hands every piece of news to every listener; a listener that lags 1000 behind is cut off."""

    def __init__(self) -> None:
        self.revision = 0
        self._listeners: set[asyncio.Queue[Json | None]] = set()
        self._changed = asyncio.Event()

    def publish(self, kind: str, **body: object) -> None:
        """Tell everybody."""
        self.revision += 1
        news: Json = {"kind": kind, "revision": self.revision, **body}
        for queue in list(self._listeners):
            if queue.full():
                self._cut(queue)
            else:
                queue.put_nowait(news)
        self._changed.set()
        self._changed = asyncio.Event()

    def listen(self) -> asyncio.Queue[Json | None]:
        """Start to listen; None in the queue means that the listener was cut off."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue(QUEUED_MAX)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Json | None]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)

    def close(self) -> None:
        """Cut everybody off."""
        for queue in list(self._listeners):
            self._cut(queue)
        self._changed.set()

    def _cut(self, queue: asyncio.Queue[Json | None]) -> None:
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    async def wait_beyond(self, revision: int, timeout_s: float) -> int:
        """Wait at most `timeout_s` for news after `revision`; give the newest number."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.revision <= revision:
                    await self._changed.wait()
        return self.revision


Clock = Callable[[], float]

"""Streams: what a venue says unasked, to any number of listeners, each with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from engine.reports import FillReported, OrderSeen

Message = FillReported | OrderSeen


class ReportStream(AsyncIterator[Message]):
    """Hand out messages as they come; the oldest is dropped when the reader is too slow.

    A stream is a hint: what it drops, `Venue.fills` and `Venue.lookup` still tell.
    """

    def __init__(self, *, messages_max: int) -> None:
        self._messages: deque[Message] = deque(maxlen=messages_max)
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, message: Message) -> None:
        """Add a message without waiting."""
        self._messages.append(message)
        self._news.set()

    def close(self) -> None:
        """End the stream after what it still holds."""
        self._is_closed = True
        self._news.set()

    async def aclose(self) -> None:
        """End the stream, as an async generator does."""
        self._messages.clear()
        self.close()

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing more will be added."""
        return self._is_closed

    def __aiter__(self) -> "ReportStream":
        return self

    async def __anext__(self) -> Message:
        while not self._messages:
            if self._is_closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._messages.popleft()

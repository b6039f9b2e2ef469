"""The private streams of the test exchange: who listens, and what goes wrong on the way."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web

from tests.exchange.faults import Faults
from tests.exchange.wire import text_of


@dataclass(slots=True, eq=False)
class Listener:
    """Hold one connection; `topics` is what it hears."""

    socket: web.WebSocketResponse
    venue: str
    topics: set[str] = field(default_factory=set)
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(10_000))
    held: str | None = None


@dataclass(slots=True)
class Streams:
    faults: Faults
    listeners: set[Listener] = field(default_factory=set)

    def heard_by(self, venue: str) -> int:
        return sum(each.venue == venue and bool(each.topics) for each in self.listeners)

    def say(self, venue: str, messages: Iterable[tuple[str, object]]) -> None:
        """Send each message to who hears its topic, unless a fault spoils it."""
        said = [(topic, text_of(message)) for topic, message in messages]
        for listener in self.listeners:
            for topic, text in said:
                if listener.venue == venue and topic in listener.topics:
                    self._send(listener, text)

    def cut(self) -> None:
        """Break every stream off, as a network does."""
        for listener in self.listeners:
            listener.queue.put_nowait(None)

    async def serve(self, listener: Listener) -> None:
        """Write what is queued until the stream is cut."""
        while (text := await listener.queue.get()) is not None:
            await listener.socket.send_str(text)
        await listener.socket.close(code=1001)

    def _send(self, listener: Listener, text: str) -> None:
        fault = self.faults.strike("stream")
        name = "" if fault is None else fault.name
        match name:
            case "drop":
                return
            case "cut":
                listener.queue.put_nowait(None)
                return
            case "reorder":
                if listener.held is not None:
                    listener.queue.put_nowait(listener.held)
                listener.held = text
                return
            case "duplicate":
                listener.queue.put_nowait(text)
        listener.queue.put_nowait(text)
        if listener.held is not None:
            listener.queue.put_nowait(listener.held)
            listener.held = None

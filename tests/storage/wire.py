"""A wire to a server that can be cut at the worst moment: a proxy on loopback, for tests alone."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

# Not the READ COMMITTED of a beginning.
COMMIT = re.compile(rb"COMMIT(?!TED)")
TLS_ASKED = bytes.fromhex("0000000804d2162f")
READ_BYTES = 65_536


class Cut(Enum):
    """What becomes of the next commit: the wire is cut, or it says nothing more."""

    BEFORE_COMMIT = "the server never hears of it"
    AFTER_COMMIT = "the server stores it, and its answer is lost"
    HELD = "it is on its way until somebody lets it go"


@dataclass
class Wire:
    """Pass on what both ends say, and count who connected; `tls` ends TLS here."""

    port_to: int
    tls: ssl.SSLContext | None = None
    cut: Cut | None = None
    connected: int = 0
    port: int = 0
    _held: list[tuple[asyncio.StreamWriter, bytes]] = field(default_factory=list)
    _open: list[asyncio.StreamWriter] = field(default_factory=list)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def begin(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connected += 1
        self._tasks.add(asyncio.ensure_future(self._serve(client, back)))  # until `ended`

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            first = await self._greeted(client, back)
            server, forth = await asyncio.open_connection("127.0.0.1", self.port_to)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            back.close()
            return
        self._open += [back, forth]
        forth.write(first)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._asked(client, forth, back))
                group.create_task(self._answered(server, back, forth))
        except* (OSError, ssl.SSLError):
            self._close(back, forth)

    async def _greeted(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> bytes:
        if self.tls is None:
            return b""
        asked = await client.readexactly(len(TLS_ASKED))
        if asked != TLS_ASKED:
            return asked
        back.write(b"S")
        await back.drain()
        await back.start_tls(self.tls)
        return b""

    async def _asked(
        self, client: asyncio.StreamReader, forth: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while words := await client.read(READ_BYTES):
            if COMMIT.search(words) and self.cut is Cut.BEFORE_COMMIT:
                self.cut = None
                break
            if COMMIT.search(words) and self.cut is Cut.HELD:
                self.cut = None
                self._held.append((forth, words))
                # The other end may go: the server is not told of it before it is let go.
                await asyncio.Event().wait()
            forth.write(words)
            await forth.drain()
        self._close(back, forth)

    async def _answered(
        self, server: asyncio.StreamReader, back: asyncio.StreamWriter, forth: asyncio.StreamWriter
    ) -> None:
        while words := await server.read(READ_BYTES):
            if COMMIT.search(words) and self.cut is Cut.AFTER_COMMIT:
                self.cut = None
                break
            with contextlib.suppress(OSError):
                back.write(words)
                await back.drain()
        self._close(back, forth)

    def let_go(self) -> None:
        """Let what is held reach the server."""
        for forth, words in self._held:
            forth.write(words)
        self._held.clear()

    def drop(self) -> None:
        """Cut every connection that is open."""
        self._close(*self._open)

    def _close(self, *ends: asyncio.StreamWriter) -> None:
        for end in ends:
            with contextlib.suppress(OSError, RuntimeError):
                end.transport.abort()

    async def ended(self) -> None:
        self.drop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def wire_to(port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Open a wire to a server's port."""
    wire = Wire(port, tls)
    server = await asyncio.start_server(wire.begin, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.ended()
        await server.wait_closed()

"""The quote stream: a thousand book tickers a second over a socket, and how both sides read them.

As a process it serves one port for each follower and speaks to the one that it is told of:

    python -m tests.benchmarks.quote_stream

Its first line names the ports; a line `1` lets the second follower have quotes, `off` nobody.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from engine.venues.ccxt_library import client_class
from tests.benchmarks.children import input_lines, say

FOLLOWERS = 2
PER_S = 1000
TICK_S = 0.01
CLOSED = "off"
# A venue tells who reads slowly the latest prices, and leaves out what they replaced.
BEHIND_BYTES_MAX = 64_000
# What lies in the buffer is read without a pause; the others of the loop are let in this often.
TURN = 10
BASES = ("BTC", "ETH", "SOL", "XRP", "BNB")


class Stream:
    """Write book tickers to whoever has the turn, evenly over each second."""

    def __init__(self) -> None:
        self.turn: int | None = None
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._servers: list[asyncio.Server] = []
        self._sent = 0

    async def serve(self, follower: int) -> int:
        """Open a follower's port and give it."""

        async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers[follower] = writer

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def run(self) -> None:
        """Write for ever; what a late tick owes is written with the next."""
        begun_s, owed = time.monotonic(), 0
        while True:
            await asyncio.sleep(TICK_S)
            due = int((time.monotonic() - begun_s) * PER_S)
            writer = self._writers.get(self.turn) if self.turn is not None else None
            if writer is not None and not _is_behind(writer):
                writer.write(b"".join(self._message() for _ in range(min(due - owed, PER_S))))
            owed = due

    def close(self) -> None:
        """Hang up."""
        for writer in self._writers.values():
            writer.close()
        for server in self._servers:
            server.close()

    def _message(self) -> bytes:
        self._sent += 1
        price = 100 + (self._sent % 100) / 1000
        return (
            json.dumps(
                {
                    "symbol": f"{BASES[self._sent % len(BASES)]}USDT",
                    "bidPrice": f"{price - 0.01:.8f}",
                    "bidQty": "3.10000000",
                    "askPrice": f"{price + 0.01:.8f}",
                    "askQty": "2.20000000",
                }
            ).encode()
            + b"\n"
        )


def _is_behind(writer: asyncio.StreamWriter) -> bool:
    return writer.is_closing() or writer.transport.get_write_buffer_size() > BEHIND_BYTES_MAX


async def tickers(address: str) -> AsyncIterator[tuple[str, Any]]:
    """Follow the stream as a client of ccxt does: each message through its parser."""
    client = client_class("binance")()
    try:
        host, port = address.split(":")
        reader, _writer = await asyncio.open_connection(host, int(port))
        read = 0
        while line := await reader.readline():
            read += 1
            if read % TURN == 0:
                await asyncio.sleep(0)
            message = json.loads(line)
            base = message["symbol"].removesuffix("USDT")
            yield f"{base}/USDT", client.parse_ticker(message)
    finally:
        await client.close()


async def main() -> None:
    stream = Stream()
    ports = [await stream.serve(follower) for follower in range(FOLLOWERS)]
    # No TaskGroup: the parent's last line ends everything.
    running = asyncio.create_task(stream.run())
    say(" ".join(str(port) for port in ports))
    async for line in input_lines():
        stream.turn = None if line == CLOSED else int(line)
    running.cancel()
    stream.close()
    # The transports are closed in the next turns of the loop.
    await asyncio.sleep(TICK_S)


if __name__ == "__main__":
    asyncio.run(main())

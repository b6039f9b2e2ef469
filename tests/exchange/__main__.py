"""Run the test exchange as a process of its own: `python -m tests.exchange [--port N]`.

It prints its address as one line of JSON, and lives until SIGINT or SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import sys

from tests.exchange.server import TestExchange


async def serve(port: int) -> None:
    """Serve until told to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with TestExchange(port=port) as exchange:
        sys.stdout.write(json.dumps({"url": exchange.url, "ws_url": exchange.ws_url}) + "\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A venue on the loopback, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    asyncio.run(serve(parser.parse_args().port))

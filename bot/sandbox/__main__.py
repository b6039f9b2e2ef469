"""The sandbox in a process of its own: `python -m bot.sandbox --port 8081 --folder chats`."""

import argparse
import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

from bot.sandbox.server import DEFAULT_TOKEN, Sandbox


async def serve(sandbox: Sandbox) -> None:
    """Run until SIGINT or SIGTERM; the first line on standard output is the address."""
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with sandbox:
        sys.stdout.write(f"{sandbox.url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> int:
    """Read the arguments and serve; exit code 2 where port or folder cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="the bot's token")
    parser.add_argument("--folder", type=Path, help="where chats are kept; nowhere by default")
    given = parser.parse_args()
    sandbox = Sandbox(port=given.port, token=given.token, folder=given.folder)
    try:
        asyncio.run(serve(sandbox))
    except OSError as fault:
        sys.stderr.write(f"The sandbox cannot listen on port {given.port}: {fault.strerror}\n")
        return 2
    except sqlite3.DatabaseError as fault:
        sys.stderr.write(f"The chats in {given.folder} cannot be opened: {fault}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Apart: a venue's markets loaded by a process of its own, which ends when it has told them.

Parsing 3,000 markets takes the interpreter 0.5 s, in pieces of up to 0.1 s in which no other
thread runs, and leaves 77 MB behind. Read back from the other process's pack they cost this one
12 MB, and the event loop never stands still for more than some milliseconds.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.markets.listing import Listing, MarketSource
from engine.markets.loading import LoadFailed, load_here
from engine.markets.packing import PackUnreadable, Unpacking, packed
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import version

# Beside the requests: for the other process to begin, to parse and to tell.
OWN_S: Final = 20
REQUESTS_MAX: Final = 3
PACK_BYTES_MAX: Final = 32_000_000
LINE_BYTES_MAX: Final = 1_000_000
# About two milliseconds.
LINES_AT_ONCE: Final = 100
# No key and no address of ours goes to the other process.
_PASSED_ON: Final = frozenset("PATH HOME TMPDIR LANG LC_ALL TZ LD_LIBRARY_PATH".split())
# Without what the engine's package offers its embedders: 60 ms.
_PROGRAM: Final = """
import importlib.util, sys
engine = importlib.util.find_spec("engine")
sys.modules["engine"] = importlib.util.module_from_spec(engine)
from engine.markets.apart import main
main()
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Hold a listing, and the pack that it can be read from again."""

    listing: Listing
    pack: bytes


Load = Callable[[MarketSource, datetime, float], Awaitable[Loaded]]
"""Load the markets of a source, as of a time, each request within some seconds.

Raises: VenueUnavailable.
"""


async def load_apart(source: MarketSource, at: datetime, timeout_s: float) -> Loaded:
    """Load in another process; in a thread where none can be started.

    Raises: LoadFailed when the venue did not answer.
    """
    request = {
        "venue": source.venue, "api_url": source.api_url, "sandbox": source.sandbox,
        "at": at.isoformat(), "timeout_s": timeout_s,
    }  # fmt: skip
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROGRAM, json.dumps(request),
            stdin=DEVNULL, stdout=PIPE, limit=LINE_BYTES_MAX, env=_environment(),
            start_new_session=True,  # what interrupts us is not meant for it
        )  # fmt: skip
    except OSError as fault:
        _log.warning("no process to load markets in", extra={"fault": fault.strerror})
        return await load_in_thread(source, at, timeout_s)
    try:
        async with asyncio.timeout(timeout_s * REQUESTS_MAX + OWN_S):
            loaded = await _heard(source, process)
            await process.wait()
            return loaded
    except TimeoutError as fault:
        raise LoadFailed(f"{source.venue} did not answer in time.", 0) from fault
    finally:
        # not what has ended by itself: killing looks first, and takes its end from who waits for it
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def load_in_thread(source: MarketSource, at: datetime, timeout_s: float) -> Loaded:
    """Load in a thread with an event loop of its own.

    Raises: LoadFailed when the venue did not answer.
    """

    def load() -> Loaded:
        listing = asyncio.run(load_here(source, at, timeout_s))
        lines = list(packed(listing, version()))
        # as it will be read from the pack: smaller, and every number a Decimal
        reading = Unpacking(source, version())
        for line in lines:
            reading.feed(line)
        return Loaded(listing=reading.listing(), pack=b"".join(lines))

    return await asyncio.to_thread(load)


async def unpacked(source: MarketSource, lines: Iterable[bytes]) -> Listing:
    """Read a pack, and let others run in between. Raises: PackUnreadable."""

    async def each() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    return await _read(source, each())


async def _heard(source: MarketSource, process: Process) -> Loaded:
    assert process.stdout is not None, "it is a pipe"
    lines: list[bytes] = []
    try:
        listing = await _read(source, _kept(process.stdout, lines))
    except PackUnreadable as fault:
        failed = _told(lines[0]) if lines else {}
        if "failed" in failed:
            raise LoadFailed(failed["failed"], failed["retry_after_s"]) from fault
        _log.warning(
            "the loading of markets broke off", extra={"venue": source.venue, "fault": str(fault)}
        )
        raise LoadFailed(f"{source.venue} sent an answer that makes no sense.", 0) from fault
    return Loaded(listing=listing, pack=b"".join(lines))


async def _kept(stream: asyncio.StreamReader, lines: list[bytes]) -> AsyncIterator[bytes]:
    count = 0
    try:
        while line := await stream.readline():
            count += len(line)
            if count > PACK_BYTES_MAX:
                raise PackUnreadable("it is too long")
            lines.append(line)
            yield line
    except ValueError as fault:
        raise PackUnreadable("a line is too long") from fault


async def _read(source: MarketSource, lines: AsyncIterator[bytes]) -> Listing:
    reading, count = Unpacking(source, version()), 0
    async for line in lines:
        reading.feed(line)
        count += 1
        if count % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    return reading.listing()


def _told(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _environment() -> dict[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith("PYTHON")
    }
    # where we were found: as a program, installed, or beside a test
    return {**passed_on, "PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}


def main() -> None:
    """Load what the argument asks for, and tell it on standard output."""
    request = json.loads(sys.argv[1])
    source = MarketSource(
        venue=request["venue"], api_url=request["api_url"], sandbox=request["sandbox"]
    )
    at = datetime.fromisoformat(request["at"])
    out = sys.stdout.buffer
    try:
        listing = asyncio.run(load_here(source, at, request["timeout_s"]))
        out.writelines(packed(listing, version()))
    except VenueUnavailable as fault:
        wait_s = fault.retry_after_s if isinstance(fault, LoadFailed) else 0
        out.write(json.dumps({"failed": str(fault), "retry_after_s": wait_s}).encode() + b"\n")
    out.flush()

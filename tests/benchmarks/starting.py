"""Starting: from the start of the process to its first getUpdates, and what it then holds."""

import asyncio
import socket
import time
from pathlib import Path

import aiohttp

from bot.sandbox import SandboxClient
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import Row, Target, median_below, row_of
from tests.system.console import ConsoleProcess, environment
from tests.system.house import house

SETTLE_S = 1.5
PAUSE_S = 0.05


async def starts(effort: Effort) -> list[Row]:
    """Start `run` and `demo` again and again, with warm bytecode."""
    n = effort.n(5, quick=1)
    demo_s, demo_mb, run_s, run_mb = [], [], [], []
    await _demo(effort.room("warm"))
    for number in range(n):
        taken_s, resident_mb = await _demo(effort.room(f"demo{number}"))
        demo_s.append(taken_s)
        demo_mb.append(resident_mb)
        taken_s, resident_mb = await _run(effort.room(f"run{number}"))
        run_s.append(taken_s)
        run_mb.append(resident_mb)
    slow = "imports, before anything else"
    large = "what is imported; the demo holds its Telegram too"
    return [
        row_of("start.run", "s", run_s, median_below(2.0), note="`run`, one venue", cause=slow),
        row_of("start.demo", "s", demo_s, median_below(2.0), note="`demo`", cause=slow),
        row_of("memory.run", "MB", run_mb, _resident(), note="after `run` began", cause=large),
        row_of("memory.demo", "MB", demo_mb, _resident(), note="after `demo` began", cause=large),
    ]


def _resident() -> Target:
    return Target(figure="median", bound=120.0)


async def _demo(folder: Path) -> tuple[float, float]:
    port = _free_port()
    console = ConsoleProcess(
        folder=folder,
        env=environment(folder),
        arguments=("demo", "--port", str(port), "--folder", str(folder / "demo"), "--no-browser"),
    )
    begun_s = time.monotonic()
    await console.spawn()
    try:
        async with SandboxClient(f"http://127.0.0.1:{port}") as client:
            asked_s = await _first_asked(client, console)
            return asked_s - begun_s, await _settled_mb(console)
    finally:
        await console.gone()


async def _first_asked(client: SandboxClient, console: ConsoleProcess) -> float:
    """Give when the demo first asked for updates; its clock is this machine's."""
    process = console.process
    assert process is not None
    while True:
        assert process.returncode is None, console.log[-500:]
        try:
            return (await client.wait_for_call("getUpdates")).arrived_s
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(PAUSE_S)


async def _run(folder: Path) -> tuple[float, float]:
    async with house(folder, started=False) as at:
        begun_s = time.monotonic()
        await at.console.start(at.sandbox)
        asked = await at.sandbox.calls("getUpdates")
        return asked[0].arrived_s - begun_s, await _settled_mb(at.console)


async def _settled_mb(console: ConsoleProcess) -> float:
    """Give the resident memory once everything that starts later has started."""
    process = console.process
    assert process is not None
    await asyncio.sleep(SETTLE_S)
    return _resident_mb(process.pid)


def _resident_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    (line,) = (each for each in status.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

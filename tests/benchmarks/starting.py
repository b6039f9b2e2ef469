"""Starting: from the start of the process to its first getUpdates, and what it then holds."""

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

import aiohttp

from bot.sandbox import SandboxClient
from tests.benchmarks.bare_bot import NAME, bare_bot
from tests.benchmarks.burst import burst
from tests.benchmarks.effort import Effort
from tests.benchmarks.memory import import_times, imports_mb, resident_mb
from tests.benchmarks.rows import Row, Target, baseline_of, median_below, row_of
from tests.system.console import PEOPLE, ConsoleProcess, environment
from tests.system.house import house

SETTLE_S = 1.5
PAUSE_S = 0.05


async def starts(effort: Effort) -> list[Row]:
    """Start `run`, `demo` and the bare bot in turn, with warm bytecode."""
    run, demo, bare = _Starts(), _Starts(), _Starts()
    if not effort.quick:
        # Bytecode and the disk's cache; in a quick run what came before has warmed them.
        await _run(effort.room("warm"))
        await _bare(effort.room("warm-bare"))
    for number in effort.turns(5, quick=1, budget_s=60.0):
        run.add(await _run(effort.room(f"run{number}")))
        bare.add(await _bare(effort.room(f"bare{number}")))
        demo.add(await _demo(effort.room(f"demo{number}")))
    rows = _rows(run, demo, bare)
    found = effort.room("found")
    if any(row.missed for row in rows[:2]):
        said = await import_times(found)
        rows[:2] = [replace(row, measured=(said,)) for row in rows[:2]]
    rows.append(await burst(effort))
    if any(row.missed for row in rows[2:]):
        said = await imports_mb(found)
        rows[2:] = [replace(row, measured=(said,)) for row in rows[2:]]
    return rows


class _Starts:
    """Gather seconds and megabytes."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []
        self.resident_mb: list[float] = []

    def add(self, one: tuple[float, float]) -> None:
        self.taken_s.append(one[0])
        self.resident_mb.append(one[1])


def _rows(run: _Starts, demo: _Starts, bare: _Starts) -> list[Row]:
    slow, large = "imports, before anything else", "what is imported"
    at_most = Target(figure="median", bound=120.0)
    return [
        row_of(
            "start.run", "s", run.taken_s, median_below(2.0),
            beside=baseline_of(NAME, "s", bare.taken_s, note="no database, no venue, no engine"),
            note="`run` with one venue, from spawn to its first getUpdates, bytecode warm",
            cause=slow,
        ),
        row_of(
            "start.demo", "s", demo.taken_s, median_below(2.0),
            note="`demo`, which is its own Telegram", cause=slow,
        ),
        row_of(
            "memory.run", "MB", run.resident_mb, at_most,
            beside=baseline_of(NAME, "MB", bare.resident_mb),
            note=f"resident {SETTLE_S} s after `run` began to listen", cause=large,
        ),
        row_of(
            "memory.demo", "MB", demo.resident_mb, at_most,
            note="`demo` holds its Telegram too", cause=large,
        ),
    ]  # fmt: skip


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
            assert console.process is not None
            return asked_s - begun_s, await settled_mb(console.process.pid)
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
        assert at.console.process is not None
        return asked[0].arrived_s - begun_s, await settled_mb(at.console.process.pid)


async def _bare(folder: Path) -> tuple[float, float]:
    async with bare_bot(
        folder, operators=(4242,), watcher=99, people=PEOPLE, started=False
    ) as bare:
        begun_s = time.monotonic()
        await bare.start()
        asked = await bare.sandbox.calls("getUpdates")
        assert bare.process is not None
        return asked[0].arrived_s - begun_s, await settled_mb(bare.process.pid)


async def settled_mb(process_id: int) -> float:
    """Give the resident memory once everything that starts later has started."""
    await asyncio.sleep(SETTLE_S)
    return resident_mb(process_id)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

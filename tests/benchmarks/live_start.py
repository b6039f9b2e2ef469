"""Live start: `run` in live mode at a venue of 3,000 markets, and what it then holds."""

import time
from dataclasses import replace
from pathlib import Path

from bot.sandbox import Sandbox
from tests.benchmarks.effort import Effort
from tests.benchmarks.live_account import live_exchange
from tests.benchmarks.live_exchange import MARKETS
from tests.benchmarks.memory import import_times, imports_mb
from tests.benchmarks.rows import Row, Target, baseline_of, median_below, row_of
from tests.benchmarks.starting import SETTLE_S, settled_mb
from tests.exchange.spot import KEY, SECRET
from tests.system.console import OPERATORS, PEOPLE, ConsoleProcess, environment

DATABASE = "quarterdeck-live.db"


async def starts(effort: Effort) -> list[Row]:
    """Start it first with no markets stored, then again: its second start finds them on disk."""
    first_s, again_s, held_mb = [], [], []
    for number in effort.turns(5, quick=1, budget_s=90.0):
        lives = await _two_lives(effort.room(f"live{number}"))
        first_s.append(lives[0][0])
        again_s.append(lives[1][0])
        held_mb += [mb for _, mb in lives]
    rows = _rows(first_s, again_s, held_mb)
    if any(row.missed for row in rows):
        found = effort.room("live-found")
        said = (await import_times(found), await imports_mb(found))
        rows = [replace(row, measured=said) for row in rows]
    return rows


def _rows(first_s: list[float], again_s: list[float], held_mb: list[float]) -> list[Row]:
    return [
        row_of(
            "start.live", "s", again_s, median_below(2.0),
            beside=baseline_of("its first start", "s", first_s, note="no markets stored yet"),
            note=f"`run` in live mode, a venue of {MARKETS:,} markets, from spawn to its first "
            "getUpdates; bytecode warm, the markets stored by an earlier run",
            cause="imports, the stored markets, and the venue's word on what is open",
        ),
        row_of(
            "memory.live", "MB", held_mb, Target(figure="median", bound=120.0),
            note=f"resident {SETTLE_S} s after it began to listen, streams on",
            cause="what is imported, and 12 MB of markets",
        ),
    ]  # fmt: skip


async def _two_lives(folder: Path) -> list[tuple[float, float]]:
    """Give, of two starts in one folder, the seconds and the megabytes."""
    async with (
        live_exchange(folder, markets=MARKETS) as exchange,
        Sandbox(people=PEOPLE, folder=folder / "telegram") as sandbox,
    ):
        url, ws_url, _ = exchange.word.split()
        env = environment(
            folder,
            TELEGRAM_BOT_TOKEN=sandbox.token,
            TELEGRAM_API_URL=sandbox.url,
            OPERATORS=OPERATORS,
            EXECUTION_MODE="live",
            BINANCE_API_KEY=KEY,
            BINANCE_API_SECRET=SECRET,
            BINANCE_API_URL=url,
            BINANCE_WS_URL=ws_url,
        )
        console = ConsoleProcess(folder=folder, env=env, database=DATABASE)
        try:
            lives = []
            for _ in range(2):
                lives.append(await _life(console, sandbox))
                assert await console.terminate() == 0, console.log[-500:]
            return lives
        finally:
            await console.gone()


async def _life(console: ConsoleProcess, sandbox: Sandbox) -> tuple[float, float]:
    begun_s = time.monotonic()
    await console.start(sandbox)
    asked = await sandbox.calls("getUpdates")
    arrived_s = next(each.arrived_s for each in asked if each.arrived_s > begun_s)
    assert console.process is not None
    return arrived_s - begun_s, await settled_mb(console.process.pid)

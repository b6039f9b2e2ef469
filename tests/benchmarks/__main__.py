"""Run the benchmarks: `make bench`, or `python -m tests.benchmarks [--quick] [--only NAME]`."""

import argparse
import asyncio
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

from bot import collector
from tests.benchmarks import (
    calibration,
    chat,
    decisions,
    execution,
    growing_journal,
    growing_orders,
    history,
    journal,
    live_cancel,
    live_start,
    live_wire,
    lookup,
    market_reload,
    replay,
    report,
    screens,
    starting,
    stopping,
    wire,
)
from tests.benchmarks.causes import watched
from tests.benchmarks.effort import Effort
from tests.benchmarks.growth import Growth
from tests.benchmarks.rows import Row

Found = Sequence[Row | Growth]
Measurement = Callable[[Effort], Awaitable[Found]]
MEASUREMENTS: dict[str, Measurement] = {
    "wire": wire.wire,
    "live-wire": live_wire.wire,
    "live-cancel": live_cancel.cancels,
    "live-start": live_start.starts,
    "live-reload": market_reload.reloads,
    "pretrade": decisions.pretrade,
    "thousand": execution.thousand,
    "stop": stopping.stops,
    "chat": chat.chats,
    "start": starting.starts,
    "events": growing_journal.restarts,
    "lookup": lookup.lookups,
    "history": history.histories,
    "journal": journal.appends,
    "signal": decisions.signals,
    "fill": decisions.fills,
    "exits": decisions.exits,
    "screen": screens.screens,
    "replay": replay.replays,
    "orders": growing_orders.orders,
}
TIMEOUT_S = 600.0


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples: under a minute")
    parser.add_argument(
        "--only", action="append", choices=MEASUREMENTS, metavar="NAME",
        help=f"measure only this; may be repeated: {', '.join(MEASUREMENTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="PATH", help="default: bench.json"
    )
    return parser.parse_args(given)


class Run:
    """Measure one after another, and tell each as it comes."""

    def __init__(self, effort: Effort, machine: list[Row], load: float) -> None:
        self._effort, self._machine, self._load = effort, machine, load
        self.rows: list[Row] = []
        self.growth: list[Growth] = []
        self.faults: dict[str, str] = {}

    async def measure(self, names: Sequence[str]) -> None:
        """Measure; what breaks is told and does not end the run."""
        for name in names:
            gc.collect()
            try:
                with watched() as around:
                    async with asyncio.timeout(TIMEOUT_S):
                        found = await MEASUREMENTS[name](self._effort)
            except (
                Exception
            ) as fault:  # task boundary: the other rows are worth having all the same
                self.faults[name] = f"{type(fault).__name__}: {fault}"[:500]
                report.say(f"{name}: not measured: {self.faults[name]}")
                continue
            self._tell(found, around.sentences())

    def _tell(self, found: Found, around: list[str]) -> None:
        excuses: list[str] | None = None
        for each in found:
            if isinstance(each, Growth):
                self.growth.append(each)
                continue
            if each.missed and excuses is None:
                # The machine as it is now, and not as it was when the run began.
                now = calibration.measure(self._effort, n=calibration.N_AGAIN)
                excuses = [*calibration.excuses(self._machine, now, self._load), *around]
            self.rows.append(each)
            for text in (
                report.line(each), *report.beside(each), *report.explanation(each, excuses or [])
            ):  # fmt: skip
                report.say(text)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print and write. Gives 1 when a row could not be measured; a miss is no fault."""
    chosen = arguments(given)
    logging.disable(logging.WARNING)
    begun_s = monotonic()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        effort = Effort(quick=chosen.quick, folder=Path(folder))
        report.say(report.heading())
        machine = calibration.measure(effort)
        load = os.getloadavg()[0]
        for row in machine:
            report.say(report.line(row))
        report.say(f"    load {load:.2f} on {os.cpu_count()} cores")
        run = Run(effort, machine, load)
        asyncio.run(run.measure(chosen.only or tuple(MEASUREMENTS)))
    took_s = monotonic() - begun_s
    for text in report.growth_lines(run.growth):
        report.say(text)
    made = report.document(
        machine, run.rows, run.growth, run.faults, quick=chosen.quick, took_s=took_s
    )
    report.write(chosen.json, made)
    missed = sum(bool(row.missed) for row in run.rows)
    judged = sum(bool(row.targets) for row in run.rows)
    report.say(
        f"{judged - missed} of {judged} rows meet their targets, {missed} miss, "
        f"{len(run.faults)} not measured; {took_s:.0f} s; {chosen.json}"
    )
    return 1 if run.faults else 0


if __name__ == "__main__":
    # As the console does once it serves. Most of what stands beside it runs in this process, too.
    collector.settle()
    sys.exit(main())

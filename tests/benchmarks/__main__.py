"""Run the benchmarks: `make bench`, or `python -m tests.benchmarks [--quick] [--only NAME]`."""

import argparse
import asyncio
import gc
import logging
import os
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

from tests.benchmarks import (
    calibration,
    chat,
    decisions,
    execution,
    journal,
    replay,
    report,
    screens,
    starting,
)
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import Row

Measurement = Callable[[Effort], Awaitable[list[Row]]]
MEASUREMENTS: dict[str, Measurement] = {
    "journal": journal.appends,
    "pretrade": decisions.pretrade,
    "signal": decisions.signals,
    "fill": decisions.fills,
    "exits": decisions.exits,
    "screen": screens.screens,
    "wire": execution.wire,
    "thousand": execution.thousand,
    "replay": replay.replays,
    "chat": chat.chats,
    "start": starting.starts,
}
TIMEOUT_S = 120.0


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples: under 45 s")
    parser.add_argument(
        "--only", action="append", choices=MEASUREMENTS, metavar="NAME",
        help=f"measure only this; may be repeated: {', '.join(MEASUREMENTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="PATH", help="default: bench.json"
    )
    return parser.parse_args(given)


async def measured(
    names: Sequence[str], effort: Effort, excuses: Callable[[], list[str]]
) -> tuple[list[Row], dict[str, str]]:
    """Measure one after another; one that breaks is told and does not end the run."""
    rows: list[Row] = []
    faults: dict[str, str] = {}
    for name in names:
        gc.collect()
        try:
            preempted = _preemptions()
            async with asyncio.timeout(TIMEOUT_S):
                found = await MEASUREMENTS[name](effort)
            preempted = _preemptions() - preempted
        except Exception as fault:  # task boundary: the other rows are worth having all the same
            faults[name] = f"{type(fault).__name__}: {fault}"[:500]
            report.say(f"{name}: not measured: {faults[name]}")
            continue
        rows.extend(found)
        for row in found:
            report.say(report.line(row))
            for text in report.explanation(row, [*excuses(), f"preempted {preempted:,} times"]):
                report.say(text)
    return rows, faults


def _preemptions() -> int:
    """Count how often this process was taken off its core although it had work to do."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


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
        rows, faults = asyncio.run(
            measured(
                chosen.only or tuple(MEASUREMENTS),
                effort,
                lambda: calibration.excuses(machine, load),
            )
        )
    took_s = monotonic() - begun_s
    made = report.document(machine, rows, faults, quick=chosen.quick, took_s=took_s)
    report.write(chosen.json, made)
    missed = sum(bool(row.missed) for row in rows)
    judged = sum(bool(row.targets) for row in rows)
    report.say(
        f"{judged - missed} of {judged} targets met, {missed} missed, {len(faults)} not measured; "
        f"{took_s:.0f} s; {chosen.json}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

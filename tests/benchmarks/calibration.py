"""Calibration: how fast this machine is at the moment, so that two runs can be compared."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, row_of, timed

SPINS = 200_000
BLOCK = b"\0" * 4096
N_AGAIN = 15
# A multiple of the usual of a quiet machine is named as a cause of misses.
SPIN_MS, FDATASYNC_MS = 7.0, 2.0
BUSY = 1.5


def spin() -> None:
    """Count to two hundred thousand."""
    total = 0
    for number in range(SPINS):
        total += number


def measure(effort: Effort, n: int | None = None) -> list[Row]:
    """Time a spin loop and a durable write of one page, where the journals of this run lie."""
    n = n if n is not None else effort.n(200, quick=60)
    with tempfile.TemporaryDirectory(dir=effort.folder) as folder:
        handle = os.open(Path(folder) / "page", os.O_CREAT | os.O_WRONLY)
        try:

            def write() -> None:
                os.pwrite(handle, BLOCK, 0)
                os.fdatasync(handle)

            syncs = timed(write, n, MS, warm=5)
        finally:
            os.close(handle)
    spins = timed(spin, n, MS, warm=5)
    return [
        row_of("calibration.spin", "ms", spins, note=f"a loop of {SPINS:,} additions"),
        row_of("calibration.fdatasync", "ms", syncs, note="4 KiB written over and synced"),
    ]


def excuses(first: Iterable[Row], now: Iterable[Row], load: float) -> list[str]:
    """Say what about the machine may have made a row miss its target.

    `first` was measured when the run began, `now` right after the miss.
    """
    found = []
    cores = os.cpu_count() or 1
    if load > 0.75 * cores:
        found.append(f"load {load:.1f} on {cores} cores")
    for before, after in zip(first, now, strict=True):
        usual = SPIN_MS if before.name.endswith("spin") else FDATASYNC_MS
        word = before.name.partition(".")[2]
        text = f"{word} {after.figures.median:.2g} ms, p99 {after.figures.p99:.2g}"
        if max(before.figures.median, after.figures.median) > usual * BUSY:
            text += f", usually {usual:g}"
        found.append(text)
    return found

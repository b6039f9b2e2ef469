"""Calibration: how fast this machine is at the moment, so that two runs can be compared."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, row_of, timed

SPINS = 200_000
BLOCK = b"\0" * 4096
# What the quiet machine of the prototypes shows; a multiple of it is named as a cause of misses.
SPIN_MS, FDATASYNC_MS = 5.0, 2.0
BUSY = 1.6


def spin() -> None:
    """Count to two hundred thousand."""
    total = 0
    for number in range(SPINS):
        total += number


def measure(effort: Effort) -> list[Row]:
    """Time a spin loop and a durable write of one page, where the journals of this run lie."""
    n = effort.n(200, quick=60)
    with tempfile.TemporaryDirectory() as folder:
        handle = os.open(Path(folder) / "page", os.O_CREAT | os.O_WRONLY)
        try:

            def write() -> None:
                os.pwrite(handle, BLOCK, 0)
                os.fdatasync(handle)

            syncs = timed(write, n, MS)
        finally:
            os.close(handle)
    spins = timed(spin, n, MS, warm=5)
    return [
        row_of("calibration.spin", "ms", spins, note=f"a loop of {SPINS:,} additions"),
        row_of("calibration.fdatasync", "ms", syncs, note="4 KiB written over and synced"),
    ]


def excuses(calibration: Iterable[Row], load: float) -> list[str]:
    """Say what about the machine may have made a row miss its target."""
    found = []
    cores = os.cpu_count() or 1
    if load > 0.75 * cores:
        found.append(f"load {load:.1f} on {cores} cores")
    for row in calibration:
        usual = SPIN_MS if row.name.endswith("spin") else FDATASYNC_MS
        if row.median > usual * BUSY:
            found.append(f"{row.name} {row.median:.2g} ms, usually {usual:g}")
    return found

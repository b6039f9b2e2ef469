"""The report: one table for a person, one JSON file for a comparison."""

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.rows import Row

NAME_WIDTH, FIGURE_WIDTH = 24, 10


def figure(value: float) -> str:
    """Write a figure with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}" if value < 0.1 else f"{value:.3f}"


def heading() -> str:
    cells = [f"{word:>{FIGURE_WIDTH}}" for word in ("min", "median", "p99")]
    return f"{'row':<{NAME_WIDTH}}{''.join(cells)}  {'unit':<9}{'n':>7}  target"


def line(row: Row) -> str:
    """Write a row, and under it why it misses, if it does."""
    cells = [f"{figure(each):>{FIGURE_WIDTH}}" for each in (row.low, row.median, row.p99)]
    targets = ", ".join(target.text(row.unit) for target in row.targets)
    verdict = "  MISS" if row.missed else ("  ok" if row.targets else "")
    return f"{row.name:<{NAME_WIDTH}}{''.join(cells)}  {row.unit:<9}{row.n:>7,}  {targets}{verdict}"


def explanation(row: Row, excuses: Iterable[str]) -> list[str]:
    """Say what was done, and where the time goes of a row that misses its target."""
    lines = [f"    {row.note}"] if row.note else []
    if row.missed:
        reasons = [row.cause, *(f"this machine now: {each}" for each in excuses)]
        lines.append("    MISS: " + "; ".join(each for each in reasons if each))
    return lines


def document(
    calibration: list[Row], rows: list[Row], faults: dict[str, str], *, quick: bool, took_s: float
) -> dict[str, object]:
    """Give the run as plain JSON values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "quick": quick,
        "took_s": round(took_s, 1),
        "calibration": [_plain(row) for row in calibration],
        "rows": [_plain(row) for row in rows],
        "faults": faults,
    }


def _plain(row: Row) -> dict[str, object]:
    fields = asdict(row)
    fields["targets"] = [target.text(row.unit) for target in row.targets]
    return {**fields, "missed": [target.text(row.unit) for target in row.missed]}


def write(path: Path, made: dict[str, object]) -> None:
    path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def say(text: str = "") -> None:
    """Write a line at once, so that a long run can be watched."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

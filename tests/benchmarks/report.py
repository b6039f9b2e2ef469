"""The report: one table for a person, one JSON file for a comparison."""

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.growth import Growth
from tests.benchmarks.rows import Figures, Row

NAME_WIDTH, FIGURE_WIDTH = 28, 10


def figure(value: float) -> str:
    """Write a figure with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}" if value < 0.1 else f"{value:.3f}"


def heading() -> str:
    cells = [f"{word:>{FIGURE_WIDTH}}" for word in ("min", "median", "p99")]
    return f"{'row':<{NAME_WIDTH}}{''.join(cells)}  {'unit':<9}{'n':>7}  {'ratio':>13}  target"


def _cells(figures: Figures) -> str:
    each = (figures.low, figures.median, figures.p99)
    return "".join(f"{figure(value):>{FIGURE_WIDTH}}" for value in each)


def _ratio(row: Row) -> str:
    """Write median and p99 in multiples of the baseline's."""
    median, p99 = row.ratio("median"), row.ratio("p99")
    if median is None or p99 is None:
        return ""
    return f"x{figure(median)} x{figure(p99)}"


def line(row: Row) -> str:
    """Write a row with its verdict."""
    targets = ", ".join(target.text(row.unit) for target in row.targets)
    verdict = "  MISS" if row.missed else ("  ok" if row.targets else "")
    return (
        f"{row.name:<{NAME_WIDTH}}{_cells(row.figures)}  {row.unit:<9}{row.figures.n:>7,}  "
        f"{_ratio(row):>13}  {targets}{verdict}"
    ).rstrip()


def beside(row: Row) -> list[str]:
    """Write the baseline under its row, in the same columns."""
    if row.baseline is None:
        return []
    figures, name = row.baseline.figures, f"  {row.baseline.name}"
    return [f"{name:<{NAME_WIDTH}}{_cells(figures)}  {row.unit:<9}{figures.n:>7,}"]


def explanation(row: Row, excuses: Iterable[str]) -> list[str]:
    """Say what was done, and where the time goes of a row that misses its target."""
    lines = [f"    {row.note}"] if row.note else []
    if row.baseline is not None and row.baseline.note:
        lines.append(f"    {row.baseline.name}: {row.baseline.note}")
    if row.missed:
        now = ", ".join(excuses)
        found = [row.cause, *row.measured, f"this machine now: {now}" if now else ""]
        lines.append("    MISS: " + "; ".join(each for each in found if each))
    return lines


def growth_lines(tables: Iterable[Growth]) -> list[str]:
    """Write the second table: how rows grow with what there is already."""
    lines = []
    for table in tables:
        sizes = "".join(f"{size:>{FIGURE_WIDTH + 4},}" for size in table.sizes)
        lines.append(f"{table.name:<{NAME_WIDTH + 4}}{sizes}  unit")
        for grown in table.rows:
            cells = "".join(f"{_grown(value):>{FIGURE_WIDTH + 4}}" for value in grown.medians)
            lines.append(f"  {grown.name:<{NAME_WIDTH + 2}}{cells}  {grown.unit}")
    return lines


def _grown(value: float | None) -> str:
    return "-" if value is None else figure(value)


def document(
    calibration: list[Row],
    rows: list[Row],
    growth: list[Growth],
    faults: dict[str, str],
    *,
    quick: bool,
    took_s: float,
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
        "growth": [asdict(table) for table in growth],
        "faults": faults,
    }


def _plain(row: Row) -> dict[str, object]:
    fields = asdict(row)
    fields["targets"] = [target.text(row.unit) for target in row.targets]
    fields["missed"] = [target.text(row.unit) for target in row.missed]
    fields["ratio_median"], fields["ratio_p99"] = row.ratio("median"), row.ratio("p99")
    return fields


def write(path: Path, made: dict[str, object]) -> None:
    path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def say(text: str = "") -> None:
    """Write a line at once, so that a long run can be watched."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

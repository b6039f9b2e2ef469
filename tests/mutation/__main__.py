"""Change the core a little, mutant by mutant, and see whether a test of it fails: `make mutation`.

The exit code is 1 when less than 90 % of a module's mutants were killed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutation.making import ROOT, copied
from tests.mutation.results import (
    OUTCOMES,
    WORK,
    Noted,
    Score,
    changed_lines,
    outcomes,
    read,
    score_of,
    survivors,
    table,
    write,
)

AREAS = {
    "decide": ("engine/decide/*.py",),
    "risk": ("engine/risk.py", "engine/risk_rules.py", "engine/risk_limits.py"),
    "positions": ("engine/positions.py",),
    "orders": ("engine/orders.py",),
    "exits": ("engine/exits.py",),
    "sizing": ("engine/sizing.py",),
    "fold": ("engine/fold_orders.py", "engine/fold_money.py"),
}
USUAL = ("decide", "risk", "positions", "orders")
PERCENT_MIN = 90.0
# The tests of decisions on values. What runs tasks, clocks and venues takes seconds, and searches
# by chance stand aside too: what the core promises is to be pinned by name.
TESTS = (
    "tests/engine",
    *(f"--ignore=tests/engine/{name}" for name in "markets venues".split()),
    *(
        f"--ignore=tests/engine/test_{name}.py"
        for name in "execution first_price flatten loop monitor quotes_port replay stop "
        "unknown_orders venue_port window".split()
    ),
    *(
        f"--deselect=tests/engine/{name}"
        for name in (
            "test_positions.py::test_a_swap_conserves_equity_at_every_fill",
            "test_positions.py::test_spot_conserves_equity_at_every_fill",
            "test_risk.py::test_no_signal_that_can_be_written_breaks_a_decision",
            "test_risk.py::test_risk_sizing_never_loses_more_than_the_risk_at_the_stop",
            "test_session.py::test_tails_keep_the_newest_and_drop_the_oldest",
        )
    ),
)
WITHOUT = "anyio cacheprovider faulthandler logging threadexception unraisableexception xdist"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "areas", nargs="*", metavar="AREA",
        help=f"of {', '.join(AREAS)}, or a path such as engine/decide/tickets.py; "
        f"default: {' '.join(USUAL)}",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="at once; default: 1")
    parser.add_argument(
        "--folder", type=Path, metavar="PATH",
        help="work there, and go on where an earlier run ended; default: a new temporary folder",
    )  # fmt: skip
    parser.add_argument(
        "--survivors", action="store_true",
        help="try the survivors of an earlier run in that folder again, with the tests of today",
    )  # fmt: skip
    return parser.parse_args(given)


def paths_of(areas: Sequence[str]) -> tuple[str, ...]:
    """Give the source files that the areas name. Raises: SystemExit for what names none."""
    found: list[str] = []
    for area in areas or USUAL:
        for pattern in AREAS.get(area, (area,)):
            paths = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
            if not paths:
                raise SystemExit(f"{area} names no source; known are {', '.join(AREAS)}.")
            found.extend(paths)
    return tuple(found)


def tried(folder: Path, names: Sequence[str], jobs: int) -> dict[str, str]:
    """Try mutants in a process of their own, and give what became of those that it got to."""
    (folder / OUTCOMES).unlink(missing_ok=True)
    (folder / WORK).write_text(json.dumps({"names": names, "jobs": jobs}), encoding="utf-8")
    without = [part for name in WITHOUT.split() for part in ("-p", f"no:{name}")]
    # Nobody reads why a mutant failed: to explain it would take longer than to find it.
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--assert=plain", "--timeout=0"]
    command += ["-p", "tests.mutation.trying", *without, *TESTS]
    subprocess.run(command, cwd=folder, check=False)
    if not (folder / OUTCOMES).exists():
        raise SystemExit("No mutant was tried: see the words of pytest above.")
    return outcomes(folder)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def told(folder: Path, noted: Mapping[str, Noted], found: Mapping[str, str]) -> list[Score]:
    """Tell every survivor and the score of each module."""
    for path, each in noted.items():
        names = survivors(each.names, found)
        if names:
            say(f"\nSurvivors of {path}:")
            text = (folder / path).read_text(encoding="utf-8")
            say("\n".join(changed_lines(text, names)))
    scores = [score_of(path, each.names, found) for path, each in noted.items() if each.names]
    say("\n".join(["", *table(scores)]))
    return scores


def main(given: Sequence[str] | None = None) -> int:
    """Try every mutant on a copy and give the exit code."""
    asked = arguments(given)
    paths = paths_of(asked.areas)
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="mutation-"))).resolve()
    if folder.is_relative_to(ROOT):
        raise SystemExit("The folder must stand outside of the repository.")
    folder.mkdir(parents=True, exist_ok=True)
    say(f"The mutants are made and tried in {folder}")
    noted = copied(folder, paths)
    found = read(folder, noted)
    names = [name for each in noted.values() for name in each.names]
    wanted = survivors(names, found) if asked.survivors else [n for n in names if n not in found]
    if wanted:
        write(folder, noted, found)  # what an interrupted trial leaves belongs to these sources
        found |= tried(folder, wanted, asked.jobs)
        write(folder, noted, found)
    scores = told(folder, noted, found)
    return 1 if any(score.percent < PERCENT_MIN for score in scores) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Plant each mutant and see who notices: `make mutants`, or `python -m tests.mutants`.

The exit code is 1 when a mutant survives both the simulation and its suites.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.table import Row, line, lines, markdown, write_json
from tests.mutants.tree import mutated, snapshot
from tests.mutants.trial import simulated, suited


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[each.name for each in MUTANTS],
        help="try only this one; may be repeated",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="default: 0")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="at once; default: 1")
    parser.add_argument(
        "--json", type=Path, default=Path("mutants.json"), metavar="PATH",
        help="default: mutants.json",
    )  # fmt: skip
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the table there too")
    return parser.parse_args(given)


def tried(mutant: Mutant, *, tree: Path, folder: Path, seeds: range) -> Row:
    """Plant one mutant and run the simulation, then its suites."""
    copy = mutated(tree, mutant, folder)
    row = Row(
        mutant=mutant,
        simulated=simulated(copy, first=seeds.start, count=len(seeds)),
        suited=suited(copy, mutant.suites),
    )
    shutil.rmtree(copy)
    say(line(row))
    return row


def sound(tree: Path, mutants: Sequence[Mutant], seeds: range) -> bool:
    """Tell whether the tree without a mutant passes what the mutants must not pass."""
    without = simulated(tree, first=seeds.start, count=len(seeds))
    tests = suited(tree, sorted({suite for mutant in mutants for suite in mutant.suites}))
    if without.caught:
        say(f"Without a mutant, seed {without.first_seed} fails: {without.first_said}")
    if tests.failed:
        say(f"Without a mutant, {tests.failed} fails.")
    return not without.caught and not tests.failed


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(given: Sequence[str] | None = None) -> int:
    """Try every mutant and give the exit code."""
    asked = arguments(given)
    seeds = range(asked.first, asked.first + asked.seeds)
    mutants = [each for each in MUTANTS if asked.only is None or each.name in asked.only]
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        tree = snapshot(folder)
        if not sound(tree, mutants, seeds):
            return 1
        say(f"Without a mutant, {len(seeds)} seeds and every suite pass.")
        trial = partial(tried, tree=tree, folder=folder, seeds=seeds)
        with ThreadPoolExecutor(asked.jobs) as pool:
            rows = list(pool.map(trial, mutants))
    say("\n".join(["", *lines(rows)]))
    write_json(rows, seeds, asked.json)
    if asked.markdown is not None:
        asked.markdown.write_text("\n".join(markdown(rows)) + "\n", encoding="utf-8")
    return 1 if any(row.survives for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Plant each mutant and see who notices: `make mutants`, or `python -m tests.mutants`.

The exit code is 1 when a mutant survives both the simulation and its suites.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.results import Row, line, lines, put_into, read, write
from tests.mutants.tree import mutated, snapshot
from tests.mutants.trial import simulated, suited


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[each.name for each in MUTANTS],
        help="try this one, and keep what the file says of the others; may be repeated",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="try those that the file lacks")
    parser.add_argument(
        "--seeds", type=int, default=24, metavar="N",
        help="how many sessions at most; 0 runs the suites alone; default: 24",
    )  # fmt: skip
    parser.add_argument(
        "--enough", type=int, default=3, metavar="K",
        help="go on to the next mutant once K seeds have caught this one; default: 3",
    )  # fmt: skip
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="default: 0")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="at once; default: 1")
    parser.add_argument(
        "--json", type=Path, default=Path("mutants.json"), metavar="PATH",
        help="default: mutants.json",
    )  # fmt: skip
    parser.add_argument(
        "--document", type=Path, metavar="PATH", help="put the table there, between its marks"
    )
    return parser.parse_args(given)


def tried(mutant: Mutant, *, tree: Path, folder: Path, seeds: range, enough: int) -> Row:
    """Plant one mutant and run the simulation, then its suites."""
    copy = mutated(tree, mutant, folder)
    row = Row(
        mutant=mutant,
        simulated=simulated(copy, seeds=seeds, enough=enough),
        suited=suited(copy, mutant.suites),
    )
    shutil.rmtree(copy)
    return row


def sound(tree: Path, mutants: Sequence[Mutant], seeds: range) -> bool:
    """Tell whether the tree without a mutant passes what the mutants must not pass."""
    without = simulated(tree, seeds=seeds, enough=1)
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
    known = read(asked.json, MUTANTS) if asked.only or asked.resume else {}
    whole = {name for name, row in known.items() if row.simulated.seeds or not seeds}
    wanted = asked.only or [each.name for each in MUTANTS if each.name not in whole]
    mutants = [each for each in MUTANTS if each.name in wanted]
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        tree = snapshot(folder)
        if not sound(tree, mutants, seeds):
            return 1
        say(f"Without a mutant, {len(seeds)} seeds and every suite pass.")
        trial = partial(tried, tree=tree, folder=folder, seeds=seeds, enough=asked.enough)
        with ThreadPoolExecutor(asked.jobs) as pool:
            for done in as_completed([pool.submit(trial, mutant) for mutant in mutants]):
                row = done.result()
                say(line(row))
                known[row.mutant.name] = row
                write(known, asked.json)
    rows = [known[each.name] for each in MUTANTS if each.name in known]
    say("\n".join(["", *lines(rows)]))
    if asked.document is not None:
        put_into(asked.document, rows)
    return 1 if any(row.survives for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

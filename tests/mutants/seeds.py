"""Run the simulation over seeds in the tree that is the current folder, and say how each ended.

`python -m tests.mutants.seeds FIRST COUNT ENOUGH` writes one JSON object per seed and line; it ends
after COUNT seeds, or once ENOUGH of them have objected.
"""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from time import process_time
from types import FrameType

import engine
from tests.mutants.objection import NO_END, first_of
from tests.simulation.session import folder_for_runs, live
from tests.simulation.virtual_time import run

# Of the processor's time, so that a busy machine lets no mutant pass for an endless one.
SEED_S = 15


class Endless(SystemExit):
    """A seed did not end: asyncio lets only this kind out of a task."""


class Patience:
    """Interrupt what takes too long, again each second until it has ended."""

    def __init__(self) -> None:
        self.is_over = False
        signal.signal(signal.SIGPROF, self._lose)

    def begin(self) -> None:
        """Give the next seed its time."""
        self.is_over = False
        signal.setitimer(signal.ITIMER_PROF, SEED_S, 1)

    def end(self) -> None:
        """Let nobody be interrupted any more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _lose(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_over = True
        raise Endless


def objection_to(seed: int, patience: Patience) -> str | None:
    """Give what was said against a seed's session, None when nothing was."""
    said = None
    patience.begin()
    try:
        with folder_for_runs() as folder:
            run(live(seed, Path(folder)))
    except Endless:
        said = NO_END
    except (Exception, asyncio.CancelledError) as fault:  # task boundary: it is the result
        said = f"{type(fault).__name__}: {first_of(fault)}"
    finally:
        patience.end()
    return f"{NO_END} after {SEED_S} s" if patience.is_over else said


def main(given: list[str]) -> None:
    """Live the seeds that the arguments name."""
    first, count, enough = (int(each) for each in given)
    here = Path(engine.__file__).resolve()
    assert here.is_relative_to(Path.cwd().resolve()), f"this is the engine of another tree: {here}"
    logging.disable(logging.WARNING)
    logging.getLogger().addHandler(logging.NullHandler())
    patience, against = Patience(), 0
    for seed in range(first, first + count):
        begun_s = process_time()
        said = objection_to(seed, patience)
        line = {"seed": seed, "said": said, "took_s": round(process_time() - begun_s, 3)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        against += said is not None
        if against == enough:
            return


if __name__ == "__main__":
    main(sys.argv[1:])

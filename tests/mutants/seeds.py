"""Run the simulation over seeds in the tree that is the current folder, and say how each ended.

`python -m tests.mutants.seeds FIRST COUNT` writes one JSON object per seed and line.
"""

import json
import logging
import signal
import sys
from pathlib import Path
from time import monotonic
from types import FrameType

import engine
from tests.mutants.objection import first_of
from tests.simulation.session import session
from tests.simulation.virtual_time import run

SEED_S = 60


class Endless(BaseException):
    """A seed did not end: no `except Exception` of ours may swallow it."""


def give_up(_signal: int, _frame: FrameType | None) -> None:
    raise Endless


def live(seed: int) -> None:
    """Live a seed. Raises: whatever objects."""
    made = run(session(seed))
    made.oracle.read()
    assert made.oracle.state == made.engine.state, "I10: the replay differs from the live state"


def objection_to(seed: int) -> str | None:
    """Give what was said against a seed's session, None when nothing was."""
    signal.alarm(SEED_S)
    try:
        live(seed)
    except Endless:
        return f"no end after {SEED_S} s"
    except Exception as fault:  # task boundary: whatever a mutant breaks is what is asked for
        return f"{type(fault).__name__}: {first_of(fault)}"
    finally:
        signal.alarm(0)
    return None


def main(given: list[str]) -> None:
    first, count = int(given[0]), int(given[1])
    here = Path(engine.__file__).resolve()
    assert here.is_relative_to(Path.cwd().resolve()), f"this is the engine of another tree: {here}"
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, give_up)
    for seed in range(first, first + count):
        begun_s = monotonic()
        said = objection_to(seed)
        line = {"seed": seed, "said": said, "took_s": round(monotonic() - begun_s, 3)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

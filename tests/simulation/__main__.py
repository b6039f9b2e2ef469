"""Run sessions: `make simulate SEEDS=0..300`, or one seed again: `make simulate SEEDS=17`."""

import argparse
import asyncio
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tests.simulation.session import Session, folder_for_runs, live
from tests.simulation.story import told
from tests.simulation.virtual_time import run

CHUNK = 8
FAILURES_MAX = 20
BROKEN = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed: the trace's hash, what it consisted of, and why it failed."""

    seed: int
    digest: str
    events: int
    orders: int
    fills: int
    lives: int
    points: int = 0
    objection: str = ""
    story: str = ""


def outcome_of(seed: int) -> Outcome:
    """Live the session of a seed."""
    return _outcome(seed, lambda folder: live(seed, folder))


def cut_off(point: int | None) -> Outcome:
    """Tell the story to a process that dies at this point of it; None lets it live."""
    return _outcome(point or 0, lambda folder: told(folder, point))


def _outcome(seed: int, session: Callable[[Path], Coroutine[Any, Any, Session]]) -> Outcome:
    with folder_for_runs() as folder:
        try:
            made = run(session(Path(folder)))
        except (Exception, asyncio.CancelledError) as fault:  # task boundary: it is the result
            lines = traceback.extract_tb(fault.__traceback__)
            where = f"{Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else ""
            notes = "\n".join(getattr(fault, "__notes__", ()))
            objection = f"{type(fault).__name__}: {fault} ({where})"
            return Outcome(seed, "", 0, 0, 0, 0, objection=objection, story=notes)
    oracle = made.oracle
    return Outcome(
        seed=seed,
        digest=made.outside.trace.digest(),
        events=len(oracle.events),
        orders=len(oracle.sends.sent),
        fills=len(oracle.books.fills),
        lives=made.lives,
        points=made.points_passed,
    )


def outcomes(one: Callable[[int], Outcome], seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Live many sessions, some at a time, in the order of their seeds."""
    if jobs == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(
        jobs, initializer=logging.disable, initargs=(logging.WARNING,)
    ) as all_:
        yield from all_.map(one, seeds, chunksize=CHUNK)


def seeds_of(text: str) -> Sequence[int]:
    """Read `17`, `0..300` (300 is not one of them) or `3,17,40`."""
    try:
        if ".." in text:
            first, _, end = text.partition("..")
            return range(int(first), int(end))
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no seeds: write 17, or 3,17,40, or 0..300"
        ) from None


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=range(300), help="default: 0..300")
    parser.add_argument(
        "--crash-points", type=int, metavar="STRIDE",
        help="instead of seeds: cut one story off at every STRIDE-th of its points",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    parser.add_argument("--trace", type=Path, help="write the trace of a single seed to this file")
    parser.add_argument("--quiet", action="store_true", help="say only what failed")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Live every seed; give 1 when an invariant was broken, with the first stories told."""
    chosen = arguments(given)
    if chosen.trace is not None:
        return _traced(chosen.seeds[0], chosen.trace)
    logging.disable(logging.WARNING)
    begun_s = monotonic()
    done: list[Outcome] = []
    failed: list[Outcome] = []
    one: Callable[[int], Outcome] = outcome_of
    seeds, name = chosen.seeds, "seed"
    if chosen.crash_points is not None:
        points = cut_off(None).points
        seeds, one, name = range(1, points + 1, chosen.crash_points), cut_off, "point"
    for outcome in outcomes(one, seeds, chosen.jobs):
        done.append(outcome)
        if outcome.objection:
            failed.append(outcome)
            print(f"{name} {outcome.seed}: {outcome.objection}\n{outcome.story}\n", flush=True)
            if len(failed) >= FAILURES_MAX:
                break
        elif not chosen.quiet and len(done) % 50 == 0:
            print(f"{len(done)} of {len(seeds)} {name}s", flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(one) for one in done], indent=1))
    events, orders, fills, lives = (
        sum(getattr(one, name) for one in done) for name in ("events", "orders", "fills", "lives")
    )
    print(
        f"{len(done)} {name}s, {len(failed)} failed; {events:,} events, {orders:,} orders sent, "
        f"{fills:,} fills, {lives:,} processes begun; {monotonic() - begun_s:.0f} s"
    )
    return BROKEN if failed else 0


def _traced(seed: int, path: Path) -> int:
    made: list[Session] = []
    fault: Exception | None = None
    with folder_for_runs() as folder:
        try:
            run(live(seed, Path(folder), made.append))
        except Exception as broken:  # task boundary: a session that fails is the one to read
            fault = broken
    lines = made[0].outside.trace.lines
    path.write_text("\n".join(lines) + "\n")
    print(f"{len(lines):,} lines: {path}" + (f"; {type(fault).__name__}: {fault}" if fault else ""))
    return BROKEN if fault else 0


if __name__ == "__main__":
    sys.exit(main())

"""Trials: what the simulation says about a tree, and what the suites say."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.objection import promise_of

SEEDS_S = 3600
SUITES_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Say on how many of how many seeds the simulation objected, where first, and by what."""

    seeds: int
    caught: int
    first_seed: int | None
    first_said: str
    promises: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suited:
    """Say which test failed first; empty when none did."""

    failed: str


def _command(arguments: Sequence[str], tree: Path, timeout_s: int) -> tuple[int, str]:
    """Run Python in a tree and give its exit code and output; out of time counts as code -1."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
        return -1, said.decode(errors="replace") if isinstance(said, bytes) else said
    return done.returncode, done.stdout


def simulated(tree: Path, *, seeds: range, enough: int) -> Simulated:
    """Run seeds in one process, until `enough` of them have objected.

    Raises: RuntimeError when the process itself broke.
    """
    if not seeds:
        return Simulated(seeds=0, caught=0, first_seed=None, first_said="", promises={})
    code, output = _command(
        ["-m", "tests.mutants.seeds", str(seeds.start), str(len(seeds)), str(enough)],
        tree,
        timeout_s=SEEDS_S,
    )
    ended = [json.loads(line) for line in output.splitlines() if line.startswith('{"seed"')]
    against = [line for line in ended if line["said"] is not None]
    if len(ended) < len(seeds) and len(against) < enough and code != -1:
        raise RuntimeError(f"the simulation broke:\n{output[-2000:]}")
    return Simulated(
        seeds=len(ended),
        caught=len(against),
        first_seed=against[0]["seed"] if against else None,
        first_said=against[0]["said"] if against else "",
        promises=dict(Counter(promise_of(line["said"]) for line in against).most_common()),
    )


def suited(tree: Path, suites: Sequence[str]) -> Suited:
    """Run suites until the first failure. Raises: RuntimeError when pytest itself broke."""
    code, output = _command(
        ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *suites], tree, timeout_s=SUITES_S
    )
    if code == 0:
        return Suited(failed="")
    if code == -1:
        return Suited(failed=f"no end after {SUITES_S} s")
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"the suites broke:\n{output[-2000:]}")
    return Suited(failed=found[1])

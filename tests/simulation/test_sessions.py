"""Random sessions keep every promise: what was seen executes, once, and a stop always answers.

Each seed is another session of orders, tickets, stops, taps and prices that jump; of a venue, a
disk and a Telegram that hang, lose, repeat and garble; of processes that die between any two of
their acts. It runs in virtual time, so that minutes of waiting cost nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import outcome_of
from tests.simulation.session import live
from tests.simulation.virtual_time import run

# `make simulate` runs 300, two cores some five minutes; here as many as a test run has time for.
SEEDS = 100
TOGETHER = 5
DIGEST = (
    "from tests.simulation.__main__ import outcome_of\n"
    "print([outcome_of(seed).digest for seed in (3, 8)])"
)


@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_random_sessions_break_no_invariant(first: int) -> None:
    # given, when, then: the oracle objects while a session goes on
    for seed in range(first, first + TOGETHER):
        outcome = outcome_of(seed)
        assert not outcome.objection, f"seed {seed}: {outcome.objection}\n{outcome.story}"


def test_the_same_seed_writes_the_same_trace_whatever_the_process_hashes_by() -> None:
    # given three processes that put sets and dicts of texts into another order each
    told = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for salt in ("0", "1", "4242")
    }
    # then all three write the same, byte for byte
    assert len(told) == 1


def test_a_session_is_no_empty_one(tmp_path: Path) -> None:
    made = run(live(3, tmp_path))
    assert made.oracle.sends.sent
    assert made.oracle.books.fills
    assert made.lives > 1
    assert made.outside.telegram.shown

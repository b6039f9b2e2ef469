"""Random sessions keep every promise: what was seen executes, once, and a stop always answers.

Each seed is another session of orders, tickets, stops, prices that jump, a venue that hangs, loses
and repeats, a journal that fails, and processes that die. It runs in virtual time, so that minutes
of waiting cost nothing, and the same seed gives the same session.
"""

import logging

import pytest

from tests.simulation.session import session
from tests.simulation.virtual_time import run

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_session_breaks_no_invariant(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    # given, when, then: the oracle objects while the session goes on
    caplog.set_level(logging.CRITICAL)
    try:
        made = run(session(seed))
    except Exception as fault:
        fault.add_note(f"the session of seed {seed}")
        raise
    made.oracle.read()
    assert made.oracle.state == made.engine.state


def test_a_session_is_the_same_each_time() -> None:
    first, second = run(session(3)), run(session(3))
    assert first.journal.events == second.journal.events
    # and it is no empty one
    assert first.oracle.sent
    assert first.oracle.fills

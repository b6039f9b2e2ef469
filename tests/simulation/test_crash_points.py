"""A process that dies at any point of a story leaves nothing undone, doubled or untold.

The points lie before and after every write, every venue request and every call of Telegram. Here
every twenty-fourth is tried; `python -m tests.simulation --crash-points 1` tries each of them.
"""

import pytest

from tests.simulation.__main__ import cut_off

STRIDE = 24
TOGETHER = 5
POINTS_MAX = 960


@pytest.mark.parametrize("first", range(1, POINTS_MAX, STRIDE * TOGETHER))
def test_a_story_cut_off_anywhere_ends_as_it_should(first: int) -> None:
    for point in range(first, first + STRIDE * TOGETHER, STRIDE):
        outcome = cut_off(point)
        assert not outcome.objection, f"point {point}: {outcome.objection}\n{outcome.story}"


def test_the_story_itself_goes_well_and_holds_what_it_should() -> None:
    outcome = cut_off(None)
    assert not outcome.objection, outcome.objection
    assert outcome.lives == 1
    assert outcome.orders >= 5
    assert outcome.fills >= 4

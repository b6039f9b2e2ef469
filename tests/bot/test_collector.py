"""While the process starts nothing is collected; afterwards only what came later is."""

import gc
from collections.abc import Iterator

import pytest

from bot import collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def test_nothing_is_collected_until_the_start_is_over() -> None:
    collector.pause()

    assert not gc.isenabled()

    collector.settle()

    assert gc.isenabled()
    assert gc.get_threshold()[0] == collector.YOUNG_MAX


def test_what_the_start_has_made_is_set_aside_and_what_comes_later_is_not() -> None:
    made = [["made while it started"]]

    collector.settle()
    later = [["made afterwards"]]

    assert gc.get_freeze_count() > 0
    watched = {id(each) for each in gc.get_objects()}
    assert id(made) not in watched
    assert id(later) in watched

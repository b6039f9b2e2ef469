"""The poller beside another one: it is noted once, and asked again, ever less often."""

import logging
import random

import pytest
from telegram import Bot
from telegram.error import Conflict

from bot.clock import SystemClock
from bot.poller import Poller, PollPatience


class Middle(random.Random):
    """Dice that always show the middle."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


@pytest.fixture
def pauses_s() -> list[float]:
    poller = Poller(bot=Bot("4242:token"), clock=SystemClock(), jitter=Middle())
    return [poller._pause_s(Conflict("terminated by other getUpdates request")) for _ in range(8)]


def test_a_conflict_is_asked_again_at_once_and_then_ever_less_often(
    pauses_s: list[float],
) -> None:
    patience = PollPatience()
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[0] == patience.conflict_s
    assert pauses_s[-1] == patience.conflict_s_max


def test_a_conflict_is_noted_once(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    with caplog.at_level(logging.ERROR, logger="bot.poller"):
        request.getfixturevalue("pauses_s")
    assert [one.getMessage() for one in caplog.records] == [
        "another process polls with this token; it is asked for again"
    ]

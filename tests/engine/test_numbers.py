"""Ages in words, a clock that jumps, and shares of nothing."""

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.equity import Equity
from engine.numbers import ZERO, age_text
from engine.steadiness import JUMP, Steadiness
from tests.engine.desk import AT


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ("0", "0.0 s"),
        ("119.94", "119.9 s"),
        ("120", "2 min"),
        ("7199", "119 min"),
        ("7200", "2 h"),
        ("172799", "47 h"),
        ("172800", "2 d"),
    ],
)
def test_an_age_is_told_in_the_unit_that_a_person_would_use(seconds: str, words: str) -> None:
    assert age_text(Decimal(seconds)) == words


@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1)])
def test_a_clock_that_was_set_is_known_from_the_moment_it_was_seen(jump: timedelta) -> None:
    steadiness = Steadiness()
    second = timedelta(seconds=1)
    assert steadiness.since(AT, second) is None
    assert steadiness.since(AT + JUMP, second * 2) is None
    seen = AT + second * 2 + jump
    assert steadiness.since(seen, second * 3) == seen
    assert steadiness.since(seen + second, second * 4) == seen


def test_an_account_without_money_has_lost_no_share_of_it() -> None:
    nothing = Equity(
        at=AT, equity=ZERO, cash=ZERO, unrealised_pnl=ZERO, gross=ZERO, high_water=ZERO,
        day=AT.date(), day_open=ZERO, loss_base=ZERO,
    )  # fmt: skip
    assert (nothing.drawdown_pct, nothing.day_loss_pct) == (ZERO, ZERO)

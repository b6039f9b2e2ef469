"""Second factors: whoever has one gives its code with what makes risk larger, and only then."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine import commands as c
from engine import events as e
from engine.risk_limits import TradingState
from tests.engine.desk import OWNER, TRADER, Desk

CODED = replace(OWNER, with_code=True)


def enrolled() -> Desk:
    desk = Desk()
    (event,) = desk.give(c.EnrolFactor)
    assert isinstance(event, e.FactorEnrolled)
    assert desk.state.enrolled == (OWNER.user_id,)
    return desk


def refusal(events: tuple[e.Event, ...]) -> str:
    (event,) = events
    assert isinstance(event, e.CommandRefused)
    return event.rule


def test_an_owner_without_a_second_factor_resumes_without_a_code() -> None:
    desk = Desk()
    desk.give(c.Halt)
    desk.give(c.Resume)
    assert desk.state.trading is TradingState.ACTIVE


def test_an_enrolled_owner_resumes_only_with_a_code() -> None:
    desk = enrolled()
    desk.give(c.Halt)
    assert refusal(desk.give(c.Resume)) == "code"
    assert desk.state.stop is not None
    desk.give(c.Resume, actor=CODED)
    assert desk.state.trading is TradingState.ACTIVE


def test_an_enrolled_owner_re_arms_only_with_a_code() -> None:
    desk = enrolled()
    desk.give(c.TripBreaker, reason="a test")
    assert refusal(desk.give(c.RearmBreaker)) == "code"
    assert desk.state.breakers
    desk.give(c.RearmBreaker, actor=CODED)
    assert not desk.state.breakers


def test_nothing_that_makes_risk_smaller_asks_for_a_code() -> None:
    desk = enrolled()
    desk.hold("BTC/USDT", "0.01", "61240")
    (position,) = desk.state.positions.values()
    closed = desk.give(c.ClosePosition, position_id=position.position_id)
    assert any(isinstance(event, e.OrderSubmitted) for event in closed)
    assert not any(isinstance(event, e.CommandRefused) for event in desk.give(c.Halt))
    assert not any(isinstance(event, e.CommandRefused) for event in desk.give(c.Flatten))


def test_a_shell_has_no_second_factor_to_ask_for() -> None:
    desk = enrolled()
    desk.give(c.Halt)
    desk.give(c.Resume, actor=c.Actor(kind=c.ActorKind.SHELL, name="quarterdeck"))
    assert desk.state.trading is TradingState.ACTIVE


def test_a_second_factor_is_set_up_anew_only_with_its_code() -> None:
    desk = enrolled()
    assert refusal(desk.give(c.EnrolFactor)) == "code"
    (again,) = desk.give(c.EnrolFactor, actor=CODED)
    assert isinstance(again, e.FactorEnrolled)
    assert desk.state.enrolled == (OWNER.user_id,)


@pytest.mark.parametrize(
    ("actor", "rule"), [(OWNER, "code"), (replace(TRADER, with_code=True), "role")]
)
def test_a_second_factor_is_removed_by_nobody_else_and_not_without_its_code(
    actor: c.Actor, rule: str
) -> None:
    desk = enrolled()
    events = desk.give(c.RemoveFactor, actor=actor, user_id=OWNER.user_id, reason="asked for")
    assert refusal(events) == rule
    assert desk.state.enrolled == (OWNER.user_id,)


def test_a_removed_second_factor_is_asked_for_no_more() -> None:
    desk = enrolled()
    desk.give(c.RemoveFactor, actor=CODED, user_id=OWNER.user_id, reason="asked for")
    desk.give(c.Halt)
    desk.give(c.Resume)
    assert desk.state.trading is TradingState.ACTIVE
    again = desk.give(c.RemoveFactor, actor=CODED, user_id=OWNER.user_id, reason="asked for")
    assert refusal(again) == "no_factor"


def test_a_lock_is_journaled_and_changes_nothing_else() -> None:
    desk = enrolled()
    before = desk.state
    until = desk.now + timedelta(minutes=15)
    (event,) = desk.give(c.LockFactor, actor=c.ENGINE, user_id=OWNER.user_id, until=until)
    assert isinstance(event, e.FactorLocked)
    assert replace(desk.state, seq=before.seq, commands_known=before.commands_known) == before

"""Limits changed by owners: safer at once, riskier by a code and a second owner, never too far."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine.fold import apply
from engine.limits import (
    BREAKERS,
    LIMITS,
    Limit,
    ProposalOutcome,
    effective,
    fault_in,
    limit_named,
    value_of,
    with_value,
)
from engine.risk_limits import RiskLimits
from engine.rules.orders import entries_per_s
from engine.state import SENT_TAIL, State
from tests.engine.desk import OWNER, TRADER, VIEWER, Desk, kinds, signal

CODED = replace(OWNER, with_code=True)
OTHER = replace(OWNER, user_id=5151)
USUAL = RiskLimits()


def named(name: str) -> Limit:
    limit = limit_named(name)
    assert limit is not None
    return limit


def one(desk: Desk, value: str, actor: c.Actor = OWNER, name: str = "positions") -> e.Event:
    return desk.give(c.ChangeLimit, actor, name=name, value=Decimal(value))[-1]


def rule(event: e.Event) -> str:
    assert isinstance(event, e.CommandRefused), event
    return event.rule


def lowered(value: str = "5") -> Desk:
    """Give a desk whose owner holds ten positions down to five, or to another number."""
    desk = Desk(limits=USUAL)
    assert isinstance(one(desk, value), e.LimitChanged)
    return desk


def with_owners(desk: Desk, *owners: int) -> Desk:
    desk.state = replace(desk.state, owners=owners)
    return desk


def two_owners() -> Desk:
    assert OWNER.user_id is not None
    assert OTHER.user_id is not None
    return with_owners(lowered(), OWNER.user_id, OTHER.user_id)


def proposal_id(desk: Desk) -> str:
    (proposal,) = desk.state.limits_proposed.values()
    return proposal.proposal_id


# The table


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_every_limit_has_its_field_and_its_default_is_in_range(limit: Limit) -> None:
    usual = value_of(USUAL, limit)
    assert fault_in(limit, usual, USUAL) is None
    safer = limit.high if limit.is_floor else limit.low
    changed = with_value(USUAL, limit, safer)
    assert value_of(changed, limit) == safer
    assert with_value(changed, limit, usual) == USUAL or limit.name == "slipstop"
    assert type(getattr_of(changed, limit)) is type(getattr_of(USUAL, limit))


def getattr_of(limits: RiskLimits, limit: Limit) -> object:
    holder: object = limits
    for part in limit.field.split("."):
        holder = getattr(holder, part)
    return holder


def test_names_titles_and_variables_are_unique_and_fit() -> None:
    for values in (
        [limit.name for limit in LIMITS],
        [limit.title for limit in LIMITS],
        [limit.field for limit in LIMITS],
        [limit.variable for limit in LIMITS],
    ):
        assert len(set(values)) == len(values)
    assert all(len(limit.title) <= 9 and len(limit.name) <= 12 for limit in LIMITS)
    assert all(limit.variable.startswith("BREAKER_") for limit in BREAKERS)


def test_a_warning_stays_below_the_slippage_that_trips() -> None:
    limits = with_value(USUAL, named("slipstop"), Decimal("0.25"))
    assert limits.breakers.slippage_pct_warn == Decimal("0.200")


@pytest.mark.parametrize("name", ["rate", "venuerate", "strategyrate"])
def test_no_rate_is_larger_than_what_is_remembered_of_sent_orders(name: str) -> None:
    assert entries_per_s(int(named(name).high)) <= SENT_TAIL


def test_a_name_of_another_release_changes_nothing() -> None:
    assert effective(USUAL, {"no such": Decimal(1)}) == USUAL


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("positions", "11", "beyond the ceiling: 10 at most, by MAX_POSITIONS"),
        ("positions", "0.5", "out of range: 1 to 1000"),
        ("positions", "2.5", "whole numbers only"),
        ("dayloss", "2.01", "beyond the ceiling: 2% at most, by DAILY_LOSS_LIMIT_PCT"),
        ("dayloss", "0.001", "out of range: 0.01% to 100%"),
        ("dayloss", "1.234", "two decimals at most"),
        ("duplicate", "9", "beyond the ceiling: 10 s at least, by MIN_DUPLICATE_S"),
        ("duplicate", "601", "out of range"),
        ("order", "NaN", "needs a number"),
        ("order", "Infinity", "needs a number"),
    ],
)
def test_what_a_limit_cannot_be_is_said_with_what_it_can(name: str, value: str, part: str) -> None:
    sentence = fault_in(named(name), Decimal(value), USUAL)
    assert sentence is not None
    assert part in sentence


# Changing


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "0"])
def test_what_is_no_value_changes_nothing(value: str) -> None:
    desk = Desk()
    assert rule(one(desk, value)) == "limit"
    assert desk.state.limits == desk.limits


def test_a_lowered_limit_denies_the_very_next_signal() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert desk.judged(signal("ETH/USDT", "buy", quantity="0.1")) == {}
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert isinstance(one(desk, "1"), e.LimitChanged)
    assert list(desk.denied(signal("ETH/USDT", "buy", quantity="0.1"))) == ["positions"]


def test_what_is_open_past_a_lowered_limit_stays_and_can_be_closed() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.hold("ETH/USDT", "0.1", "3396")
    one(desk, "1")
    (first, _) = desk.state.positions.values()
    assert "OrderSubmitted" in kinds(desk.give(c.ClosePosition, position_id=first.position_id))


def test_a_lowered_day_loss_trips_at_the_next_measurement() -> None:
    desk = Desk(limits=USUAL)
    desk.hold("BTC/USDT", "0.02", "61240")
    desk.quote("BTC/USDT", "55100", "55110")
    desk.give(c.SampleEquity, c.SCHEDULE)
    assert not desk.state.breakers
    one(desk, "0.5", name="dayloss")
    events = desk.give(c.SampleEquity, c.SCHEDULE)
    assert any(isinstance(each, e.BreakerTripped) for each in events)


@pytest.mark.parametrize("actor", [TRADER, VIEWER, c.SCHEDULE, c.ENGINE])
def test_only_an_owner_changes_a_limit(actor: c.Actor) -> None:
    desk = Desk()
    assert rule(one(desk, "5", actor)) == "role"
    assert desk.state.limits == desk.limits


def test_an_unknown_limit_is_refused_and_so_is_the_value_it_has() -> None:
    desk = Desk(limits=USUAL)
    assert rule(one(desk, "5", name="mood")) == "limit_unknown"
    assert rule(one(desk, "10")) == "limit"
    assert rule(one(desk, "11")) == "limit"


def test_a_card_that_shows_an_old_value_changes_nothing() -> None:
    desk = lowered("5")
    (event,) = desk.give(c.ChangeLimit, name="positions", value=Decimal(4), before=Decimal(10))
    assert rule(event) == "limit"
    assert isinstance(event, e.CommandRefused)
    assert event.sentence.startswith("Positions is 5 by now, not 10.")
    assert desk.state.limits.positions_max == 5


def test_one_owner_without_a_second_factor_raises_up_to_the_ceiling() -> None:
    desk = lowered("5")
    event = one(desk, "10")
    assert isinstance(event, e.LimitChanged)
    assert (event.before, event.after) == (Decimal(5), Decimal(10))
    assert desk.state.limits == USUAL


def test_raising_takes_the_code_once_it_is_set_up_and_lowering_does_not() -> None:
    desk = lowered("5")
    desk.give(c.EnrolFactor)
    assert rule(one(desk, "6")) == "code"
    assert isinstance(one(desk, "4"), e.LimitChanged)
    assert isinstance(one(desk, "6", CODED), e.LimitChanged)
    # A floor is riskier when it is smaller.
    assert isinstance(one(desk, "20", name="duplicate"), e.LimitChanged)
    assert rule(one(desk, "15", name="duplicate")) == "code"


# Two owners


def test_a_second_owner_makes_a_raise_hold_and_the_first_alone_does_not() -> None:
    desk = two_owners()
    assert isinstance(one(desk, "8"), e.LimitProposed)
    assert desk.state.limits.positions_max == 5
    name = proposal_id(desk)
    assert rule(desk.give(c.ApproveLimit, proposal_id=name)[-1]) == "limit_second"
    assert rule(desk.give(c.ApproveLimit, TRADER, proposal_id=name)[-1]) == "role"
    assert rule(one(desk, "8")) == "limit_waits"
    events = desk.give(c.ApproveLimit, OTHER, proposal_id=name)
    assert kinds(events) == ["LimitProposalEnded", "LimitChanged"]
    changed = events[-1]
    assert isinstance(changed, e.LimitChanged)
    assert (changed.actor, changed.asked_by) == (OTHER, OWNER.text)
    assert desk.state.limits.positions_max == 8
    assert rule(desk.give(c.ApproveLimit, OTHER, proposal_id=name)[-1]) == "limit_over"


def test_lowering_waits_for_nobody_and_replaces_what_waits() -> None:
    desk = two_owners()
    one(desk, "8")
    name = proposal_id(desk)
    events = desk.give(c.ChangeLimit, OTHER, name="positions", value=Decimal(3))
    assert kinds(events) == ["LimitProposalEnded", "LimitChanged"]
    assert desk.state.limits.positions_max == 3
    assert rule(desk.give(c.ApproveLimit, OTHER, proposal_id=name)[-1]) == "limit_over"
    assert desk.state.limits.positions_max == 3


def test_two_owners_who_ask_for_the_same_are_two_yeses() -> None:
    desk = two_owners()
    one(desk, "8")
    assert isinstance(one(desk, "8", OTHER), e.LimitChanged)
    assert desk.state.limits.positions_max == 8
    assert not desk.state.limits_proposed


def test_two_owners_who_ask_for_different_values_wait_for_the_newer() -> None:
    desk = two_owners()
    one(desk, "8")
    events = desk.give(c.ChangeLimit, OTHER, name="positions", value=Decimal(9))
    assert kinds(events) == ["LimitProposalEnded", "LimitProposed"]
    (proposal,) = desk.state.limits_proposed.values()
    assert (proposal.after, proposal.user_id) == (Decimal(9), OTHER.user_id)


def test_the_second_owner_gives_a_code_too_where_they_have_one() -> None:
    desk = two_owners()
    desk.give(c.EnrolFactor, OTHER)
    one(desk, "8")
    name = proposal_id(desk)
    assert rule(desk.give(c.ApproveLimit, OTHER, proposal_id=name)[-1]) == "code"
    coded = replace(OTHER, with_code=True)
    assert kinds(desk.give(c.ApproveLimit, coded, proposal_id=name))[-1] == "LimitChanged"


@pytest.mark.parametrize("actor", [OWNER, OTHER])
def test_either_owner_takes_away_what_waits(actor: c.Actor) -> None:
    desk = two_owners()
    one(desk, "8")
    name = proposal_id(desk)
    (ended,) = desk.give(c.RejectLimit, actor, proposal_id=name)
    assert isinstance(ended, e.LimitProposalEnded)
    assert ended.outcome is ProposalOutcome.REJECTED
    assert rule(desk.give(c.RejectLimit, actor, proposal_id=name)[-1]) == "limit_over"
    assert desk.state.limits.positions_max == 5


@pytest.mark.parametrize("minutes", [15, -1])
def test_what_waits_runs_out_and_a_clock_set_back_ends_it(minutes: int) -> None:
    desk = two_owners()
    one(desk, "8")
    name = proposal_id(desk)
    desk.now += timedelta(minutes=minutes)
    (ended,) = desk.give(c.ApproveLimit, OTHER, proposal_id=name)
    assert isinstance(ended, e.LimitProposalEnded)
    assert ended.outcome is ProposalOutcome.EXPIRED
    assert desk.state.limits.positions_max == 5


def test_a_sweep_ends_what_nobody_answered_in_time_and_nothing_else() -> None:
    desk = two_owners()
    one(desk, "8")
    desk.now += timedelta(minutes=14, seconds=59)
    assert "LimitProposalEnded" not in kinds(desk.give(c.Sweep, c.SCHEDULE))
    desk.now += timedelta(seconds=1)
    assert "LimitProposalEnded" in kinds(desk.give(c.Sweep, c.SCHEDULE))
    assert not desk.state.limits_proposed


# Restarts


def test_a_chosen_limit_survives_a_restart_and_what_waited_does_not() -> None:
    desk = two_owners()
    one(desk, "8")
    events = desk.start()
    assert kinds(events).count("LimitProposalEnded") == 1
    assert "LimitChanged" not in kinds(events)
    assert desk.state.limits.positions_max == 5


def test_a_lower_ceiling_brings_a_limit_down_and_is_told_once() -> None:
    desk = lowered("5")
    desk.limits = replace(USUAL, positions_max=3)
    (told,) = [each for each in desk.start() if isinstance(each, e.LimitChanged)]
    assert (told.before, told.after, told.actor) == (Decimal(5), Decimal(3), c.ENGINE)
    assert told.reason == "MAX_POSITIONS is the ceiling"
    assert desk.state.limits.positions_max == 3
    assert "LimitChanged" not in kinds(desk.start())
    # A ceiling that rises again raises nothing by itself.
    desk.limits = USUAL
    desk.start()
    assert desk.state.limits.positions_max == 3
    assert desk.state.ceilings == USUAL


def test_a_limit_that_nobody_chose_is_its_ceiling() -> None:
    desk = lowered("5")
    desk.limits = replace(USUAL, drawdown_pct_max=Decimal(7))
    assert "LimitChanged" not in kinds(desk.start())
    assert desk.state.limits.drawdown_pct_max == Decimal(7)


def test_the_fold_of_the_events_alone_gives_the_same_limits() -> None:
    desk = two_owners()
    one(desk, "8")
    desk.give(c.ApproveLimit, OTHER, proposal_id=proposal_id(desk))
    state = State()
    for event in desk.events:
        state = apply(state, event)
    assert state.limits == desk.state.limits
    assert state.limits_chosen == {"positions": Decimal(8)}

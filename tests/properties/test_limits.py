"""Limits, whatever owners, restarts and time do: never past the ceiling, and never raised alone."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine import commands as c
from engine import events as e
from engine.limits import LIMITS, Limit, value_of, with_value
from engine.risk_limits import RiskLimits
from tests.engine.desk import OWNER, Desk

USUAL = RiskLimits()
SOME = st.sampled_from(LIMITS)
FACTORS = st.sampled_from([Decimal(n) for n in ("0.1", "0.5", "0.9", "1", "1.1", "2", "10")])
PEOPLE = tuple(replace(OWNER, user_id=number) for number in (4242, 5151, 6161))


def moved(limit: Limit, value: Decimal, factor: Decimal) -> Decimal:
    """Give a value near another one that the limit's range takes."""
    step = Decimal(1) if limit.is_whole else Decimal("0.01")
    return min(limit.high, max(limit.low, (value * factor).quantize(step)))


class ChangingLimits(RuleBasedStateMachine):
    """Owners change limits at random, with and without codes, over restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(limits=USUAL)

    @rule(limit=SOME, factor=FACTORS, who=st.sampled_from(PEOPLE), coded=st.booleans())
    def change(self, limit: Limit, factor: Decimal, who: c.Actor, coded: bool) -> None:
        state = self.desk.state
        before = value_of(state.limits, limit)
        after = moved(limit, before, factor)
        actor = replace(who, with_code=coded)
        event = self.desk.give(c.ChangeLimit, actor, name=limit.name, value=after)[-1]
        ceiling = value_of(state.ceilings, limit)
        waiting = state.limits_proposed.get(limit.name)
        if after == before or limit.is_riskier(after, ceiling):
            assert isinstance(event, e.CommandRefused)
        elif not limit.is_riskier(after, before):
            # What is safer needs no step, whoever has a factor and however many owners there are.
            assert isinstance(event, e.LimitChanged)
        elif who.user_id in state.enrolled and not coded:
            assert isinstance(event, e.CommandRefused)
            assert event.rule == "code"
        elif any(owner != who.user_id for owner in state.owners):
            is_second = (
                waiting is not None
                and (waiting.after, waiting.user_id != who.user_id) == (after, True)
                and self.desk.now < waiting.expires_at
            )
            assert isinstance(event, e.LimitChanged) is is_second
        else:
            assert isinstance(event, e.LimitChanged)
        held = value_of(self.desk.state.limits, limit)
        assert held == (after if isinstance(event, e.LimitChanged) else before)

    @rule(who=st.sampled_from(PEOPLE), coded=st.booleans(), yes=st.booleans(), data=st.data())
    def answer(self, who: c.Actor, coded: bool, yes: bool, data: st.DataObject) -> None:
        waiting = list(self.desk.state.limits_proposed.values())
        if not waiting:
            return
        proposal = data.draw(st.sampled_from(waiting))
        before = self.desk.state
        wanted: type[c.CommandBase] = c.ApproveLimit if yes else c.RejectLimit
        actor = replace(who, with_code=coded)
        events = self.desk.give(wanted, actor, proposal_id=proposal.proposal_id)
        if any(isinstance(each, e.LimitChanged) for each in events):
            assert yes
            assert who.user_id != proposal.user_id
            assert coded or who.user_id not in before.enrolled
        else:
            assert self.desk.state.limits == before.limits

    @rule(count=st.integers(1, 3))
    def owners_are(self, count: int) -> None:
        ids = tuple(each.user_id for each in PEOPLE[:count] if each.user_id is not None)
        self.desk.state = replace(self.desk.state, owners=ids)

    @rule(who=st.sampled_from(PEOPLE))
    def enrol(self, who: c.Actor) -> None:
        self.desk.give(c.EnrolFactor, replace(who, with_code=True))

    @rule(limit=SOME, factor=FACTORS)
    def restart(self, limit: Limit, factor: Decimal) -> None:
        owners = self.desk.state.owners
        known = value_of(self.desk.limits, limit)
        self.desk.limits = with_value(self.desk.limits, limit, moved(limit, known, factor))
        before = self.desk.state
        self.desk.start()
        after = self.desk.state
        for each in LIMITS:
            if each.name in before.limits_chosen:
                held = value_of(before.limits, each)
                assert not each.is_riskier(value_of(after.limits, each), held)
        self.desk.state = replace(after, owners=owners)

    @rule(minutes=st.sampled_from([1, 14, 16]))
    def wait(self, minutes: int) -> None:
        self.desk.later(minutes * 60)

    @invariant()
    def no_limit_is_past_its_ceiling(self) -> None:
        state = self.desk.state
        assert state.ceilings == self.desk.limits
        for limit in LIMITS:
            held, ceiling = value_of(state.limits, limit), value_of(state.ceilings, limit)
            assert not limit.is_riskier(held, ceiling), limit.name


TestChangingLimits = ChangingLimits.TestCase
TestChangingLimits.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

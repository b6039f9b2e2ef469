"""The limits' cards, word for word: the list, one limit, the question, and what owners are told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.screens import limit_cards as cards
from bot.views.limits import LimitView, limit_view, limits_view
from bot.views.scene import Scene
from engine import events as e
from engine.commands import ENGINE, Actor, ActorKind, Role
from engine.limits import (
    GROUPS,
    LIMITS,
    Limit,
    LimitProposal,
    ProposalOutcome,
    effective,
    limit_named,
)
from engine.risk_limits import RiskLimits
from engine.state import State
from tests.bot.screens import account as a
from tests.bot.screens.conftest import Golden

OWNER = Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER, chat_id=4242)
CEILINGS = RiskLimits()
WAITING = LimitProposal(
    proposal_id="p7k4m",
    name="positions",
    before=Decimal(6),
    after=Decimal(8),
    by="owner 4242",
    user_id=4242,
    expires_at=a.NOW + timedelta(minutes=15),
)


def named(name: str) -> Limit:
    limit = limit_named(name)
    assert limit is not None
    return limit


def held(state: State, **chosen: str) -> State:
    """Give a State in which owners chose these limits."""
    values = {name: Decimal(value) for name, value in chosen.items()}
    return replace(
        state, ceilings=CEILINGS, limits_chosen=values, limits=effective(CEILINGS, values)
    )


LIVE = held(a.live_state(), positions="6", order="5", duplicate="30")


def looking(user_id: int = 4242, role: Role = Role.OWNER, state: State = LIVE) -> Scene:
    return replace(a.scene(state), user_id=user_id, role=role)


def seen(name: str, state: State = LIVE, scene: Scene | None = None) -> LimitView:
    return limit_view(scene or looking(), named(name), state, a.quotes(), a.INSTRUMENTS)


@pytest.mark.parametrize("number", range(len(GROUPS)))
def test_the_lists(golden: Golden, number: int) -> None:
    view = limits_view(looking(), number, LIVE, a.quotes(), a.INSTRUMENTS)
    golden(f"limits_{number}", cards.limits(view))


def test_one_limit_to_an_owner_and_to_a_viewer(golden: Golden) -> None:
    for name in ("positions", "order", "duplicate", "drawdown"):
        golden(f"limit_{name}", cards.limit(seen(name)))
    viewer = looking(99, Role.VIEWER)
    golden("limit_viewer", cards.limit(seen("positions", scene=viewer)))
    paper = held(a.paper_state(), positions="6")
    golden("limit_paper", cards.limit(seen("positions", paper, looking(state=paper))))


def test_the_question_before_a_riskier_limit_says_what_it_takes(golden: Golden) -> None:
    safe = replace(LIVE, enrolled=(4242,), owners=(4242, 5151))
    for name, state in (("limit_ask", LIVE), ("limit_ask_two", safe)):
        golden(name, cards.raise_ask(seen("positions", state), Decimal(8)))
    golden("limit_ask_floor", cards.raise_ask(seen("duplicate"), Decimal(20)))
    golden("limit_type", cards.typing(seen("duplicate")))


def test_a_change_that_waits_on_the_card_and_to_both_owners(golden: Golden) -> None:
    state = replace(LIVE, owners=(4242, 5151), limits_proposed={"positions": WAITING})
    for name, user_id in (("limit_waits_mine", 4242), ("limit_waits_other", 5151)):
        golden(name, cards.limit(seen("positions", state, looking(user_id))))
    about = named("positions")
    golden("limit_asked_mine", cards.proposed(looking(), WAITING, about, coded=False))
    golden("limit_asked_other", cards.proposed(looking(5151), WAITING, about, coded=True))
    for outcome in ProposalOutcome:
        screen = cards.ended(looking(), WAITING, about, outcome, "owner 5151")
        golden(f"limit_{outcome}", screen)


def test_what_the_owners_are_told_of_a_change(golden: Golden) -> None:
    lowered = e.LimitChanged(
        at=a.NOW, name="positions", before=Decimal(10), after=Decimal(6), actor=OWNER
    )
    golden("limit_lowered", cards.changed(looking(5151), lowered, named("positions")))
    raised = replace(lowered, before=Decimal(6), after=Decimal(8), asked_by="owner 5151")
    golden("limit_raised", cards.changed(looking(), raised, named("positions")))
    capped = replace(lowered, actor=ENGINE, reason="MAX_POSITIONS is the ceiling")
    golden("limit_capped", cards.changed(looking(), capped, named("positions")))
    unknown = replace(lowered, name="mood")
    golden("limit_unknown_name", cards.changed(looking(), unknown, None))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
@pytest.mark.parametrize("side", ["ceiling", "safest"])
def test_every_limit_has_cards_whose_offers_go_the_way_they_say(limit: Limit, side: str) -> None:
    safest = limit.high if limit.is_floor else limit.low
    state = held(a.live_state(), **({limit.name: f"{safest}"} if side == "safest" else {}))
    view = seen(limit.name, state, looking(state=state))
    card = cards.limit(view)
    assert all(cards.raise_ask(view, value).rows for value in view.riskier)
    assert limit.variable in cards.typing(view).text
    assert ("this is the ceiling" in card.text) is (side == "ceiling")
    assert bool(view.safer) is (side == "ceiling")
    assert bool(view.riskier) is (side == "safest")
    assert all(limit.is_riskier(view.value, each) for each in view.safer)
    assert all(limit.is_riskier(each, view.value) for each in view.riskier)

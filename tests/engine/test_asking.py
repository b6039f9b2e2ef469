"""What asks for which step, from the policy as data; and whether a confirming is that step."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine.asking import asks_of, drift_bps, may_second, possible, step_of
from engine.commands import Actor, ActorKind, Role
from engine.confirming import Confirmation, ConfirmMode, ConfirmPolicy, Measure, Tier
from engine.orders import OrderKind
from engine.tickets import Ask, Ticket
from tests.engine.desk import LIMITS, OWNER, STRATEGY, TRADER, Desk, kinds, signal
from tests.engine.test_breaches import proposed, with_equity

PERP = "BTC/USDT:USDT"
SECOND = Actor(kind=ActorKind.PERSON, user_id=5151, role=Role.OWNER, chat_id=5151)
WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))


def tier(measure: str, step: str, over: str | None = None) -> Tier:
    return Tier(
        measure=Measure(measure),
        confirmation=Confirmation(step),
        over=None if over is None else Decimal(over),
    )


def with_policy(*tiers: Tier, owners: tuple[int, ...] = (4242,), **fields: Any) -> Desk:
    desk = Desk(confirm=ConfirmPolicy(tiers=tiers, **fields), limits=WIDE, armed=True)
    desk.state = replace(desk.state, owners=owners)
    return desk


def enrolled(desk: Desk, *people: int) -> Desk:
    desk.state = replace(desk.state, enrolled=people)
    return desk


def asked(
    desk: Desk, *, wanted: bool = False, actor: Actor = OWNER, **fields: Any
) -> tuple[Ask, ...]:
    proposal = proposed(desk, **({"quantity": "0.001"} | fields))
    return asks_of(proposal, desk.state, desk.context(), actor=actor, wanted=wanted)


def steps(desk: Desk, **fields: Any) -> list[str]:
    return [each.confirmation.value for each in asked(desk, **fields)]


def ask(sentence: str, step: str = "tap") -> Ask:
    return Ask(rule="confirm", confirmation=Confirmation(step), sentence=sentence)


def coded(actor: Actor) -> Actor:
    return replace(actor, with_code=True)


# --- what asks


def test_a_policy_of_always_asks_once_and_of_never_only_when_it_is_wanted() -> None:
    always, never = with_policy(mode=ConfirmMode.ALWAYS), with_policy(mode=ConfirmMode.NEVER)
    assert asked(always) == (ask("every order is set to ask"),)
    assert asked(always, wanted=True) == (ask("every order is set to ask"),)
    assert asked(never) == ()
    assert asked(never, wanted=True) == (ask("it was to be shown first"),)
    assert asked(never, confidence=0.1, leverage=1) == ()


def test_every_risk_is_told() -> None:
    desk = Desk(confirm=ConfirmPolicy(), mode="live", armed=True)
    fields: dict[str, Any] = {"symbol": PERP, "quantity": "0.03", "leverage": "2.5"}
    assert asked(desk, wanted=True, confidence=0.5, **fields) == (
        ask("1,838.81, over 249.60 (2%)"),
        ask("leverage 2.5x, over 1x"),
        ask("real money"),
        ask("confidence 0.50, below 0.60"),
    )


@pytest.mark.parametrize(("more", "asks"), [("0", 0), ("0.01", 1)])
def test_an_order_of_exactly_the_risky_share_does_not_ask(more: str, asks: int) -> None:
    desk = with_policy()
    proposal = proposed(desk, quantity="0.002")
    with_equity(desk, (proposal.cost_max - Decimal(more)) * 50)
    found = asks_of(proposal, desk.state, desk.context(), actor=OWNER, wanted=False)
    assert len(found) == asks


def test_an_exit_never_asks_even_when_it_was_to_be_shown() -> None:
    desk = with_policy(tier("notional", "second_person", "0.01"), mode=ConfirmMode.ALWAYS)
    desk.state = replace(desk.state, confirm=ConfirmPolicy(mode=ConfirmMode.NEVER))
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.state = replace(desk.state, confirm=ConfirmPolicy(mode=ConfirmMode.ALWAYS))
    assert asked(desk, action="sell", wanted=True) == ()


# Quantity 0.001 BTC costs 61.301240 at most; equity is 12,480.20.
COST = "61.30124"


@pytest.mark.parametrize(
    ("measure", "edge", "fields"),
    [
        ("notional", COST, {}),
        ("coin", "0.5", {}),
        ("leverage", "2", {"symbol": PERP, "leverage": "2"}),
        ("confidence", "0.6", {"confidence": 0.6}),
    ],
)
def test_a_threshold_itself_asks_for_nothing_and_what_is_beyond_it_does(
    measure: str, edge: str, fields: dict[str, Any]
) -> None:
    nudge = Decimal("0.00001") * (-1 if measure == "confidence" else 1)
    most = Decimal(99)
    bare: dict[str, Any] = {"risky_leverage": most, "risky_notional_pct": most}
    bare["risky_confidence"] = 0.0
    at = with_policy(tier(measure, "typed", edge), **bare)
    if measure == "coin":
        with_equity(at, Decimal(COST) * 200)
    beyond = with_policy(tier(measure, "typed", str(Decimal(edge) - nudge)), **bare)
    if measure == "coin":
        with_equity(beyond, Decimal(COST) * 200)
    assert steps(at, **fields) == []
    assert steps(beyond, **fields) == ["typed"]


def test_of_one_measure_the_heaviest_tier_alone_speaks_whatever_its_place() -> None:
    tiers = (tier("notional", "typed", "50"), tier("notional", "tap", "10"))
    for order in (tiers, tiers[::-1]):
        assert asked(with_policy(*order)) == (ask("61.30, over 50.00", "typed"),)


def test_a_coin_counts_with_all_that_is_held_and_open() -> None:
    desk = with_policy(tier("coin", "tap", "5"), mode=ConfirmMode.NEVER)
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.state = replace(desk.state, confirm=replace(desk.state.confirm, mode=ConfirmMode.RISKY))
    assert asked(desk) == (ask("BTC share 5.4%, over 5%"),)
    assert asked(desk, symbol="ETH/USDT", quantity="0.02") == ()


@pytest.mark.parametrize(("step", "found"), [("none", []), ("tap", []), ("typed", ["tap"])])
def test_a_light_tier_takes_the_place_of_its_measure_s_and_a_heavy_one_stands_beside(
    step: str, found: list[str]
) -> None:
    # 367.81 is 2.9 % of equity: beyond the 2 % that ask a tap, not beyond 5 %.
    desk = with_policy(tier("equity", step, "5"))
    assert steps(desk, quantity="0.006") == found


def test_with_always_a_heavier_reason_still_decides_the_step() -> None:
    desk = with_policy(tier("notional", "typed", "50"), mode=ConfirmMode.ALWAYS)
    assert steps(desk) == ["typed", "tap"]
    assert desk.ticket(signal("btc", quantity=Decimal("0.001"))).confirmation is Confirmation.TYPED


# --- what is possible

FALLBACKS = [
    # step asked for, owners, enrolled, who wants it, step that is possible
    ("second_person", (4242, 5151), (), 4242, "second_person"),
    ("second_person", (4242,), (), 77, "second_person"),
    ("second_person", (4242,), (4242,), 4242, "code"),
    ("second_person", (4242,), (), 4242, "typed"),
    ("second_person", (4242, 5151), (), None, "second_person"),
    ("second_person", (4242,), (4242,), None, "code"),
    ("second_person", (), (), 77, "typed"),
    ("code", (4242,), (77,), 77, "code"),
    ("code", (4242,), (77,), 4242, "typed"),
    ("code", (4242,), (77,), None, "code"),
    ("code", (4242,), (), None, "typed"),
    ("typed", (4242,), (), 77, "typed"),
    ("tap", (4242,), (4242,), 4242, "tap"),
]


@pytest.mark.parametrize(("step", "owners", "codes", "person", "found"), FALLBACKS)
def test_a_step_that_nobody_can_do_falls_back_to_the_next_that_somebody_can(
    step: str, owners: tuple[int, ...], codes: tuple[int, ...], person: int | None, found: str
) -> None:
    desk = enrolled(with_policy(owners=owners), *codes)
    assert possible(desk.state, Confirmation(step), person) is Confirmation(found)


def test_an_owner_alone_may_have_the_asker_for_the_second_person() -> None:
    state = with_policy(owners=(4242,)).state
    step = Confirmation.SECOND_PERSON
    assert possible(state, step, 4242, asked_by=77) is step
    assert possible(state, step, 4242, asked_by=4242) is Confirmation.TYPED


# --- whether a confirming is the step


def large(desk: Desk, actor: Actor = TRADER, quantity: str = "0.01") -> Ticket:
    return desk.ticket(signal("btc", quantity=Decimal(quantity)), actor=actor)


def approve(desk: Desk, ticket: Ticket, actor: Actor, **fields: Any) -> list[str]:
    return kinds(desk.give(c.ApproveTicket, actor=actor, ticket_id=ticket.ticket_id, **fields))


def refusal(desk: Desk) -> tuple[str, str]:
    event = desk.events[-1]
    assert isinstance(event, e.CommandRefused)
    return event.rule, event.sentence


@pytest.mark.parametrize("typed", [None, "612", "613", "614.1", "-614", "0"])
def test_a_typed_step_takes_the_amount_rounded_up_and_nothing_else(typed: str | None) -> None:
    desk = with_policy(tier("notional", "typed", "100"))
    ticket = large(desk)
    assert ticket.cost_max == Decimal("613.01240")
    given = None if typed is None else Decimal(typed)
    assert approve(desk, ticket, TRADER, typed=given) == ["CommandRefused"]
    rule, sentence = refusal(desk)
    assert rule == "typed"
    assert sentence.endswith(" asks you to type 614.")
    # It still waits, and the right amount sends it, once.
    assert approve(desk, ticket, TRADER, typed=Decimal("614.00")) == [
        "TicketEnded",
        "OrderSubmitted",
    ]
    assert approve(desk, ticket, TRADER, typed=Decimal(614)) == ["CommandRefused"]


@pytest.mark.parametrize(
    ("amount", "typed"),
    [("2999.96", "3000"), ("3000", "3000"), ("10", "10"), ("9.99", "10"), ("0.01231", "0.013")],
)
def test_the_amount_to_type_is_a_whole_or_two_digits_and_never_less(
    amount: str, typed: str
) -> None:
    desk = with_policy(tier("notional", "typed", "100"))
    ticket = replace(large(desk), cost_max=Decimal(amount))
    assert ticket.amount_typed == Decimal(typed)


def test_a_code_step_takes_the_code_of_whoever_confirms() -> None:
    desk = enrolled(with_policy(tier("notional", "code", "100")), 77, 4242)
    ticket = large(desk)
    assert ticket.confirmation is Confirmation.CODE
    assert approve(desk, ticket, TRADER, typed=Decimal(614)) == ["CommandRefused"]
    assert refusal(desk)[0] == "code"
    assert approve(desk, ticket, OWNER) == ["CommandRefused"]
    assert approve(desk, ticket, coded(OWNER)) == ["TicketEnded", "OrderSubmitted"]


def test_an_owner_without_a_second_factor_types_where_the_trader_would_give_a_code() -> None:
    desk = enrolled(with_policy(tier("notional", "code", "100")), 77)
    ticket = large(desk)
    assert approve(desk, ticket, OWNER) == ["CommandRefused"]
    assert refusal(desk)[0] == "typed"
    assert approve(desk, ticket, OWNER, typed=Decimal(614)) == ["TicketEnded", "OrderSubmitted"]


# --- two people


def two(*owners: int) -> Desk:
    return with_policy(tier("notional", "second_person", "100"), owners=owners or (4242, 5151))


def test_two_people_confirm_at_a_fixed_limit_and_the_first_one_alone_sends_nothing() -> None:
    desk = two()
    ticket = large(desk)
    assert (ticket.kind, ticket.price_limit) == (OrderKind.LIMIT, Decimal("61301.24"))
    desk.later(10)
    assert approve(desk, ticket, TRADER) == ["TicketConfirmed"]
    waiting = desk.state.tickets[ticket.ticket_id]
    assert (waiting.confirmed_by, waiting.confirmed_at) == ("trader 77", desk.now)
    assert (waiting.expires_at - desk.now).total_seconds() == 900
    # the same person again, and another trader, do nothing
    assert approve(desk, ticket, TRADER) == ["CommandRefused"]
    assert refusal(desk)[0] == "ticket_second"
    other = replace(TRADER, user_id=78)
    assert approve(desk, ticket, other) == ["CommandRefused"]
    assert refusal(desk)[0] == "ticket_person"
    # the price may run: it has its limit
    desk.later(600)
    desk.quote("BTC/USDT", "61736.33", "61743.67")
    assert approve(desk, ticket, OWNER) == ["TicketEnded", "OrderSubmitted"]
    (order,) = desk.state.orders.values()
    assert (order.kind, order.price_limit, order.quantity) == (
        OrderKind.LIMIT,
        ticket.price_limit,
        ticket.quantity,
    )


def test_a_ticket_of_two_runs_out_after_its_fifteen_minutes() -> None:
    desk = two()
    ticket = large(desk)
    approve(desk, ticket, TRADER)
    desk.later(899.9)
    assert kinds(desk.give(c.Sweep, actor=c.SCHEDULE)) == []
    desk.later(0.1)
    assert approve(desk, ticket, OWNER) == ["TicketEnded"]
    assert desk.state.orders == {}


def test_an_owner_who_confirms_first_leaves_it_to_another_owner_or_to_who_asked() -> None:
    desk = two()
    ticket = large(desk)
    assert approve(desk, ticket, OWNER) == ["TicketConfirmed"]
    waiting = desk.state.tickets[ticket.ticket_id]
    people = {4242: False, 5151: True, 77: True, 78: False}
    assert {who: may_second(desk.state, waiting, who) for who in people} == people
    assert approve(desk, ticket, OWNER) == ["CommandRefused"]
    assert approve(desk, ticket, TRADER) == ["TicketEnded", "OrderSubmitted"]


def test_an_owner_s_own_ticket_waits_for_another_owner() -> None:
    desk = two()
    ticket = large(desk, OWNER)
    assert approve(desk, ticket, OWNER) == ["TicketConfirmed"]
    assert approve(desk, ticket, TRADER) == ["CommandRefused"]
    assert approve(desk, ticket, SECOND) == ["TicketEnded", "OrderSubmitted"]


def test_a_strategy_s_ticket_takes_two_owners() -> None:
    desk = two()
    ticket = large(desk, STRATEGY)
    assert approve(desk, ticket, SECOND) == ["TicketConfirmed"]
    assert approve(desk, ticket, SECOND) == ["CommandRefused"]
    assert approve(desk, ticket, OWNER) == ["TicketEnded", "OrderSubmitted"]


def test_the_checks_run_for_the_first_and_again_for_the_second() -> None:
    desk = two()
    ticket = large(desk)
    desk.give(c.Halt, actor=OWNER, reason="")
    assert approve(desk, ticket, TRADER) == ["TicketEnded", "OrderDenied"]
    desk = two()
    ticket = large(desk)
    approve(desk, ticket, TRADER)
    desk.give(c.Halt, actor=OWNER, reason="")
    assert approve(desk, ticket, OWNER) == ["TicketEnded", "OrderDenied"]


def test_a_restart_expires_what_waits_for_a_second_person() -> None:
    desk = two()
    ticket = large(desk)
    approve(desk, ticket, TRADER)
    desk.start()
    assert desk.state.tickets == {}
    assert approve(desk, ticket, OWNER) == ["CommandRefused"]


# --- drift


@pytest.mark.parametrize(
    ("mid", "found"), [("61250", "tap"), ("61270.62", "tap"), ("61271", "typed")]
)
def test_a_price_that_moved_since_the_card_raises_the_step(mid: str, found: str) -> None:
    # 5 bps of 61,240 are 30.62.
    desk = with_policy(tier("drift", "typed", "5"), tier("equity", "tap", "0.1"))
    ticket = large(desk)
    desk.quote("BTC/USDT", mid, mid)
    expected = ["CommandRefused"] if found == "typed" else ["TicketEnded", "OrderSubmitted"]
    assert approve(desk, ticket, TRADER) == expected
    moved = drift_bps(ticket.quote.mid, Decimal(mid))
    assert step_of(desk.state, ticket, 77, moved) is Confirmation(found)
    assert step_of(desk.state, ticket, 77, -moved) is Confirmation(found)
    assert step_of(desk.state, ticket, 77) is Confirmation.TAP


def test_drift_is_signed_and_a_share_of_the_price_shown() -> None:
    assert drift_bps(Decimal(50), Decimal(51)) == 200
    assert drift_bps(Decimal(50), Decimal(49)) == -200


# --- whatever the policy is


TIERS = st.builds(
    Tier,
    measure=st.sampled_from([m for m in Measure if m is not Measure.LIVE]),
    confirmation=st.sampled_from(list(Confirmation)),
    over=st.decimals("0", "100", places=2),
)
PEOPLE = st.sampled_from([OWNER, TRADER, SECOND])


@given(
    tiers=st.lists(TIERS, max_size=4),
    owners=st.sampled_from([(), (4242,), (4242, 5151)]),
    codes=st.sets(st.sampled_from([4242, 5151, 77])),
    asker=PEOPLE,
    taps=st.lists(st.tuples(PEOPLE, st.booleans(), st.booleans()), max_size=6),
)
def test_nothing_is_sent_by_less_than_the_step_and_at_most_one_order_is(
    tiers: list[Tier],
    owners: tuple[int, ...],
    codes: set[int],
    asker: Actor,
    taps: list[tuple[Actor, bool, bool]],
) -> None:
    desk = with_policy(*tiers, owners=owners, mode=ConfirmMode.ALWAYS)
    desk = enrolled(desk, *sorted(codes))
    ticket = large(desk, asker, "0.001")
    people = []
    for tapping, types, with_code in taps:
        actor = coded(tapping) if with_code and tapping.user_id in codes else tapping
        typed = ticket.amount_typed if types else None
        done = approve(desk, ticket, actor, typed=typed)
        if done == ["CommandRefused"]:
            continue
        people.append(actor.user_id)
        if done == ["TicketConfirmed"]:
            continue
        assert done == ["TicketEnded", "OrderSubmitted"]
        if len(set(people)) > 1:
            assert set(owners) & set(people)
            break
        # One person alone: what was asked for can have been done by them.
        step = possible(desk.state, ticket.confirmation, actor.user_id, asked_by=ticket.owner_id)
        assert step is not Confirmation.SECOND_PERSON
        assert step is not Confirmation.CODE or actor.with_code
        assert step is not Confirmation.TYPED or types
        break
    assert len(desk.state.orders) <= 1

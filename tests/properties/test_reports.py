"""Reports lost, repeated and out of order: one truth at the venue is one truth here."""

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.decide import Message
from engine.numbers import ZERO
from engine.orders import FINISHED, TRANSITIONS, OrderStatus
from engine.risk_limits import RiskLimits
from engine.state import State
from tests.engine.desk import AT, OWNER, Desk, signal
from tests.properties.venue_truth import Truth, messages, truths

LIMITS = RiskLimits(order_notional_pct_max=Decimal(100), duplicate_window_s=0)
# A step is one row of the table, or two where an accepted order was asked to be cancelled.
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}
ASKED = {(before, OrderStatus.PENDING_CANCEL) for before, _ in STEPS if before not in FINISHED}


def the_order_sent() -> State:
    desk = Desk(limits=LIMITS)
    desk.order(signal(quantity="0.05"))
    return desk.state


SENT = the_order_sent()
(ORDER,) = SENT.orders.values()
NAME = ORDER.client_order_id
TRUTHS = truths(ORDER, AT)


def a_desk() -> Desk:
    """Give a desk that has sent the order and knows nothing more."""
    return Desk(limits=LIMITS, state=SENT)


def assert_a_step(before: State, after: State, name: str, events: Iterable[e.Event]) -> None:
    """Hold every single message to the invariants of one order (5, 6 and 14)."""
    old, new = before.order(name), after.order(name)
    assert old is not None
    assert new is not None
    assert new.filled >= old.filled
    assert not old.is_finished or new.status is old.status
    path = {(old.status, new.status)} - {(new.status, new.status)}
    assert path <= STEPS | ASKED
    if new.status is OrderStatus.UNKNOWN and old.status is not OrderStatus.UNKNOWN:
        assert old.accepted_at is None, "what the venue has shown is not unknown"
        assert old.filled == ZERO, "what the venue has filled is not unknown"
    if new.cancel_requested and not new.is_finished:
        waits = (OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN)
        assert new.status in waits, "a cancel stands until the order is finished"
    booked = [event.fill for event in events if isinstance(event, e.FillBooked)]
    assert len({fill.identity for fill in booked}) == len(booked)
    assert sum((fill.quantity for fill in booked), old.filled) == new.filled
    held = bool(after.reserved)
    assert held == (not new.is_finished and new.remaining > ZERO)


def tell(desk: Desk, name: str, said: Iterable[Message]) -> list[e.FillBooked]:
    booked: list[e.FillBooked] = []
    for message in said:
        before = desk.state
        events = desk.tell(message)
        assert_a_step(before, desk.state, name, events)
        booked += [event for event in events if isinstance(event, e.FillBooked)]
    return booked


def assert_same_account(one: State, other: State) -> None:
    assert one.cash == other.cash
    assert one.reserved == other.reserved == {}
    assert one.tally.fees == other.tally.fees
    assert one.tally.realised_pnl == other.tally.realised_pnl
    assert one.positions.keys() == other.positions.keys()
    for key, position in one.positions.items():
        twin = other.positions[key]
        assert (position.quantity, position.fees) == (twin.quantity, twin.fees)
        assert position.realised_pnl == twin.realised_pnl
        # An average is a quotient; the order of its terms shows in the last of 28 digits.
        assert abs(position.entry_price - twin.entry_price) < Decimal("1e-20")


def told_straight(truth: Truth) -> State:
    desk = a_desk()
    if truth.status is not OrderStatus.REJECTED:
        accepted = r.SubmitAccepted(client_order_id=NAME, venue_order_id="v1")
        desk.tell(accepted)
    for message in truth.last_word():
        desk.tell(message)
    return desk.state


def assert_the_truth(desk: Desk, truth: Truth) -> None:
    order = desk.state.order(NAME)
    assert order is not None
    assert order.status is truth.status
    assert order.filled == truth.filled
    assert order.fills == len(truth.fills)
    straight = told_straight(truth).order(NAME)
    assert straight is not None
    assert (order.fees, order.realised_pnl) == (straight.fees, straight.realised_pnl)
    assert_same_account(desk.state, told_straight(truth))


@given(data=st.data())
def test_any_order_of_the_reports_ends_in_the_same_account(data: st.DataObject) -> None:
    truth = data.draw(TRUTHS)
    desk = a_desk()
    said = data.draw(messages(truth))
    booked = tell(desk, NAME, (*said, *truth.last_word()))
    assert sorted(event.fill.trade_id for event in booked) == sorted(
        fill.trade_id for fill in truth.fills
    )
    # The end waits for the fills that the venue counts, so none of them comes late.
    assert not any(event.is_late or event.overfill for event in booked)
    assert_the_truth(desk, truth)


@given(data=st.data())
def test_a_cancel_at_any_moment_changes_nothing_that_the_venue_says(data: st.DataObject) -> None:
    truth = data.draw(TRUTHS)
    desk = a_desk()
    said: list[Message] = list(data.draw(messages(truth)))
    commands: list[Message] = [
        c.CancelOrder(command_id="tap:1", actor=OWNER, at=desk.now, client_order_id=NAME),
        c.Halt(command_id="tap:2", actor=OWNER, at=desk.now),
        c.CancelEntries(command_id="tap:3", actor=OWNER, at=desk.now),
    ]
    for command in data.draw(st.lists(st.sampled_from(commands), min_size=1, max_size=4)):
        said.insert(data.draw(st.integers(0, len(said))), command)
    tell(desk, NAME, (*said, *truth.last_word()))
    assert_the_truth(desk, truth)


@given(data=st.data())
def test_a_restart_at_any_moment_changes_nothing_that_the_venue_says(data: st.DataObject) -> None:
    truth = data.draw(TRUTHS)
    desk = a_desk()
    said = data.draw(messages(truth))
    place = data.draw(st.integers(0, len(said)))
    tell(desk, NAME, said[:place])
    desk.start()
    order = desk.state.order(NAME)
    assert order is not None
    assert order.status is not OrderStatus.SUBMITTED
    tell(desk, NAME, (*said[place:], *truth.last_word()))
    assert_the_truth(desk, truth)


@given(data=st.data())
def test_a_last_word_told_twice_says_nothing_new(data: st.DataObject) -> None:
    truth = data.draw(TRUTHS)
    desk = a_desk()
    tell(desk, NAME, (*data.draw(messages(truth)), *truth.last_word()))
    before = desk.state
    assert tell(desk, NAME, (*data.draw(messages(truth)), *truth.last_word())) == []
    assert desk.state is before


@given(data=st.data())
def test_a_fill_after_the_end_is_booked_and_reopens_nothing(data: st.DataObject) -> None:
    truth = data.draw(TRUTHS.filter(lambda one: len(one.fills) > 0))
    desk = a_desk()
    *earlier, last = truth.last_word()
    *fills, late = earlier
    hasty = truth.seen(len(fills), r.VenueOrderStatus.CANCELED)
    tell(desk, NAME, (*fills, hasty))
    canceled = desk.state.order(NAME)
    assert canceled is not None
    assert canceled.status is OrderStatus.CANCELED
    booked = tell(desk, NAME, (late, last, late))
    assert [event.is_late for event in booked] == [True]
    order = desk.state.order(NAME)
    assert order is not None
    assert order.status is OrderStatus.CANCELED
    assert order.filled == truth.filled


@given(
    searches=st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=1, max_size=9),
)
def test_an_unanswered_order_is_given_up_only_after_three_whole_searches_over_the_window(
    searches: list[tuple[bool, int]],
) -> None:
    desk = a_desk()
    desk.tell(r.SubmitUnanswered(client_order_id=NAME, text="timeout"))
    whole, waited_s = 0, 0
    for complete, seconds in searches:
        desk.later(seconds)
        waited_s += seconds
        whole += complete
        report = r.OrderNotSeen(client_order_id=NAME, complete=complete, text="")
        tell(desk, NAME, [report])
        order = desk.state.order(NAME)
        assert order is not None
        given_up = complete and whole >= 3 and waited_s >= desk.settle_s
        assert order.status is (OrderStatus.REJECTED if given_up else OrderStatus.UNKNOWN)
        if given_up:
            assert order.refusal is not None
            assert order.refusal.startswith("not_found")
            return

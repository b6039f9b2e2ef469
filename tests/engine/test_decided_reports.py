"""What a venue's word leads to, whole: answers to a submit, orders seen, searches, fills, flat."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.exit_plan import ExitPlan
from engine.orders import OrderSide, OrderStatus
from engine.signals import Target
from tests.engine.desk import AT, Desk, kinds, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"
BTC, ETH, XRP = Decimal(61240), Decimal("3396.3"), Decimal("2.1461")


def sent(desk: Desk, **fields: Any) -> str:
    return desk.order(signal(**({"quantity": "0.01"} | fields)))


def seen(desk: Desk, name: str, status: str, filled: str = "0", **fields: Any) -> r.OrderSeen:
    base: dict[str, Any] = {"venue_order_id": "v7", "venue": "binance", "symbol": "BTC/USDT"}
    base |= {"side": OrderSide.BUY, "quantity": Decimal("0.01"), "filled": Decimal(filled)}
    base |= {"client_order_id": name, "status": r.VenueOrderStatus(status)}
    return r.OrderSeen(**(base | fields))


# --- answers to a submit


def test_each_answer_to_a_submit_is_journaled_with_its_words() -> None:
    desk = Desk()
    names = [sent(desk, symbol=symbol, quantity=quantity) for symbol, quantity in (
        ("BTC/USDT", "0.01"), ("ETH/USDT", "0.1"), ("SOL/USDT", "1"), ("XRP/USDT", "10"),
    )]  # fmt: skip
    taken, refused, silent, withheld = names
    events = (
        *desk.tell(r.SubmitAccepted(client_order_id=taken, venue_order_id="v7")),
        *desk.tell(r.SubmitRefused(client_order_id=refused, code="-2010", text="no funds")),
        *desk.tell(r.SubmitUnanswered(client_order_id=silent, text="timeout")),
        *desk.tell(r.SubmitWithheld(client_order_id=withheld, text="halted meanwhile")),
    )
    assert events == (
        e.OrderAccepted(at=AT, client_order_id=taken, venue_order_id="v7"),
        e.OrderRejected(at=AT, client_order_id=refused, code="-2010", reason="no funds", mid=ETH),
        e.OrderUnknown(at=AT, client_order_id=silent, reason="timeout"),
        e.OrderNotSent(at=AT, client_order_id=withheld, reason="halted meanwhile", mid=XRP),
    )


def test_an_answer_that_comes_after_the_end_says_nothing() -> None:
    desk = Desk()
    name = sent(desk)
    desk.seen(name, "canceled")
    for report in (
        r.SubmitAccepted(client_order_id=name, venue_order_id="v7"),
        r.SubmitRefused(client_order_id=name, code="x", text="y"),
        r.SubmitUnanswered(client_order_id=name, text="y"),
        r.SubmitWithheld(client_order_id=name, text="y"),
    ):
        assert desk.tell(report) == ()


def test_a_refusal_of_what_is_partly_filled_already_says_nothing() -> None:
    # given an order that was acknowledged unknown and then filled in part
    desk = Desk()
    name = sent(desk)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    desk.give(c.CancelOrder, client_order_id=name)
    desk.fill(name, "0.004", "61240")
    assert desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="y")) == ()


def test_silence_after_a_fill_is_no_silence() -> None:
    desk = Desk()
    name = sent(desk)
    desk.give(c.CancelOrder, client_order_id=name)
    desk.fill(name, "0.004", "61240")
    assert desk.state.orders[name].accepted_at is None
    assert desk.tell(r.SubmitUnanswered(client_order_id=name, text="late")) == ()


def test_an_order_being_cancelled_is_accepted_once() -> None:
    desk = Desk()
    name = sent(desk)
    desk.give(c.CancelOrder, client_order_id=name)
    answer = r.SubmitAccepted(client_order_id=name, venue_order_id="v7")
    assert desk.tell(answer) == (
        e.OrderAccepted(at=desk.now, client_order_id=name, venue_order_id="v7"),
    )
    assert desk.state.orders[name].status is OrderStatus.PENDING_CANCEL
    assert desk.tell(answer) == ()
    assert desk.tell(seen(desk, name, "open")) == ()


def test_an_order_that_was_unknown_is_accepted_again() -> None:
    desk = Desk()
    name = sent(desk)
    desk.state = replace(
        desk.state,
        orders={name: replace(desk.state.orders[name], accepted_at=AT, status=OrderStatus.UNKNOWN)},
    )
    assert kinds(desk.tell(seen(desk, name, "open"))) == ["OrderAccepted"]


# --- orders seen


@pytest.mark.parametrize("status", ["open", "filled"])
def test_an_order_seen_at_the_venue_is_accepted_under_the_venue_s_name(status: str) -> None:
    # a filled one too: its fills are still to come
    desk = Desk()
    name = sent(desk)
    filled = "0.01" if status == "filled" else "0"
    assert desk.tell(seen(desk, name, status, filled)) == (
        e.OrderAccepted(at=desk.now, client_order_id=name, venue_order_id="v7"),
    )
    assert desk.tell(seen(desk, name, status, filled)) == ()


@pytest.mark.parametrize(("reason", "told"), [("margin", "margin"), ("", "the venue rejected it")])
def test_an_order_seen_rejected_gives_the_venue_s_reason(reason: str, told: str) -> None:
    desk = Desk()
    name = sent(desk)
    assert desk.tell(seen(desk, name, "rejected", reason=reason)) == (
        e.OrderRejected(at=desk.now, client_order_id=name, code="rejected", reason=told, mid=BTC),
    )


@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
def test_an_end_whose_fills_are_missing_waits(status: str) -> None:
    desk = Desk()
    name = sent(desk)
    assert desk.tell(seen(desk, name, status, "0.004")) == ()
    desk.fill(name, "0.004", "61240")
    after = kinds(desk.tell(seen(desk, name, status, "0.004")))
    ends = {"canceled": ["OrderCanceled"], "expired": ["OrderExpired"], "rejected": []}
    assert after == ends[status]


def test_a_view_that_is_older_than_our_fills_says_nothing() -> None:
    desk = Desk()
    name = sent(desk)
    desk.fill(name, "0.004", "61240")
    for status in ("open", "canceled", "expired", "rejected", "filled"):
        assert desk.tell(seen(desk, name, status, "0.003")) == ()


def test_an_old_view_accepts_nothing_either() -> None:
    # given an order whose first fill came before the answer to its submit
    desk = Desk()
    name = sent(desk)
    desk.give(c.CancelOrder, client_order_id=name)
    desk.fill(name, "0.004", "61240")
    assert desk.tell(seen(desk, name, "open", "0.003")) == ()
    assert kinds(desk.tell(seen(desk, name, "open", "0.004"))) == ["OrderAccepted"]


def test_an_order_of_nobody_and_one_without_our_name_say_nothing() -> None:
    desk = Desk()
    assert desk.tell(replace(seen(desk, "x", "open"), client_order_id=None)) == ()
    assert desk.tell(seen(desk, "stranger", "canceled")) == ()


# --- searches


def unknown(desk: Desk) -> str:
    name = sent(desk)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    return name


def asked(desk: Desk, name: str, *, complete: bool = True, **fields: Any) -> tuple[e.Event, ...]:
    report = r.OrderNotSeen(client_order_id=name, complete=complete, text="nowhere")
    return desk.tell(report, **fields)


@pytest.mark.parametrize("complete", [True, False])
def test_a_search_is_journaled_with_its_words(complete: bool) -> None:
    desk = Desk()
    name = unknown(desk)
    assert asked(desk, name, complete=complete) == (
        e.OrderAsked(at=desk.now, client_order_id=name, nowhere=complete, text="nowhere"),
    )


def test_the_third_complete_search_after_the_window_settles_with_the_numbers() -> None:
    desk = Desk(settle_s=60)
    name = unknown(desk)
    asked(desk, name, complete=False)
    desk.later(30)
    asked(desk, name)
    asked(desk, name)
    desk.later(30.6)
    (_, rejected) = asked(desk, name)
    assert rejected == e.OrderRejected(
        at=desk.now,
        client_order_id=name,
        code="not_found",
        reason="in no list of the venue, asked 4 times over 61 s",
        mid=BTC,
    )


def test_what_has_filled_is_never_given_up() -> None:
    desk = Desk(settle_s=0)
    name = unknown(desk)
    known = desk.state.orders[name]
    desk.state = replace(desk.state, orders={name: replace(known, filled=Decimal("0.001"))})
    for _ in range(5):
        assert kinds(asked(desk, name)) == ["OrderAsked"]


@pytest.mark.parametrize(
    ("jumped", "settled"),
    [
        (None, True),
        (timedelta(seconds=-10), True),  # before the order was unknown: all the waiting counts
        (timedelta(seconds=0), True),
        (timedelta(seconds=1), False),  # only 59 seconds are certain
        (timedelta(seconds=60), False),
    ],
)
def test_time_before_the_clock_jumped_is_no_waiting(
    jumped: timedelta | None, settled: bool
) -> None:
    desk = Desk(settle_s=60)
    name = unknown(desk)
    since = None if jumped is None else desk.now + jumped
    desk.later(60)
    asked(desk, name, steady_since=since)
    asked(desk, name, steady_since=since)
    found = kinds(asked(desk, name, steady_since=since))
    assert found == (["OrderAsked", "OrderRejected"] if settled else ["OrderAsked"])


@pytest.mark.parametrize(("waits_s", "before_s"), [(59, 10), (0, 100)])
def test_time_before_the_order_was_unknown_is_no_waiting_either(
    waits_s: int, before_s: int
) -> None:
    # given a clock that has been steady for longer than the order is unknown
    desk = Desk(settle_s=60)
    name = unknown(desk)
    steady = desk.now - timedelta(seconds=before_s)
    desk.later(waits_s)
    for _ in range(4):
        assert kinds(asked(desk, name, steady_since=steady)) == ["OrderAsked"]


def test_an_order_unknown_in_the_future_waits_from_the_moment_the_clock_was_set_back() -> None:
    # given an order that became unknown, and then a clock set back by an hour
    desk = Desk(settle_s=60)
    name = unknown(desk)
    desk.now -= timedelta(hours=1)
    steady = desk.now
    # when the window has passed since then
    desk.later(59)
    for _ in range(3):
        assert kinds(asked(desk, name, steady_since=steady)) == ["OrderAsked"]
    desk.later(1)
    (_, rejected) = asked(desk, name, steady_since=steady)
    # then it settles, and the waiting told is what was waited
    assert isinstance(rejected, e.OrderRejected)
    assert rejected.reason.endswith("asked 4 times over 60 s")


# --- fills


def test_a_fill_is_booked_with_everything_that_was_found_out_about_it() -> None:
    desk = Desk()
    name = sent(desk)
    (booked,) = desk.fill(name, "0.012", "61240", fee=Decimal("0.00001"), fee_currency="BTC")
    assert isinstance(booked, e.FillBooked)
    assert booked == e.FillBooked(
        at=desk.now,
        fill=booked.fill,
        fee_quote=Decimal("0.61240"),
        fee_base=Decimal("0.00001"),
        is_swap=False,
        is_late=False,
        overfill=Decimal("0.002"),
        mid=BTC,
    )


def test_a_fill_on_nobody_s_order_overfills_nothing_and_is_not_late() -> None:
    desk = Desk()
    (booked,) = desk.fill(None, "5", "61240", symbol=PERP)
    assert isinstance(booked, e.FillBooked)
    assert (booked.is_swap, booked.is_late, booked.overfill) == (True, False, Decimal(0))


def test_a_partial_fill_overfills_nothing() -> None:
    desk = Desk()
    name = sent(desk)
    for quantity, over in (("0.006", "0"), ("0.004", "0"), ("0.001", "0.001")):
        booked = desk.fill(name, quantity, "61240")[0]
        assert isinstance(booked, e.FillBooked)
        assert booked.overfill == Decimal(over)
        assert booked.is_late is (over != "0")


def test_another_order_s_row_is_not_taken_for_a_fill_s() -> None:
    desk = Desk()
    name = sent(desk)
    desk.seen(name, "canceled")
    row = desk.state.orders_finished[name]
    desk.state = replace(desk.state, orders_finished={})
    made = desk.fill(None, "0.001", "61240")[0]
    assert isinstance(made, e.FillBooked)
    fill = replace(made.fill, trade_id="other", client_order_id="somebody")
    assert kinds(desk.tell(r.FillReported(fill=fill), order=row)) == ["FillBooked"]
    mine = replace(made.fill, trade_id="mine", client_order_id=name)
    (recalled, booked) = desk.tell(r.FillReported(fill=mine), order=row)
    assert recalled == e.OrderRecalled(at=desk.now, order=row)
    assert isinstance(booked, e.FillBooked)
    assert booked.is_late


def test_a_row_of_the_journal_is_not_taken_where_state_knows_the_order() -> None:
    desk = Desk()
    name = sent(desk)
    row = replace(desk.state.orders[name], quantity=Decimal(9))
    made = desk.fill(None, "0.001", "61240")[0]
    assert isinstance(made, e.FillBooked)
    fill = replace(made.fill, trade_id="mine", client_order_id=name)
    assert kinds(desk.tell(r.FillReported(fill=fill), order=row)) == ["FillBooked"]
    assert desk.state.orders[name].quantity == Decimal("0.01")


def dust_of(desk: Desk, **fields: Any) -> None:
    """Hold 0.01 BTC with protection, and sell all but a remainder that nobody can sell."""
    desk.hold("BTC/USDT", "0.01", "61240", **fields)
    name = desk.order(signal("btc", "sell", quantity="0.00999"))
    desk.fill(name, "0.00999", "61240")
    desk.later(20)


LADDER = (Target(price=Decimal(65000)),)


@pytest.mark.parametrize(
    ("before", "entry", "bared"),
    [
        ({"stop_loss": 60000}, {}, True),
        ({"targets": LADDER}, {}, True),
        ({"stop_loss": 60000}, {"stop_loss": 59000}, True),
        ({"stop_loss": 60000}, {"stop_loss": 60000}, False),
        ({}, {"stop_loss": 59000}, False),
        ({}, {}, False),
    ],
    ids=str,
)
def test_dust_loses_the_protection_of_what_was_sold_before_an_entry_enlarges_it(
    before: dict[str, Any], entry: dict[str, Any], bared: bool
) -> None:
    desk = Desk()
    dust_of(desk, **before)
    held = desk.state.positions[KEY]
    name = sent(desk, **entry)
    (*changes, booked) = desk.fill(name, "0.004", "61240")
    assert isinstance(booked, e.FillBooked)
    expected = e.ProtectionChanged(
        at=desk.now,
        key=KEY,
        position_id=held.position_id,
        stop=None,
        targets=(),
        reason="what it protected is sold",
        plan=ExitPlan(),
    )
    assert changes == ([expected] if bared else [])
    # and what the entry brought is kept at its further fills
    assert kinds(desk.fill(name, "0.004", "61240")) == ["FillBooked"]


def test_dust_whose_protection_is_set_aside_gets_none_of_it_back() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss=60000)
    desk.give(c.SetProtectionsAside)
    name = desk.order(signal("btc", "sell", quantity="0.00999"))
    desk.fill(name, "0.00999", "61240")
    desk.later(20)
    events = desk.fill(sent(desk), "0.01", "61240")
    assert kinds(events) == ["ProtectionChanged", "FillBooked"]
    assert desk.state.set_aside == {}


def test_a_fill_of_an_exit_leaves_the_protection_of_dust_alone() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss=60000)
    name = desk.order(signal("btc", "sell", quantity="0.01"))
    desk.fill(name, "0.00999", "61240")
    assert kinds(desk.fill(name, "0.000005", "61240")) == ["FillBooked"]
    assert desk.state.positions[KEY].stop == Decimal(60000)


def test_exits_are_dropped_on_the_closed_symbol_only_and_once() -> None:
    desk = Desk()
    bought = desk.hold("BTC/USDT", "0.01", "61240")
    desk.hold("ETH/USDT", "0.3", "3396")
    first = desk.order(signal("btc", "sell", quantity="0.003", price_limit=70000))
    second = desk.order(signal("btc", "sell", quantity="0.004", price_limit=71000))
    other = desk.order(signal("eth", "sell", price_limit=9000))
    desk.give(c.CancelOrder, client_order_id=first)
    entry = sent(desk, quantity="0.001", price_limit=50000)
    events = desk.fill(bought, "0.01", "61240", side=OrderSide.SELL)
    assert kinds(events) == ["FillBooked", "OrderCancelRequested"]
    assert events[1] == e.OrderCancelRequested(
        at=desk.now,
        client_order_id=second,
        actor=c.ENGINE,
        reason="nothing is left to close",
    )
    assert not desk.state.orders[other].cancel_requested
    assert not desk.state.orders[entry].cancel_requested

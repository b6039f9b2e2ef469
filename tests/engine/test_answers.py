"""What a venue says about an order: booked once, never guessed, never taken back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.alerts import Lane, alerts_of
from engine.fold import apply
from engine.orders import OrderSide, OrderStatus
from engine.positions import Fill
from engine.state import State
from tests.engine.desk import Desk, kinds, signal


def submitted(desk: Desk, quantity: str = "0.01", **fields: Any) -> str:
    return desk.order(signal("btc", quantity=quantity, **fields))


def order(desk: Desk, name: str) -> OrderStatus:
    found = desk.state.order(name)
    assert found is not None
    return found.status


def unanswered(desk: Desk) -> str:
    name = submitted(desk)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="no answer"))
    return name


def not_seen(desk: Desk, name: str, *, complete: bool = True) -> tuple[e.Event, ...]:
    return desk.tell(r.OrderNotSeen(client_order_id=name, complete=complete, text="nowhere"))


def test_a_fill_is_booked_once_by_its_trade_id() -> None:
    desk = Desk()
    name = submitted(desk)
    fill = desk.fill(name, "0.004", "61240", trade_id="one")
    again = desk.fill(name, "0.004", "61240", trade_id="one")
    assert kinds(fill) == ["FillBooked"]
    assert again == ()
    assert desk.state.orders[name].filled == Decimal("0.004")


def test_a_fill_that_the_journal_knows_is_not_booked_though_state_has_forgotten_it() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.fill(name, "0.004", "61240", trade_id="one")
    booked = desk.events[-1]
    assert isinstance(booked, e.FillBooked)
    desk.state = replace(desk.state, fills_known={})
    assert desk.tell(r.FillReported(fill=booked.fill), fill_known=True) == ()


def test_the_same_trade_id_on_another_symbol_is_another_fill() -> None:
    desk = Desk()
    first, second = submitted(desk), desk.order(signal("eth", quantity="0.01"))
    desk.fill(first, "0.01", "61240", trade_id="7")
    assert kinds(desk.fill(second, "0.01", "3396", trade_id="7")) == ["FillBooked"]


@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
def test_a_late_fill_changes_filled_and_the_position_and_nothing_else(status: str) -> None:
    desk = Desk()
    name = submitted(desk)
    desk.seen(name, status)
    finished = desk.state.orders_finished[name]
    (booked,) = desk.fill(name, "0.004", "61240")
    assert isinstance(booked, e.FillBooked)
    assert booked.is_late
    after = desk.state.orders_finished[name]
    assert after.filled == Decimal("0.004")
    assert after.status == finished.status == status
    assert after.finished_at == finished.finished_at
    assert desk.state.positions["binance:BTC/USDT"].quantity == Decimal("0.004")
    assert name not in desk.state.orders


def test_a_late_fill_on_an_order_long_forgotten_is_found_in_the_journal() -> None:
    desk = Desk()
    name = submitted(desk, stop_loss=60000)
    desk.seen(name, "canceled")
    old = desk.state.orders_finished[name]
    desk.state = replace(desk.state, orders_finished={})
    fill = replace(_a_fill(), client_order_id=name)
    events = desk.tell(r.FillReported(fill=fill), order=old)
    assert kinds(events) == ["OrderRecalled", "FillBooked"]
    assert desk.state.positions["binance:BTC/USDT"].stop == Decimal(60000)


def _a_fill() -> Fill:
    other = Desk()
    (booked,) = other.fill(None, "0.004", "61240")
    assert isinstance(booked, e.FillBooked)
    return booked.fill


def test_an_overfill_is_booked_alerts_and_lets_the_symbol_only_reduce() -> None:
    desk = Desk()
    name = submitted(desk)
    before = desk.state
    (booked,) = desk.fill(name, "0.012", "61240")
    assert isinstance(booked, e.FillBooked)
    assert booked.overfill == Decimal("0.002")
    assert desk.state.reducing == {"binance:BTC/USDT": "overfilled"}
    assert desk.state.orders_finished[name].status is OrderStatus.FILLED
    assert alerts_of(before, booked, apply(before, booked))
    assert set(desk.denied(signal(quantity="0.001"))) == {"symbol_state"}


def test_a_swap_fill_nobody_here_asked_for_is_booked_and_waits_to_be_acknowledged() -> None:
    desk = Desk()
    key = "binance:BTC/USDT:USDT"
    (booked,) = desk.fill(None, "0.01", "61240", symbol="BTC/USDT:USDT")
    assert isinstance(booked, e.FillBooked)
    held = desk.state.positions[key]
    assert held.external
    assert len(alerts_of(State(), booked, desk.state)) == 2
    assert set(desk.denied(signal("BTC/USDT:USDT", quantity="0.001"))) == {"unexplained"}
    desk.give(c.Acknowledge, subject=f"position:{held.position_id}")
    desk.order(signal("BTC/USDT:USDT", quantity="0.001"))


def test_a_spot_fill_nobody_here_asked_for_moves_cash_and_no_position_of_ours() -> None:
    desk = Desk()
    before = desk.state.equity
    (booked,) = desk.fill(None, "0.01", "60000")
    assert isinstance(booked, e.FillBooked)
    assert booked.to_holding
    assert desk.state.positions == {}
    assert desk.state.cash["binance:USDT"] == Decimal("11880.20")
    after = desk.state.equity
    assert before is not None
    assert after is not None
    assert after.equity - before.equity == Decimal(-600)
    assert after.drawdown_pct == after.day_loss_pct == 0


def test_a_fill_that_bears_a_name_of_ours_unjournaled_halts_the_account() -> None:
    desk = Desk()
    other = desk.order(signal(quantity="0.01"))
    name = ("qd" + other[2:-2]) + ("zz" if not other.endswith("zz") else "yy")
    assert kinds(desk.fill(name, "0.01", "61240")) == ["AccountHalted", "FillBooked"]
    desk.later(20)
    assert "account" in desk.denied(signal("eth", quantity="0.01"))
    desk.give(c.Resume)
    desk.order(signal("eth", quantity="0.01"))


def test_what_a_restored_journal_lost_is_ours_and_what_came_later_is_not() -> None:
    desk = Desk()
    made_at = desk.now
    other = desk.order(signal(quantity="0.01"))
    lost, later = f"{other[:-2]}zz", f"{other[:-2]}yy"
    desk.later(60)
    epoch = 1 + (desk.state.journal.epoch if desk.state.journal is not None else 0)
    desk.state = apply(desk.state, e.EpochBegun(at=desk.now, epoch=epoch, made_at=made_at))
    sold_in_between = made_at + timedelta(seconds=30)
    (booked,) = desk.fill(lost, "0.01", "61240", at=sold_in_between)
    assert isinstance(booked, e.FillBooked)
    assert not booked.to_holding
    assert desk.state.positions["binance:BTC/USDT"].quantity == Decimal("0.01")
    desk.later(1)
    assert kinds(desk.fill(later, "0.01", "61240", trade_id="l")) == ["AccountHalted", "FillBooked"]


@pytest.mark.parametrize(
    ("currency", "fee", "symbol", "fee_quote", "fee_base"),
    [
        ("USDT", "0.6124", "BTC/USDT", "0.6124", "0"),
        ("USDT", "-0.1", "BTC/USDT", "-0.1", "0"),
        ("BTC", "0.00001", "BTC/USDT", "0.61240", "0.00001"),
        ("BTC", "0.00001", "BTC/USDT:USDT", "0.61240", "0"),
        ("ETH", "0.0001", "BTC/USDT", "0.33963", "0"),
        ("BNB", "0.001", "BTC/USDT", "0", "0"),  # nobody quotes it: the balance will show
        ("BNB", "0", "BTC/USDT", "0", "0"),
    ],
)
def test_a_fee_is_worth_what_its_currency_is_worth_at_that_time(
    *, currency: str, fee: str, symbol: str, fee_quote: str, fee_base: str
) -> None:
    desk = Desk()
    name = desk.order(signal(symbol, quantity="0.01"))
    (booked,) = desk.fill(name, "0.01", "61240", fee=Decimal(fee), fee_currency=currency)
    assert isinstance(booked, e.FillBooked)
    assert (booked.fee_quote, booked.fee_base) == (Decimal(fee_quote), Decimal(fee_base))


def test_a_sale_paid_in_base_currency_costs_quote_worth_and_no_base() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    name = desk.order(signal("btc", "sell"))
    (booked, *_) = desk.fill(name, "0.01", "61240", fee=Decimal("0.00001"), fee_currency="BTC")
    assert isinstance(booked, e.FillBooked)
    assert booked.fee_base == 0


# --- what the venue shows


def test_a_finished_status_waits_for_its_fills() -> None:
    desk = Desk()
    name = submitted(desk)
    assert desk.seen(name, "canceled", "0.004") == ()
    desk.fill(name, "0.004", "61240")
    assert kinds(desk.seen(name, "canceled", "0.004")) == ["OrderCanceled"]


def test_a_stale_view_never_takes_filled_back() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.fill(name, "0.004", "61240")
    assert desk.seen(name, "canceled", "0") == ()
    assert desk.state.orders[name].filled == Decimal("0.004")


@pytest.mark.parametrize("status", ["open", "canceled", "expired", "rejected", "filled"])
def test_a_finished_order_is_finished_whatever_the_venue_shows_next(status: str) -> None:
    desk = Desk()
    name = submitted(desk)
    desk.fill(name, "0.01", "61240")
    assert desk.seen(name, status, "0.01") == ()


def test_what_says_nothing_new_leads_to_nothing() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.seen(name, "open")
    for report in (
        r.SubmitAccepted(client_order_id=name, venue_order_id="v"),
        r.SubmitUnanswered(client_order_id=name, text="late"),
        r.SubmitAccepted(client_order_id="stranger", venue_order_id="v"),
        r.CancelAccepted(client_order_id=name),
        r.CancelUnanswered(client_order_id=name, text="?"),
        r.OrderNotSeen(client_order_id=name, complete=True, text="?"),
        r.OrderNotSeen(client_order_id="stranger", complete=True, text="?"),
    ):
        assert desk.tell(report) == ()
    assert desk.seen(name, "open") == ()
    assert desk.seen("stranger", "open") == ()


def test_a_refusal_after_a_fill_is_no_refusal() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.fill(name, "0.004", "61240")
    assert desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="y")) == ()


def test_an_unanswered_submit_that_the_stream_has_shown_stays_known() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.seen(name, "open")
    desk.give(c.CancelOrder, client_order_id=name)
    assert desk.tell(r.SubmitUnanswered(client_order_id=name, text="late")) == ()
    assert order(desk, name) is OrderStatus.PENDING_CANCEL


# --- unknown


def test_no_answer_is_unknown_and_never_failed() -> None:
    desk = Desk()
    name = unanswered(desk)
    assert order(desk, name) is OrderStatus.UNKNOWN
    assert desk.state.orders[name].unknown_since == desk.now


def test_not_found_needs_three_complete_searches_and_the_settle_window() -> None:
    desk = Desk(settle_s=60)
    name = unanswered(desk)
    for wait in (10, 10, 10, 29.9):
        desk.later(wait)
        assert kinds(not_seen(desk, name)) == ["OrderAsked"]
    desk.later(0.1)
    assert kinds(not_seen(desk, name)) == ["OrderAsked", "OrderRejected"]
    refused = desk.state.orders_finished[name].refusal
    assert refused is not None
    assert refused.startswith("not_found: in no list of the venue, asked 5 times over 60 s")


def test_a_search_that_erred_is_no_evidence() -> None:
    desk = Desk(settle_s=60)
    name = unanswered(desk)
    for _ in range(20):
        desk.later(30)
        assert kinds(not_seen(desk, name, complete=False)) == ["OrderAsked"]
    assert kinds(not_seen(desk, name)) == ["OrderAsked"]
    assert kinds(not_seen(desk, name)) == ["OrderAsked"]
    assert kinds(not_seen(desk, name)) == ["OrderAsked", "OrderRejected"]


@pytest.mark.parametrize(
    ("status", "filled", "after"),
    [("open", "0", "accepted"), ("canceled", "0", "canceled"), ("expired", "0", "expired")],
)
def test_an_unknown_order_is_settled_by_the_venue_s_word(
    status: str, filled: str, after: str
) -> None:
    desk = Desk()
    name = unanswered(desk)
    desk.seen(name, status, filled)
    assert order(desk, name) == after


def test_an_unknown_order_that_had_filled_is_filled() -> None:
    desk = Desk()
    name = unanswered(desk)
    desk.fill(name, "0.01", "61240")
    assert order(desk, name) is OrderStatus.FILLED


def test_a_late_appearance_reopens_the_matter_and_blocks_the_symbol() -> None:
    # given an order that the venue did not have, three times over the window
    desk = Desk(settle_s=0)
    name = unanswered(desk)
    for _ in range(3):
        not_seen(desk, name)
    assert order(desk, name) is OrderStatus.REJECTED
    # when it shows after all
    desk.later(60)
    seen = r.OrderSeen(
        client_order_id=name,
        venue_order_id="v1",
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        quantity=Decimal("0.01"),
        status=r.VenueOrderStatus.OPEN,
        filled=Decimal(0),
    )
    before = desk.state
    events = desk.shown(orders=(seen,))
    # then it is open again, counts, is told above all else, and is being cancelled
    assert kinds(events) == ["OrderReappeared", "OrderCancelRequested"]
    assert order(desk, name) is OrderStatus.PENDING_CANCEL
    assert desk.state.reserved
    (alert,) = alerts_of(before, events[0], apply(before, events[0]))
    assert alert.lane is Lane.STOP
    desk.seen(name, "canceled")
    assert order(desk, name) is OrderStatus.CANCELED
    assert not desk.state.reserved


def test_an_exit_given_up_that_fills_late_is_open_again_and_booked() -> None:
    desk = Desk()
    name = submitted(desk)
    desk.tell(r.SubmitWithheld(client_order_id=name, text="too old"))
    assert order(desk, name) is OrderStatus.NOT_SENT
    assert kinds(desk.fill(name, "0.01", "61240")) == [
        "OrderReappeared",
        "OrderCancelRequested",
        "FillBooked",
    ]
    assert order(desk, name) is OrderStatus.FILLED


def test_after_a_restart_what_had_no_outcome_is_unknown_and_nothing_is_sent_again() -> None:
    desk = Desk()
    silent, accepted = submitted(desk), desk.order(signal("eth", quantity="0.01"))
    cancelled = desk.order(signal("sol", quantity="1"))
    desk.seen(accepted, "open")
    desk.give(c.CancelOrder, client_order_id=cancelled)
    events = desk.start()
    assert order(desk, silent) is OrderStatus.UNKNOWN
    assert order(desk, cancelled) is OrderStatus.UNKNOWN
    assert order(desk, accepted) is OrderStatus.ACCEPTED
    assert "OrderSubmitted" not in kinds(events)


def test_the_journal_gives_the_state_that_lived() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss_pct=2)
    unanswered(desk)
    desk.give(c.Halt)
    state = State()
    for event in desk.events:
        state = apply(state, event)
    assert state == desk.state


def test_money_that_came_in_is_a_flow_once_it_has_settled_and_no_gain() -> None:
    desk = Desk(cash="1000")
    assert kinds(desk.shown({"USDT": "1500"})) == ["CashDoubted"]
    desk.later(15)
    assert kinds(desk.shown({"USDT": "1500"})) == ["CashDoubted"]
    desk.later(20)
    assert kinds(desk.shown({"USDT": "1500"})) == ["CashDoubted"]
    desk.later(5)
    (flowed,) = desk.shown({"USDT": "1500"})
    assert isinstance(flowed, e.CashFlowed)
    assert flowed.amount == Decimal(500)
    assert desk.state.cash["binance:USDT"] == Decimal(1500)
    equity = desk.state.equity
    assert equity is not None
    fifteen = Decimal(1500)
    assert (equity.equity, equity.high_water, equity.day_open) == (fifteen, fifteen, fifteen)
    assert (equity.day_flows, equity.day_pnl) == (Decimal(500), Decimal(0))
    assert equity.drawdown_pct == Decimal(0)
    assert desk.shown({"USDT": "1500"}) == ()


def test_a_stale_balance_is_doubted_and_the_doubt_taken_back() -> None:
    desk = Desk(cash="1000")
    assert kinds(desk.shown({"USDT": "900"})) == ["CashDoubted"]
    assert kinds(desk.shown({"USDT": "1000"})) == ["CashDoubted"]
    assert desk.state.cash_doubts == {}


def test_live_cash_is_the_venues_from_the_first_look_never_the_configured_one() -> None:
    desk = Desk(mode="live", cash="777")
    opened, *_ = [x for x in desk.events if isinstance(x, e.JournalOpened)]
    assert opened.cash == 0
    assert desk.state.cash == {"binance:USDT": Decimal(777)}
    assert desk.state.counted == ("binance",)


def test_a_holding_is_adopted_by_a_tap_and_counts_as_bought_at_the_mark() -> None:
    desk = Desk()
    desk.shown({"BTC": "0.5"})
    key = "binance:BTC/USDT"
    assert kinds(desk.give(c.Adopt, key=key, quantity=Decimal("0.4"))) == ["CommandRefused"]
    (event,) = desk.give(c.Adopt, key=key, quantity=Decimal("0.5"))
    assert isinstance(event, e.PositionAdopted)
    assert desk.state.positions["binance:BTC/USDT"].quantity == Decimal("0.5")
    assert desk.state.holdings == {}
    assert desk.shown({"BTC": "0.5"}) == ()
    equity = desk.state.equity
    assert equity is not None
    assert equity.drawdown_pct == equity.day_loss_pct == 0
    assert equity.equity == Decimal("12480.20") + Decimal("0.5") * event.price


def test_a_swap_that_differs_is_taken_over_from_the_venue_by_a_tap() -> None:
    desk, key = Desk(), "binance:BTC/USDT:USDT"
    there = r.VenuePosition(
        symbol="BTC/USDT:USDT", quantity=Decimal("-0.2"), entry_price=Decimal(61000)
    )
    desk.shown(positions=(there,))
    assert "books" in desk.denied(signal("BTC/USDT:USDT", quantity="0.001"))
    desk.give(c.Adopt, key=key, quantity=Decimal("-0.2"))
    held = desk.state.positions[key]
    assert (held.quantity, held.entry_price) == (Decimal("-0.2"), Decimal(61000))
    assert held.external
    assert desk.shown(positions=(there,)) == ()


def test_external_orders_are_shown_counted_and_cancelled_by_a_persons_flatten_only() -> None:
    desk = Desk(cash="1000")
    seen = r.OrderSeen(
        client_order_id="web_1",
        venue_order_id="v9",
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        quantity=Decimal("0.0155"),
        status=r.VenueOrderStatus.OPEN,
        filled=Decimal(0),
        price_limit=Decimal(60000),
    )
    assert kinds(desk.shown(orders=(seen,))) == ["ExternalOrdersSeen"]
    assert "balance" in desk.denied(signal(quantity="0.0015"))
    assert "ExternalCancelRequested" not in kinds(desk.give(c.Flatten))
    other = Desk(cash="1000")
    other.hold("BTC/USDT", "0.001", "61240")
    other.shown({"BTC": "0.001"}, orders=(seen,))
    assert "ExternalCancelRequested" in kinds(other.give(c.Flatten, with_external=True))

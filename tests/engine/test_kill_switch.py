"""Stop, flatten, verify, resume: decided step by step, told line by line."""

from dataclasses import replace
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import OrderSide, OrderStatus
from engine.risk_limits import TradingState
from tests.engine.desk import OWNER, TRADER, VIEWER, Desk, kinds, signal

PERP = "BTC/USDT:USDT"
SHELL = c.Actor(kind=c.ActorKind.SHELL, name="quarterdeck")


def tick(desk: Desk, seconds: float = 1) -> tuple[e.Event, ...]:
    desk.later(seconds)
    return desk.give(c.ContinueFlatten, actor=c.ENGINE)


def refusal(events: tuple[e.Event, ...]) -> str:
    (event,) = events
    assert isinstance(event, e.CommandRefused)
    return event.rule


def exits(desk: Desk) -> list[str]:
    return [name for name, order in desk.state.orders.items() if order.is_exit]


def fill_exits(desk: Desk) -> None:
    for name in exits(desk):
        order = desk.state.orders[name]
        price = "61230" if order.symbol.startswith("BTC") else "3396"
        desk.fill(name, str(order.remaining), price)


def two_sided() -> Desk:
    desk = Desk()
    desk.hold("ETH/USDT", "0.3", "3396")
    desk.hold(PERP, "0.01", "61230", action="short", stop_loss_pct=2)
    return desk


# --- stop


def test_stop_halts_and_cancels_entries_and_leaves_exits() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    entry = desk.order(signal("eth", quantity="0.01", price_limit=3000))
    exit_ = desk.order(signal("btc", "sell", price_limit=70000))
    events = desk.give(c.Halt)
    assert kinds(events) == ["TradingHalted", "OrderCancelRequested"]
    assert desk.state.trading is TradingState.HALTED
    assert desk.state.orders[entry].status is OrderStatus.PENDING_CANCEL
    assert not desk.state.orders[exit_].cancel_requested


def test_stop_again_changes_nothing() -> None:
    desk = Desk()
    desk.give(c.Halt)
    before = desk.state.stop
    assert refusal(desk.give(c.Halt)) == "halted_already"
    assert desk.state.stop == before


def test_anybody_may_stop_and_only_an_owner_or_the_shell_resumes() -> None:
    desk = Desk()
    desk.give(c.Halt, VIEWER)
    assert refusal(desk.give(c.Resume, TRADER)) == "role"
    assert refusal(desk.give(c.Resume, VIEWER)) == "role"
    assert kinds(desk.give(c.Resume, SHELL)) == ["TradingResumed"]
    assert refusal(desk.give(c.Resume)) == "not_halted"


def test_resume_is_refused_while_a_breaker_is_latched_or_a_flatten_runs() -> None:
    desk = two_sided()
    desk.give(c.TripBreaker, reason="by hand")
    desk.give(c.Halt)
    assert refusal(desk.give(c.Resume)) == "breaker"
    desk.give(c.RearmBreaker)
    desk.give(c.Flatten)
    assert refusal(desk.give(c.Resume)) == "flattening"


def test_cancelling_entries_twice_says_that_none_is_open() -> None:
    desk = Desk()
    assert refusal(desk.give(c.CancelEntries)) == "no_entries"
    desk.order(signal(quantity="0.01", price_limit=50000))
    assert kinds(desk.give(c.CancelEntries)) == ["OrderCancelRequested"]
    assert refusal(desk.give(c.CancelEntries)) == "no_entries"


# --- flatten


def test_flatten_closes_longs_and_shorts_then_asks_the_venue_and_ends() -> None:
    desk = two_sided()
    events = desk.give(c.Flatten)
    assert kinds(events) == [
        "TradingHalted",
        "FlattenStarted",
        "OrderSubmitted",
        "OrderSubmitted",
    ]
    assert [desk.state.orders[name].side for name in exits(desk)] == [
        OrderSide.SELL,
        OrderSide.BUY,
    ]
    fill_exits(desk)
    assert kinds(tick(desk)) == ["FlattenAsked"]
    assert tick(desk) == ()
    assert kinds(desk.shown_again()) == ["FlattenLooked", "FlattenVerified", "FlattenEnded"]
    assert desk.state.flattening is None
    assert desk.state.trading is TradingState.HALTED
    assert tick(desk) == ()


def test_flatten_again_while_it_runs_changes_nothing() -> None:
    desk = two_sided()
    desk.give(c.Flatten)
    assert refusal(desk.give(c.Flatten)) == "flattening_already"


def test_flatten_takes_resting_exits_out_of_its_way() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    resting = desk.order(signal("btc", "sell", price_limit=70000))
    events = desk.give(c.Flatten)
    assert "OrderCancelRequested" in kinds(events)
    assert "OrderSubmitted" not in kinds(events)
    desk.seen(resting, "canceled")
    assert kinds(tick(desk)) == ["OrderSubmitted"]


def test_a_refused_exit_is_tried_again_with_backoff_and_a_new_name_each_time() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    names = set()
    for wait in (1, 2, 4, 8, 16, 30, 30, 30):
        (name,) = exits(desk)
        assert name not in names
        names.add(name)
        desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="busy"))
        tick(desk, wait - 0.5)
        assert exits(desk) == []
        tick(desk, 0.5)
    assert len(names) == 8


def test_attempts_keep_their_own_names_when_the_tail_of_orders_has_forgotten_them() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    (first,) = exits(desk)
    desk.tell(r.SubmitRefused(client_order_id=first, code="x", text="busy"))
    desk.state = replace(desk.state, orders_finished={})
    tick(desk, 40)
    assert exits(desk) not in ([], [first])


def test_what_is_still_open_after_thirty_seconds_is_shouted_once_per_change() -> None:
    desk = two_sided()
    desk.give(c.Flatten)
    assert tick(desk, 29) == ()
    (shout,) = tick(desk, 1)
    assert isinstance(shout, e.FlattenStillOpen)
    assert shout.lines == ("binance:ETH/USDT 0.3", "binance:BTC/USDT:USDT -0.01")
    assert tick(desk, 5) == ()
    fill_exits(desk)


def test_an_order_without_a_position_is_shouted_too() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.01", price_limit=50000))
    desk.give(c.Flatten)
    (shout,) = tick(desk, 31)
    assert isinstance(shout, e.FlattenStillOpen)
    assert "pending_cancel" in shout.lines[0]
    desk.seen(name, "canceled")
    assert kinds(tick(desk, 6)) == ["FlattenAsked"]


def test_an_unknown_exit_waits_on_spot_and_is_replaced_on_a_swap_after_three_seconds() -> None:
    desk = two_sided()
    desk.give(c.Flatten)
    for name in exits(desk):
        desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    assert tick(desk, 2.9) == ()
    (again,) = tick(desk, 0.1)
    assert isinstance(again, e.OrderSubmitted)
    assert again.order.symbol == PERP


def test_dust_does_not_hold_up_flat() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    sold = desk.order(signal("btc", "sell", quantity="0.00995"))
    desk.fill(sold, "0.00995", "61240")
    assert "binance:BTC/USDT" in desk.state.positions
    assert kinds(desk.give(c.Flatten))[-1] == "FlattenAsked"
    assert kinds(desk.shown_again({"BTC": "0.00005"}))[1:] == ["FlattenVerified", "FlattenEnded"]


def seen(name: str | None) -> r.OrderSeen:
    return r.OrderSeen(
        client_order_id=name,
        venue_order_id="v9",
        venue="binance",
        symbol="ETH/USDT",
        side=OrderSide.BUY,
        quantity=Decimal(1),
        status=r.VenueOrderStatus.OPEN,
        filled=Decimal(0),
    )


@pytest.mark.parametrize(
    ("orders", "positions"),
    [
        ((seen("qd" + "2" * 24),), ()),
        ((), (r.VenuePosition(symbol=PERP, quantity=Decimal("0.01"), entry_price=None),)),
    ],
)
def test_flat_is_what_the_venue_shows_not_what_we_believe(
    orders: tuple[r.OrderSeen, ...], positions: tuple[r.VenuePosition, ...]
) -> None:
    desk = Desk()
    desk.give(c.Flatten)
    events = desk.shown(orders=orders, positions=positions)
    assert "FlattenStillOpen" in kinds(events)
    assert desk.state.flattening is not None
    assert tick(desk, 4) == ()
    assert kinds(tick(desk, 1)) == ["FlattenAsked"]
    assert "FlattenEnded" in kinds(desk.shown_again())


def test_what_filled_after_the_question_is_closed_before_it_is_flat() -> None:
    # given a flatten that has asked, and an entry's late fill
    desk = Desk()
    name = desk.order(signal("btc", quantity="0.01"))
    desk.give(c.Flatten)
    desk.seen(name, "canceled")
    assert kinds(tick(desk)) == ["FlattenAsked"]
    desk.fill(name, "0.01", "61240")
    # when the venue's answer comes, which has the coins as a balance
    events = desk.shown({"BTC": "0.01"})
    # then it is not flat, and the position is closed
    assert kinds(events) == ["FlattenStillOpen"]
    assert kinds(tick(desk)) == ["OrderSubmitted"]
    fill_exits(desk)
    tick(desk, 6)
    assert "FlattenEnded" in kinds(desk.shown_again())


def test_every_venue_must_show_itself_flat_and_a_silent_one_is_shouted() -> None:
    desk = Desk(accounts=("binance", "bybit"))
    desk.give(c.Flatten)
    assert kinds(desk.shown_again()) == ["FlattenLooked", "FlattenVerified"]
    events = desk.tell(r.VenueSilent(venue="bybit", text="no answer"))
    assert kinds(events) == ["VenueWentSilent", "FlattenStillOpen"]
    assert desk.tell(r.VenueSilent(venue="bybit", text="no answer")) == ()
    tick(desk, 6)
    assert kinds(desk.shown_again()) == ["FlattenLooked", "FlattenVerified"]
    assert kinds(desk.shown_again(venue="bybit")) == [
        "VenueAnswered",
        "FlattenLooked",
        "FlattenVerified",
        "FlattenEnded",
    ]


def test_acknowledging_stops_the_ringing_and_nothing_else() -> None:
    desk = two_sided()
    desk.give(c.Flatten)
    desk.give(c.Acknowledge, subject="flatten")
    assert desk.state.flattening is not None
    assert desk.state.flattening.acknowledged
    assert kinds(desk.give(c.Acknowledge, subject="nothing:here")) == ["AlertAcknowledged"]


# --- books


def test_a_swap_must_equal_and_spot_may_hold_more() -> None:
    desk = two_sided()
    short = r.VenuePosition(symbol=PERP, quantity=Decimal("-0.01"), entry_price=None)
    assert kinds(desk.shown({"ETH": "7"}, (short,))) == ["HoldingsSeen"]
    assert desk.state.holdings == {"binance:ETH": Decimal("6.7")}
    differ, _ = desk.shown({"ETH": "0.2"}, (replace(short, quantity=Decimal("-0.02")),))
    assert isinstance(differ, e.BooksDiffer)
    assert differ.keys == ("binance:BTC/USDT:USDT", "binance:ETH/USDT")
    assert "books" in desk.denied(signal("eth", quantity="0.01"))
    assert desk.shown({"ETH": "0.2"}, (replace(short, quantity=Decimal("-0.02")),)) == ()
    assert kinds(desk.shown({"ETH": "0.3"}, (short,))) == ["BooksEqual"]


def test_a_fill_under_way_is_no_difference() -> None:
    desk = Desk()
    name = desk.order(signal("eth", quantity="0.3"))
    assert desk.shown() == ()
    desk.fill(name, "0.3", "3396")
    assert desk.shown() == ()  # asked before the fill was known here
    desk.later(3)
    assert kinds(desk.shown()) == ["BooksDiffer"]


def test_an_unknown_position_at_the_venue_is_a_difference() -> None:
    desk = Desk()
    found = r.VenuePosition(symbol=PERP, quantity=Decimal(1), entry_price=None)
    assert kinds(desk.shown(positions=(found,))) == ["BooksDiffer"]


def test_a_silent_venue_takes_no_entries_until_it_answers() -> None:
    desk = Desk()
    desk.tell(r.VenueSilent(venue="binance", text="no answer"))
    assert set(desk.denied(signal(quantity="0.001"))) == {"venue"}
    assert kinds(desk.shown()) == ["VenueAnswered"]
    desk.order(signal(quantity="0.001"))


def test_whoever_flattens_is_named() -> None:
    desk = Desk()
    desk.give(c.Flatten, TRADER)
    assert desk.state.stop is not None
    assert desk.state.stop.by == TRADER.text
    assert desk.state.flatten is not None
    assert desk.state.flatten.by == TRADER.text != OWNER.text

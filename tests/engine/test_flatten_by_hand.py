"""Flatten among other hands: what a person opens, closes, or sends at the venue, and who presses.

Pure decisions; the same against a venue stands in `test_flatten_faults`.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import OrderSide
from tests.engine.desk import TRADER, Desk, kinds

PERP = "BTC/USDT:USDT"
KEY = f"binance:{PERP}"


def tick(desk: Desk, seconds: float = 1) -> tuple[e.Event, ...]:
    desk.later(seconds)
    return desk.give(c.ContinueFlatten, actor=c.ENGINE)


def a_swap(quantity: str, entry: str | None = "61000") -> r.VenuePosition:
    price = None if entry is None else Decimal(entry)
    return r.VenuePosition(symbol=PERP, quantity=Decimal(quantity), entry_price=price)


def an_external(symbol: str = PERP, name: str = "v9") -> r.OrderSeen:
    return r.OrderSeen(
        client_order_id=None,
        venue_order_id=name,
        venue="binance",
        symbol=symbol,
        side=OrderSide.BUY,
        quantity=Decimal(1),
        status=r.VenueOrderStatus.OPEN,
        filled=Decimal(0),
        price_limit=Decimal(50000),
    )


def exits(desk: Desk) -> list[str]:
    return [name for name, order in desk.state.orders.items() if order.is_exit]


@pytest.mark.parametrize(("quantity", "side"), [("0.02", "sell"), ("-0.02", "buy")])
def test_a_swap_opened_by_hand_is_closed_once_the_venue_has_shown_it_twice(
    quantity: str, side: str
) -> None:
    # given a flatten that has asked, and a position that nobody here knows of
    desk = Desk()
    desk.give(c.Flatten)
    once = desk.shown(positions=(a_swap(quantity),))
    assert kinds(once) == ["BooksDiffer", "FlattenStillOpen"]
    assert tick(desk) == ()
    # when the venue shows it again
    assert kinds(desk.shown(positions=(a_swap(quantity),))) == ["PositionAdopted"]
    # then it is closed, whole
    (sent,) = tick(desk)
    assert isinstance(sent, e.OrderSubmitted)
    assert (sent.order.side, sent.order.quantity) == (side, Decimal("0.02"))
    desk.fill(sent.order.client_order_id, "0.02", "61230")
    tick(desk, 6)
    assert "FlattenEnded" in kinds(desk.shown_again())


def test_a_position_that_a_venue_shows_once_and_no_more_is_not_taken_over() -> None:
    desk = Desk()
    desk.give(c.Flatten)
    desk.shown(positions=(a_swap("0.02"),))
    assert kinds(desk.shown()) == ["BooksEqual"]
    desk.shown(positions=(a_swap("0.02"),))
    assert KEY not in desk.state.positions


def test_without_a_flatten_a_difference_waits_for_a_person() -> None:
    desk = Desk()
    desk.shown(positions=(a_swap("0.02"),))
    assert desk.shown(positions=(a_swap("0.02"),)) == ()


def test_what_was_closed_by_hand_is_not_closed_again() -> None:
    # given a short, and a venue that refuses its exit since nothing is there
    desk = Desk()
    desk.hold(PERP, "0.01", "61230", action="short")
    desk.give(c.Flatten)
    for _ in range(2):
        (name,) = exits(desk)
        desk.tell(r.SubmitRefused(client_order_id=name, code="reduce_only", text="nothing"))
        tick(desk, 5)
    (name,) = exits(desk)
    desk.tell(r.SubmitRefused(client_order_id=name, code="reduce_only", text="nothing"))
    desk.later(3)
    # when the venue has shown twice that it holds nothing
    desk.shown()
    assert "PositionAdopted" in kinds(desk.shown())
    # then nothing more is sent, and it is flat
    assert kinds(tick(desk, 40)) == ["FlattenAsked"]
    assert "FlattenEnded" in kinds(desk.shown_again())


def test_a_difference_without_any_price_is_shouted_and_left() -> None:
    desk = Desk()
    desk.quotes.clear()
    desk.give(c.Flatten)
    for _ in range(3):
        desk.shown(positions=(a_swap("0.02", None),))
    assert KEY not in desk.state.positions
    assert desk.state.flattening is not None
    assert desk.state.flattening.still_open


def test_flat_needs_two_looks_a_second_apart() -> None:
    desk = Desk()
    desk.give(c.Flatten)
    assert kinds(desk.shown()) == ["FlattenLooked"]
    desk.later(0.9)
    assert desk.shown() == ()
    desk.later(0.1)
    assert kinds(desk.shown()) == ["FlattenVerified", "FlattenEnded"]


def test_an_empty_snapshot_once_is_not_flat() -> None:
    # given a venue that shows nothing once, though a hand has opened something there
    desk = Desk()
    desk.give(c.Flatten)
    assert kinds(desk.shown()) == ["FlattenLooked"]
    desk.later(1)
    assert "FlattenStillOpen" in kinds(desk.shown(positions=(a_swap("0.02"),)))
    # then the first look counts no more
    tick(desk, 6)
    assert kinds(desk.shown())[-1] == "FlattenLooked"
    assert desk.state.flattening is not None


def test_what_opens_at_a_verified_venue_while_another_is_asked_is_closed_first() -> None:
    desk = Desk(accounts=("binance", "bybit"))
    desk.give(c.Flatten)
    assert kinds(desk.shown_again()) == ["FlattenLooked", "FlattenVerified"]
    # when a swap is opened by hand at the venue that was flat
    desk.fill(None, "0.01", "61230", symbol=PERP)
    assert "FlattenEnded" not in kinds(desk.shown_again(venue="bybit"))
    # then its exit goes, and the venues are asked again
    events = tick(desk)
    assert "OrderSubmitted" in kinds(events) or exits(desk)
    (name,) = exits(desk)
    desk.fill(name, "0.01", "61230")
    assert "FlattenAsked" in kinds(tick(desk, 60))
    desk.shown_again()
    assert "FlattenEnded" in kinds(desk.shown_again(venue="bybit"))


def test_external_orders_go_on_the_symbols_that_are_closed_and_nowhere_else() -> None:
    desk = Desk()
    desk.hold(PERP, "0.01", "61230")
    there = (an_external(), an_external("ETH/USDT", "v10"))
    desk.shown(positions=(a_swap("0.01"),), orders=there)
    events = desk.give(c.Flatten, with_external=True)
    asked = [event for event in events if isinstance(event, e.ExternalCancelRequested)]
    assert [event.venue_order_id for event in asked] == ["v9"]
    (name,) = exits(desk)
    desk.fill(name, "0.01", "61230")
    tick(desk)
    # an order left on the symbol is still open, one on another symbol is no hindrance
    assert "FlattenStillOpen" in kinds(desk.shown(orders=there))
    tick(desk, 6)
    assert "FlattenEnded" in kinds(desk.shown_again(orders=there[1:]))


def test_external_orders_stay_unless_somebody_says_so_and_may_be_said_later() -> None:
    desk = Desk()
    desk.hold(PERP, "0.01", "61230")
    desk.shown(positions=(a_swap("0.01"),), orders=(an_external(),))
    assert "ExternalCancelRequested" not in kinds(desk.give(c.Flatten))
    events = desk.give(c.Flatten, TRADER, with_external=True)
    assert kinds(events)[:2] == ["FlattenHurried", "ExternalCancelRequested"]
    assert desk.state.flattening is not None
    assert desk.state.flattening.with_external
    # once is enough
    assert kinds(desk.give(c.Flatten, TRADER, with_external=True)) == ["CommandRefused"]


def test_try_now_sends_what_waits_for_its_backoff_once() -> None:
    # given an exit that was refused, whose next try is half a minute away, and the shout of it
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    for wait in (1, 2, 4, 8, 16, 0.5):
        (name,) = exits(desk)
        desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="busy"))
        tick(desk, wait)
    assert exits(desk) == []
    assert desk.state.flattening is not None
    assert desk.state.flattening.still_open
    # when a person presses
    assert kinds(desk.give(c.Flatten, TRADER)) == ["FlattenHurried", "OrderSubmitted"]
    # then one goes, and the next waits as before
    (name,) = exits(desk)
    desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="busy"))
    assert tick(desk, 5) == ()


def test_try_now_asks_a_silent_venue_at_once() -> None:
    desk = Desk()
    desk.give(c.Flatten)
    desk.tell(r.VenueSilent(venue="binance", text="?"))
    desk.later(1)
    assert kinds(desk.give(c.Flatten)) == ["FlattenHurried", "FlattenAsked"]


def test_two_people_pressing_flatten_send_one_exit() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    assert kinds(desk.give(c.Flatten, TRADER)) == ["CommandRefused"]
    assert len(exits(desk)) == 1


def test_holdings_on_spot_are_never_sold() -> None:
    # given half a bitcoin of ours beside nine that the account owns
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.shown({"BTC": "9.01"})
    desk.give(c.Flatten)
    (name,) = exits(desk)
    assert desk.state.orders[name].quantity == Decimal("0.01")
    desk.fill(name, "0.01", "61240")
    tick(desk)
    assert "FlattenEnded" in kinds(desk.shown_again({"BTC": "9"}))
    assert desk.state.holdings == {"binance:BTC": Decimal(9)}


def test_an_entry_that_fills_while_it_is_cancelled_is_closed() -> None:
    desk = Desk()
    from_here = desk.sent(PERP, OrderSide.BUY, Decimal("0.01"))
    desk.give(c.Flatten)
    assert desk.state.orders[from_here].cancel_requested
    desk.fill(from_here, "0.01", "61230")
    (sent,) = tick(desk)
    assert isinstance(sent, e.OrderSubmitted)
    assert sent.order.is_exit


def test_a_stop_that_rests_on_a_swap_stays_until_its_position_is_closed() -> None:
    # given a short with a stop that rests at the venue
    desk = Desk()
    desk.hold(PERP, "0.01", "61230", action="short")
    desk.give(c.ClosePosition, position_id=desk.state.positions[KEY].position_id)
    (name,) = exits(desk)
    order = replace(desk.state.orders[name], price_trigger=Decimal(63000))
    desk.state = replace(desk.state, orders={name: order})
    # when everything is closed
    events = desk.give(c.Flatten)
    # then the exit goes beside it, and the stop only with the position
    assert kinds(events) == ["TradingHalted", "FlattenStarted", "OrderSubmitted"]
    (exit_,) = (each for each in exits(desk) if each != name)
    assert kinds(desk.fill(exit_, "0.01", "61230")) == ["FillBooked", "OrderCancelRequested"]
    assert desk.state.orders[name].cancel_requested

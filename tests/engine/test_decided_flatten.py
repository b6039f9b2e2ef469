"""A flatten step by step: what it says it closes, when it tries and asks again, what flat means."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import OrderSide
from tests.engine.desk import OWNER, TRADER, Desk, kinds, signal

PERP = "BTC/USDT:USDT"


def tick(desk: Desk, seconds: float = 1) -> tuple[e.Event, ...]:
    desk.later(seconds)
    return desk.give(c.ContinueFlatten, actor=c.ENGINE)


def exits(desk: Desk) -> list[str]:
    return [name for name, order in desk.state.orders.items() if order.is_exit]


def refuse(desk: Desk) -> None:
    for name in exits(desk):
        desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="busy"))


def test_a_flatten_says_who_began_it_and_what_was_open() -> None:
    desk = Desk()
    desk.hold("ETH/USDT", "0.3", "3396")
    desk.hold(PERP, "0.01", "61230", action="short")
    entry = desk.order(signal(quantity="0.001", price_limit=50000))
    (halted, cancel, started, *sent) = desk.give(c.Flatten, TRADER, command_id="flat")
    assert halted == e.TradingHalted(at=desk.now, command_id="flat", actor=TRADER, reason="flatten")
    assert cancel == e.OrderCancelRequested(
        at=desk.now, command_id="flat", client_order_id=entry, actor=TRADER, reason="flatten"
    )
    assert started == e.FlattenStarted(
        at=desk.now,
        command_id="flat",
        actor=TRADER,
        keys=("binance:ETH/USDT", "binance:BTC/USDT:USDT"),
        quantities=(Decimal("0.3"), Decimal("-0.01")),
    )
    assert kinds(tuple(sent)) == ["OrderSubmitted", "OrderSubmitted"]


def test_a_flatten_after_a_stop_halts_no_second_time_and_refuses_nothing() -> None:
    desk = Desk()
    desk.give(c.Halt)
    assert kinds(desk.give(c.Flatten)) == ["FlattenStarted", "FlattenAsked"]


def test_the_first_question_goes_at_once_and_is_counted() -> None:
    desk = Desk()
    assert desk.give(c.Flatten)[-1] == e.FlattenAsked(at=desk.now, attempt=1)


def test_questions_wait_longer_each_time_and_at_most_a_minute() -> None:
    desk = Desk()
    desk.give(c.Flatten)
    for attempt, wait in enumerate((5, 10, 20, 40, 60, 60), start=2):
        assert kinds(desk.tell(r.VenueSilent(venue="binance", text="?")))[-1:] == [
            "FlattenStillOpen"
        ]
        assert tick(desk, wait - 0.5) == ()
        assert tick(desk, 0.5) == (e.FlattenAsked(at=desk.now, attempt=attempt),)


def test_another_instrument_s_try_and_another_flatten_s_hold_nothing_back() -> None:
    # given two positions whose exits were refused, the second one later
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.hold("ETH/USDT", "0.3", "3396")
    desk.give(c.Flatten)
    first, second = exits(desk)
    desk.tell(r.SubmitRefused(client_order_id=first, code="x", text="busy"))
    desk.later(0.9)
    desk.tell(r.SubmitRefused(client_order_id=second, code="x", text="busy"))
    # when one second has passed since the first refusal
    events = tick(desk, 0.1)
    # then the first position's next try goes, and the other's does not
    (submitted,) = [event for event in events if isinstance(event, e.OrderSubmitted)]
    assert submitted.order.symbol == "BTC/USDT"


def test_a_sale_of_before_the_flatten_is_no_try_of_it() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    position = desk.state.positions["binance:BTC/USDT"]
    desk.give(c.ClosePosition, position_id=position.position_id)
    refuse(desk)
    assert "OrderSubmitted" in kinds(desk.give(c.Flatten))
    # and one by hand while the flatten waits neither
    refuse(desk)
    desk.later(0.9)
    desk.give(c.ClosePosition, position_id=position.position_id)
    refuse(desk)
    assert "OrderSubmitted" in kinds(tick(desk, 0.1))


def test_what_is_open_is_told_with_its_orders_once_and_again_when_it_changes() -> None:
    desk = Desk()
    desk.hold("ETH/USDT", "0.3", "3396")
    entry = desk.order(signal(quantity="0.001", price_limit=50000))
    short = desk.state.orders[entry].short_id
    desk.give(c.Flatten)
    assert tick(desk, 29.9) == ()
    lines = ("binance:ETH/USDT 0.3", f"binance:BTC/USDT order {short} pending_cancel")
    assert tick(desk, 0.1) == (e.FlattenStillOpen(at=desk.now, lines=lines),)
    assert tick(desk) == ()
    desk.seen(entry, "canceled")
    assert tick(desk) == (e.FlattenStillOpen(at=desk.now, lines=lines[:1]),)


# --- verified at the venue


def shown(desk: Desk, **fields: Any) -> tuple[e.Event, ...]:
    return desk.shown(**fields)


def an_order(name: str | None) -> r.OrderSeen:
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


def a_position(quantity: str) -> r.VenuePosition:
    return r.VenuePosition(symbol=PERP, quantity=Decimal(quantity), entry_price=None)


def test_a_picture_from_before_the_question_verifies_nothing() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    assert desk.state.flattening is not None
    assert not desk.state.flattening.asked
    assert desk.shown({"BTC": "0.01"}) == ()
    assert desk.tell(r.VenueSilent(venue="binance", text="?")) == (
        e.VenueWentSilent(at=desk.now, venue="binance", reason="?"),
    )


def test_a_venue_that_is_flat_is_verified_once_and_ends_the_flatten() -> None:
    desk = Desk()
    desk.give(c.Flatten)
    # an order that nobody here sent and a position of nothing are no hindrance
    stays = desk.shown_again(orders=(an_order(None), an_order("someone's")))
    assert kinds(stays) == [
        "ExternalOrdersSeen",
        "FlattenLooked",
        "FlattenVerified",
        "FlattenEnded",
    ]
    desk = Desk()
    desk.give(c.Flatten)
    assert desk.shown_again(positions=(a_position("0"),))[1:] == (
        e.FlattenVerified(at=desk.now, venue="binance"),
        e.FlattenEnded(at=desk.now),
    )
    assert shown(desk) == ()


def test_a_verified_venue_is_not_told_twice_and_may_fall_silent() -> None:
    desk = Desk(accounts=("binance", "bybit"))
    desk.give(c.Flatten)
    assert desk.shown_again()[1:] == (e.FlattenVerified(at=desk.now, venue="binance"),)
    assert shown(desk) == ()
    silent = r.VenueSilent(venue="binance", text="?")
    assert kinds(desk.tell(silent)) == ["VenueWentSilent"]
    assert kinds(desk.tell(r.VenueSilent(venue="bybit", text="?"))) == [
        "VenueWentSilent",
        "FlattenStillOpen",
    ]
    still = desk.events[-1]
    assert isinstance(still, e.FlattenStillOpen)
    assert still.lines == ("bybit does not answer",)


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"positions": (a_position("-0.5"),)},
            (
                "binance:BTC/USDT:USDT -0.5",
                "binance:BTC/USDT:USDT: here 0, at the venue -0.5",
            ),
        ),
        (
            {"orders": (an_order("qdx"),), "positions": (a_position("2"),)},
            (
                "binance:BTC/USDT:USDT 2",
                "binance:BTC/USDT:USDT: here 0, at the venue 2",
            ),
        ),
    ],
    ids=["short", "beside an order not from here"],
)
def test_what_the_venue_still_shows_is_told_line_by_line(
    fields: dict[str, Any], lines: tuple[str, ...]
) -> None:
    desk = Desk()
    desk.give(c.Flatten)
    events = shown(desk, **fields)
    assert events[-1] == e.FlattenStillOpen(at=desk.now, lines=lines)
    assert desk.state.flattening is not None


def test_a_swap_that_is_open_while_its_symbol_is_busy_is_still_open() -> None:
    # given a flatten that has asked, and an exit that finished this moment
    desk = Desk()
    desk.hold(PERP, "0.01", "61234.7")
    desk.give(c.Flatten)
    (name,) = exits(desk)
    desk.fill(name, "0.01", "61230")
    assert kinds(tick(desk, 0)) == ["FlattenAsked"]
    # when the venue shows the position still
    assert shown(desk, positions=(a_position("0.01"),)) == (
        e.FlattenStillOpen(at=desk.now, lines=("binance:BTC/USDT:USDT 0.01",)),
    )


def test_what_came_back_here_is_told_before_it_is_flat() -> None:
    desk = Desk()
    late = desk.order(signal(quantity="0.01"))
    desk.give(c.Flatten)
    desk.seen(late, "canceled")
    tick(desk)
    desk.fill(late, "0.01", "61240")
    assert desk.shown({"BTC": "0.01"}) == (
        e.FlattenStillOpen(at=desk.now, lines=("binance:BTC/USDT 0.01",)),
    )
    # an exit on its way is told too
    tick(desk)
    (name,) = exits(desk)
    desk.fill(name, "0.01", "61240")
    tick(desk, 6)
    assert "FlattenEnded" in kinds(desk.shown_again())


def test_an_order_that_came_back_here_alone_is_told() -> None:
    # given a flatten that has asked, and an order that turns up in State
    desk = Desk()
    name = desk.order(signal(quantity="0.01"))
    order = desk.state.orders[name]
    desk.seen(name, "canceled")
    desk.give(c.Flatten)
    for venue, told in (("bybit", False), ("binance", True)):
        moved = replace(order, venue=venue, cancel_requested=True)
        other = replace(desk.state, orders={name: moved})
        kept, desk.state = desk.state, other
        if told:
            line = f"binance:BTC/USDT order {order.short_id} submitted"
            assert desk.shown() == (e.FlattenStillOpen(at=desk.now, lines=(line,)),)
        else:
            assert "FlattenVerified" in kinds(desk.shown_again())
        desk.state = kept


def test_another_venue_s_position_is_no_hindrance_here() -> None:
    desk = Desk(accounts=("binance", "bybit"))
    desk.hold("BTC/USDT", "0.01", "61240")
    held = desk.state.positions["binance:BTC/USDT"]
    there = replace(held, venue="bybit")
    desk.state = replace(desk.state, positions={})
    desk.give(c.Flatten)
    desk.state = replace(desk.state, positions={"bybit:BTC/USDT": there})
    assert kinds(desk.shown_again()) == ["FlattenLooked", "FlattenVerified"]


def test_a_breaker_and_a_stop_leave_a_flatten_running() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten, OWNER)
    desk.give(c.TripBreaker, reason="x")
    refuse(desk)
    assert "OrderSubmitted" in kinds(tick(desk, 1))
    assert desk.state.flattening is not None
    assert desk.state.flattening.since == desk.now - timedelta(seconds=1)

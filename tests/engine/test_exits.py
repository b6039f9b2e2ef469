"""Stops and targets: watched on the right price, closed once, tried again, never more than held."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.errors import InvalidInput
from engine.exits import reached, trigger_price
from engine.orders import OrderPurpose, OrderSide, OrderStatus
from engine.positions import Position
from engine.signals import Target
from tests.engine.desk import OWNER, Desk, kinds, quote_of, signal

KEY = "binance:BTC/USDT"
LADDER = (
    Target(price=Decimal(62000), fraction=Decimal("0.5")),
    Target(price=Decimal(63000), fraction=Decimal("0.5")),
)


def holding(
    symbol: str = "BTC/USDT", quantity: str = "0.0407", action: str = "buy", **fields: Any
) -> Desk:
    desk = Desk(limits=replace(Desk().limits, order_notional_pct_max=Decimal(100)))
    price = "61230.2" if ":" in symbol else "61243.67"
    desk.hold(symbol, quantity, price, action=action, **fields)
    return desk


def position(desk: Desk, key: str = KEY) -> Position:
    return desk.state.positions[key]


def fire(desk: Desk, leg: str, price: Decimal | str, key: str = KEY) -> tuple[e.Event, ...]:
    held = position(desk, key)
    return desk.give(
        c.TriggerExit,
        actor=c.ENGINE,
        position_id=held.position_id,
        leg=leg,
        price=Decimal(price),
        quote=desk.quotes[key],
    )


def exit_of(events: tuple[e.Event, ...]) -> e.OrderSubmitted:
    (found,) = [event for event in events if isinstance(event, e.OrderSubmitted)]
    assert found.order.purpose is OrderPurpose.EXIT
    return found


# --- which price


@pytest.mark.parametrize(
    ("symbol", "action", "bid", "ask", "mark", "leg"),
    [
        ("BTC/USDT", "buy", "60000.01", "60001", None, None),
        ("BTC/USDT", "buy", "60000", "60001", None, "stop"),
        ("BTC/USDT", "buy", "50000", "50001", None, "stop"),  # a gap
        ("BTC/USDT", "buy", "62999.99", "63000", None, None),
        ("BTC/USDT", "buy", "63000", "63000.01", None, "target"),
        ("BTC/USDT:USDT", "buy", "59000", "59001", "60000.1", None),  # the mark counts
        ("BTC/USDT:USDT", "buy", "61000", "61001", "60000", "stop"),
        ("BTC/USDT:USDT", "short", "61000", "61001", "62500", "stop"),
        ("BTC/USDT:USDT", "short", "61000", "61001", "62499.9", None),
        ("BTC/USDT:USDT", "short", "61000", "61001", "59000", "target"),
    ],
)
def test_a_leg_is_reached_by_bid_on_spot_and_mark_on_a_swap(
    *, symbol: str, action: str, bid: str, ask: str, mark: str | None, leg: str | None
) -> None:
    stop, target = ("60000", "63000") if action == "buy" else ("62500", "59000")
    desk = holding(
        symbol,
        "0.01",
        action,
        stop_loss=stop,
        targets=(Target(price=Decimal(target)),),
    )
    found = reached(position(desk, f"binance:{symbol}"), quote_of(symbol, bid, ask, mark=mark))
    assert (found.leg if found is not None else None) == leg


def test_a_spot_short_is_judged_by_the_ask() -> None:
    held = replace(position(holding()), quantity=Decimal("-0.01"))
    assert trigger_price(held, quote_of("BTC/USDT", "1", "2")) == 2


def test_the_stop_comes_before_a_target_and_the_furthest_target_stands_for_all() -> None:
    desk = holding(targets=LADDER, stop_loss=60000)
    held = position(desk)
    found = reached(held, quote_of("BTC/USDT", "64000", "64001"))
    assert found is not None
    assert found.price == Decimal(63000)
    crossed = replace(held, stop=Decimal(65000))
    stop = reached(crossed, quote_of("BTC/USDT", "64000", "64001"))
    assert stop is not None
    assert stop.leg == "stop"
    assert reached(replace(held, targets=(), stop=None), quote_of("BTC/USDT", "1", "2")) is None


# --- stops


def test_a_stop_closes_everything_once() -> None:
    desk = holding(stop_loss=60000)
    events = fire(desk, "stop", "60000")
    assert kinds(events) == ["ExitTriggered", "OrderSubmitted"]
    assert exit_of(events).order.quantity == Decimal("0.0407")
    assert fire(desk, "stop", "60000") == ()


def test_a_stop_whose_exit_is_refused_stays_and_is_tried_again() -> None:
    desk = holding(stop_loss=60000)
    first = exit_of(fire(desk, "stop", "60000")).order
    desk.tell(r.SubmitRefused(client_order_id=first.client_order_id, code="x", text="busy"))
    assert position(desk).stop == Decimal(60000)
    second = exit_of(fire(desk, "stop", "60000")).order
    assert second.client_order_id != first.client_order_id


def test_a_stop_that_was_moved_or_whose_position_is_gone_does_nothing() -> None:
    desk = holding(stop_loss=60000)
    assert fire(desk, "stop", "59000") == ()
    gone = c.TriggerExit(
        command_id="x",
        actor=c.ENGINE,
        at=desk.now,
        position_id="nobody",
        leg="stop",
        price=Decimal(1),
        quote=desk.quotes[KEY],
    )
    assert desk.tell(gone) == ()


def test_a_stop_takes_a_resting_exit_out_of_its_way() -> None:
    desk = holding(stop_loss=60000)
    resting = desk.order(signal("btc", "sell", price_limit=70000))
    assert kinds(fire(desk, "stop", "60000")) == ["OrderCancelRequested"]
    desk.seen(resting, "canceled")
    assert exit_of(fire(desk, "stop", "60000")).order.quantity == Decimal("0.0407")


def test_a_partial_entry_is_protected_for_what_filled() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.01", stop_loss=60000))
    desk.fill(name, "0.004", "61240")
    assert position(desk).stop == Decimal(60000)
    assert exit_of(fire(desk, "stop", "60000")).order.quantity == Decimal("0.004")
    # and what fills later is protected too
    desk.fill(name, "0.006", "61240")
    assert exit_of(fire(desk, "stop", "60000")).order.quantity == Decimal("0.006")


# --- targets


def test_a_ladder_closes_its_shares_and_the_last_takes_what_rounding_left() -> None:
    desk = holding(quantity="0.04071", targets=LADDER, stop_loss=60000)
    first = exit_of(fire(desk, "target", "62000")).order
    assert first.quantity == Decimal("0.02035")
    assert [target.price for target in position(desk).targets] == [Decimal(63000)]
    desk.fill(first.client_order_id, "0.02035", "62000")
    second = exit_of(fire(desk, "target", "63000")).order
    assert second.quantity == Decimal("0.02036")
    desk.fill(second.client_order_id, "0.02036", "63000")
    assert desk.state.positions == {}


def test_a_single_target_on_half_closes_half() -> None:
    half = (Target(price=Decimal(62000), fraction=Decimal("0.5")),)
    desk = holding(quantity="0.04", targets=half, stop_loss=60000)
    taken = exit_of(fire(desk, "target", "62000")).order
    assert taken.quantity == Decimal("0.02")
    desk.fill(taken.client_order_id, "0.02", "62000")
    assert position(desk).quantity == Decimal("0.02")
    assert position(desk).stop == Decimal(60000)


@pytest.mark.parametrize("end", ["refused", "withheld"])
def test_a_target_whose_exit_came_to_nothing_is_watched_again(end: str) -> None:
    desk = holding(targets=LADDER)
    taken = exit_of(fire(desk, "target", "62000")).order.client_order_id
    match end:
        case "refused":
            desk.tell(r.SubmitRefused(client_order_id=taken, code="x", text="y"))
        case _:
            desk.tell(r.SubmitWithheld(client_order_id=taken, text="y"))
    assert {target.price for target in position(desk).targets} == {Decimal(62000), Decimal(63000)}
    assert exit_of(fire(desk, "target", "62000")).order.client_order_id != taken


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_the_unfilled_share_of_a_target_goes_on_at_once(end: str) -> None:
    desk = holding(quantity="0.04", targets=LADDER)
    taken = exit_of(fire(desk, "target", "62000")).order.client_order_id
    desk.fill(taken, "0.015", "62000")
    rest = exit_of(desk.seen(taken, end, "0.015")).order
    assert rest.quantity == Decimal("0.005")
    share = {target.price: target.fraction for target in rest.targets}
    assert share == {Decimal(62000): Decimal("0.125")}
    assert [target.price for target in position(desk).targets] == [Decimal(63000)]


def test_an_exit_that_a_person_cancelled_goes_on_by_nothing_and_its_target_is_watched() -> None:
    desk = holding(quantity="0.04", targets=LADDER)
    taken = exit_of(fire(desk, "target", "62000")).order.client_order_id
    desk.give(c.CancelOrder, client_order_id=taken)
    assert kinds(desk.seen(taken, "canceled")) == ["OrderCanceled"]
    assert {target.price for target in position(desk).targets} == {Decimal(62000), Decimal(63000)}


def test_a_target_returns_to_no_other_position() -> None:
    desk = holding(quantity="0.01", targets=LADDER)
    taken = exit_of(fire(desk, "target", "62000")).order.client_order_id
    bought = next(iter(desk.state.orders_finished))
    desk.fill(bought, "0.01", "62000", side=OrderSide.SELL)
    desk.seen(taken, "canceled")
    assert desk.state.positions == {}


# --- by hand


def close(desk: Desk, fraction: str = "1", key: str = KEY) -> tuple[e.Event, ...]:
    held = position(desk, key)
    return desk.give(c.ClosePosition, position_id=held.position_id, fraction=Decimal(fraction))


@pytest.mark.parametrize(
    ("fraction", "quantity"),
    [("1", "0.0407"), ("0.5", "0.02035"), ("0.25", "0.01017"), ("7", "0.0407")],
)
def test_a_share_of_a_position_is_closed(fraction: str, quantity: str) -> None:
    assert exit_of(close(holding(), fraction)).order.quantity == Decimal(quantity)


def test_a_position_closed_by_hand_cancels_the_exits_that_wait() -> None:
    desk = holding()
    resting = desk.order(signal("btc", "sell", price_limit=70000, quantity="0.01"))
    closing = exit_of(close(desk)).order
    assert closing.quantity == Decimal("0.0307")
    bought = next(iter(desk.state.orders_finished))
    desk.fill(closing.client_order_id, "0.0307", "61240")
    events = desk.fill(bought, "0.01", "61240", side=OrderSide.SELL)
    assert kinds(events) == ["FillBooked", "OrderCancelRequested"]
    assert desk.state.orders[resting].cancel_requested


def refusal(events: tuple[e.Event, ...]) -> str:
    (event,) = events
    assert isinstance(event, e.CommandRefused)
    return event.rule


def test_what_cannot_be_closed_or_cancelled_is_refused_with_the_reason() -> None:
    desk = holding()
    gone: dict[str, Any] = {"position_id": "nobody"}
    assert refusal(desk.give(c.ClosePosition, **gone)) == "position_closed"
    assert refusal(desk.give(c.SetProtection, stop=None, **gone)) == "position_closed"
    close(desk)
    assert refusal(close(desk)) == "exit_cap"
    assert refusal(desk.give(c.CancelOrder, client_order_id="none")) == "order_unknown"
    name = desk.order(signal("eth", quantity="0.01"))
    desk.give(c.CancelOrder, client_order_id=name)
    assert refusal(desk.give(c.CancelOrder, client_order_id=name)) == "order_cancelling"
    desk.seen(name, "canceled")
    assert refusal(desk.give(c.CancelOrder, client_order_id=name)) == "order_finished"


def test_an_unknown_exit_blocks_on_spot_and_for_three_seconds_on_a_swap() -> None:
    spot, swap = holding(), holding("BTC/USDT:USDT", "0.02")
    perp = "binance:BTC/USDT:USDT"
    for desk, key in ((spot, KEY), (swap, perp)):
        sent = exit_of(close(desk, key=key)).order.client_order_id
        desk.tell(r.SubmitUnanswered(client_order_id=sent, text="no answer"))
        assert refusal(close(desk, key=key)) == "exit_cap"
        desk.later(2.9)
        assert refusal(close(desk, key=key)) == "exit_cap"
        desk.later(0.1)
    assert refusal(close(spot)) == "exit_cap"
    assert exit_of(close(swap, key=perp)).order.quantity == Decimal("0.02")


def test_an_exit_of_an_instrument_nobody_describes_goes_as_it_is() -> None:
    desk = holding()
    desk.instruments.clear()
    assert exit_of(close(desk)).order.quantity == Decimal("0.0407")


# --- protections


def protect(desk: Desk, stop: str | None, *targets: str) -> tuple[e.Event, ...]:
    return desk.give(
        c.SetProtection,
        position_id=position(desk).position_id,
        stop=None if stop is None else Decimal(stop),
        targets=tuple(Target(price=Decimal(price)) for price in targets[:1]),
    )


def test_stops_and_targets_are_replaced_taken_away_and_refused_on_the_wrong_side() -> None:
    desk = holding(stop_loss=60000)
    protect(desk, "60500", "62000")
    assert position(desk).stop == Decimal(60500)
    assert [target.price for target in position(desk).targets] == [Decimal(62000)]
    assert refusal(protect(desk, "61240")) == "stop_side"
    assert refusal(protect(desk, "60000", "61240")) == "target_side"
    percent = (Target(percent=Decimal(2)),)
    wrong = desk.give(
        c.SetProtection, position_id=position(desk).position_id, stop=None, targets=percent
    )
    assert refusal(wrong) == "target_side"
    protect(desk, None)
    assert (position(desk).stop, position(desk).targets) == (None, ())


def test_a_short_s_stop_stands_above() -> None:
    desk = holding("BTC/USDT:USDT", "0.01", "short")
    held = desk.state.positions["binance:BTC/USDT:USDT"]
    give: dict[str, Any] = {"position_id": held.position_id}
    assert refusal(desk.give(c.SetProtection, stop=Decimal(60000), **give)) == "stop_side"
    desk.quotes.clear()  # without a price the entry decides
    assert kinds(desk.give(c.SetProtection, stop=Decimal(62000), **give)) == ["ProtectionChanged"]


def test_stops_set_aside_come_back() -> None:
    desk = holding(stop_loss=60000, targets=LADDER)
    assert refusal(desk.give(c.RestoreProtections)) == "no_stops"
    desk.give(c.SetProtectionsAside)
    assert (position(desk).stop, position(desk).targets) == (None, ())
    assert refusal(desk.give(c.SetProtectionsAside)) == "no_stops"
    desk.give(c.RestoreProtections)
    assert position(desk).stop == Decimal(60000)
    assert position(desk).targets == LADDER


def test_a_stop_set_aside_is_forgotten_with_its_position() -> None:
    desk = holding(stop_loss=60000)
    desk.give(c.SetProtectionsAside)
    closing = exit_of(close(desk)).order
    desk.fill(closing.client_order_id, "0.0407", "61240")
    assert desk.state.set_aside == {}
    assert refusal(desk.give(c.RestoreProtections)) == "no_stops"


def test_an_entry_s_own_cancel_is_repeatable_after_it_was_unknown() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.01"))
    desk.give(c.CancelOrder, OWNER, client_order_id=name)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    assert desk.state.orders[name].status is OrderStatus.UNKNOWN
    desk.seen(name, "open")
    assert desk.state.orders[name].status is OrderStatus.PENDING_CANCEL
    desk.seen(name, "canceled")
    assert desk.state.orders_finished[name].status is OrderStatus.CANCELED


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity", "1e400"])
def test_a_share_or_a_stop_that_is_no_number_never_reaches_a_decision(number: str) -> None:
    desk = holding()
    with pytest.raises(InvalidInput):
        close(desk, number)
    with pytest.raises(InvalidInput):
        protect(desk, number)

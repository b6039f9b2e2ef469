"""Stops that rest at the venue: placed for what is held, moved with the wish, out of the way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.positions import Position
from engine.protection import StopRest, is_covered, is_protection, resting_for, stops_on
from engine.signals import Target
from engine.stops import FlattenRun
from tests.engine.desk import LIMITS, Desk, kinds, signal

SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
KEY, PERP_KEY = f"binance:{SPOT}", f"binance:{PERP}"
RESTS = {"binance:spot": StopRest.MARKET, "binance:swap": StopRest.MARKET}


def resting_desk(symbol: str = SPOT, quantity: str = "0.01", **fields: Any) -> Desk:
    """Hold a long with a stop that the venue has acknowledged."""
    desk = Desk(rests=fields.pop("rests", RESTS))
    desk.hold(symbol, quantity, "61240", **({"stop_loss": 60000} | fields))
    answer(desk)
    return desk


def answer(desk: Desk) -> None:
    """Let the venue acknowledge each stop that it has not answered yet."""
    for name, order in tuple(desk.state.orders.items()):
        if is_protection(order) and order.status is OrderStatus.SUBMITTED:
            desk.tell(r.SubmitAccepted(client_order_id=name, venue_order_id=f"v{name}"))


def tick(desk: Desk) -> tuple[e.Event, ...]:
    return desk.give(c.TendStops, actor=c.ENGINE)


def stops(desk: Desk, key: str = KEY) -> tuple[Order, ...]:
    return stops_on(desk.state, key)


def stop(desk: Desk, key: str = KEY) -> Order:
    (found,) = stops(desk, key)
    return found


def held(desk: Desk, key: str = KEY) -> Position:
    return desk.state.positions[key]


def move(desk: Desk, price: int | str | None, key: str = KEY) -> tuple[e.Event, ...]:
    wanted = Decimal(price) if price is not None else None
    return desk.give(c.SetProtection, position_id=held(desk, key).position_id, stop=wanted)


def close(desk: Desk, fraction: str = "1", key: str = KEY) -> tuple[e.Event, ...]:
    share = Decimal(fraction)
    return desk.give(c.ClosePosition, position_id=held(desk, key).position_id, fraction=share)


def sent(events: tuple[e.Event, ...]) -> Order:
    (order,) = [event.order for event in events if isinstance(event, e.OrderSubmitted)]
    return order


# placing


@pytest.mark.parametrize(("symbol", "key"), [(SPOT, KEY), (PERP, PERP_KEY)])
def test_a_fill_places_a_stop_for_exactly_what_it_filled(symbol: str, key: str) -> None:
    desk = Desk(rests=RESTS)
    entry = desk.order(signal(symbol, quantity="0.02", stop_loss=60000))
    # when a part fills
    placed = sent(desk.fill(entry, "0.005", "61240"))
    assert (placed.kind, placed.purpose, placed.side) == (
        *(OrderKind.STOP, OrderPurpose.EXIT, OrderSide.SELL),
    )
    assert (placed.quantity, placed.price_trigger) == (Decimal("0.005"), Decimal(60000))
    assert placed.position_id == held(desk, key).position_id
    # and another while nobody knows of the first: nothing is sent twice
    assert kinds(desk.fill(entry, "0.005", "61240")) == ["FillBooked"]
    answer(desk)
    desk.later(3)
    tick(desk)
    desk.seen(placed.client_order_id, "canceled")
    answer(desk)
    tick(desk)
    assert [order.quantity for order in stops(desk, key)][-1] == Decimal("0.01")


def test_a_short_is_stopped_by_a_buy_above_it() -> None:
    desk = Desk(rests=RESTS)
    desk.hold(PERP, "0.01", "61230", action="short", stop_loss=63000, leverage=2)
    assert (stop(desk, PERP_KEY).side, stop(desk, PERP_KEY).price_trigger) == (
        *(OrderSide.BUY, Decimal(63000)),
    )


@pytest.mark.parametrize("rests", [{}, {"binance:swap": StopRest.MARKET}])
def test_where_none_can_rest_the_engine_watches(rests: dict[str, StopRest]) -> None:
    desk = resting_desk(rests=rests)
    assert (stops(desk), held(desk).stop) == ((), Decimal(60000))


def test_a_venue_that_needs_a_limit_has_it_far_behind_the_trigger() -> None:
    desk = resting_desk(rests={"binance:spot": StopRest.LIMIT})
    assert stop(desk).price_limit == Decimal(57000)


def test_without_a_stop_nothing_rests() -> None:
    assert stops(resting_desk(stop_loss=None)) == ()


def test_a_stop_that_is_reached_already_is_left_to_the_watch() -> None:
    desk = Desk(rests=RESTS)
    entry = desk.order(signal(SPOT, quantity="0.01", stop_loss=60000))
    desk.quote(SPOT, "59999.99", "60001")
    assert kinds(desk.fill(entry, "0.01", "61240")) == ["FillBooked"]
    # one tick above it rests
    desk.quote(SPOT, "60000.01", "60001")
    assert sent(tick(desk)).kind is OrderKind.STOP


@pytest.mark.parametrize(("quantity", "rests"), [("0.00008", False), ("0.00009", True)])
def test_too_little_to_sell_is_watched(quantity: str, rests: bool) -> None:
    # given what is worth a little less, or more, than the venue's minimum at the stop
    desk = Desk(rests=RESTS)
    desk.fill(desk.order(signal(SPOT, quantity="0.01", stop_loss=60000)), quantity, "61240")
    assert bool(stops(desk)) is rests


def test_a_silent_venue_is_sent_no_stop_until_it_speaks() -> None:
    desk = Desk(rests=RESTS)
    entry = desk.order(signal(SPOT, quantity="0.01", stop_loss=60000))
    desk.tell(r.VenueSilent(venue="binance", text="no answer"))
    assert kinds(desk.fill(entry, "0.01", "61240")) == ["FillBooked"]
    assert tick(desk) == ()
    desk.shown({"BTC": "0.01"})
    assert sent(tick(desk)).kind is OrderKind.STOP


# replacing


def test_on_a_swap_the_new_stop_is_acknowledged_before_the_old_one_goes() -> None:
    desk = resting_desk(PERP)
    old = stop(desk, PERP_KEY)
    events = move(desk, 60500, PERP_KEY)
    assert kinds(events) == ["ProtectionChanged", "OrderSubmitted"]
    new = sent(events)
    assert not desk.state.orders[old.client_order_id].cancel_requested
    desk.tell(r.SubmitAccepted(client_order_id=new.client_order_id, venue_order_id="n"))
    assert desk.state.orders[old.client_order_id].cancel_requested
    desk.seen(old.client_order_id, "canceled")
    assert stop(desk, PERP_KEY).price_trigger == Decimal(60500)


def test_a_new_stop_that_is_refused_leaves_the_old_one_in_place() -> None:
    desk = resting_desk(PERP)
    old = stop(desk, PERP_KEY)
    new = sent(move(desk, 60500, PERP_KEY))
    desk.tell(r.SubmitRefused(client_order_id=new.client_order_id, code="x", text="no"))
    assert stop(desk, PERP_KEY) == old
    # and another is tried after five seconds, not before
    desk.later(4.9)
    assert tick(desk) == ()
    desk.later(0.1)
    assert sent(tick(desk)).price_trigger == Decimal(60500)


def test_on_spot_the_old_stop_ends_before_the_new_one_is_sent() -> None:
    desk = resting_desk()
    old = stop(desk)
    assert kinds(move(desk, 60500)) == ["ProtectionChanged", "OrderCancelRequested"]
    assert tick(desk) == ()
    placed = sent(desk.seen(old.client_order_id, "canceled"))
    assert placed.price_trigger == Decimal(60500)


def test_a_trailing_stop_is_replaced_every_three_seconds_at_most() -> None:
    desk = resting_desk(PERP)
    move(desk, 60100, PERP_KEY)
    answer(desk)
    for second, price in enumerate((60200, 60300), 1):
        desk.later(1)
        assert kinds(move(desk, price, PERP_KEY)) == ["ProtectionChanged"], second
    desk.seen(stops(desk, PERP_KEY)[0].client_order_id, "canceled")
    desk.later(1)
    assert sent(tick(desk)).price_trigger == Decimal(60300)


def test_a_stop_that_covers_too_much_on_spot_shrinks_at_once() -> None:
    # given a stop that was just placed, and a position of which somebody else took a part
    desk = Desk(rests=RESTS)
    desk.fill(desk.order(signal(SPOT, quantity="0.01", stop_loss=60000)), "0.01", "61240")
    answer(desk)
    old = stop(desk)
    shrunk = replace(held(desk), quantity=Decimal("0.004"))
    desk.state = replace(desk.state, positions={KEY: shrunk})
    assert kinds(tick(desk)) == ["OrderCancelRequested"]
    assert sent(desk.seen(old.client_order_id, "canceled")).quantity == Decimal("0.004")


def test_taking_the_stop_away_cancels_what_rests() -> None:
    desk = resting_desk()
    assert kinds(move(desk, None)) == ["ProtectionChanged", "OrderCancelRequested"]
    assert stop(desk).cancel_requested


def test_turned_off_what_rests_is_cancelled_and_watched() -> None:
    desk = resting_desk()
    desk.rests = {}
    assert kinds(tick(desk)) == ["OrderCancelRequested"]
    assert held(desk).stop == Decimal(60000)


# the venue's own word


def test_a_stop_the_venue_cancels_is_placed_again_with_growing_pauses() -> None:
    desk = resting_desk()
    for wait in (5, 10, 20):
        name = stop(desk).client_order_id
        assert kinds(desk.seen(name, "canceled")) == ["OrderCanceled"]
        desk.later(wait - 0.1)
        assert tick(desk) == (), wait
        desk.later(0.1)
        assert sent(tick(desk)).quantity == Decimal("0.01")
        answer(desk)
    # one that has rested for a minute begins anew
    desk.later(60)
    desk.seen(stop(desk).client_order_id, "canceled")
    desk.later(5)
    assert kinds(tick(desk)) == ["OrderSubmitted"]


def test_a_stop_that_fills_closes_the_position_by_itself() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    assert kinds(desk.fill(name, "0.01", "59990")) == ["FillBooked"]
    assert (desk.state.positions, stops(desk)) == ({}, ())
    assert desk.state.orders_finished[name].status is OrderStatus.FILLED


def test_a_stop_that_fills_in_part_and_lapses_leaves_the_rest_to_the_watch() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    desk.fill(name, "0.004", "59990")
    desk.quote(SPOT, "59980", "59990")
    assert kinds(desk.seen(name, "expired", "0.004")) == ["OrderExpired"]
    assert held(desk).quantity == Decimal("0.006")
    quote = desk.quotes[KEY]
    fields: dict[str, Any] = {"leg": "stop", "price": Decimal(60000), "quote": quote}
    events = desk.give(c.TriggerExit, c.ENGINE, position_id=held(desk).position_id, **fields)
    assert sent(events).quantity == Decimal("0.006")


def test_an_unknown_stop_is_not_sent_a_second_time() -> None:
    desk = Desk(rests=RESTS)
    desk.fill(desk.order(signal(PERP, quantity="0.01", stop_loss=60000)), "0.01", "61240")
    name = stop(desk, PERP_KEY).client_order_id
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
    desk.later(30)
    assert tick(desk) == ()
    assert resting_for(desk.state, held(desk, PERP_KEY)) == ()
    # the venue has it after all
    desk.seen(name, "open")
    assert len(resting_for(desk.state, held(desk, PERP_KEY))) == 1


# exits


@pytest.mark.parametrize("fraction", ["1", "0.5"])
def test_on_spot_a_close_waits_for_the_end_of_the_stop(fraction: str) -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    events = close(desk, fraction)
    assert kinds(events) == ["OrderSubmitted", "OrderCancelRequested"]
    assert sent(events).held
    # asked for twice it is sent once
    assert kinds(close(desk, "1"))[-1] == (
        "CommandRefused" if fraction == "1" else "OrderSubmitted"
    )
    released = desk.seen(name, "canceled")
    assert isinstance(released[1], e.ExitReleased)
    assert released[1].quantity == Decimal("0.01") * Decimal(fraction)
    assert not desk.state.orders[sent(events).client_order_id].held


def test_after_a_part_was_closed_the_stop_covers_the_rest() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    part = sent(close(desk, "0.4")).client_order_id
    events = desk.seen(name, "canceled")
    assert kinds(events) == ["OrderCanceled", "ExitReleased", "OrderSubmitted"]
    assert sent(events).quantity == Decimal("0.006")
    # and if the close fails it covers all again
    answer(desk)
    again = stop(desk).client_order_id
    desk.later(3)
    desk.tell(r.SubmitRefused(client_order_id=part, code="x", text="no"))
    assert desk.state.orders[again].cancel_requested
    assert sent(desk.seen(again, "canceled")).quantity == Decimal("0.01")


def test_a_stop_that_fills_while_a_close_waits_for_it_leaves_nothing_to_close() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    waits = sent(close(desk)).client_order_id
    events = desk.fill(name, "0.01", "59990")
    assert "OrderNotSent" in kinds(events)
    assert desk.state.orders_finished[waits].status is OrderStatus.NOT_SENT
    assert desk.state.orders == {}


def test_a_stop_that_fills_in_part_caps_the_close_that_waits() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    close(desk)
    desk.fill(name, "0.007", "59990")
    events = desk.seen(name, "canceled", "0.007")
    (released,) = [event for event in events if isinstance(event, e.ExitReleased)]
    assert released.quantity == Decimal("0.003")


def test_a_close_waits_three_seconds_at_most_where_nothing_else_could_be_sold() -> None:
    desk = resting_desk()
    close(desk)
    desk.later(2.9)
    assert tick(desk) == ()
    desk.later(0.1)
    assert kinds(tick(desk)) == ["ExitReleased"]


def test_a_close_waits_for_the_stop_where_it_could_sell_what_is_not_ours() -> None:
    desk = resting_desk()
    desk.state = replace(desk.state, holdings={"binance:BTC": Decimal(1)})
    name = stop(desk).client_order_id
    close(desk)
    desk.later(30)
    assert tick(desk) == ()
    assert "ExitReleased" in kinds(desk.seen(name, "canceled"))


def test_on_a_swap_nothing_waits_and_the_stop_stays_until_it_is_closed() -> None:
    desk = resting_desk(PERP)
    name = stop(desk, PERP_KEY).client_order_id
    events = close(desk, key=PERP_KEY)
    assert kinds(events) == ["OrderSubmitted"]
    assert not desk.state.orders[name].cancel_requested
    desk.fill(sent(events).client_order_id, "0.01", "61240")
    assert desk.state.orders[name].cancel_requested


def test_a_typed_sell_is_not_denied_because_a_stop_rests() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    limit = sent(desk.give(
        c.SubmitSignal, signal=signal(SPOT, "sell", price_limit=70000, quantity="0.004"),
        venue="binance",
    ))  # fmt: skip
    assert limit.held
    # once it rests the stop covers what it does not
    placed = sent(desk.seen(name, "canceled"))
    assert placed.quantity == Decimal("0.006")


def test_a_target_takes_its_share_and_the_stop_shrinks() -> None:
    desk = resting_desk(targets=(Target(price=Decimal(62000), fraction=Decimal("0.5")),))
    name = stop(desk).client_order_id
    quote = desk.quote(SPOT, "62001", "62002")
    fields: dict[str, Any] = {"leg": "target", "price": Decimal(62000), "quote": quote}
    desk.give(c.TriggerExit, c.ENGINE, position_id=held(desk).position_id, **fields)
    events = desk.seen(name, "canceled")
    assert kinds(events) == ["OrderCanceled", "ExitReleased", "OrderSubmitted"]
    assert sent(events).quantity == Decimal("0.005")


def test_a_cancelled_close_that_waited_is_never_sent() -> None:
    desk = resting_desk()
    waits = sent(close(desk)).client_order_id
    events = desk.give(c.CancelOrder, client_order_id=waits)
    assert kinds(events) == ["OrderCancelRequested", "OrderNotSent"]


def test_flatten_sells_once_the_stop_has_ended_and_places_none() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    events = desk.give(c.Flatten)
    assert desk.state.orders[name].cancel_requested
    assert sent(events).held
    assert isinstance(desk.state.flatten, FlattenRun)
    released = desk.seen(name, "canceled")
    assert kinds(released) == ["OrderCanceled", "ExitReleased"]


def test_a_restart_lets_a_close_go_on_that_waited() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    waits = sent(close(desk)).client_order_id
    desk.start()
    assert desk.state.orders[waits].status is OrderStatus.SUBMITTED
    assert "ExitReleased" in kinds(desk.seen(name, "canceled"))


def test_a_restart_after_the_release_asks_and_never_sends_again() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    waits = sent(close(desk)).client_order_id
    desk.seen(name, "canceled")
    desk.start()
    assert desk.state.orders[waits].status is OrderStatus.UNKNOWN
    assert "OrderSubmitted" not in kinds(tick(desk))


# a person's hand


def test_setting_stops_aside_cancels_them_and_putting_back_places_them() -> None:
    desk = resting_desk()
    name = stop(desk).client_order_id
    assert kinds(desk.give(c.SetProtectionsAside)) == [
        *("ProtectionsSetAside", "OrderCancelRequested"),
    ]
    assert kinds(desk.seen(name, "canceled")) == ["OrderCanceled"]
    events = desk.give(c.RestoreProtections)
    assert sent(events).price_trigger == Decimal(60000)


def test_cancelling_a_stop_s_order_takes_the_stop_away() -> None:
    desk = resting_desk(targets=(Target(price=Decimal(62000), fraction=Decimal(1)),))
    name = stop(desk).client_order_id
    events = desk.give(c.CancelOrder, client_order_id=name)
    assert kinds(events) == ["ProtectionChanged", "OrderCancelRequested"]
    assert (held(desk).stop, len(held(desk).targets)) == (None, 1)
    assert kinds(desk.seen(name, "canceled")) == ["OrderCanceled"]


def test_stop_keeps_the_stops() -> None:
    desk = resting_desk()
    desk.give(c.Halt)
    assert not stop(desk).cancel_requested


def test_what_closed_by_hand_at_the_venue_takes_its_stop_along() -> None:
    desk = resting_desk(PERP)
    name = stop(desk, PERP_KEY).client_order_id
    fields = {"symbol": PERP, "side": OrderSide.SELL}
    desk.fill(None, "0.004", "61000", **fields)
    desk.later(3)
    tick(desk)
    answer(desk)
    desk.seen(name, "canceled")
    assert stop(desk, PERP_KEY).quantity == Decimal("0.006")
    desk.fill(None, "0.006", "61000", **fields)
    assert stop(desk, PERP_KEY).cancel_requested


# the watch


@pytest.mark.parametrize(
    ("price", "covered"), [("60000", True), ("60000.01", False), ("59000", True)]
)
def test_the_venue_is_left_to_fill_what_it_has_reached(price: str, covered: bool) -> None:
    desk = resting_desk()
    found = is_covered(desk.state, held(desk), Decimal(price), desk.instruments)
    assert found is covered


@pytest.mark.parametrize(("more", "covered"), [("0", True), ("0.00001", True), ("0.001", False)])
def test_a_position_is_covered_but_for_dust(more: str, covered: bool) -> None:
    desk = resting_desk()
    grown = replace(held(desk), quantity=Decimal("0.01") + Decimal(more))
    assert is_covered(desk.state, grown, Decimal(59999), desk.instruments) is covered


@pytest.mark.parametrize("after", ["submitted", "unknown", "cancelling"])
def test_a_stop_nobody_has_acknowledged_covers_nothing(after: str) -> None:
    desk = Desk(rests=RESTS)
    desk.fill(desk.order(signal(SPOT, quantity="0.01", stop_loss=60000)), "0.01", "61240")
    if after == "unknown":
        name = stop(desk).client_order_id
        desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
    elif after == "cancelling":
        answer(desk)
        close(desk)
    assert not is_covered(desk.state, held(desk), Decimal(59999), desk.instruments)


def test_time_set_back_does_not_stop_the_tries() -> None:
    desk = resting_desk()
    desk.seen(stop(desk).client_order_id, "canceled")
    desk.now -= timedelta(hours=1)
    assert kinds(tick(desk)) == ["OrderSubmitted"]


# limits


def test_a_stop_is_no_use_of_the_limit_on_open_orders() -> None:
    desk = Desk(rests=RESTS, limits=replace(LIMITS, orders_open_max=1))
    desk.hold(SPOT, "0.01", "61240", stop_loss=60000)
    answer(desk)
    assert len(desk.state.orders) == 1
    # one entry more passes, and a second one is refused as ever
    desk.order(signal("eth", quantity="0.1", price_limit=3000))
    assert "open_orders" in desk.denied(signal("sol", quantity="1", price_limit=100))

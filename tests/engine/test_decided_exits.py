"""Exits at their edges: the last rung of a ladder, levels that are gone, entries that wait."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import OrderStatus
from engine.signals import Target
from tests.engine.desk import Desk, kinds, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"


def holding(quantity: str = "0.01", **fields: Any) -> Desk:
    desk = Desk()
    desk.hold("BTC/USDT", quantity, "61240", **fields)
    return desk


def rungs(*shares: str) -> tuple[Target, ...]:
    return tuple(
        Target(price=Decimal(62000 + 1000 * number), fraction=Decimal(share))
        for number, share in enumerate(shares)
    )


def fire(desk: Desk, leg: str, price: str) -> tuple[e.Event, ...]:
    held = desk.state.positions[KEY]
    fields: dict[str, Any] = {"position_id": held.position_id, "quote": desk.quotes[KEY]}
    return desk.give(c.TriggerExit, actor=c.ENGINE, leg=leg, price=Decimal(price), **fields)


def sold(events: tuple[e.Event, ...]) -> Decimal:
    (found,) = [event for event in events if isinstance(event, e.OrderSubmitted)]
    return found.order.quantity


@pytest.mark.parametrize(
    ("share", "quantity"),
    [
        ("0.5", "0.00500"),  # the other half
        ("0.495", "0.00500"),  # five lots less: what rounding can have left of six rungs
        ("0.494", "0.00494"),  # six lots less: somebody meant to keep them
    ],
)
def test_the_last_rung_takes_what_rounding_left_and_no_more(share: str, quantity: str) -> None:
    desk = holding(targets=rungs("0.5", share))
    first = fire(desk, "target", "62000")
    assert sold(first) == Decimal("0.00500")
    (name,) = desk.state.orders
    desk.fill(name, "0.005", "62000")
    assert sold(fire(desk, "target", "63000")) == Decimal(quantity)


def test_a_single_rung_keeps_what_it_was_to_keep_however_little() -> None:
    # given one target of all but four lots, and nothing sold before
    desk = holding(targets=rungs("0.996"))
    assert sold(fire(desk, "target", "62000")) == Decimal("0.00996")


def test_an_earlier_rung_takes_its_share_only() -> None:
    # given a ladder that has shrunk with what was sold by hand
    desk = holding(targets=rungs("0.5", "0.5"))
    desk.fill(desk.order(signal("btc", "sell", quantity="0.00499")), "0.00499", "61240")
    desk.later(20)
    assert sold(fire(desk, "target", "62000")) == Decimal("0.00250")


def test_a_rung_of_an_instrument_nobody_describes_takes_its_exact_share() -> None:
    desk = holding(targets=rungs("0.5", "0.5"))
    desk.instruments.clear()
    assert sold(fire(desk, "target", "62000")) == Decimal("0.005")
    (name,) = desk.state.orders
    desk.fill(name, "0.005", "62000")
    assert sold(fire(desk, "target", "63000")) == Decimal("0.005")


@pytest.mark.parametrize(("leg", "price"), [("target", "62000.01"), ("stop", "60000.01")])
def test_a_level_that_stands_no_more_closes_nothing(leg: str, price: str) -> None:
    desk = holding(stop_loss=60000, targets=rungs("1"))
    assert fire(desk, leg, price) == ()


def test_a_level_of_a_position_that_is_gone_closes_nothing() -> None:
    desk = holding(stop_loss=60000)
    fields: dict[str, Any] = {"price": Decimal(60000), "quote": desk.quotes[KEY]}
    assert desk.give(c.TriggerExit, position_id="gone", leg="stop", **fields) == ()


def test_a_stop_clears_resting_exits_out_of_its_way_and_a_target_does_not() -> None:
    desk = holding(stop_loss=60000, targets=rungs("0.5"))
    resting = desk.order(signal("btc", "sell", quantity="0.002", price_limit=70000))
    desk.hold("ETH/USDT", "0.3", "3396")
    other = desk.order(signal("eth", "sell", price_limit=9000))
    assert kinds(fire(desk, "target", "62000")) == ["ExitTriggered", "OrderSubmitted"]
    events = fire(desk, "stop", "60000")
    assert kinds(events) == ["OrderCancelRequested", "ExitTriggered", "OrderSubmitted"]
    assert desk.state.orders[resting].cancel_requested
    assert not desk.state.orders[other].cancel_requested
    # what is being cancelled is not cancelled once more, and a market exit never
    assert fire(desk, "stop", "60000") == ()


def test_a_stop_that_finds_nothing_left_to_sell_only_clears_the_way() -> None:
    desk = holding(stop_loss=60000)
    desk.order(signal("btc", "sell", price_limit=70000))
    assert kinds(fire(desk, "stop", "60000")) == ["OrderCancelRequested"]


def test_an_exit_leaves_what_other_exits_have_still_to_sell() -> None:
    desk = holding()
    held = desk.state.positions[KEY]
    name = desk.order(signal("btc", "sell", quantity="0.004", price_limit=70000))
    desk.fill(name, "0.001", "70000")
    events = desk.give(c.ClosePosition, position_id=held.position_id)
    assert sold(events) == Decimal("0.006")


def test_an_entry_under_way_holds_nothing_back_and_hides_no_exit() -> None:
    desk = holding()
    held = desk.state.positions[KEY]
    # given an entry, and an exit behind it
    desk.order(signal(quantity="0.001", price_limit=50000))
    desk.order(signal("btc", "sell", quantity="0.004", price_limit=70000))
    assert sold(desk.give(c.ClosePosition, position_id=held.position_id)) == Decimal("0.006")


@pytest.mark.parametrize(
    ("fraction", "kind"),
    [
        ("0.0001", "CommandRefused"),  # less than a lot
        ("0.008", "CommandRefused"),  # 0.00008 BTC are 4.90, below the least amount
        ("0.009", "OrderSubmitted"),
    ],
)
def test_what_the_venue_would_not_take_is_refused(fraction: str, kind: str) -> None:
    desk = holding()
    held = desk.state.positions[KEY]
    events = desk.give(c.ClosePosition, position_id=held.position_id, fraction=Decimal(fraction))
    assert kinds(events) == [kind]


def swap_with_unknown_exit(**fields: Any) -> tuple[Desk, str]:
    desk = Desk()
    desk.hold(PERP, "0.01", "61234.7")
    position = desk.state.positions[f"binance:{PERP}"]
    desk.give(c.ClosePosition, position_id=position.position_id, fraction=Decimal("0.5"))
    (name,) = desk.state.orders
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    order = replace(desk.state.orders[name], **fields)
    desk.state = replace(desk.state, orders={name: order})
    return desk, position.position_id


@pytest.mark.parametrize(("seconds", "quantity"), [(2.999, "0.005"), (3, "0.010")])
def test_an_unknown_exit_of_a_swap_counts_for_three_seconds(seconds: float, quantity: str) -> None:
    desk, name = swap_with_unknown_exit()
    desk.later(seconds)
    assert sold(desk.give(c.ClosePosition, position_id=name)) == Decimal(quantity)


def test_an_unknown_exit_that_counts_no_more_hides_no_other() -> None:
    desk, name = swap_with_unknown_exit()
    desk.later(3)
    desk.give(c.ClosePosition, position_id=name, fraction=Decimal("0.2"))
    assert sold(desk.give(c.ClosePosition, position_id=name)) == Decimal("0.008")


def test_an_unknown_exit_without_a_time_has_just_become_unknown() -> None:
    desk, name = swap_with_unknown_exit(unknown_since=None)
    desk.later(100)
    assert sold(desk.give(c.ClosePosition, position_id=name)) == Decimal("0.005")


# --- protection


@pytest.mark.parametrize(
    ("stop", "target", "changed"),
    [
        ("61239.99", "61240.01", True),
        ("61240", None, False),
        (None, "61240", False),
        ("1", "999999", True),
    ],
)
def test_a_stop_stands_below_the_mid_of_a_long_and_a_target_above(
    stop: str | None, target: str | None, changed: bool
) -> None:
    desk = holding()
    events = desk.give(
        c.SetProtection,
        position_id=desk.state.positions[KEY].position_id,
        stop=None if stop is None else Decimal(stop),
        targets=() if target is None else (Target(price=Decimal(target)),),
    )
    assert kinds(events) == (["ProtectionChanged"] if changed else ["CommandRefused"])


def test_without_a_fresh_price_protection_is_measured_from_the_entry() -> None:
    desk = holding()
    desk.quote("BTC/USDT", "50000", "50001")
    desk.now = desk.now.replace(second=desk.now.second + 6)
    held = desk.state.positions[KEY]
    (refused,) = desk.give(c.SetProtection, position_id=held.position_id, stop=Decimal(61240))
    assert isinstance(refused, e.CommandRefused)
    assert refused.sentence == "The stop 61240 must stand below the price 61240."
    low = desk.give(c.SetProtection, position_id=held.position_id, stop=Decimal("61239.99"))
    assert kinds(low) == ["ProtectionChanged"]


# --- entries that wait


@pytest.mark.parametrize(
    ("seconds", "filled", "cancelled"),
    [(299.999, None, False), (300, None, True), (300, "0.004", True)],
)
def test_an_entry_that_waits_too_long_is_cancelled_with_the_seconds(
    seconds: float, filled: str | None, cancelled: bool
) -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.01", price_limit=50000))
    desk.seen(name, "open")
    if filled is not None:
        desk.fill(name, filled, "50000")
        assert desk.state.orders[name].status is OrderStatus.PARTIALLY_FILLED
    desk.later(seconds)
    expected = e.OrderCancelRequested(
        at=desk.now,
        command_id="sweep",
        client_order_id=name,
        actor=c.ENGINE,
        reason="not filled in 300 s",
    )
    events = desk.give(c.Sweep, actor=c.SCHEDULE, command_id="sweep")
    assert events == ((expected,) if cancelled else ())


def test_what_has_no_outcome_or_is_being_cancelled_is_not_swept() -> None:
    desk = Desk()
    desk.order(signal(quantity="0.001", price_limit=50000))
    cancelled = desk.order(signal("eth", quantity="0.01", price_limit=3000))
    desk.seen(cancelled, "open")
    desk.give(c.CancelOrder, client_order_id=cancelled)
    desk.later(3600)
    assert desk.give(c.Sweep, actor=c.SCHEDULE) == ()

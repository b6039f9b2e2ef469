"""Protection belongs to what it was asked for: no other fill moves a stop or a target."""

from decimal import Decimal

from engine import commands as c
from engine import events as e
from tests.engine.desk import Desk, signal
from tests.engine.test_exits import LADDER, exit_of, fire, holding, position

PERP = "BTC/USDT:USDT"
PERP_KEY = f"binance:{PERP}"


def test_an_entry_that_reduces_the_other_side_leaves_its_protection_alone() -> None:
    # given a bid that rests below, and a short that was opened after it
    desk = Desk()
    bid = desk.order(signal(PERP, quantity="0.01", price_limit=60000, stop_loss=59000))
    desk.hold(PERP, "0.015", "61230", action="short", stop_loss=63000, leverage=2)
    # when the bid fills and takes a part of the short off
    desk.fill(bid, "0.01", "60000")
    # then the short keeps its own stop, and what bought it back protects nothing
    held = position(desk, PERP_KEY)
    assert (held.quantity, held.stop) == (Decimal("-0.005"), Decimal(63000))
    assert held.leverage == Decimal(2)


def test_an_entry_that_flips_protects_what_it_opens() -> None:
    desk = Desk()
    bid = desk.order(signal(PERP, quantity="0.01", price_limit=60000, stop_loss=59000))
    desk.hold(PERP, "0.004", "61230", action="short", stop_loss=63000)
    desk.fill(bid, "0.01", "60000")
    held = position(desk, PERP_KEY)
    assert (held.quantity, held.stop) == (Decimal("0.006"), Decimal(59000))


def test_what_dust_was_protected_by_never_guards_a_new_position() -> None:
    # given a position whose stop has closed all but dust
    desk = holding(quantity="0.01", stop_loss=60000, targets=LADDER)
    taken = exit_of(fire(desk, "stop", "60000")).order
    desk.fill(taken.client_order_id, "0.00999", "60000")
    desk.seen(taken.client_order_id, "expired", "0.00999")
    assert position(desk).quantity == Decimal("0.00001")
    # when somebody buys again, lower, without a stop
    desk.quote("BTC/USDT", "58999", "59001")
    desk.hold("BTC/USDT", "0.01", "59001")
    # then nothing sells it at once
    held = position(desk)
    assert (held.stop, held.targets) == (None, ())


def test_shares_of_new_targets_refer_to_what_is_held_then() -> None:
    # given a large position of which little is left
    desk = holding(quantity="0.02")
    most = exit_of(sold(desk, "0.9")).order
    desk.fill(most.client_order_id, "0.018", "61240")
    # when more is bought with a ladder of halves
    desk.hold("BTC/USDT", "0.01", "61240", targets=LADDER)
    # then each rung sells half of it
    assert position(desk).quantity == Decimal("0.012")
    assert exit_of(fire(desk, "target", "62000")).order.quantity == Decimal("0.006")


def sold(desk: Desk, fraction: str) -> tuple[e.Event, ...]:
    held = position(desk)
    return desk.give(c.ClosePosition, position_id=held.position_id, fraction=Decimal(fraction))

"""Cash beside the venue's: what open swaps have earned counts there as it counts here."""

from datetime import timedelta
from decimal import Decimal

import pytest

from engine import events as e
from engine import reports as r
from engine.external import FlowReason
from engine.orders import OrderSide
from tests.engine.desk import Desk, kinds

PERP = "BTC/USDT:USDT"


def held(desk: Desk, entry_price: str) -> tuple[r.VenuePosition, ...]:
    """Give our position as the venue shows it, with an entry price of its own."""
    position = desk.state.positions[f"binance:{PERP}"]
    return (
        r.VenuePosition(symbol=PERP, quantity=position.quantity, entry_price=Decimal(entry_price)),
    )


def in_another_order() -> tuple[Desk, str]:
    """Buy 1 at 60,000 and 1 at 62,000 and sell 1 at 61,000; the venue sold before it bought again.

    Here 0 was earned and the entry is 61,000; there 1,000 was earned, and it is 62,000.
    """
    desk = Desk(cash="100000")
    for side, price in (
        (OrderSide.BUY, "60000"),
        (OrderSide.BUY, "62000"),
        (OrderSide.SELL, "61000"),
    ):
        desk.fill(None, "1", price, symbol=PERP, side=side)
    desk.later(60)
    cash = desk.state.cash["binance:USDT"] + Decimal(1000)
    assert desk.state.positions[f"binance:{PERP}"].entry_price == Decimal(61000)
    return desk, str(cash)


def test_what_a_swap_earned_there_and_is_still_open_here_is_no_flow() -> None:
    desk, cash = in_another_order()
    assert desk.shown({"USDT": cash}, positions=held(desk, "62000")) == ()


def test_a_withdrawal_beside_it_is_booked_as_what_went_out() -> None:
    desk, cash = in_another_order()
    before = desk.state.cash["binance:USDT"]
    less = {"USDT": str(Decimal(cash) - 600)}
    for _ in range(3):
        assert kinds(desk.shown(less, positions=held(desk, "62000"))) == ["CashDoubted"]
        desk.later(15)
    (flowed,) = desk.shown(less, positions=held(desk, "62000"))
    assert isinstance(flowed, e.CashFlowed)
    assert (flowed.amount, flowed.cash) == (Decimal(-600), before - 600)
    desk.now += timedelta(seconds=60)
    assert desk.shown(less, positions=held(desk, "62000")) == ()


def test_an_entry_price_that_was_rounded_there_explains_nothing() -> None:
    desk, _ = in_another_order()
    cash = desk.state.cash["binance:USDT"]
    assert desk.shown({"USDT": str(cash)}, positions=held(desk, "61000.1")) == ()
    more = desk.shown({"USDT": str(cash + Decimal("0.1"))}, positions=held(desk, "61000.1"))
    assert kinds(more) == ["CashDoubted"]


@pytest.mark.parametrize("amount", ["-3.21", "2.05"])
def test_what_an_open_swap_pays_or_receives_is_booked_on_it_and_is_no_deposit(amount: str) -> None:
    desk = Desk(cash="100000")
    desk.fill(None, "1", "60000", symbol=PERP, side=OrderSide.BUY)
    desk.later(60)
    cash = desk.state.cash["binance:USDT"] + Decimal(amount)
    shown = {"USDT": str(cash)}
    before = desk.state
    for _ in range(3):
        assert kinds(desk.shown(shown, positions=held(desk, "60000"))) == ["CashDoubted"]
        desk.later(15)
    (paid,) = desk.shown(shown, positions=held(desk, "60000"))
    assert isinstance(paid, e.CashFlowed)
    assert (paid.reason, paid.amount) == (FlowReason.FUNDING, Decimal(amount))
    # It is gain or loss of the swap and of the day, not money from outside.
    assert desk.state.cash["binance:USDT"] == cash
    assert desk.state.positions[f"binance:{PERP}"].funding == Decimal(amount)
    assert desk.state.tally.funding == before.tally.funding + Decimal(amount)
    assert before.equity is not None
    assert desk.state.equity is not None
    assert desk.state.equity.day_flows == before.equity.day_flows

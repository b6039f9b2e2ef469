"""What if: a ticket says what it would do to exposure and drawdown before it is confirmed."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.proposals import Proposal, propose
from engine.tickets import WhatIf
from engine.what_if import what_if
from tests.engine.desk import Desk, signal

EQUITY = Decimal("12480.20")
# 0.001 BTC at the cap of 10 bps above the mid of 61,240, on the tick.
COST = Decimal("61.30124")


def seen(desk: Desk, **fields: Any) -> WhatIf:
    found = desk.ticket(signal(**({"quantity": "0.001"} | fields))).what_if
    assert found is not None
    return found


def test_an_empty_account_goes_from_nothing_to_the_most_the_order_can_cost() -> None:
    what = seen(Desk())
    share = COST / EQUITY * 100
    assert (what.gross_pct, what.gross_pct_after) == (Decimal(0), share)
    assert (what.coin_pct, what.coin_pct_after) == (Decimal(0), share)


def test_open_entries_stand_on_both_sides_and_another_coin_is_none_of_its_share() -> None:
    desk = Desk()
    desk.order(signal("eth", quantity="0.1", price_limit=3000))
    what = seen(desk)
    assert what.gross_pct == Decimal(300) / EQUITY * 100
    assert what.gross_pct_after == (300 + COST) / EQUITY * 100
    assert what.coin_pct == 0


def test_the_drawdown_after_is_that_of_its_stop_with_both_fees() -> None:
    desk = Desk()
    assert desk.state.equity is not None
    high = replace(desk.state.equity, high_water=Decimal(12655))
    desk.state = replace(desk.state, equity=high)
    ticket = desk.ticket(signal(quantity="0.001", stop_loss_pct=2))
    what = ticket.what_if
    assert what is not None
    assert ticket.stop_pnl is not None
    assert what.drawdown_pct == (12655 - EQUITY) / 12655 * 100
    assert what.drawdown_pct_after == (12655 - EQUITY - ticket.stop_pnl) / 12655 * 100
    assert what.drawdown_pct_after > what.drawdown_pct


def test_without_a_stop_there_is_no_drawdown_to_show() -> None:
    assert seen(Desk()).drawdown_pct_after is None


def test_a_gain_at_the_stop_is_no_negative_drawdown() -> None:
    what = seen(Desk(), price_limit=60000, stop_loss_pct=1)
    assert what.drawdown_pct == 0
    assert what.drawdown_pct_after is not None
    assert what.drawdown_pct_after > 0


def test_an_exit_and_an_account_without_equity_show_none() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    wish = signal("btc", "sell")
    proposal = propose(desk.state, wish, "binance", desk.context())
    assert isinstance(proposal, Proposal)
    assert what_if(proposal, desk.state, desk.context()) is None
    empty = Desk()
    assert empty.state.equity is not None
    poor = replace(empty.state.equity, equity=Decimal(0), high_water=Decimal(0))
    limits = replace(empty.state.limits, order_notional_pct_max=Decimal(10**9))
    empty.state = replace(empty.state, equity=poor, limits=limits)
    assert "account_leverage" in empty.denied(signal(quantity="0.001"))

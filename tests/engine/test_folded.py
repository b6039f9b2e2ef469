"""What State remembers after an event, field by field: orders, reservations, breakers, days."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import reports as r
from engine.events import Breach
from engine.exits import Reached, reached
from engine.orders import OrderSide, OrderStatus
from engine.risk_limits import TradingState
from engine.signals import Target, TradingSignal
from engine.sizing import Sizing, quantity_wanted
from engine.state import Reserved
from engine.stops import Breaker
from tests.engine.desk import AT, LIMITS, Desk, quote_of, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"
WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))


def sent(desk: Desk, **fields: Any) -> str:
    return desk.order(signal(**({"quantity": "0.01"} | fields)))


def test_an_order_adds_up_what_its_fills_did() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61000")
    begun = desk.now
    name = desk.order(signal("btc", "sell"))
    desk.later(1)
    desk.fill(name, "0.004", "61240", fee=Decimal("0.2"), venue_order_id="v7")
    first = desk.now
    desk.later(1)
    desk.fill(name, "0.006", "61340", fee=Decimal("0.3"), venue_order_id="v8")
    order = desk.state.orders_finished[name]
    assert (order.submitted_at, order.first_fill_at, order.finished_at) == (begun, first, desk.now)
    assert (order.fills, order.filled, order.fees) == (2, Decimal("0.01"), Decimal("0.5"))
    assert order.price_average == Decimal(61300)
    assert order.realised_pnl == Decimal("3.00") - Decimal("0.5")
    assert (order.venue_order_id, order.status) == ("v7", OrderStatus.FILLED)


def test_an_order_keeps_the_venue_s_name_and_the_time_it_was_accepted_first() -> None:
    desk = Desk()
    name = sent(desk)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
    assert desk.state.orders[name].refusal == "timeout"
    assert desk.state.orders[name].unknown_since == AT
    desk.later(1)
    desk.tell(r.SubmitAccepted(client_order_id=name, venue_order_id="v7"))
    order = desk.state.orders[name]
    assert (order.venue_order_id, order.accepted_at) == ("v7", AT + timedelta(seconds=1))
    assert (order.unknown_since, order.finished_at) == (None, None)


def test_a_fill_ends_the_search_for_an_order() -> None:
    desk = Desk()
    name = sent(desk)
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
    desk.fill(name, "0.004", "61240")
    assert desk.state.orders[name].unknown_since is None


def test_what_was_withheld_or_refused_says_why() -> None:
    desk = Desk()
    withheld, refused = sent(desk), sent(desk, symbol="ETH/USDT", quantity="0.1")
    desk.tell(r.SubmitWithheld(client_order_id=withheld, text="halted"))
    desk.tell(r.SubmitRefused(client_order_id=refused, code="x", text="no funds"))
    assert desk.state.orders_finished[withheld].refusal == "halted"
    assert desk.state.orders_finished[refused].refusal == "x: no funds"


def test_a_day_counts_its_errors_and_incidents() -> None:
    desk = Desk()
    names = [sent(desk, symbol=s, quantity=q) for s, q in (("BTC/USDT", "0.01"), ("SOL/USDT", "1"))]
    assert (desk.state.tally.errors, desk.state.tally.incidents) == (0, 0)
    for count, name in enumerate(names, start=1):
        desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
        assert (desk.state.tally.errors, desk.state.tally.incidents) == (count - 1, count)
        desk.tell(r.SubmitRefused(client_order_id=name, code="x", text="y"))
        assert (desk.state.tally.errors, desk.state.tally.incidents) == (count, count)


def test_a_signal_s_outcome_is_the_name_of_its_order() -> None:
    desk = Desk()
    name = sent(desk, signal_id="s1")
    assert desk.state.signals["s1"].outcome == desk.state.orders[name].short_id


# --- reservations


@pytest.mark.parametrize(
    ("fields", "margin", "notional"),
    [
        ({"quantity": "0.01", "price_limit": "60000"}, "600", "600"),
        ({"symbol": PERP, "quantity": "0.01", "price_limit": "60000", "leverage": 3}, "200", "600"),
        (
            {"symbol": PERP, "quantity": "0.001", "price_limit": "60000", "leverage": 7},
            "8.57142858",  # 60 / 7, rounded up
            "60",
        ),
    ],
)
def test_an_entry_reserves_its_worst_cost_and_its_margin(
    fields: dict[str, Any], margin: str, notional: str
) -> None:
    desk = Desk(limits=replace(WIDE, leverage_max=Decimal(10)))
    desk.instruments[f"binance:{PERP}"] = replace(
        desk.instruments[f"binance:{PERP}"], leverage_max=Decimal(10)
    )
    name = desk.order(signal(**fields))
    expected = Reserved(margin=Decimal(margin), notional=Decimal(notional))
    assert desk.state.reserved == {"binance:USDT": expected}
    desk.seen(name, "canceled")
    assert desk.state.reserved == {}


# --- positions that grow and shrink


def test_an_entry_without_protection_leaves_the_position_s_own() -> None:
    ladder = (Target(price=Decimal(65000), fraction=Decimal("0.5")),)
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss=60000, targets=ladder)
    desk.fill(desk.order(signal("btc", "sell", quantity="0.004")), "0.004", "61240")
    desk.later(20)
    desk.hold("BTC/USDT", "0.002", "61240")
    held = desk.state.positions[KEY]
    assert (held.stop, held.targets, held.quantity_peak) == (
        Decimal(60000), ladder, Decimal("0.01"),
    )  # fmt: skip
    # new targets divide what is held now; a new stop alone does not
    change: dict[str, Any] = {"position_id": held.position_id, "stop": Decimal(60500)}
    desk.give(c.SetProtection, **change)
    assert desk.state.positions[KEY].quantity_peak == Decimal("0.01")
    desk.give(c.SetProtection, targets=ladder, **change)
    assert desk.state.positions[KEY].quantity_peak == Decimal("0.008")


def test_a_stranger_s_fill_on_our_position_does_not_make_it_a_stranger_s() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.fill(None, "0.01", "61240")
    assert not desk.state.positions[KEY].external


def test_cash_begins_at_nothing_in_a_purse_that_nobody_filled() -> None:
    desk = Desk()
    desk.fill(None, "0.01", "60000", venue="bybit", fee=Decimal(1))
    assert desk.state.cash["bybit:USDT"] == Decimal(-601)
    assert desk.state.cash["binance:USDT"] == Decimal("12480.20")


@pytest.mark.parametrize(
    ("prices", "won", "lost", "best", "worst"),
    [
        (("61240",), 0, 0, "0", "0"),
        (("61340", "61140", "61440"), 2, 1, "2", "-1"),
        (("61140", "61040", "61340"), 1, 2, "1", "-2"),
    ],
)
def test_a_trade_that_gains_nothing_is_neither_won_nor_lost(
    prices: tuple[str, ...], won: int, lost: int, best: str, worst: str
) -> None:
    desk = Desk()
    for price in prices:
        desk.hold("BTC/USDT", "0.01", "61240")
        desk.fill(desk.order(signal("btc", "sell")), "0.01", price)
        desk.later(20)
    tally = desk.state.tally
    assert (tally.won, tally.lost, tally.best, tally.worst) == (
        won, lost, Decimal(best), Decimal(worst),
    )  # fmt: skip


# --- what an account remembers of its worth


def worth(desk: Desk, amount: str) -> None:
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(amount)})
    desk.later(1)
    desk.give(c.SampleEquity, actor=c.SCHEDULE)


def test_a_breaker_is_remembered_with_what_tripped_it() -> None:
    desk = Desk(cash="10000")
    worth(desk, "9700")
    ((name, breaker),) = desk.state.breakers.items()
    assert breaker == Breaker(
        breaker_id=name,
        kind="daily_loss",
        value=Decimal(3),
        limit=Decimal(2),
        action=TradingState.HALTED,
        sentence="Daily loss 3.00%, limit 2.00%",
        since=desk.now,
    )
    equity = desk.state.equity
    assert equity is not None
    assert (equity.at, equity.cash, equity.equity) == (desk.now, Decimal(9700), Decimal(9700))


def test_re_arming_by_hand_moves_no_mark_and_re_arming_a_loss_lets_it_warn_again() -> None:
    desk = Desk(cash="10000")
    worth(desk, "9830")
    assert list(desk.state.warned) == ["daily_loss"]
    desk.give(c.TripBreaker, reason="by hand")
    before = desk.state.equity
    desk.give(c.RearmBreaker)
    assert desk.state.equity == before
    assert list(desk.state.warned) == ["daily_loss"]
    worth(desk, "9700")
    desk.give(c.RearmBreaker)
    assert desk.state.warned == {}


def test_a_new_day_lets_a_daily_loss_warn_again_and_no_other() -> None:
    desk = Desk(cash="10000")
    desk.state = replace(desk.state, warned={"daily_loss": "x", "drawdown": "x"})
    desk.later(86400)
    desk.give(c.RollDay, actor=c.SCHEDULE)
    assert desk.state.warned == {"drawdown": "x"}


# --- sizes and levels


def size_of(made: TradingSignal, **fields: Any) -> Decimal | Breach:
    base: dict[str, Any] = {"side": OrderSide.BUY, "is_exit": False, "fee_share": Decimal("0.001")}
    base |= {"price": Decimal(101), "price_expected": Decimal(100), "stop": None}
    base |= {"equity": Decimal(1000), "held": Decimal(7)}
    return quantity_wanted(Sizing(signal=made, **(base | fields)))


def test_a_size_that_cannot_be_told_says_what_to_give() -> None:
    assert size_of(signal()) == Breach(
        rule="size", sentence="The size is missing: give a quantity or an amount."
    )
    assert isinstance(size_of(signal(action="sell")), Breach)
    assert isinstance(size_of(signal(), is_exit=True), Breach)
    assert size_of(signal(action="sell"), is_exit=True) == Decimal(7)
    risky = signal(risk_pct=1, stop_loss=90)
    assert size_of(risky) == Breach(
        rule="size", sentence="Sizing by risk needs a stop, for example sl 2%."
    )
    free: dict[str, Any] = {"stop": Decimal(100), "fee_share": Decimal(0)}
    assert size_of(risky, **free) == Breach(
        rule="size", sentence="The stop stands at the price; move it away."
    )
    # an exit has no risk to be sized by
    assert size_of(
        signal(action="sell", risk_pct=1, stop_loss=90), stop=Decimal(90), is_exit=True
    ) == Decimal(7)
    # 10 at risk, over 10 of distance and 0.19 of fees
    assert size_of(risky, stop=Decimal(90)) == Decimal(10) / Decimal("10.19")


@pytest.mark.parametrize(
    ("action", "mark", "leg"),
    [
        ("buy", "60000", Reached(leg="stop", price=Decimal(60000))),
        ("buy", "64000", Reached(leg="target", price=Decimal(63000))),
        ("short", "63000", Reached(leg="stop", price=Decimal(63000))),
        ("short", "58000", Reached(leg="target", price=Decimal(60000))),
    ],
)
def test_what_is_reached_is_the_stop_or_the_furthest_target(
    action: str, mark: str, leg: Reached
) -> None:
    prices = ("62000", "63000") if action == "buy" else ("60500", "60000")
    half = Decimal("0.5")
    targets = tuple(Target(price=Decimal(price), fraction=half) for price in prices)
    desk = Desk()
    stop = 60000 if action == "buy" else 63000
    desk.hold(PERP, "0.01", "61230", action=action, stop_loss=stop, targets=targets)
    held = desk.state.positions[f"binance:{PERP}"]
    assert reached(held, quote_of(PERP, "61000", "61001", mark=mark)) == leg

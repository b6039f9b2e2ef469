"""A fill booked, field by field: what is held, what it cost, what it gained, what was closed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.identities import digest, short
from engine.orders import FINISHED, Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.positions import Booking, Fill, Position, book

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def number(text: str) -> Decimal:
    return Decimal(text)


def fill(side: OrderSide, quantity: str, price: str, name: str = "1") -> Fill:
    return Fill(
        venue="bybit",
        symbol="BTC/USDT:USDT",
        trade_id=name,
        side=side,
        quantity=number(quantity),
        price=number(price),
        fee=number("0"),
        fee_currency="USDT",
        at=AT + timedelta(seconds=int(name)),
    )


def position(quantity: str, price: str = "100", **fields: Any) -> Position:
    base: dict[str, Any] = {
        "position_id": "p1",
        "venue": "bybit",
        "symbol": "BTC/USDT:USDT",
        "quantity": number(quantity),
        "entry_price": number(price),
        "realised_pnl": number("-1"),
        "fees": number("1"),
        "opened_at": AT,
        "quantity_peak": abs(number(quantity)),
        "leverage": number("3"),
        "strategy": "breakout",
        "stop": number("50"),
    }
    return Position(**(base | fields))


def swap(before: Position | None, made: Fill, fee: str = "0") -> Booking:
    return book(before, made, fee_quote=number(fee), fee_base=number("0"), is_swap=True)


def spot(before: Position | None, made: Fill, fee: str = "0", base: str = "0") -> Booking:
    return book(before, made, fee_quote=number(fee), fee_base=number(base), is_swap=False)


@pytest.mark.parametrize(("side", "quantity"), [(BUY, "2"), (SELL, "-2")])
def test_a_first_fill_opens_a_position_of_its_own_time_and_name(
    side: OrderSide, quantity: str
) -> None:
    made = fill(side, "2", "100")
    booking = swap(None, made, "0.5")
    assert booking == Booking(
        position=Position(
            position_id="p" + digest("bybit:BTC/USDT:USDT:1", length=15),
            venue="bybit",
            symbol="BTC/USDT:USDT",
            quantity=number(quantity),
            entry_price=number("100"),
            realised_pnl=number("-0.5"),
            fees=number("0.5"),
            opened_at=made.at,
            quantity_peak=number("2"),
        ),
        gain=number("0"),
        realised=number("-0.5"),
        cash=number("-0.5"),
        closed=None,
    )
    assert booking.position is not None
    assert len(booking.position.position_id) == 16


@pytest.mark.parametrize(("side", "quantity"), [(BUY, "1"), (SELL, "-1")])
def test_a_further_fill_averages_and_keeps_everything_else(side: OrderSide, quantity: str) -> None:
    before = position(quantity)
    booking = swap(before, fill(side, "3", "200", "2"), "0.5")
    assert booking == Booking(
        position=replace(
            before,
            quantity=number(quantity) * 4,
            entry_price=number("175"),
            realised_pnl=number("-1.5"),
            fees=number("1.5"),
            quantity_peak=number("4"),
        ),
        gain=number("0"),
        realised=number("-0.5"),
        cash=number("-0.5"),
    )


def test_a_further_fill_below_the_peak_leaves_the_peak() -> None:
    before = position("1", quantity_peak=number("9"))
    after = swap(before, fill(BUY, "3", "200", "2")).position
    assert after is not None
    assert after.quantity_peak == number("9")


@pytest.mark.parametrize(
    ("quantity", "side", "price", "left"),
    [("2", SELL, "120", "1.5"), ("-2", BUY, "80", "-1.5")],
)
def test_a_partial_close_gains_its_share_and_leaves_the_rest_as_it_was(
    quantity: str, side: OrderSide, price: str, left: str
) -> None:
    before = position(quantity)
    booking = swap(before, fill(side, "0.5", price, "2"), "0.06")
    assert booking == Booking(
        position=replace(
            before,
            quantity=number(left),
            realised_pnl=number("8.94"),
            fees=number("1.06"),
        ),
        gain=number("10"),
        realised=number("9.94"),
        cash=number("9.94"),
    )


@pytest.mark.parametrize(
    ("quantity", "side", "price"),
    [("2", SELL, "120"), ("-2", BUY, "80")],
)
def test_a_full_close_gives_the_position_as_it_ended(
    quantity: str, side: OrderSide, price: str
) -> None:
    before = position(quantity)
    booking = swap(before, fill(side, "2", price, "2"), "0.5")
    assert booking == Booking(
        position=None,
        gain=number("40"),
        realised=number("39.5"),
        cash=number("39.5"),
        closed=replace(
            before, quantity=number("0"), realised_pnl=number("38.5"), fees=number("1.5")
        ),
    )


@pytest.mark.parametrize(
    ("quantity", "side", "price", "after"),
    [("2", SELL, "120", "-6"), ("-2", BUY, "80", "6")],
)
def test_a_flip_divides_the_fee_between_what_ends_and_what_begins(
    quantity: str, side: OrderSide, price: str, after: str
) -> None:
    before = position(quantity)
    made = fill(side, "8", price, "2")
    booking = swap(before, made, "0.8")
    assert booking == Booking(
        position=Position(
            position_id="p" + digest("bybit:BTC/USDT:USDT:2", length=15),
            venue="bybit",
            symbol="BTC/USDT:USDT",
            quantity=number(after),
            entry_price=number(price),
            realised_pnl=number("-0.6"),
            fees=number("0.6"),
            opened_at=made.at,
            quantity_peak=number("6"),
        ),
        gain=number("40"),
        realised=number("39.2"),
        cash=number("39.2"),
        closed=replace(
            before, quantity=number("0"), realised_pnl=number("38.8"), fees=number("1.2")
        ),
    )


def test_spot_pays_for_what_it_buys_and_is_paid_for_what_it_sells() -> None:
    bought = spot(None, fill(BUY, "2", "100"), "0.2")
    assert (bought.cash, bought.gain, bought.realised) == (
        number("-200.2"), number("0"), number("-0.2"),
    )  # fmt: skip
    sold = spot(position("2"), fill(SELL, "0.5", "120", "2"), "0.06")
    assert (sold.cash, sold.gain, sold.realised) == (
        number("59.94"), number("10"), number("9.94"),
    )  # fmt: skip


def test_a_fee_taken_out_of_what_was_bought_costs_no_cash_and_never_enters_the_average() -> None:
    # given a holding, and a buy of one whose fee takes a tenth of it
    before = position("1")
    booking = spot(before, fill(BUY, "1", "200", "2"), "20", "0.1")
    # then 1.9 are held, at what 1 and 0.9 cost
    assert booking == Booking(
        position=replace(
            before,
            quantity=number("1.9"),
            entry_price=number("280") / number("1.9"),
            realised_pnl=number("-21"),
            fees=number("21"),
            quantity_peak=number("1.9"),
        ),
        gain=number("0"),
        realised=number("-20"),
        cash=number("-200"),
    )


def test_a_fee_that_takes_all_that_was_bought_opens_nothing() -> None:
    assert spot(None, fill(BUY, "1", "100"), "100", "1").position is None
    assert spot(None, fill(BUY, "1", "100"), "100", "2").position is None


def test_a_fill_and_its_position_are_named_by_venue_symbol_and_trade() -> None:
    made = fill(BUY, "1", "1")
    assert (made.key, made.identity) == ("bybit:BTC/USDT:USDT", "bybit:BTC/USDT:USDT:1")
    held = position("1")
    assert (held.key, held.short_id) == ("bybit:BTC/USDT:USDT", short("p1", "P"))
    assert held.short_id.startswith("P-")


@pytest.mark.parametrize(
    ("quantity", "is_long", "exit_side"), [("1", True, SELL), ("-1", False, BUY), ("0", False, BUY)]
)
def test_a_position_is_long_above_nothing(
    quantity: str, is_long: bool, exit_side: OrderSide
) -> None:
    assert position(quantity).is_long is is_long
    assert position(quantity).exit_side is exit_side


def test_a_fill_that_is_nothing_leaves_the_position_alone() -> None:
    before = position("0", quantity_peak=number("2"))
    assert swap(before, fill(BUY, "2", "100", "2")).position == replace(
        before, quantity=number("2"), entry_price=number("100")
    )


# --- orders, as they are read


def order(**fields: Any) -> Order:
    base: dict[str, Any] = {
        "client_order_id": "qd1",
        "venue": "bybit",
        "symbol": "BTC/USDT",
        "side": BUY,
        "kind": OrderKind.MARKET,
        "purpose": OrderPurpose.ENTRY,
        "quantity": number("2"),
        "intent": "i",
    }
    return Order(**(base | fields))


def test_sides_are_each_other_s_opposite_and_have_a_sign() -> None:
    assert (BUY.sign, SELL.sign) == (1, -1)
    assert (BUY.opposite, SELL.opposite) == (SELL, BUY)


@pytest.mark.parametrize(("filled", "left"), [("0", "2"), ("0.5", "1.5"), ("2", "0"), ("2.5", "0")])
def test_what_is_left_of_an_order_is_never_below_nothing(filled: str, left: str) -> None:
    assert order(filled=number(filled)).remaining == number(left)


def test_an_order_is_named_by_its_instrument_and_its_ticket_or_itself() -> None:
    assert order().key == "bybit:BTC/USDT"
    assert order().short_id == short("qd1", "O")
    assert order(ticket_id="t1").short_id == short("t1", "O")


def test_an_exit_is_what_was_meant_as_one() -> None:
    assert order(purpose=OrderPurpose.EXIT).is_exit
    assert not order().is_exit


@pytest.mark.parametrize("status", list(OrderStatus))
def test_an_order_and_its_status_agree_on_what_is_finished(status: OrderStatus) -> None:
    open_ones = "submitted accepted partially_filled pending_cancel unknown".split()
    assert order(status=status).is_finished is status.is_finished is (status not in open_ones)
    assert (status in FINISHED) is status.is_finished


@pytest.mark.parametrize(
    ("side", "average", "arrival", "cost"),
    [
        (BUY, "102", "100", "200"),
        (BUY, "99", "100", "-100"),
        (SELL, "99", "100", "100"),
        (SELL, "51", "50", "-200"),
        (BUY, None, "100", None),
        (BUY, "100", None, None),
    ],
)
def test_slippage_is_a_share_of_the_arrival_price(
    side: OrderSide, average: str | None, arrival: str | None, cost: str | None
) -> None:
    read = order(
        side=side,
        price_average=None if average is None else number(average),
        price_arrival=None if arrival is None else number(arrival),
    ).slippage_cost_bps
    assert read == (None if cost is None else number(cost))

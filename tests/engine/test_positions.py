"""Positions: averaging, partial closes, flips, and PnL after fees, against a brute-force ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.numbers import ZERO
from engine.orders import OrderSide
from engine.positions import Booking, Fill, Position, book

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def a_fill(side: OrderSide, quantity: str, price: str, number: int = 1, **fields: object) -> Fill:
    return Fill(
        venue="binance",
        symbol="BTC/USDT",
        trade_id=str(number),
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=ZERO,
        fee_currency="USDT",
        at=AT,
        **fields,  # type: ignore[arg-type]
    )


def booked(
    position: Position | None,
    side: OrderSide,
    quantity: str,
    price: str,
    fee: str = "0",
    *,
    n: int = 1,
) -> Booking:
    return book(
        position,
        a_fill(side, quantity, price, n),
        fee_quote=Decimal(fee),
        fee_base=ZERO,
        is_swap=True,
    )


def held(side: OrderSide, quantity: str, price: str, fee: str = "0") -> Position:
    position = booked(None, side, quantity, price, fee).position
    assert position is not None
    return position


def test_a_second_buy_averages_the_entry() -> None:
    position = booked(held(BUY, "1", "100"), BUY, "3", "200", n=2).position
    assert position is not None
    assert (position.quantity, position.entry_price) == (Decimal(4), Decimal(175))
    assert position.quantity_peak == Decimal(4)


def test_a_second_sell_averages_a_short() -> None:
    position = booked(held(SELL, "1", "100"), SELL, "1", "200", n=2).position
    assert position is not None
    assert (position.quantity, position.entry_price) == (Decimal(-2), Decimal(150))


def test_a_partial_close_realises_its_share_and_keeps_the_entry() -> None:
    booking = booked(held(BUY, "2", "100", "0.2"), SELL, "0.5", "120", "0.06", n=2)
    assert booking.position is not None
    assert booking.gain == Decimal(10)
    assert booking.realised == Decimal("9.94")
    assert booking.position.quantity == Decimal("1.5")
    assert booking.position.entry_price == Decimal(100)
    assert booking.position.realised_pnl == Decimal("9.74")
    assert booking.position.quantity_peak == Decimal(2)
    assert booking.closed is None


def test_a_full_close_ends_the_position_with_all_fees_in_its_pnl() -> None:
    booking = booked(held(SELL, "2", "100", "0.2"), BUY, "2", "90", "0.18", n=2)
    assert booking.position is None
    assert booking.closed is not None
    assert booking.closed.realised_pnl == Decimal("19.62")
    assert booking.closed.fees == Decimal("0.38")


def test_a_flip_closes_one_position_and_opens_another_with_its_share_of_the_fee() -> None:
    before = held(BUY, "1", "100")
    booking = booked(before, SELL, "3", "110", "0.33", n=2)
    assert booking.closed is not None
    assert booking.position is not None
    assert booking.closed.position_id == before.position_id
    assert booking.closed.realised_pnl == Decimal("9.89")
    assert booking.position.position_id != before.position_id
    assert booking.position.quantity == Decimal(-2)
    assert booking.position.entry_price == Decimal(110)
    assert booking.position.realised_pnl == Decimal("-0.22")
    assert booking.position.stop is None


def test_a_fee_in_base_currency_shrinks_what_was_bought_and_costs_no_cash() -> None:
    fill = a_fill(BUY, "1", "100")
    booking = book(None, fill, fee_quote=Decimal("0.1"), fee_base=Decimal("0.001"), is_swap=False)
    assert booking.position is not None
    assert booking.position.quantity == Decimal("0.999")
    assert booking.cash == Decimal(-100)
    assert booking.position.realised_pnl == Decimal("-0.1")


@pytest.mark.parametrize(
    ("bought", "left", "entry"), [("0.5", "-0.505", "100"), ("1.2", "0.188", "90")]
)
def test_a_fee_in_base_closes_nothing_of_what_was_sold_too_often(
    bought: str, left: str, entry: str
) -> None:
    # A spot account can come to hold less than nothing: a late fill sold what was sold already.
    short = held(SELL, "1", "100")
    quantity = Decimal(bought)
    fill = a_fill(BUY, bought, "90")
    fee = quantity / 100
    booking = book(short, fill, fee_quote=fee * 90, fee_base=fee, is_swap=False)
    assert booking.position is not None
    assert booking.position.quantity == Decimal(left)
    assert booking.position.entry_price == Decimal(entry)
    # Before and after at any mark, say 80: the fee's worth at the fill is all that is lost.
    before = short.quantity * 80
    after = booking.position.quantity * 80 + booking.cash
    assert after - before == quantity * (80 - 90) - fee * 80


def test_open_pnl_is_at_the_mark_for_longs_and_shorts() -> None:
    assert held(BUY, "2", "100").unrealised_pnl(Decimal(110)) == Decimal(20)
    assert held(SELL, "2", "100").unrealised_pnl(Decimal(110)) == Decimal(-20)
    assert held(BUY, "1", "1").exit_side is SELL
    assert held(SELL, "1", "1").exit_side is BUY


# The account of SCREENS.md: side, size, entry, the exit's average, the fee's share, what it shows.
@pytest.mark.parametrize(
    ("side", "size", "entry", "closing", "average", "fee", "realised"),
    [
        (BUY, "0.05", "60480.00", "0.025", "61236.50", "0.001", "17.38"),  # H4
        (BUY, "0.05", "60480.00", "0.05", "61230.40", "0.001", "34.46"),  # I4
        (BUY, "12", "152.40", "12", "149.82", "0.001", "-32.76"),
        (SELL, "0.8", "3420.00", "0.8", "3396.90", "0.00055", "16.99"),
        (BUY, "12", "152.40", "12", "146.88", "0.001", "-68.00"),  # J3
    ],
)
def test_realised_pnl_is_what_the_screens_show(
    *,
    side: OrderSide,
    size: str,
    entry: str,
    closing: str,
    average: str,
    fee: str,
    realised: str,
) -> None:
    position = held(side, size, entry)
    paid = Decimal(closing) * Decimal(average) * Decimal(fee)
    booking = booked(position, side.opposite, closing, average, str(paid), n=2)
    assert booking.realised.quantize(Decimal("0.01")) == Decimal(realised)


@dataclass
class Ledger:
    """What a venue would hold: nothing but sums."""

    cash: Decimal = ZERO
    quantity: Decimal = ZERO
    fees: Decimal = ZERO
    swap_cost: Decimal = ZERO

    def worth(self, mark: Decimal) -> Decimal:
        return self.cash + self.quantity * mark


PRICES = st.integers(1, 10_000).map(lambda n: Decimal(n) / 100)
SIZES = st.integers(1, 500).map(lambda n: Decimal(n) / 100)
FILLS = st.lists(st.tuples(st.sampled_from([BUY, SELL]), SIZES, PRICES), min_size=1, max_size=25)


@given(fills=FILLS, mark=PRICES, fee_kind=st.sampled_from(["quote", "third", "rebate"]))
def test_a_swap_conserves_equity_at_every_fill(
    fills: list[tuple[OrderSide, Decimal, Decimal]], mark: Decimal, fee_kind: str
) -> None:
    position: Position | None = None
    cash, bought, realised = ZERO, Ledger(), ZERO
    rate = Decimal("-0.0001") if fee_kind == "rebate" else Decimal("0.00055")
    for number, (side, quantity, price) in enumerate(fills):
        fee = quantity * price * rate
        fill = a_fill(side, str(quantity), str(price), number)
        booking = book(position, fill, fee_quote=fee, fee_base=ZERO, is_swap=True)
        position = booking.position
        cash += booking.cash
        realised += booking.realised
        bought.cash -= side.sign * quantity * price + fee
        bought.quantity += side.sign * quantity
        bought.fees += fee
        assert (position.quantity if position else ZERO) == bought.quantity
        unrealised = position.unrealised_pnl(mark) if position else ZERO
        assert abs(cash + unrealised - bought.worth(mark)) < Decimal("1e-15")
        assert abs(cash - realised) < Decimal("1e-15")


@given(fills=FILLS, mark=PRICES, fee_kind=st.sampled_from(["quote", "base", "third"]))
def test_spot_conserves_equity_at_every_fill(
    fills: list[tuple[OrderSide, Decimal, Decimal]], mark: Decimal, fee_kind: str
) -> None:
    position: Position | None = None
    cash, ledger, realised, fees = ZERO, Ledger(), ZERO, ZERO
    for number, (side, quantity, price) in enumerate(fills):
        owned = position.quantity if position else ZERO
        if side is SELL and owned < quantity:
            continue  # spot sells what it has
        fee = quantity * price * Decimal("0.001")
        fee_base = quantity * Decimal("0.001") if fee_kind == "base" and side is BUY else ZERO
        fill = a_fill(side, str(quantity), str(price), number)
        booking = book(position, fill, fee_quote=fee, fee_base=fee_base, is_swap=False)
        position = booking.position
        cash += booking.cash
        realised += booking.realised
        fees += fee
        ledger.cash -= side.sign * quantity * price + (ZERO if fee_base else fee)
        ledger.quantity += side.sign * quantity - fee_base
        assert (position.quantity if position else ZERO) == ledger.quantity
        assert cash == ledger.cash
        value = position.quantity * mark if position else ZERO
        assert cash + value == ledger.worth(mark)
        # I9: what was realised and what is open add up to the equity, at any mark.
        unrealised = position.unrealised_pnl(mark) if position else ZERO
        assert abs(realised + unrealised - (cash + value)) < Decimal("1e-15")

"""Instruments round, and nothing else does."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.instruments import Instrument, InstrumentKind, Toward, cash_currency, symbol_named
from engine.markets.catalogue import catalogue

CATALOGUE = catalogue("binance")
BTC = CATALOGUE["binance:BTC/USDT"]
PERP = CATALOGUE["binance:BTC/USDT:USDT"]
AMOUNTS = st.decimals("0.00000001", "1000000", allow_nan=False, allow_infinity=False, places=8)
STEPS = st.sampled_from(["0.00001", "0.001", "0.1", "0.5", "1", "25"]).map(Decimal)


def stepped(step: Decimal) -> Instrument:
    return replace(BTC, quantity_step=step, price_tick=step, quantity_min=step)


@given(quantity=AMOUNTS, step=STEPS)
def test_a_quantity_is_rounded_down_to_a_whole_number_of_lots(
    quantity: Decimal, step: Decimal
) -> None:
    rounded = stepped(step).quantity_rounded(quantity)
    assert rounded <= quantity < rounded + step
    assert rounded % step == 0
    assert stepped(step).quantity_rounded(rounded) == rounded


@given(price=AMOUNTS, step=STEPS, toward=st.sampled_from(list(Toward)))
def test_a_price_is_rounded_in_the_direction_given(
    price: Decimal, step: Decimal, toward: Toward
) -> None:
    rounded = stepped(step).price_rounded(price, toward)
    assert rounded % step == 0
    if toward is Toward.DOWN:
        assert rounded <= price < rounded + step
    else:
        assert rounded - step < price <= rounded


@given(
    notional=st.decimals("0.01", "100000", places=2), price=st.decimals("0.01", "99999", places=2)
)
def test_a_covering_quantity_is_the_smallest_that_is_worth_enough(
    notional: Decimal, price: Decimal
) -> None:
    quantity = BTC.quantity_covering(notional, price)
    assert quantity * price >= notional
    assert quantity >= BTC.quantity_min
    less = quantity - BTC.quantity_step
    assert less < BTC.quantity_min or less * price < notional


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        ("BTCUSDT", "BTC/USDT"),
        ("btcusdt", "BTC/USDT"),
        ("  btc ", "BTC/USDT"),
        ("BTC/USDT:USDT", "BTC/USDT:USDT"),
        ("btc/usdt:usdt", "BTC/USDT:USDT"),
        ("BTCC", None),
        ("", None),
        ("/", None),
        ("BTC/EUR", None),
        ("USDT", None),
    ],
)
def test_a_symbol_is_found_however_it_is_written_or_not_at_all(
    text: str, found: str | None
) -> None:
    assert symbol_named(text, [i.symbol for i in CATALOGUE.values()]) == found


@pytest.mark.parametrize(
    ("instrument", "quantity", "price", "is_dust"),
    [
        (BTC, "0.000009", "61240", True),  # below the lot
        (BTC, "0.00008", "61240", True),  # 4.90, below 5.00
        (BTC, "0.00009", "61240", False),
        (BTC, "-0.00009", "61240", False),
        (BTC, "0.00001", None, False),  # nobody knows what it is worth
        (PERP, "0.0009", "61240", True),
        (PERP, "0.001", "1", False),  # a swap's reduce-only order has no minimum worth
    ],
)
def test_dust_is_what_no_closing_order_is_accepted_for(
    instrument: Instrument, quantity: str, price: str | None, is_dust: bool
) -> None:
    worth = None if price is None else Decimal(price)
    assert instrument.is_dust(Decimal(quantity), worth) is is_dust


def test_the_cash_of_a_swap_is_its_settle_currency() -> None:
    assert cash_currency("BTC/USDT") == "USDT"
    assert cash_currency("BTC/USD:USDC") == "USDC"
    assert PERP.kind is InstrumentKind.SWAP


@pytest.mark.parametrize(
    ("price", "down", "up"),
    [
        ("61240.19", "61240", "61241"),
        ("99999.5", "99999", "100000"),
        ("0.0123456", "0.012345", "0.012346"),
        ("0.000000123", "0.00000012", "0.00000013"),
        ("1234567", "1234500", "1234600"),
        ("12.345", "12.345", "12.345"),
    ],
)
def test_a_venue_that_counts_significant_digits_gets_no_more_of_them(
    price: str, down: str, up: str
) -> None:
    five = replace(BTC, price_tick=Decimal("1e-8"), price_digits=5)
    assert five.price_rounded(Decimal(price), Toward.DOWN) == Decimal(down)
    assert five.price_rounded(Decimal(price), Toward.UP) == Decimal(up)

"""Costs are positive, in basis points, and nothing where a price was not known."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.markouts import WAITING_MAX, Markouts
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.performance import delay_cost_bps, measured, shortfall_cost_bps, spread_cost_bps
from engine.positions import Fill
from tests.engine.desk import AT, quote_of
from tests.engine.world import signal, world

D = Decimal
BOUGHT = Order(
    client_order_id="qd1",
    venue="binance",
    symbol="BTC/USDT",
    side=OrderSide.BUY,
    kind=OrderKind.MARKET,
    purpose=OrderPurpose.ENTRY,
    quantity=D(2),
    intent="i",
    status=OrderStatus.FILLED,
    price_decision=D(1000),
    price_arrival=D(1001),
    price_average=D(1003),
    filled=D(2),
    fees=D(2),
)


def test_a_price_that_rose_before_a_buy_was_sent_is_a_cost_and_a_gain_for_a_sell() -> None:
    assert delay_cost_bps(BOUGHT) == D(10)
    assert delay_cost_bps(replace(BOUGHT, side=OrderSide.SELL)) == D(-10)


def test_the_shortfall_is_the_way_from_the_decision_to_the_fill_and_the_fees() -> None:
    # 6 for the way and 2 of fees, of 2,000
    assert shortfall_cost_bps(BOUGHT) == D(40)
    # 6 gained on the way, less 2 of fees
    assert shortfall_cost_bps(replace(BOUGHT, side=OrderSide.SELL)) == D(-20)


def test_without_a_mid_there_is_no_delay() -> None:
    assert delay_cost_bps(replace(BOUGHT, price_decision=None)) is None
    assert delay_cost_bps(replace(BOUGHT, price_arrival=None)) is None


def test_what_did_not_fill_costs_what_the_price_moved() -> None:
    half = replace(BOUGHT, status=OrderStatus.CANCELED, filled=D(1), fees=D(1), price_end=D(1010))
    # 3 for the way of the one, 10 for the other, 1 of fees, of 2,000
    assert shortfall_cost_bps(half) == D(70)
    assert shortfall_cost_bps(replace(half, side=OrderSide.SELL)) == D(-60)
    none = replace(half, filled=D(0), fees=D(0), price_average=None)
    assert shortfall_cost_bps(none) == D(100)


def test_without_a_mid_that_it_needs_or_before_the_end_there_is_no_shortfall() -> None:
    assert shortfall_cost_bps(replace(BOUGHT, price_decision=None)) is None
    assert shortfall_cost_bps(replace(BOUGHT, price_average=None)) is None
    part = replace(BOUGHT, filled=D(1), price_end=D(1010))
    assert shortfall_cost_bps(replace(part, status=OrderStatus.PARTIALLY_FILLED)) is None
    assert shortfall_cost_bps(replace(part, status=OrderStatus.CANCELED, price_end=None)) is None


def a_fill(side: OrderSide = OrderSide.BUY, price: str = "1003") -> Fill:
    return Fill(
        venue="binance",
        symbol="BTC/USDT",
        trade_id="1",
        side=side,
        quantity=D(1),
        price=D(price),
        fee=D(0),
        fee_currency="USDT",
        at=AT,
    )


def test_the_effective_spread_is_twice_the_way_from_the_mid() -> None:
    assert spread_cost_bps(a_fill(), D(1000)) == D(60)
    assert spread_cost_bps(a_fill(OrderSide.SELL), D(1000)) == D(-60)


def after(*quotes: tuple[float, str], side: OrderSide = OrderSide.BUY) -> dict[int, list[float]]:
    """Fill at 1003 with the mid at 1000, show quotes at times, and give what was measured."""
    made = Markouts()
    made.filled(a_fill(side), D(1000), 0)
    for at_s, price in quotes:
        made.see(quote_of("BTC/USDT", price, price), at_s)
    return {horizon: list(found) for horizon, found in made.costs_bps.items()}


def test_a_markout_is_what_the_first_quote_after_its_time_says() -> None:
    found = after((0.9, "1"), (1.0, "1002"), (2, "1"), (10.5, "1013"), (60, "1003"))
    assert found == {1: [10.0], 10: [-100.0], 60: [0.0]}
    sold = after((1.0, "1002"), (10, "1013"), side=OrderSide.SELL)
    assert sold == {1: [-10.0], 10: [100.0], 60: []}


def test_a_price_that_was_stale_then_is_no_markout() -> None:
    assert after((6.1, "1002"), (15.1, "1002"), (65.1, "1002")) == {1: [], 10: [], 60: []}
    made = Markouts()
    made.filled(a_fill(), None, 0)
    made.see(quote_of("BTC/USDT", "1", "1"), 1)
    assert not made.costs_bps[1]


def test_another_symbols_quote_measures_nothing_and_leaves_it_waiting() -> None:
    made = Markouts()
    made.filled(a_fill(), D(1000), 0)
    made.see(quote_of("ETH/USDT", "1", "1"), 1)
    made.see(quote_of("BTC/USDT", "1002", "1002"), 2)
    assert list(made.costs_bps[1]) == [10.0]


def test_what_waits_and_what_is_kept_are_bounded() -> None:
    made = Markouts()
    for _ in range(WAITING_MAX + 10):
        made.filled(a_fill(), D(1000), 0)
    made.see(quote_of("BTC/USDT", "1002", "1002"), 1)
    assert len(made.costs_bps[1]) == WAITING_MAX


def test_no_sample_is_nothing_and_not_zero() -> None:
    assert measured([]) == {"p50": None, "p95": None, "p99": None, "sample_size": 0}
    assert measured([3.0, 1.0]) == {"p50": 1.0, "p95": 3.0, "p99": 3.0, "sample_size": 2}


async def test_an_order_that_fills_is_measured_at_each_stage() -> None:
    async with world() as w:
        nothing = w.engine.get_performance_metrics()["monitoring"]
        assert nothing["costs"]["delay_cost_bps"]["p50"] is None
        assert (await w.engine.execute_signal(signal(quantity="0.001"))).success
        told = w.engine.get_performance_metrics()["monitoring"]
        for stage in ("committed_ms", "sent_ms", "acknowledged_ms", "first_fill_ms", "done_ms"):
            assert told["stages"][stage]["sample_size"] == 1, stage
        assert told["stages"]["committed_ms"]["p50"] <= told["stages"]["sent_ms"]["p50"]
        assert told["stages"]["sent_ms"]["p50"] <= told["stages"]["first_fill_ms"]["p50"]
        assert told["stages"]["first_fill_ms"]["p50"] <= told["stages"]["done_ms"]["p50"]
        names = ("delay_cost_bps", "arrival_cost_bps", "shortfall_cost_bps", "spread_cost_bps")
        for cost in names:
            assert told["costs"][cost]["sample_size"] == 1, cost
        assert told["costs"]["shortfall_cost_bps"]["p50"] > 0


PRICES = st.decimals("0.01", "100000", places=2)


@given(decided=PRICES, arrived=PRICES, average=PRICES, ended=PRICES, filled=st.integers(0, 10))
def test_what_costs_a_buyer_is_a_seller_s_gain_but_for_the_fees(
    decided: Decimal, arrived: Decimal, average: Decimal, ended: Decimal, filled: int
) -> None:
    bought = replace(
        BOUGHT,
        status=OrderStatus.CANCELED,
        quantity=D(10),
        filled=D(filled),
        fees=D(0),
        price_decision=decided,
        price_arrival=arrived,
        price_average=average if filled else None,
        price_end=ended,
    )
    sold = replace(bought, side=OrderSide.SELL)
    for cost in (delay_cost_bps, shortfall_cost_bps):
        one, other = cost(bought), cost(sold)
        assert one is not None
        assert other is not None
        assert abs(one + other) < D("1e-12") * max(D(1), abs(one))
    spread, back = (spread_cost_bps(a_fill(s, str(average)), arrived) for s in OrderSide)
    assert spread == -back
    # Fees are a cost to both.
    paid = shortfall_cost_bps(replace(bought, fees=D(1)))
    free = shortfall_cost_bps(bought)
    assert paid is not None
    assert free is not None
    assert paid > free

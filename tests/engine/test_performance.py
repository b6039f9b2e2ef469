"""Costs are positive, in basis points, and nothing where a price was not known."""

from dataclasses import replace
from decimal import Decimal

from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.performance import delay_cost_bps, measured, shortfall_cost_bps
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


def test_without_a_mid_or_with_a_rest_there_is_no_shortfall() -> None:
    assert shortfall_cost_bps(replace(BOUGHT, price_decision=None)) is None
    assert shortfall_cost_bps(replace(BOUGHT, price_average=None)) is None
    assert shortfall_cost_bps(replace(BOUGHT, status=OrderStatus.CANCELED)) is None


def test_no_sample_is_nothing_and_not_zero() -> None:
    assert measured([]) == {"p50": None, "p95": None, "p99": None, "sample_size": 0}
    assert measured([3.0, 1.0]) == {"p50": 1.0, "p95": 3.0, "p99": 3.0, "sample_size": 2}


async def test_an_order_that_fills_is_measured_at_each_stage() -> None:
    async with world() as w:
        nothing = w.engine.get_performance_metrics()["monitoring"]
        assert nothing["costs"]["delay_cost_bps"]["p50"] is None
        assert (await w.engine.execute_signal(signal(quantity="0.001"))).success
        told = w.engine.get_performance_metrics()["monitoring"]
        for stage in ("acknowledged_ms", "first_fill_ms", "done_ms"):
            assert told["stages"][stage]["sample_size"] == 1, stage
        assert told["stages"]["first_fill_ms"]["p50"] <= told["stages"]["done_ms"]["p50"]
        for cost in ("delay_cost_bps", "arrival_cost_bps", "shortfall_cost_bps"):
            assert told["costs"][cost]["sample_size"] == 1, cost
        assert told["costs"]["shortfall_cost_bps"]["p50"] > 0

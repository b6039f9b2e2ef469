"""The Python interface: shapes of results, callbacks, metrics, and the latch that needs no wait."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from engine import (
    EngineSettings,
    ExecutionEngine,
    ExecutionMode,
    Order,
    OrderStatus,
    Target,
    TradingSignal,
)
from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import EngineStopped, InvalidInput
from engine.performance import percentile, summary
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import World, signal, world

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)


async def test_a_filled_signal_gives_order_and_position() -> None:
    async with world(confirm=NEVER) as w:
        result = await w.engine.execute_signal(
            TradingSignal(symbol="BTCUSDT", action="buy", quantity=0.001, confidence=0.8),  # type: ignore[arg-type]
            "binance",
        )
        assert result.success
        assert result.error is None
        assert result.ticket is None
        assert result.order is not None
        assert result.order.status is OrderStatus.FILLED
        assert result.position is not None
        assert result.position.quantity == Decimal("0.001")


async def test_a_denied_signal_gives_every_reason() -> None:
    async with world(confirm=NEVER) as w:
        result = await w.engine.execute_signal(signal(quantity=1))
        assert not result.success
        assert result.order is None
        assert result.error == (
            "Order size 61,546.20, limit 1,000.00; Free 10,000.00, needs 61,607.75; "
            "BTC/USDT position 615.5%, limit 100%; BTC share 615.5%, limit 100%; "
            "Gross 615.5%, limit 300%; Net 615.5%, limit 300%; Account leverage 6.15x, limit 5x"
        )


async def test_a_risky_signal_gives_a_ticket_and_the_ticket_becomes_the_order() -> None:
    async with world() as w:
        result = await w.engine.execute_signal(signal(notional=500))
        assert not result.success
        assert result.ticket is not None
        assert result.error == f"{result.ticket.short_id} waits for a person."
        await w.give(c.ApproveTicket, ticket_id=result.ticket.ticket_id)
        await w.until(lambda: w.engine.state.positions)


async def test_an_order_that_does_not_fill_in_time_is_no_success() -> None:
    async with world(confirm=NEVER, order_timeout_s=0) as w:
        late: list[Order] = []
        w.engine.register_callback("on_timeout", late.append)
        cancelled: list[Order] = []
        w.engine.register_callback("on_cancelled", cancelled.append)
        result = await w.engine.execute_signal(signal(quantity="0.001", price_limit=50000))
        assert not result.success
        assert result.order is not None
        assert not result.order.is_finished
        await asyncio.sleep(0.01)
        assert [order.client_order_id for order in late] == [result.order.client_order_id]
        # and it is cancelled, where no schedule runs either
        name = result.order.client_order_id
        await w.until(lambda: name in w.engine.state.orders_finished)


async def test_a_rejected_order_says_what_the_venue_said() -> None:
    async with world(confirm=NEVER) as w:
        w.venue.faults.script(
            Operation.SUBMIT, Fault(kind=FaultKind.REFUSED, code="x", text="no margin")
        )
        result = await w.engine.execute_signal(signal(quantity="0.001"))
        assert not result.success
        assert result.order is not None
        assert result.error == f"{result.order.short_id} is rejected: x: no margin"


async def test_a_signal_id_is_consumed_once_and_its_repeat_gives_the_first_outcome() -> None:
    async with world(confirm=NEVER) as w:
        made = signal(quantity="0.001", signal_id="s1", strategy="breakout")
        first, second = await asyncio.gather(
            w.engine.execute_signal(made), w.engine.execute_signal(made)
        )
        third = await w.engine.execute_signal(made)
        assert first.order is not None
        names = {r.order.client_order_id for r in (first, second, third) if r.order}
        assert names == {first.order.client_order_id}
        assert len(w.venue.ledger.orders) == 1
    async with world(confirm=NEVER, journal=w.journal, store=w.store) as again:
        fourth = await again.engine.execute_signal(made)
        assert fourth.success
        assert len(again.venue.ledger.orders) == 1


async def test_positions_are_closed_by_share_and_by_name() -> None:
    async with world(confirm=NEVER) as w:
        assert not (await w.engine.close_position("BTC/USDT")).success
        await w.engine.execute_signal(signal(quantity="0.004"))
        half = await w.engine.close_position("btc", percent=50)
        assert half.success
        assert half.position is not None
        assert half.position.quantity == Decimal("0.002")
        assert not (await w.engine.close_position("btc", venue="kraken")).success
        rest = await w.engine.close_position("BTCUSDT", "binance", percent="250")
        assert rest.success
        assert rest.position is None
        with pytest.raises(InvalidInput):
            await w.engine.close_position("btc", percent=0)


async def test_callbacks_are_called_plain_or_async_and_may_raise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with world(confirm=NEVER) as w:
        heard: list[tuple[str, str]] = []

        def plain(order: Order) -> None:
            heard.append(("plain", order.status))

        async def awaited(order: Order) -> None:
            await asyncio.sleep(0)
            heard.append(("async", order.status))

        def broken(_: Order) -> None:
            raise ValueError("their bug")

        for callback in (broken, plain, awaited):
            w.engine.register_callback("on_filled", callback)
            w.engine.register_callback("on_cancelled", callback)
            w.engine.register_callback("on_rejected", callback)
        with pytest.raises(InvalidInput, match="on_partial_fill"):
            w.engine.register_callback("on_everything", plain)
        await w.engine.execute_signal(signal(quantity="0.001"))
        await w.until(lambda: len(heard) == 2)
        assert sorted(heard) == [("async", "filled"), ("plain", "filled")]
        assert "a callback failed" in caplog.text
        assert w.engine.is_running
        heard.clear()
        resting = (await w.buy(quantity="0.002", price_limit=50000)).events[-1]
        assert isinstance(resting, e.OrderSubmitted)
        await w.give(c.CancelOrder, client_order_id=resting.order.client_order_id)
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.REFUSED))
        await w.engine.execute_signal(signal("eth", quantity="0.01"))
        await w.until(lambda: len(heard) == 4)
        assert {status for _, status in heard} == {"rejected", "canceled"} or {
            status for _, status in heard
        } == {"rejected", "not_sent"}


async def test_a_partial_fill_calls_back() -> None:
    async with world(confirm=NEVER) as w:
        heard: list[Order] = []
        w.engine.register_callback("on_partial_fill", heard.append)
        event = (await w.buy(quantity="0.01", price_limit=50000)).events[-1]
        assert isinstance(event, e.OrderSubmitted)
        await partial(w, event.order)
        await w.until(lambda: heard)
        assert heard[0].filled == Decimal("0.004")


async def partial(w: World, order: Order) -> None:
    from engine.positions import Fill  # noqa: PLC0415 - used here alone
    from engine.reports import FillReported  # noqa: PLC0415 - used here alone

    fill = Fill(
        venue="binance",
        symbol=order.symbol,
        trade_id="by-hand",
        side=order.side,
        quantity=Decimal("0.004"),
        price=Decimal(50000),
        fee=Decimal(0),
        fee_currency="USDT",
        at=w.engine.clock.now(),
        client_order_id=order.client_order_id,
    )
    w.engine.loop.post(FillReported(fill=fill))


async def test_who_waits_for_an_order_is_told_when_the_engine_stops() -> None:
    async with world(confirm=NEVER) as w:
        waiting = asyncio.create_task(
            w.engine.execute_signal(signal(quantity="0.001", price_limit=50000))
        )
        await w.until(lambda: w.engine._waiters)
        await w.engine.stop()
        with pytest.raises(EngineStopped):
            await waiting
        await w.engine.stop()


METRICS: dict[str, set[str]] = {
    "engine": {
        "mode",
        "is_running",
        "circuit_breaker_active",
        "total_signals",
        "successful_executions",
        "failed_executions",
        "success_rate",
    },
    "positions": {
        "total_positions",
        "total_unrealized_pnl",
        "winning_positions",
        "losing_positions",
    },
    "risk": {"current_drawdown_pct", "daily_loss_pct", "risk_violations"},
    "monitoring": {"execution", "slippage", "speed", "stages", "costs"},
}
FIGURES = ("min", "max", "avg", "p50", "p95", "p99")


async def test_metrics_have_the_seed_s_names_and_plain_numbers() -> None:
    async with world(confirm=NEVER) as w:
        empty = w.engine.get_performance_metrics()
        assert {name: set(group) for name, group in empty.items()} == METRICS
        assert empty["engine"]["success_rate"] == 0.0
        await w.engine.execute_signal(signal(quantity="0.001"))
        await w.engine.execute_signal(signal("eth", quantity="0.01"))
        await w.engine.execute_signal(signal(quantity=1))
        w.set("BTC/USDT", "62240")
        w.set("ETH/USDT", "3296")
        metrics = w.engine.get_performance_metrics()
        assert metrics["engine"] == {
            "mode": "paper",
            "is_running": True,
            "circuit_breaker_active": False,
            "total_signals": 3,
            "successful_executions": 2,
            "failed_executions": 1,
            "success_rate": 2 / 3,
        }
        assert metrics["positions"]["total_positions"] == 2
        assert metrics["positions"]["winning_positions"] == 1
        assert metrics["positions"]["losing_positions"] == 1
        assert round(metrics["positions"]["total_unrealized_pnl"], 2) == 0.0
        assert metrics["risk"]["risk_violations"] == 1
        speed, slippage = metrics["monitoring"]["speed"], metrics["monitoring"]["slippage"]
        assert set(speed) == {f"{name}_latency_ms" for name in FIGURES} | {"sample_size"}
        assert set(slippage) == {f"{name}_slippage_pct" for name in FIGURES} | {"sample_size"}
        assert speed["sample_size"] == slippage["sample_size"] == 2
        assert speed["min_latency_ms"] <= speed["avg_latency_ms"] <= speed["max_latency_ms"]
        assert metrics["monitoring"]["execution"] == {"total_orders": 2, "filled": 2}
    assert not w.engine.get_performance_metrics()["engine"]["is_running"]


async def test_what_came_to_nothing_is_counted_as_failed_or_unknown() -> None:
    async with world(confirm=NEVER, submit_timeout_s=0.1, settle_s=30) as w:
        w.venue.faults.script(
            Operation.SUBMIT, Fault(kind=FaultKind.REFUSED), Fault(kind=FaultKind.SWALLOWED)
        )
        await w.engine.execute_signal(signal(quantity="0.001"))
        await w.buy("ETH/USDT", quantity="0.01")
        await w.until(lambda: len(w.engine.performance.counts) == 2)
        metrics = w.engine.get_performance_metrics()
        assert metrics["monitoring"]["execution"] == {
            "total_orders": 2,
            "rejected": 1,
            "unknown": 1,
        }
        assert metrics["engine"]["failed_executions"] == 1


@pytest.mark.parametrize(
    ("share", "found"), [(0.5, 5.0), (0.95, 10.0), (0.99, 10.0), (0.0, 1.0), (0.1, 1.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, found: float) -> None:
    assert percentile([float(n) for n in range(10, 0, -1)], share) == found


def test_no_samples_are_zeros() -> None:
    assert summary([], "x") == {f"{name}_x": 0.0 for name in FIGURES} | {"sample_size": 0}


async def test_an_emergency_stop_that_ends_in_a_stopped_engine_says_so() -> None:
    async with world(confirm=NEVER, submit_timeout_s=0.1) as w:
        await w.engine.execute_signal(signal(quantity="0.001"))
        w.venue.faults.go_down()
        stop = asyncio.create_task(w.engine.emergency_stop_all())
        await w.until(lambda: w.engine.state.flattening)
        await w.engine.stop()
        with pytest.raises(EngineStopped):
            await stop


def test_the_package_shows_what_a_program_needs() -> None:
    settings: dict[str, Any] = {"journal_id": "x"}
    assert EngineSettings(**settings).mode is ExecutionMode.PAPER
    assert ExecutionEngine.__doc__
    assert Target(price=Decimal(1)).fraction == 1

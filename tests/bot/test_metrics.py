"""Metrics: what is observed is what Prometheus reads."""

from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Latency, Metrics
from engine.orders import OrderStatus
from engine.risk_limits import TradingState

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(metrics: Metrics) -> Samples:
    return {
        (sample.name.removeprefix("quarterdeck_"), tuple(sorted(sample.labels.items()))): float(
            sample.value
        )
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_every_order_status_is_there_from_the_start_at_zero() -> None:
    samples = samples_of(Metrics())

    for status in OrderStatus:
        assert samples["orders_total", (("status", status.value),)] == 0


def test_what_is_not_known_yet_is_not_zero() -> None:
    samples = samples_of(Metrics())

    for name in ("equity", "drawdown_pct", "daily_loss_pct"):
        assert samples[name, ()] != samples[name, ()]  # NaN is the one number unlike itself


def test_what_was_counted_and_observed_is_shown() -> None:
    metrics = Metrics()

    metrics.count_order(OrderStatus.FILLED)
    metrics.count_order(OrderStatus.FILLED)
    metrics.count_order(OrderStatus.UNKNOWN)
    metrics.count_fill()
    metrics.count_telegram_429()
    metrics.observe_latency(Latency.SENT_TO_ACK, 0.02)
    metrics.observe_latency(Latency.ALERT_DELAY, -0.001)
    metrics.observe_slippage(Decimal("-3.5"))
    metrics.set_account(
        equity=Decimal("10123.45"), drawdown_pct=Decimal("1.5"), daily_loss_pct=Decimal("0.25")
    )
    metrics.set_depths(inbox=3, outbox=4, orders_unknown=1)

    samples = samples_of(metrics)
    assert samples["orders_total", (("status", "filled"),)] == 2
    assert samples["orders_total", (("status", "unknown"),)] == 1
    assert samples["fills_total", ()] == 1
    assert samples["telegram_429_total", ()] == 1
    assert samples["latency_seconds_bucket", (("le", "0.01"), ("span", "sent_to_ack"))] == 0
    assert samples["latency_seconds_bucket", (("le", "0.025"), ("span", "sent_to_ack"))] == 1
    assert samples["latency_seconds_sum", (("span", "alert_delay"),)] == 0
    assert samples["slippage_cost_bps_bucket", (("le", "-5.0"),)] == 0
    assert samples["slippage_cost_bps_bucket", (("le", "-1.0"),)] == 1
    assert samples["equity", ()] == 10123.45
    assert samples["drawdown_pct", ()] == 1.5
    assert samples["daily_loss_pct", ()] == 0.25
    assert samples["inbox_depth", ()] == 3
    assert samples["outbox_depth", ()] == 4
    assert samples["orders_unknown", ()] == 1


def test_exactly_one_trading_state_holds() -> None:
    metrics = Metrics()

    metrics.set_trading(state=TradingState.HALTED, breaker_active=True)
    metrics.set_trading(state=TradingState.REDUCING, breaker_active=False)

    samples = samples_of(metrics)
    shown = {state: samples["trading_state", (("state", state.value),)] for state in TradingState}
    assert [state for state, value in shown.items() if value == 1] == [TradingState.REDUCING]
    assert samples["breaker_active", ()] == 0


def test_two_processes_in_one_do_not_share_their_numbers() -> None:
    one, other = Metrics(), Metrics()

    one.count_fill()

    assert samples_of(other)["fills_total", ()] == 0

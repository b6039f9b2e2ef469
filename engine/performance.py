"""Performance: counts, slippage and latency of this process, for screens and metrics.

Statistics are floats on purpose: they describe, nothing is decided from them. Latency runs from
the arrival of the message that became the order to its first fill, on the monotonic clock.
Slippage is against the arrival mid, positive = cost. Percentiles are nearest-rank over the newest
samples.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine import events as e
from engine.markouts import Markouts
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.positions import Fill
from engine.quotes import Quote
from engine.state import State

SAMPLES_MAX = 1000


class Performance:
    """Collect what happened since the start; bounded to the newest thousand samples."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Measure with a monotonic clock, in seconds."""
        self._monotonic = monotonic
        self._received_s: dict[str, float] = {}
        self.latencies_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.committed_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.sent_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.spreads_bps: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.markouts = Markouts()
        self.acknowledged_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.done_ms: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.slippages_bps: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.delays_bps: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.shortfalls_bps: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.signals = 0
        self.denied = 0
        self.counts: dict[OrderStatus, int] = {}

    def see(self, event: e.Event, state: State, received_s: float) -> None:
        """Take one committed event in."""
        match event:
            case e.SignalReceived():
                self.signals += 1
            case e.OrderDenied():
                self.denied += 1
            case e.OrderSubmitted(order=order):
                self._received_s[order.client_order_id] = received_s
                self._stamp(self.committed_ms, order.client_order_id)
            case e.OrderAccepted(client_order_id=client_order_id):
                self._stamp(self.acknowledged_ms, client_order_id)
            case e.FillBooked(fill=fill) if fill.client_order_id is not None:
                self.markouts.filled(fill, event.mid, self._monotonic())
                if event.mid is not None:
                    self.spreads_bps.append(float(spread_cost_bps(fill, event.mid)))
                filled = state.order(fill.client_order_id)
                if filled is not None and filled.fills == 1:
                    self._stamp(self.latencies_ms, fill.client_order_id)
                self._finished(filled)
            case (
                e.OrderRejected()
                | e.OrderNotSent()
                | e.OrderCanceled()
                | e.OrderExpired()
                | e.OrderUnknown()
            ):
                if isinstance(event, e.OrderUnknown):
                    self.counts[OrderStatus.UNKNOWN] = self.counts.get(OrderStatus.UNKNOWN, 0) + 1
                self._finished(state.order(event.client_order_id))
            case _:
                pass

    def sent(self, client_order_id: str) -> None:
        """Take note that an order leaves in this moment."""
        self._stamp(self.sent_ms, client_order_id)

    def quoted(self, quote: Quote) -> None:
        """Look at a quote for what became of earlier fills."""
        self.markouts.see(quote, self._monotonic())

    def _stamp(self, samples: deque[float], client_order_id: str) -> None:
        received_s = self._received_s.get(client_order_id)
        if received_s is not None:
            samples.append((self._monotonic() - received_s) * 1000)

    def _finished(self, order: Order | None) -> None:
        """Count an order once, when it is first seen finished."""
        if order is None or not order.is_finished:
            return
        if order.client_order_id not in self._received_s:
            return
        self._stamp(self.done_ms, order.client_order_id)
        del self._received_s[order.client_order_id]
        self.counts[order.status] = self.counts.get(order.status, 0) + 1
        cost = order.slippage_cost_bps
        if cost is not None:
            self.slippages_bps.append(float(cost))
        for samples, measured in (
            (self.delays_bps, delay_cost_bps(order)),
            (self.shortfalls_bps, shortfall_cost_bps(order)),
        ):
            if measured is not None:
                samples.append(float(measured))

    @property
    def successful(self) -> int:
        """Give how many orders filled."""
        return self.counts.get(OrderStatus.FILLED, 0)

    @property
    def failed(self) -> int:
        """Give how many signals and orders failed: denied, rejected, not sent, lapsed unfilled."""
        failures = (OrderStatus.REJECTED, OrderStatus.NOT_SENT, OrderStatus.EXPIRED)
        return self.denied + sum(self.counts.get(status, 0) for status in failures)


def delay_cost_bps(order: Order) -> Decimal | None:
    """Give s(P_a - P_d)/P_d * 1e4, positive = cost; None without one of the mids (EXECUTION 10)."""
    decided, arrived = order.price_decision, order.price_arrival
    if decided is None or arrived is None:
        return None
    return (arrived - decided) / decided * 10000 * order.side.sign


def shortfall_cost_bps(order: Order) -> Decimal | None:
    """Give the implementation shortfall of an order that has ended, positive = cost.

    [s q (p - P_d) + s (Q - q)(P_e - P_d) + fees]/(Q P_d) * 1e4; `P_e` is the mid when it ended:
    what did not fill costs what the price moved (Perold 1988). None without a mid that it needs.
    """
    decided, average, ended = order.price_decision, order.price_average, order.price_end
    if decided is None or not order.is_finished:
        return None
    moved = order.fees
    if order.filled > ZERO:
        if average is None:
            return None
        moved += order.side.sign * order.filled * (average - decided)
    rest = order.quantity - order.filled
    if rest > ZERO:
        if ended is None:
            return None
        moved += order.side.sign * rest * (ended - decided)
    return moved / (order.quantity * decided) * 10000


def spread_cost_bps(fill: Fill, mid: Decimal) -> Decimal:
    """Give the effective spread of a fill, 2 s (p - mid)/mid * 1e4, positive = cost."""
    return 2 * (fill.price - mid) / mid * 10000 * fill.side.sign


def measured(samples: Sequence[float]) -> dict[str, float | int | None]:
    """Give percentiles and the count; None, never zero, without a sample."""
    names = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    found: dict[str, float | int | None] = {
        name: percentile(samples, share) if samples else None for name, share in names.items()
    }
    return {**found, "sample_size": len(samples)}


def percentile(samples: Sequence[float], share: float) -> float:
    """Give the nearest-rank percentile of unsorted samples; 0.0 without any."""
    if not samples:
        return 0.0
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(samples: Sequence[float], unit: str) -> dict[str, Any]:
    """Summarise samples under names such as `avg_latency_ms`."""
    return {
        f"min_{unit}": min(samples, default=0.0),
        f"max_{unit}": max(samples, default=0.0),
        f"avg_{unit}": sum(samples) / len(samples) if samples else 0.0,
        f"p50_{unit}": percentile(samples, 0.50),
        f"p95_{unit}": percentile(samples, 0.95),
        f"p99_{unit}": percentile(samples, 0.99),
        "sample_size": len(samples),
    }


def metrics_of(
    performance: Performance,
    state: State,
    quotes: Mapping[str, Quote],
    *,
    is_running: bool,
    is_latched: bool,
) -> dict[str, Any]:
    """Give the metrics of the Python interface: engine, positions, risk, monitoring.

    `is_latched` tells of a breaker that is latched in memory and not journaled yet. Long because
    every figure is named once.
    """
    pnls = [
        position.unrealised_pnl(quotes[key].mark)
        for key, position in state.positions.items()
        if key in quotes
    ]
    done = performance.successful + performance.failed
    equity = state.equity
    return {
        "engine": {
            "mode": state.journal.mode if state.journal is not None else "paper",
            "is_running": is_running,
            "circuit_breaker_active": is_latched or bool(state.breakers),
            "total_signals": performance.signals,
            "successful_executions": performance.successful,
            "failed_executions": performance.failed,
            "success_rate": performance.successful / done if done else 0.0,
        },
        "positions": {
            "total_positions": len(state.positions),
            "total_unrealized_pnl": float(sum(pnls)),
            "winning_positions": sum(1 for pnl in pnls if pnl > 0),
            "losing_positions": sum(1 for pnl in pnls if pnl < 0),
        },
        "risk": {
            "current_drawdown_pct": float(equity.drawdown_pct) if equity else 0.0,
            "daily_loss_pct": float(equity.day_loss_pct) if equity else 0.0,
            "risk_violations": performance.denied,
        },
        "monitoring": {
            "execution": {
                "total_orders": sum(performance.counts.values()),
                **{str(status): count for status, count in sorted(performance.counts.items())},
            },
            "slippage": summary([bps / 100 for bps in performance.slippages_bps], "slippage_pct"),
            "speed": summary(performance.latencies_ms, "latency_ms"),
            "stages": {
                "committed_ms": measured(performance.committed_ms),
                "sent_ms": measured(performance.sent_ms),
                "acknowledged_ms": measured(performance.acknowledged_ms),
                "first_fill_ms": measured(performance.latencies_ms),
                "done_ms": measured(performance.done_ms),
            },
            "costs": {
                "delay_cost_bps": measured(performance.delays_bps),
                "arrival_cost_bps": measured(performance.slippages_bps),
                "shortfall_cost_bps": measured(performance.shortfalls_bps),
                "spread_cost_bps": measured(performance.spreads_bps),
                **{
                    f"markout_{horizon}s_cost_bps": measured(costs)
                    for horizon, costs in performance.markouts.costs_bps.items()
                },
            },
        },
    }

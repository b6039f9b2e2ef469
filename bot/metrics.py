"""The numbers that Prometheus scrapes (DESIGN 5); every label comes from a short, closed list."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.streams import StreamFigures
from engine.orders import OrderStatus
from engine.risk_limits import TradingState

LATENCY_S_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SLIPPAGE_BPS_BUCKETS = (-50.0, -20.0, -10.0, -5.0, -1.0, 0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)
NAMESPACE = "quarterdeck"


class Latency(StrEnum):
    """Name the spans that are measured; each in seconds of the monotonic clock."""

    SIGNAL_TO_SENT = "signal_to_sent"
    SENT_TO_ACK = "sent_to_ack"
    SENT_TO_FILL = "sent_to_fill"
    ALERT_DELAY = "alert_delay"


class Metrics:
    """Hold the numbers of one process in a registry of its own, so that two can live side by side.

    Prometheus counts in floats: Decimal ends here, and nothing is computed from what it becomes.
    A value that is not known (None) is shown as NaN, never as zero.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self._orders = self._counter("orders", "Orders, by each status they reached.", ["status"])
        self._fills = self._counter("fills", "Fills booked.")
        self._telegram_429 = self._counter("telegram_429", "Requests Telegram told to wait.")
        self._latency_s = self._histogram(
            "latency_seconds",
            "Between two moments of an order.",
            LATENCY_S_BUCKETS,
            ["span"],
        )
        self._slippage_bps = self._histogram(
            "slippage_cost_bps", "Fill against arrival; positive is a cost.", SLIPPAGE_BPS_BUCKETS
        )
        self._equity = self._gauge("equity", "Equity in the reporting currency.")
        self._drawdown_pct = self._gauge("drawdown_pct", "Below the high-water mark, in percent.")
        self._daily_loss_pct = self._gauge("daily_loss_pct", "Lost since the day's open, percent.")
        self._breaker_active = self._gauge("breaker_active", "1 while a breaker is latched.")
        self._trading_state = self._gauge(
            "trading_state", "1 for the state that holds, 0 for the others.", ["state"]
        )
        self._inbox_depth = self._gauge("inbox_depth", "Messages that wait for the engine.")
        self._outbox_depth = self._gauge("outbox_depth", "Alerts that wait for Telegram.")
        self._orders_unknown = self._gauge(
            "orders_unknown", "Orders whose outcome the venue has not told."
        )
        self._active = self._gauge("active", "1 for the process that trades, 0 for a standby.")
        self._lease_token = self._gauge(
            "lease_token", "Grows with each takeover; 0 where the file's lock is the lease."
        )
        self._cache_up = self._gauge("cache_up", "1 while the cache takes in and gives out.")
        self._cache_lost = self._gauge("cache_lost", "Records the cache let go of unwritten.")
        self._streams_up = self._gauge("streams_up", "1 while the streams that are on work.")
        self._stream_behind = self._gauge(
            "stream_events_behind", "Events journaled and not published yet."
        )
        self._stream_pending = self._gauge(
            "stream_signals_pending", "Signals delivered and not settled yet."
        )
        self._stream_signals = self._gauge(
            "stream_signals", "Signals that came by a stream since the start.", ["outcome"]
        )
        # A series that is there from the start, at zero, is one that an alert rule can compare.
        for status in OrderStatus:
            self._orders.labels(status.value)
        for span in Latency:
            self._latency_s.labels(span.value)
        for gauge in (self._equity, self._drawdown_pct, self._daily_loss_pct):
            gauge.set(_number(None))

    def count_order(self, status: OrderStatus) -> None:
        """Count an order that reached a status."""
        self._orders.labels(status.value).inc()

    def count_fill(self) -> None:
        """Count a booked fill."""
        self._fills.inc()

    def count_telegram_429(self) -> None:
        """Count a request that Telegram turned down for now."""
        self._telegram_429.inc()

    def observe_latency(self, span: Latency, seconds: float) -> None:
        """Take one measured span, in seconds; a clock that ran backwards counts as no time."""
        self._latency_s.labels(span.value).observe(max(seconds, 0.0))

    def observe_slippage(self, cost_bps: Decimal) -> None:
        """Take the slippage of one order, in basis points; positive is a cost."""
        self._slippage_bps.observe(float(cost_bps))

    def set_account(
        self,
        *,
        equity: Decimal | None,
        drawdown_pct: Decimal | None,
        daily_loss_pct: Decimal | None,
    ) -> None:
        """Show equity, in the reporting currency, and what was lost, in percent."""
        self._equity.set(_number(equity))
        self._drawdown_pct.set(_number(drawdown_pct))
        self._daily_loss_pct.set(_number(daily_loss_pct))

    def set_trading(self, *, state: TradingState, breaker_active: bool) -> None:
        """Show what may be traded."""
        self._breaker_active.set(1 if breaker_active else 0)
        for each in TradingState:
            self._trading_state.labels(each.value).set(1 if each is state else 0)

    def set_depths(self, *, inbox: int, outbox: int, orders_unknown: int) -> None:
        """Show how much waits: for the engine, for Telegram, and for a venue's word."""
        self._inbox_depth.set(inbox)
        self._outbox_depth.set(outbox)
        self._orders_unknown.set(orders_unknown)

    def set_role(self, *, is_active: bool, token: int) -> None:
        """Say whether this process is the one that trades, and by which lease."""
        self._active.set(is_active)
        self._lease_token.set(token)

    def set_cache(self, *, is_well: bool, lost: int) -> None:
        """Show whether the cache works, and how much it never took in since the start."""
        self._cache_up.set(1 if is_well else 0)
        self._cache_lost.set(lost)

    def set_streams(self, figures: StreamFigures) -> None:
        """Show how the streams do; what is off, or not known yet, is NaN."""
        well = figures.is_well
        self._streams_up.set(_count(None if well is None else int(well)))
        self._stream_behind.set(_count(figures.events_behind))
        self._stream_pending.set(_count(figures.signals_pending))
        for outcome, count in (
            ("consumed", figures.signals_consumed),
            ("repeated", figures.signals_repeated),
            ("rejected", figures.signals_rejected),
        ):
            self._stream_signals.labels(outcome).set(count)

    def render(self) -> bytes:
        """Write everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(name, text, labels, namespace=NAMESPACE, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(name, text, labels, namespace=NAMESPACE, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], labels: Iterable[str] = ()
    ) -> Histogram:
        return Histogram(
            name, text, labels, namespace=NAMESPACE, registry=self._registry, buckets=buckets
        )


def _number(value: Decimal | None) -> float:
    return float("nan") if value is None else float(value)


def _count(value: int | None) -> float:
    return float("nan") if value is None else value

"""Gauges: what the engine does, as numbers for Prometheus."""

import asyncio

from bot.assembly import Assembly
from bot.metrics import Latency, Metrics
from engine import events as e
from engine.orders import Order, OrderStatus
from engine.state import State

STAMPS_MAX = 1000
REFRESH_S = 5.0


class Gauges:
    """Listen to committed events; `refresh` measures the rest, each few seconds."""

    def __init__(self, metrics: Metrics, assembly: Assembly) -> None:
        self._metrics = metrics
        self._engine = engine = assembly.engine
        self._lease = assembly.lease
        self._outbox = assembly.outbox
        self._cache = assembly.cache
        self._streams = assembly.streams
        self._outbox_depth = 0
        self._sent_s: dict[str, float] = {}
        engine.loop.subscribe(self.see)

    def see(self, event: e.Event, state: State, received_s: float) -> None:
        """Count one event. A span runs on the monotonic clock, from the message's arrival."""
        match event:
            case e.OrderSubmitted(order=order):
                now_s = self._engine.clock.monotonic()
                self._metrics.count_order(OrderStatus.SUBMITTED)
                self._metrics.observe_latency(Latency.SIGNAL_TO_SENT, now_s - received_s)
                self._sent_s[order.client_order_id] = now_s
                while len(self._sent_s) > STAMPS_MAX:
                    del self._sent_s[next(iter(self._sent_s))]
            case e.FillBooked(fill=fill):
                self._metrics.count_fill()
                if fill.client_order_id is not None:
                    self._filled(state.order(fill.client_order_id))
            case e.OrderAccepted(client_order_id=client_order_id):
                self._span(Latency.SENT_TO_ACK, client_order_id)
                self._metrics.count_order(OrderStatus.ACCEPTED)
            case e.OrderUnknown():
                self._metrics.count_order(OrderStatus.UNKNOWN)
            case e.OrderRejected():
                self._metrics.count_order(OrderStatus.REJECTED)
            case e.OrderNotSent():
                self._metrics.count_order(OrderStatus.NOT_SENT)
            case e.OrderCanceled():
                self._metrics.count_order(OrderStatus.CANCELED)
            case e.OrderExpired():
                self._metrics.count_order(OrderStatus.EXPIRED)
            case e.OrderDenied():
                self._metrics.count_order(OrderStatus.DENIED)
            case _:
                return

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Measure what has to be asked for: the outbox."""
        self._outbox_depth = sum((await self._outbox.depth()).values())

    def render(self) -> bytes:
        """Give the page that Prometheus scrapes."""
        state = self._engine.state
        equity = state.equity
        unknown = sum(1 for o in state.orders.values() if o.status is OrderStatus.UNKNOWN)
        self._metrics.set_account(
            equity=equity.equity if equity is not None else None,
            drawdown_pct=equity.drawdown_pct if equity is not None else None,
            daily_loss_pct=equity.day_loss_pct if equity is not None else None,
        )
        self._metrics.set_trading(state=state.trading, breaker_active=bool(state.breakers))
        self._metrics.set_depths(
            inbox=len(self._engine.loop.inbox),
            outbox=self._outbox_depth,
            orders_unknown=unknown,
        )
        self._metrics.set_role(
            is_active=self._engine.is_running and self._lease.is_held(), token=self._lease.token
        )
        self._metrics.set_cache(is_well=self._cache.trouble is None, lost=self._cache.lost)
        self._metrics.set_streams(self._streams.figures())
        return self._metrics.render()

    def _filled(self, order: Order | None) -> None:
        if order is None:
            return
        if order.fills == 1:
            self._span(Latency.SENT_TO_FILL, order.client_order_id)
        if order.status is OrderStatus.FILLED:
            self._metrics.count_order(OrderStatus.FILLED)
            self._sent_s.pop(order.client_order_id, None)
            if order.slippage_cost_bps is not None:
                self._metrics.observe_slippage(order.slippage_cost_bps)

    def _span(self, span: Latency, client_order_id: str) -> None:
        sent_s = self._sent_s.get(client_order_id)
        if sent_s is not None:
            self._metrics.observe_latency(span, self._engine.clock.monotonic() - sent_s)

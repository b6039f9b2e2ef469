"""Live wire: from the signal to its create at the test exchange, beside bare ccxt."""

import asyncio
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine import SignalAction, TradingSignal
from engine import events as e
from engine.orders import OrderStatus
from engine.state import State
from tests.benchmarks.baselines import bare_ccxt
from tests.benchmarks.causes import sampled
from tests.benchmarks.effort import Effort
from tests.benchmarks.live_account import ASK, SPOT, LiveRoom, live_room
from tests.benchmarks.rows import MS, Row, Target, baseline_of, row_of
from tests.exchange.spot import KEY, SECRET

VENUE = "binance"
PAUSE_S = 0.004
WARM = 10
LOT = Decimal("0.00001")
LEAST = Decimal("0.001")


async def wire(effort: Effort) -> list[Row]:
    """Send orders in turn through the armed engine and with bare ccxt; the exchange notes both."""
    async with live_room(effort.room("live-wire"), VENUE) as room:
        bare = await bare_ccxt.connected(room.url_beside, key=KEY, secret=SECRET)
        try:
            trial = _Trial(room, bare)
            await trial.run(WARM)
            n, begun_s = effort.n(400, quick=20), time.process_time()
            rows = _rows(await trial.run(n))
            each_ms = (time.process_time() - begun_s) / n * MS
            if any(row.missed for row in rows):
                with sampled() as shares:
                    await trial.run(effort.n(200, quick=20))
                own = f"{each_ms:.1f} ms of processor time a pair, fill and bookkeeping included"
                rows = [replace(row, measured=(own, shares.sentence())) for row in rows]
        finally:
            await bare.close()
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """Hold milliseconds to the create's arrival: from the call, from its commit, and bare."""

    signal: list[float]
    send: list[float]
    bare: list[float]


class _Trial:
    """Take samples of both ways in turn."""

    def __init__(self, room: LiveRoom, bare: Any) -> None:
        self._room, self._bare = room, bare
        self._number = 0
        self._committed_s: dict[str, float] = {}
        room.engine.loop.subscribe(self._see)

    def _see(self, event: e.Event, _state: State, _received_s: float) -> None:
        if isinstance(event, e.OrderSubmitted):
            self._committed_s[event.order.client_order_id] = time.monotonic()

    async def run(self, n: int) -> _Samples:
        """Take so many of each."""
        ours_s: dict[str, float] = {}
        bare_s: dict[str, float] = {}
        for _ in range(n):
            self._number += 1
            quantity = LEAST + self._number * LOT
            signal = TradingSignal(symbol=SPOT, action=SignalAction.BUY, quantity=quantity)
            begun_s = time.monotonic()
            result = await self._room.engine.execute_signal(signal, VENUE)
            assert result.order is not None, result.error
            # Where the machine is so busy that an entry grows two seconds old, it is withheld.
            if result.order.status is not OrderStatus.NOT_SENT:
                assert result.success, result.error
                ours_s[result.order.client_order_id] = begun_s
            await asyncio.sleep(PAUSE_S)
            name = f"bare-{self._number}"
            bare_s[name] = time.monotonic()
            await bare_ccxt.buy(self._bare, SPOT, float(quantity), float(ASK), name)
            await asyncio.sleep(PAUSE_S)
        arrived_s = (await self._room.arrivals()).created
        return _Samples(
            signal=[(arrived_s[name] - begun) * MS for name, begun in ours_s.items()],
            send=[(arrived_s[name] - self._committed_s[name]) * MS for name in ours_s],
            bare=[(arrived_s[name] - begun) * MS for name, begun in bare_s.items()],
        )


def _rows(samples: _Samples) -> list[Row]:
    beside = baseline_of(
        "bare ccxt", "ms", samples.bare, note="create_order by itself, the same server"
    )
    return [
        row_of(
            "live.wire",
            "ms",
            samples.signal,
            Target(figure="median", bound=2.0, over_baseline=True),
            Target(figure="p99", bound=8.0, over_baseline=True),
            beside=beside,
            note="execute_signal in live mode until its create reached the test exchange: "
            "decided, committed (SQLite FULL), budget and gate passed; streams and monitor on",
            cause="decide, one commit through the writer thread, a task for the submit; what the "
            "fill before it still has to do",
        ),
        row_of(
            "live.send",
            "ms",
            samples.send,
            Target(figure="median", bound=1.0, over_baseline=True),
            beside=beside,
            note="the same from its commit: what the adapter adds to ccxt",
            cause="a task, the budget, the gate twice",
        ),
    ]

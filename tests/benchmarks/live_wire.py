"""Live wire: from the signal to its create at the test exchange, beside bare ccxt."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine import SignalAction, TradingSignal
from engine.orders import OrderStatus
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
        bare = await bare_ccxt.connected(room.url, key=KEY, secret=SECRET)
        try:
            trial = _Trial(room, bare)
            await trial.run(WARM)
            n, begun_s = effort.n(400, quick=40), time.process_time()
            row = _row(*await trial.run(n))
            each_ms = (time.process_time() - begun_s) / n * MS
            if row.missed:
                with sampled() as shares:
                    await trial.run(effort.n(200, quick=40))
                own = f"{each_ms:.1f} ms of processor time a pair, fill and bookkeeping included"
                row = replace(row, measured=(own, shares.sentence()))
        finally:
            await bare.close()
    return [row]


class _Trial:
    """Take samples of both ways in turn."""

    def __init__(self, room: LiveRoom, bare: Any) -> None:
        self._room, self._bare = room, bare
        self._number = 0

    async def run(self, n: int) -> tuple[list[float], list[float]]:
        """Give milliseconds to the create's arrival: through the engine, and bare."""
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
        return (
            [(arrived_s[name] - begun) * MS for name, begun in ours_s.items()],
            [(arrived_s[name] - begun) * MS for name, begun in bare_s.items()],
        )


def _row(ours: list[float], bare: list[float]) -> Row:
    return row_of(
        "live.wire",
        "ms",
        ours,
        Target(figure="median", bound=2.0, over_baseline=True),
        Target(figure="p99", bound=8.0, over_baseline=True),
        beside=baseline_of("bare ccxt", "ms", bare, note="create_order by itself, the same server"),
        note="execute_signal in live mode until its create reached the test exchange: decided, "
        "committed (SQLite FULL), budget and gate passed; streams and monitor on",
        cause="decide, one commit through the writer thread, a task for the submit",
    )

"""Wire: from the signal to the request at the exchange, beside bare ccxt on the same exchange."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from bot.clock import SystemClock
from engine import EngineSettings, ExecutionEngine
from engine.markets.manual import ManualMarket
from engine.orders import Order, OrderStatus
from engine.ports import Gate
from engine.reports import SubmitAnswer, SubmitWithheld
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks.account import NEVER, VENUE
from tests.benchmarks.baselines import bare_ccxt
from tests.benchmarks.causes import sampled
from tests.benchmarks.children import child
from tests.benchmarks.effort import Effort
from tests.benchmarks.paper_account import CASH, PATIENT, market, wish
from tests.benchmarks.rows import MS, Row, Target, baseline_of, row_of

PAUSE_S = 0.004
WARM = 5


class WireVenue(PaperVenue):
    """Send each order to the exchange as a live venue does; the fill is the paper venue's.

    The gate is asked last, then ccxt signs and sends.
    """

    def __init__(self, market: ManualMarket, client: Any) -> None:
        super().__init__(
            name=VENUE,
            quotes=market,
            clock=SystemClock(),
            store=MemoryLedgerStore(),
            cash={"USDT": CASH},
        )
        self._client = client

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        name = order.client_order_id
        withheld = gate(order)
        if withheld is not None:
            return SubmitWithheld(client_order_id=name, text=withheld)
        await self._client.create_order(
            order.symbol,
            # A market order goes as a limit that fills at once, with the slippage it may have.
            "market" if order.price_limit is None else "limit",
            str(order.side),
            str(order.quantity),
            None if order.price_limit is None else str(order.price_limit),
            {"newClientOrderId": name},
        )
        return await super().submit(order, lambda _: None)


@asynccontextmanager
async def _engine(folder: Path, client: Any) -> AsyncIterator[ExecutionEngine]:
    prices, database = market(), Database(f"sqlite:///{folder / 'journal.db'}")
    venue = WireVenue(prices, client)
    engine = ExecutionEngine(
        journal=SqlJournal(database),
        venues={VENUE: venue},
        quotes=prices,
        clock=SystemClock(),
        settings=EngineSettings(
            journal_id=secrets.token_hex(8),
            market="given",
            cash=CASH,
            limits=PATIENT,
            confirm=NEVER,
        ),
        jitter=random.Random(1),
    )
    await venue.start()
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        await venue.stop()
        await database.close()


async def wire(effort: Effort) -> list[Row]:
    """Send orders in turn through the engine and with bare ccxt; the exchange notes both."""
    folder = effort.room("wire")
    async with child("order_exchange", folder) as exchange:
        ours = await bare_ccxt.connected(exchange.word)
        bare = await bare_ccxt.connected(exchange.word)
        try:
            async with _engine(folder, ours) as engine:
                trial = _Trial(engine, bare, exchange.word)
                await trial.run(WARM)
                n, begun_s = effort.n(400, quick=60), time.process_time()
                row = _row(*await trial.run(n))
                each_ms = (time.process_time() - begun_s) / n * MS
                if row.missed:
                    with sampled() as shares:
                        await trial.run(effort.n(200, quick=40))
                    own = f"{each_ms:.1f} ms of processor time a pair, its fill included"
                    row = replace(row, measured=(own, shares.sentence()))
        finally:
            await ours.close()
            await bare.close()
    return [row]


class _Trial:
    """Take samples of both ways in turn."""

    def __init__(self, engine: ExecutionEngine, bare: Any, url: str) -> None:
        self._engine, self._bare, self._url = engine, bare, url
        self._number = 0

    async def run(self, n: int) -> tuple[list[float], list[float]]:
        """Give milliseconds to the request's arrival: through the engine, and bare."""
        engine_s: dict[str, float] = {}
        bare_s: dict[str, float] = {}
        for _ in range(n):
            self._number += 1
            signal = wish(self._number, symbols=2)
            begun_s = time.monotonic()
            result = await self._engine.execute_signal(signal, VENUE)
            # Where the machine is so busy that an entry grows two seconds old, it is withheld.
            if result.success and result.order is not None:
                engine_s[result.order.client_order_id] = begun_s
            else:
                assert result.order is not None, result.error
                assert result.order.status is OrderStatus.NOT_SENT, result.error
            await asyncio.sleep(PAUSE_S)
            name = f"bare-{self._number}"
            assert isinstance(signal.quantity, Decimal)
            bare_s[name] = time.monotonic()
            await bare_ccxt.buy(self._bare, signal.symbol, float(signal.quantity), 100.5, name)
            await asyncio.sleep(PAUSE_S)
        arrived_s = await self._arrivals()
        return (
            [(arrived_s[name] - begun) * MS for name, begun in engine_s.items()],
            [(arrived_s[name] - begun) * MS for name, begun in bare_s.items()],
        )

    async def _arrivals(self) -> dict[str, float]:
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{self._url}/bench/arrivals") as response,
        ):
            found: dict[str, float] = await response.json()
            return found


def _row(engine: list[float], bare: list[float]) -> Row:
    return row_of(
        "wire",
        "ms",
        engine,
        Target(figure="median", bound=2.0, over_baseline=True),
        Target(figure="p99", bound=8.0, over_baseline=True),
        beside=baseline_of("bare ccxt", "ms", bare, note="create_order by itself, the same server"),
        note="execute_signal until its request reached the exchange, SQLite FULL commit included",
        cause="decide, one commit through the writer thread, a task for the submit",
    )

"""Execution: whole engines on the paper venue, from the signal to the request and to the fill."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from bot.clock import SystemClock
from bot.embed import paper_engine
from engine import EngineSettings, ExecutionEngine, SignalAction, TradingSignal
from engine.execution import ExecutionResult
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import Order
from engine.ports import Gate
from engine.reports import SubmitAccepted, SubmitAnswer
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks.account import NEVER, VENUE, WIDE
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import (
    MS,
    Row,
    Target,
    median_below,
    median_of_at_least,
    p99_below,
    row_of,
)

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT")
CASH = Decimal(100_000_000)
AT_ONCE = 1000
PAUSE_S = 0.002
# Nobody renews these quotes, so they must not grow stale while the run lasts.
PATIENT = replace(WIDE, quote_age_s_max=3600)


class StampedVenue(PaperVenue):
    """Note when each order passes its gate: the last thing before a socket write."""

    def __init__(self, market: ManualMarket) -> None:
        super().__init__(
            name=VENUE,
            quotes=market,
            clock=SystemClock(),
            store=MemoryLedgerStore(),
            cash={"USDT": CASH},
        )
        self.sent_s: dict[str, float] = {}

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        def stamped(given: Order) -> str | None:
            verdict = gate(given)
            self.sent_s[given.client_order_id] = perf_counter()
            return verdict

        return await super().submit(order, stamped)


def market() -> ManualMarket:
    """Quote the catalogue's five symbols at 100, and at nothing else."""
    made = ManualMarket(instruments=catalogue(VENUE).values(), clock=SystemClock())
    for symbol in SYMBOLS:
        made.set(symbol, Decimal("99.99"), Decimal("100.01"))
    return made


def wish(number: int) -> TradingSignal:
    """Buy for an amount of its own, so that no two orders are duplicates."""
    return TradingSignal(
        symbol=SYMBOLS[number % len(SYMBOLS)],
        action=SignalAction.BUY,
        quantity=Decimal(1) + Decimal(number) / 10,
        confidence=0.8,
    )


@asynccontextmanager
async def durable_engine(folder: Path) -> AsyncIterator[tuple[ExecutionEngine, StampedVenue]]:
    """Run an engine whose journal is durable and whose venue costs no disk of ours."""
    prices, database = market(), Database(f"sqlite:///{folder / 'journal.db'}")
    venue = StampedVenue(prices)
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
        yield engine, venue
    finally:
        await engine.stop()
        await venue.stop()
        await database.close()


async def wire(effort: Effort) -> list[Row]:
    """Measure signal to request, each signal beside a bare submit to the same venue."""
    added, whole, bare = [], [], []
    async with durable_engine(effort.room("wire")) as (engine, venue):
        for number in range(effort.n(400, quick=60)):
            begun = perf_counter()
            result = await engine.execute_signal(wish(number), VENUE)
            ended = perf_counter()
            assert result.success, result.error
            order = result.order
            assert order is not None
            added.append((venue.sent_s[order.client_order_id] - begun) * MS)
            whole.append((ended - begun) * MS)
            await asyncio.sleep(PAUSE_S)
            begun = perf_counter()
            answer = await venue.submit(
                replace(order, client_order_id=f"bare{number}"), lambda _: None
            )
            bare.append((perf_counter() - begun) * MS)
            assert isinstance(answer, SubmitAccepted), answer
            await asyncio.sleep(PAUSE_S)
    return [
        row_of(
            "wire.added",
            "ms",
            added,
            median_below(2.0),
            p99_below(8.0),
            note="execute_signal to the gate before the request, SQLite FULL commit included",
            cause="decide, one commit through the writer thread, and a task for the submit",
        ),
        row_of("wire.filled", "ms", whole, note="execute_signal to its result, two commits"),
        row_of("wire.bare", "ms", bare, note="the same venue's submit alone, in between"),
    ]


async def thousand(effort: Effort) -> list[Row]:
    """Execute many signals at once, in memory and durable, by the documented call."""
    folder = effort.room("thousand")
    rows = []
    for name, runs, targets in (
        ("memory", effort.n(5, quick=1), ()),
        ("durable", effort.n(5, quick=1), (median_of_at_least(1500),)),
    ):
        rates, outcomes = [], Counter[str]()
        for run in range(runs):
            url = "memory" if name == "memory" else f"sqlite:///{folder / f'{run}.db'}"
            rate, results = await _burst(url, AT_ONCE)
            rates.append(rate)
            outcomes.update(_outcome(result) for result in results)
        rows.append(_rate_row(name, rates, outcomes, targets))
    return rows


async def _burst(url: str, count: int) -> tuple[float, list[ExecutionResult]]:
    engine = paper_engine(url, cash=CASH, quotes=market(), limits=PATIENT, confirm=NEVER)
    await engine.start()
    try:
        begun = perf_counter()
        results = await asyncio.gather(
            *(engine.execute_signal(wish(number), VENUE) for number in range(count))
        )
        return count / (perf_counter() - begun), results
    finally:
        await engine.stop()


def _outcome(result: ExecutionResult) -> str:
    if result.success:
        return "filled"
    return str(result.order.status) if result.order is not None else f"refused: {result.error}"


def _rate_row(
    name: str, rates: list[float], outcomes: Counter[str], targets: tuple[Target, ...]
) -> Row:
    total = sum(outcomes.values())
    counted = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common(3))
    row = row_of(
        f"thousand.{name}",
        "/s",
        rates,
        *targets,
        note=f"{AT_ONCE:,} execute_signal at once, {len(rates)} times: {counted} of {total:,}",
        cause="one core decides, folds, encodes and matches; see the rows signal.* and journal.*",
    )
    # For a rate the slow end is the low one.
    return replace(row, p99=min(rates), low=min(rates))

"""Execution: a thousand signals at once, executed on paper, in memory and durable."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

from bot.embed import paper_engine
from engine.execution import ExecutionResult
from tests.benchmarks.account import NEVER, VENUE
from tests.benchmarks.baselines.bare_orm import OrderStore, handle
from tests.benchmarks.causes import sampled
from tests.benchmarks.effort import Effort
from tests.benchmarks.paper_account import CASH, PATIENT, market, wish
from tests.benchmarks.rows import MS, Row, baseline_of, median_of_at_least, row_of

AT_ONCE = 1000


async def thousand(effort: Effort) -> list[Row]:
    """Execute many signals at once by the documented call, in turn with the naive handler."""
    folder = effort.room("thousand")
    durable, memory, bare, busy_s = [], [], [], 0.0
    outcomes = Counter[str]()
    await _burst("memory", AT_ONCE // 10)
    for run in effort.turns(5, quick=1, budget_s=40.0):
        begun_s = process_time()
        rate, results = await _burst(f"sqlite:///{folder / f'{run}.db'}", AT_ONCE)
        busy_s += process_time() - begun_s
        durable.append(rate)
        outcomes.update(_outcome(result) for result in results)
        bare.append(await _bare(folder / f"orm{run}.db", effort.n(AT_ONCE, quick=AT_ONCE // 5)))
        rate, results = await _burst("memory", AT_ONCE)
        memory.append(rate)
        outcomes.update(_outcome(result) for result in results)
    row = row_of(
        "thousand.durable",
        "/s",
        durable,
        median_of_at_least(1500),
        beside=baseline_of(
            "bare SQLAlchemy", "/s", bare, note="as many handlers at once, an ORM commit a change"
        ),
        note=f"{AT_ONCE:,} execute_signal at once: {_counted(outcomes)}",
        cause="one core decides, folds, encodes and matches",
    )
    if row.missed:
        with sampled() as shares:
            await _burst(f"sqlite:///{folder / 'sampled.db'}", AT_ONCE)
        each_ms = busy_s / len(durable) / AT_ONCE * MS
        own = f"{each_ms:.2f} ms of processor time each, start and end of the engine included"
        row = replace(row, measured=(own, shares.sentence()))
    return [row, row_of("thousand.memory", "/s", memory, note="the same without a database")]


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


async def _bare(file: Path, count: int) -> float:
    store = OrderStore(file)
    try:
        wishes = [wish(number) for number in range(count)]
        begun = perf_counter()
        await asyncio.gather(
            *(
                handle(store, f"bare-{number}", each.symbol, Decimal(str(each.quantity)))
                for number, each in enumerate(wishes)
            )
        )
        return count / (perf_counter() - begun)
    finally:
        store.close()


def _outcome(result: ExecutionResult) -> str:
    if result.success:
        return "filled"
    return str(result.order.status) if result.order is not None else f"refused: {result.error}"


def _counted(outcomes: Counter[str]) -> str:
    total = sum(outcomes.values())
    counted = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common(3))
    return f"{counted} of {total:,}"

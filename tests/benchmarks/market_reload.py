"""Market reload: how long the event loop stands still while 3,000 markets are loaded anew."""

import asyncio
import random
import time
from collections.abc import Awaitable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from engine.markets.listing import MarketSource
from engine.venues.ccxt_library import client_class, pointed
from engine.venues.live.market_store import MarketStore
from storage.market_shelf import DiskShelf
from tests.benchmarks.effort import Effort
from tests.benchmarks.live_account import live_exchange
from tests.benchmarks.live_exchange import MARKETS
from tests.benchmarks.rows import MS, Row, baseline_of, median_below, row_of

VENUE = "binance"
BEAT_S = 0.0005
REST_S = 0.2
# What shares a live account's markets: three for its calls, one for streams, one for prices.
CLIENTS = 5


async def reloads(effort: Effort) -> list[Row]:
    """Reload in turn as `run` does, and with ccxt's own `load_markets`."""
    folder = effort.room("reload")
    ours_ms, bare_ms = [], []
    async with live_exchange(folder, markets=MARKETS) as exchange:
        url, *_ = exchange.word.split()
        clients = [_client(url) for _ in range(CLIENTS)]
        try:
            await _shared(folder / "warm", url, clients)
            for number in effort.turns(15, quick=2, budget_s=90.0):
                ours_ms.append(await _stall_ms(_shared(folder / str(number), url, clients)))
                await asyncio.sleep(REST_S)
                bare_ms.append(await _stall_ms(clients[0].load_markets(True)))
                await asyncio.sleep(REST_S)
        finally:
            for client in clients:
                await client.close()
    return [
        row_of(
            "live.reload", "ms", ours_ms, median_below(25.0),
            beside=baseline_of("ccxt load_markets", "ms", bare_ms, note="one client's, the same"),
            note=f"the longest stall of the event loop while {MARKETS:,} markets are loaded anew, "
            f"put on the shelf, and shared with {CLIENTS} clients",
            cause="the pack is read a hundred lines at a time; then the indices of ccxt are made",
        )
    ]  # fmt: skip


async def _shared(folder: Path, url: str, clients: list[Any]) -> None:
    """Load as the daily reload does: apart, read, shelved, and given to every client."""
    store = MarketStore(
        clock=SystemClock(),
        jitter=random.Random(1),
        shelf=DiskShelf(folder),
    )
    listing = await store.listing(MarketSource(venue=VENUE, api_url=url))
    assert len(listing.markets) >= MARKETS // 2
    listing.share_with(clients)


def _client(url: str) -> Any:  # ccxt ships no types
    client = client_class(VENUE)(
        {"enableRateLimit": False, "timeout_on_exit": 0, "number": Decimal}
    )
    client.options["fetchCurrencies"] = client.options["fetchMargins"] = False
    client.options["fetchMarkets"] = {"types": ["spot"]}
    pointed(client, api_url=url)
    return client


async def _stall_ms(work: Awaitable[object]) -> float:
    """Do some work, and give the longest time for which nothing else had a turn."""
    stalls_s = [0.0]

    async def beat() -> None:
        before_s = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT_S)
            now_s = time.perf_counter()
            stalls_s.append(now_s - before_s - BEAT_S)
            before_s = now_s

    beating = asyncio.create_task(beat())
    # The heart must beat before the work begins, and once more after it has ended.
    await asyncio.sleep(BEAT_S)
    try:
        await work
        await asyncio.sleep(BEAT_S)
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    return max(stalls_s) * MS

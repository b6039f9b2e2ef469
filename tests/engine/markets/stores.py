"""Stores of markets for tests: loaded in a thread, as a process for each would take its time."""

import asyncio
import random

from engine.markets.apart import Load, load_in_thread
from engine.ports import Clock
from engine.venues.live.market_store import BACKOFF_S_MAX, MarketStore, Shelf

# A Retry-After of the tests is longer.
PAUSE_S_MAX = 10 * BACKOFF_S_MAX


def store_of(
    clock: Clock, *, load: Load = load_in_thread, shelf: Shelf | None = None, timeout_s: float = 9
) -> MarketStore:
    """Make a store that tries again at once, and waits for ever for a listing to grow old."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0 if seconds <= PAUSE_S_MAX else 3600)

    return MarketStore(
        clock=clock,
        jitter=random.Random(7),
        load=load,
        shelf=shelf,
        timeout_s=timeout_s,
        sleep=sleep,
    )

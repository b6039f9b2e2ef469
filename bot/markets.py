"""Markets: where a process keeps what its venues list, and the one store it has of it."""

import os
import random
from pathlib import Path
from typing import Final

from bot.settings import Settings
from engine.ports import Clock
from engine.venues.live.market_store import START_WAIT_S, MarketStore, Shelf
from storage.market_shelf import DiskShelf, RedisShelf

SQLITE: Final = "sqlite:///"


def market_store(
    clock: Clock, shelf: Shelf | None = None, *, start_wait_s: float = START_WAIT_S
) -> MarketStore:
    """Make the store that everybody in this process asks; without a shelf each start loads anew."""
    jitter = random.Random()  # noqa: S311 - it spreads load, it guards nothing
    return MarketStore(clock=clock, jitter=jitter, shelf=shelf, start_wait_s=start_wait_s)


def shelf_of(settings: Settings) -> Shelf:
    """Find where markets lie between two runs: in Redis where there is one, or else on disk.

    On disk it is a folder beside the journal's file, or in the user's cache.
    """
    if settings.redis_url is not None:
        return RedisShelf(settings.redis_url.reveal())
    url = settings.database_url.reveal()
    if url.startswith(SQLITE):
        return DiskShelf(Path(url.removeprefix(SQLITE).partition("?")[0] + ".markets"))
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return DiskShelf(Path(cache) / "quarterdeck")

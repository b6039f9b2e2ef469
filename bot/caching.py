"""Caching: which cache an account has, and what of the engine and the market flows into it."""

import random

from bot.secret import Secret
from bot.views.board import Fault
from engine.execution import ExecutionEngine
from engine.ports import Clock
from engine.state import State
from storage.cache import Cache, MemoryCache
from storage.cache_feed import CacheFeed, Contents
from storage.cache_redis import RedisCache


def fed_cache(
    url: Secret | None, *, engine: ExecutionEngine, clock: Clock, jitter: random.Random
) -> Cache:
    """Make a cache, on Redis where there is an address, and feed it from the engine's listeners.

    The engine never reads it.
    """

    def state() -> State:
        return engine.state

    def journal_id() -> str | None:
        return None if engine.state.journal is None else engine.state.journal.journal_id

    contents = Contents(state=state, quotes=engine.quotes, clock=clock)
    cache: Cache = MemoryCache(clock)
    if url is not None:
        cache = RedisCache(
            url=url.reveal(), clock=clock, jitter=jitter, namespace=journal_id, contents=contents
        )
    feed = CacheFeed(cache=cache, contents=contents, clock=clock)
    engine.loop.subscribe(feed.see)
    engine.quotes.subscribe(feed.quoted)
    return cache


def cache_fault(cache: Cache) -> Fault | None:
    """Give what the board says of a cache in trouble; nothing once it is well again."""
    trouble = cache.trouble
    if trouble is None:
        return None
    what = "Redis is away" if trouble.is_away else "Redis takes nothing in"
    return Fault(at=trouble.since, text=f"{what}, trading goes on")

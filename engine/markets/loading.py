"""Loading: every market of a venue, asked kind by kind through a client of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.markets.asking import asked, retry_after_s
from engine.markets.listing import Listing, MarketSource, listing_of
from engine.ports import Clock, VenueUnavailable
from engine.venues.ccxt_library import client_class, pointed

WANTED_TYPES = ("spot", "linear", "swap")
Load = Callable[[MarketSource, Clock, float], Awaitable[Listing]]
"""Fetch the markets of a source at the clock's time, each request within some seconds."""
_log = logging.getLogger(__name__)


class LoadFailed(VenueUnavailable):
    """Say that the markets could not be had; try again, `retry_after_s` from now at the soonest."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


async def load_in_thread(source: MarketSource, clock: Clock, timeout_s: float) -> Listing:
    """Load in a thread with a loop of its own: parsing 3,000 markets takes half a second."""
    return await asyncio.to_thread(lambda: asyncio.run(load_here(source, clock, timeout_s)))


async def load_here(source: MarketSource, clock: Clock, timeout_s: float) -> Listing:
    """Load on this event loop, which stands still while the answers are parsed.

    Raises: LoadFailed when spot, or everything, did not answer.
    """
    client = new_client(source, timeout_s)
    try:
        missing: list[str] = []
        markets: list[object] = []
        for kind in _types(client):
            try:
                question = _listed(client, source.venue, kind)
                markets.extend(await asked(source.venue, question, timeout_s=timeout_s + 1))
            except VenueUnavailable:
                if kind in (None, "spot"):
                    raise
                missing.append(kind)
                _log.warning(
                    "a kind of market could not be loaded",
                    extra={"venue": source.venue, "market_kind": kind},
                )
        client.set_markets(markets)
        return listing_of(client, source=source, loaded_at=clock.now(), missing=missing)
    except VenueUnavailable as fault:
        wait_s = retry_after_s(client.last_response_headers)
        raise LoadFailed(str(fault), wait_s) from fault
    finally:
        await client.close()


def new_client(source: MarketSource, timeout_s: float) -> Any:  # ccxt ships no types
    """Make a client without keys for public questions."""
    client = client_class(source.venue)(
        {
            "enableRateLimit": False,  # the budget is ours
            "timeout": int(timeout_s * 1000),
            "number": Decimal,
            "timeout_on_exit": 0,
        }
    )
    client.options["fetchCurrencies"] = False
    pointed(client, api_url=source.api_url, sandbox=source.sandbox)
    return client


async def _listed(client: Any, venue: str, kind: str | None) -> list[object]:
    if kind is not None:
        stated = client.options.get("fetchMarkets")
        rest = stated if isinstance(stated, Mapping) else {}
        client.options["fetchMarkets"] = {**rest, "types": [kind]}
    listed: list[object] = await client.fetch_markets()
    if not listed:  # ccxt reads a page of HTML as a list without entries
        raise VenueUnavailable(f"{venue} sent an empty list of markets.")
    return listed


def _types(client: Any) -> list[str | None]:  # ccxt ships no types
    """Give the kinds of market to load one by one; [None] where the venue has but one request."""
    stated = client.options.get("fetchMarkets")
    types = stated.get("types") if isinstance(stated, Mapping) else stated
    if not isinstance(types, Sequence) or isinstance(types, str):
        return [None]
    return [each for each in types if each in WANTED_TYPES] or [None]

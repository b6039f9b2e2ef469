"""Loading: every market of a venue, asked kind by kind through a client of its own."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.markets.asking import asked, retry_after_s
from engine.markets.listing import Listing, MarketSource, listing_of
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import client_class, pointed

WANTED_TYPES = ("spot", "linear", "swap")
# An asset may have fewer places than its pairs say, and only the list of assets tells.
ASSETS_TELL_PLACES = ("kraken",)
_log = logging.getLogger(__name__)


class LoadFailed(VenueUnavailable):
    """Say that the markets could not be had; try again, `retry_after_s` from now at the soonest."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


async def load_here(source: MarketSource, at: datetime, timeout_s: float) -> Listing:
    """Load on this event loop, which stands still while the answers are parsed.

    Each request has `timeout_s`. Raises: LoadFailed when spot, or everything, did not answer.
    """
    client = new_client(source, timeout_s)
    try:
        return await _loaded(client, source, at, timeout_s)
    except VenueUnavailable as fault:
        wait_s = retry_after_s(client.last_response_headers)
        raise LoadFailed(str(fault), wait_s) from fault
    finally:
        await client.close()


async def _loaded(client: Any, source: MarketSource, at: datetime, timeout_s: float) -> Listing:
    markets: list[object] = []
    missing: list[str] = []
    if source.venue in ASSETS_TELL_PLACES:
        assets = await asked(source.venue, client.fetch_currencies(), timeout_s=timeout_s + 1)
        # by text: ccxt reads a number again that it has made a Decimal, and then finds none
        client.options["cachedCurrencies"] = {
            code: {**asset, "precision": str(asset["precision"])} for code, asset in assets.items()
        }
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

    async def taken() -> Listing:
        client.set_markets(markets)
        return listing_of(client, source=source, loaded_at=at, missing=missing)

    listing: Listing = await asked(source.venue, taken(), timeout_s=timeout_s)
    if not listing.instruments:
        raise VenueUnavailable(f"{source.venue} lists no market that can be traded here.")
    return listing


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

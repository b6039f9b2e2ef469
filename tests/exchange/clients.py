"""Real ccxt clients pointed at the test exchange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from engine.venues.ccxt_library import client_class, pointed, pro_client_class
from tests.exchange.server import TestExchange

HOMES = {"binance": "https://api.binance.com", "bybit": "https://api.bybit.com"}


def at_home(made: Any) -> Any:  # ccxt ships no types
    """Give a client class that reads errors as on the venue's own host.

    binance's ccxt picks a table of errors by the address, and asks none on another host.
    """
    if not hasattr(made, "get_exceptions_by_url"):
        return made

    def by_url(self: Any, url: str, kind: str) -> Any:
        path = url.partition("//")[2].partition("/")[2]
        return made.get_exceptions_by_url(self, f"https://api.{self.hostname}/{path}", kind)

    return type(made.__name__, (made,), {"get_exceptions_by_url": by_url})


@asynccontextmanager
async def connected(
    exchange: TestExchange, venue: str, *, streams: bool = False, timeout_s: float = 20
) -> AsyncIterator[Any]:
    """Make a client with the test credentials, markets loaded; close it in the end."""
    made = at_home((pro_client_class if streams else client_class)(venue))
    client = made(
        {
            "apiKey": exchange.api_key,
            "secret": exchange.api_secret,
            "enableRateLimit": False,
            "number": Decimal,
            "timeout": int(timeout_s * 1000),
            "timeout_on_exit": 0,
            "hostname": "binance.com" if venue == "binance" else "bybit.com",
            "options": {
                "maxRetriesOnFailure": 0,
                "fetchCurrencies": False,
                "fetchMargins": False,
                "warnOnFetchOpenOrdersWithoutSymbol": False,
                "fetchMarkets": {"types": ["spot" if venue == "binance" else "linear"]},
            },
        }
    )
    pointed(client, api_url=exchange.url, ws_url=exchange.ws_url)
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()

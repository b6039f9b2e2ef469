"""Bare ccxt: a client with keys, and create_order awaited. No journal, no checks, no identities."""

from typing import Any

from engine.venues.ccxt_library import client_class, rebased


async def connected(url: str, *, key: str = "bench", secret: str = "bench") -> Any:
    """Give binance's asynchronous client, its markets loaded, pointed at `url`.

    The class is ccxt's own; only its import is leaner than `import ccxt.async_support`.
    """
    client = client_class("binance")(
        {"apiKey": key, "secret": secret, "enableRateLimit": False, "timeout_on_exit": 0}
    )
    client.options["fetchCurrencies"] = client.options["fetchMargins"] = False
    client.options["fetchMarkets"] = {"types": ["spot"]}
    client.urls["api"] = rebased(client.urls["api"], url)
    await client.load_markets()
    return client


async def buy(client: Any, symbol: str, quantity: float, price: float, name: str) -> str:
    """Send a limit order and give the venue's id."""
    order = await client.create_order(
        symbol, "limit", "buy", quantity, price, {"newClientOrderId": name}
    )
    return str(order["id"])

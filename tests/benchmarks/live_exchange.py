"""The test exchange as a process of its own, with as many markets as the largest venues list.

It notes when each create and each cancel arrived: `/bench/arrivals` answers with the monotonic
seconds of both, by client order id. It serves a second account at an address of its own: what a
baseline trades on the same one, an engine sees as somebody else's orders, and has to book.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import parse_qsl

from aiohttp import web

from tests.benchmarks.children import input_lines, say
from tests.exchange.ledger import QUOTE, Key, Ledger, listings
from tests.exchange.orders import BINANCE, BYBIT, Listed
from tests.exchange.server import TestExchange
from tests.exchange.wire import KINDS, Handler

MARKETS = 3000
# Of them swaps, which Binance lists apart. None of them is held or traded.
SWAPS = 500
RICH = Decimal(1_000_000_000)
SWAP_ACCOUNT = {
    "assets": [
        {"asset": QUOTE, "walletBalance": "1000", "marginBalance": "1000", "crossUnPnl": "0"}
        | {"availableBalance": "1000", "maxWithdrawAmount": "1000", "initialMargin": "0"}
    ],
    "positions": [],
}
TICKS = ("0.01", "0.001", "0.0001", "0.00001", "0.0000001")
LOTS = ("0.00001", "0.001", "0.1", "1")


def many(count: int) -> Iterator[Listed]:
    """List symbols of their own bases, with the ticks and lots that venues use."""
    for number in range(count):
        base = f"C{number:04}"
        yield Listed(
            venue=BINANCE,
            symbol=f"{base}{QUOTE}",
            base=base,
            tick=Decimal(TICKS[number % len(TICKS)]),
            lot=Decimal(LOTS[number % len(LOTS)]),
            notional_min=Decimal(5),
            quantity_max=Decimal(90_000 + number),
        )


def ledger(markets: int) -> Ledger:
    """Give a rich account at a venue that lists so many symbols on its spot market."""
    made = Ledger(totals={(venue, QUOTE): RICH for venue in (BINANCE, BYBIT)})
    listed: dict[Key, Listed] = {
        key: replace(each, quantity_max=RICH) for key, each in listings().items()
    }
    more = markets - len(listed)
    made.listed = listed | {(each.venue, each.symbol): each for each in many(more)}
    return made


def swap(number: int) -> dict[str, object]:
    """Describe a linear swap as Binance does."""
    base = f"C{number:04}"
    tick, lot = TICKS[number % len(TICKS)], LOTS[1 + number % 3]
    return {
        "symbol": f"{base}{QUOTE}",
        "pair": f"{base}{QUOTE}",
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": QUOTE,
        "marginAsset": QUOTE,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764"}
            | {"tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": str(1000 + number)}
            | {"stepSize": lot},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }


@dataclass(slots=True)
class LiveExchange(TestExchange):
    """Note arrivals before anything else is done with a request; list swaps beside spot."""

    swaps: int = 0
    created_s: dict[str, float] = field(default_factory=dict)
    cancelled_s: dict[str, float] = field(default_factory=dict)

    @web.middleware
    async def _meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        now_s = time.monotonic()
        if request.path == "/bench/arrivals":
            return web.json_response({"created": self.created_s, "cancelled": self.cancelled_s})
        if request.path == "/fapi/v1/exchangeInfo":
            listed = [swap(number) for number in range(self.swaps)]
            return web.json_response({"timezone": "UTC", "serverTime": 0, "symbols": listed})
        if request.path.startswith(("/fapi/", "/dapi/")):
            is_account = request.path.endswith("/account")
            return web.json_response(SWAP_ACCOUNT if is_account else [])
        kind = KINDS.get((request.method, request.path), "")
        if kind in ("create", "cancel"):
            into = self.created_s if kind == "create" else self.cancelled_s
            # A cancel is repeated until it is seen: the first counts.
            into.setdefault(await _named(request), now_s)
        return await TestExchange._meet(self, request, handler)


async def _named(request: web.Request) -> str:
    text = await request.text()
    if request.path.startswith("/v5"):
        return str(json.loads(text).get("orderLinkId", ""))
    asked = dict(parse_qsl(text or request.query_string))
    return asked.get("newClientOrderId") or asked.get("origClientOrderId", "")


async def serve() -> None:
    markets = int(os.environ.get("MARKETS", "0"))
    swaps = SWAPS if markets > SWAPS else 1
    async with (
        LiveExchange(ledger=ledger(markets - swaps), swaps=swaps) as exchange,
        LiveExchange(ledger=ledger(0)) as beside,
    ):
        say(f"{exchange.url} {exchange.ws_url} {beside.url}")
        async for _ in input_lines():
            continue


if __name__ == "__main__":
    asyncio.run(serve())

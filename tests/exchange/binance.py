"""Binance's public REST interface, spot and linear, on the loopback, with faults on demand."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from aiohttp import web

from tests.exchange.klines import Klines

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TIME_MS = 1_772_443_800_000


@dataclass(slots=True)
class Pair:
    base: str
    bid: Decimal
    ask: Decimal
    tick: str
    step: str
    notional_min: str = "5.00000000"
    status: str = "TRADING"
    change_pct: str = "1.250"

    @property
    def symbol(self) -> str:
        return f"{self.base}USDT"


def pairs() -> dict[str, Pair]:
    listed = (
        Pair("BTC", Decimal("61000.10"), Decimal("61000.20"), "0.01000000", "0.00001000"),
        Pair("ETH", Decimal("3400.10"), Decimal("3400.20"), "0.01000000", "0.00010000"),
        Pair("DOGE", Decimal("0.17531"), Decimal("0.17532"), "0.00001000", "1.00000000"),
        Pair("LUNA", Decimal("0.5"), Decimal("0.6"), "0.00010000", "0.01000000", status="BREAK"),
    )
    return {pair.symbol: pair for pair in listed}


@dataclass(slots=True)
class LocalBinance:
    """Serve on an ephemeral port; `faults` are used up one a request, by the path's last word.

    `fail("exchangeInfo", ...)` meets the spot list first: it is asked for first.
    """

    pairs: dict[str, Pair] = field(default_factory=pairs)
    faults: dict[str, deque[str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    lists_swaps: bool = True
    book_time_ms: int = TIME_MS
    klines: Klines | None = None
    url: str = ""
    _runner: web.AppRunner | None = None
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._faulty])
        app.add_routes(
            [
                web.get("/api/v3/ping", self._ping),
                web.get("/api/v3/time", self._time),
                web.get("/api/v3/exchangeInfo", self._info),
                web.get("/api/v3/ticker/bookTicker", self._book_ticker),
                web.get("/api/v3/ticker/24hr", self._day_ticker),
                web.get("/api/v3/depth", self._depth),
                web.get("/api/v3/klines", self._klines),
                web.get("/fapi/v1/exchangeInfo", self._swap_info),
                web.get("/fapi/v1/ticker/bookTicker", self._swap_book_ticker),
                web.get("/fapi/v1/premiumIndex", self._premium_index),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._released.set()
        assert self._runner is not None
        await self._runner.cleanup()

    def fail(self, word: str, *faults: str) -> None:
        self.faults.setdefault(word, deque()).extend(faults)

    def asked(self, word: str) -> int:
        return sum(path.endswith(word) for path in self.requests)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(request.path)
        waiting = self.faults.get(request.path.rpartition("/")[2])
        match waiting.popleft() if waiting else "":
            case "500":
                return web.Response(status=500, text="Internal Server Error")
            case "429":
                body = {"code": -1003, "msg": "Too many requests."}
                return web.json_response(body, status=429, headers={"Retry-After": "7"})
            case "garbage":
                return web.Response(text="<html>Hello</html>", content_type="text/html")
            case "empty":
                return web.json_response({})
            case "no rows":
                return web.json_response([])
            case "truncated":
                return await _truncated(request)
            case "stall":
                self.stalled.set()
                await self._released.wait()
                return web.Response(status=503)
            case _:
                return await handler(request)

    async def _ping(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def _time(self, request: web.Request) -> web.Response:
        return web.json_response({"serverTime": TIME_MS})

    async def _info(self, request: web.Request) -> web.Response:
        symbols = [_described(pair) for pair in self.pairs.values()]
        return web.json_response(
            {"timezone": "UTC", "serverTime": TIME_MS, "rateLimits": [], "symbols": symbols}
        )

    async def _swap_info(self, request: web.Request) -> web.Response:
        symbols = [_swap_described(pair) for pair in self.pairs.values() if self.lists_swaps]
        return web.json_response({"timezone": "UTC", "serverTime": TIME_MS, "symbols": symbols})

    async def _swap_book_ticker(self, request: web.Request) -> web.Response:
        found = [{**_touch(pair), "time": self.book_time_ms} for pair in self._asked_for(request)]
        return web.json_response(found[0] if "symbol" in request.query else found)

    async def _premium_index(self, request: web.Request) -> web.Response:
        found = [
            {
                "symbol": pair.symbol,
                "markPrice": f"{pair.bid - 5:.8f}",
                "indexPrice": f"{pair.bid:.8f}",
                "lastFundingRate": "0.0001",
                "nextFundingTime": TIME_MS + 3_600_000,
                "time": TIME_MS,
            }
            for pair in self._asked_for(request)
        ]
        return web.json_response(found[0] if "symbol" in request.query else found)

    async def _book_ticker(self, request: web.Request) -> web.Response:
        return web.json_response([_touch(pair) for pair in self._asked_for(request)])

    async def _day_ticker(self, request: web.Request) -> web.Response:
        found = [
            {
                "symbol": pair.symbol,
                "priceChange": "10",
                "priceChangePercent": pair.change_pct,
                "lastPrice": f"{pair.bid:.8f}",
                **_touch(pair),
                "openTime": TIME_MS - 86_400_000,
                "closeTime": TIME_MS,
                "volume": "100",
                "quoteVolume": "1000",
            }
            for pair in self._asked_for(request)
        ]
        return web.json_response(found[0] if "symbol" in request.query else found)

    async def _depth(self, request: web.Request) -> web.Response:
        pair = self.pairs[request.query["symbol"]]
        tick = Decimal(pair.tick)
        return web.json_response(
            {
                "lastUpdateId": 1,
                "bids": [[f"{pair.bid - tick * n:.8f}", "1.5"] for n in range(5)],
                "asks": [[f"{pair.ask + tick * n:.8f}", "1.5"] for n in range(5)],
            }
        )

    async def _klines(self, request: web.Request) -> web.Response:
        pair = self.pairs[request.query["symbol"]]
        if self.klines is not None:
            asked = request.query
            start_ms, count = int(asked.get("startTime", 0)), int(asked.get("limit", 500))
            return web.json_response(self.klines.rows(asked["interval"], start_ms, count))
        price = f"{pair.bid:.8f}"
        rows = [
            [TIME_MS + 60_000 * n, price, price, price, price, "1", 0, "1", 1, "1", "1", "0"]
            for n in range(3)
        ]
        return web.json_response(rows)

    def _asked_for(self, request: web.Request) -> list[Pair]:
        if "symbols" in request.query:
            return [self.pairs[name] for name in json.loads(request.query["symbols"])]
        if "symbol" in request.query:
            return [self.pairs[request.query["symbol"]]]
        return list(self.pairs.values())


async def _truncated(request: web.Request) -> web.StreamResponse:
    """Promise more than is sent, and hang up."""
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'[{"symbol":"BTCUSDT","bidPrice":"6')
    assert request.transport is not None
    request.transport.close()
    return response


def _touch(pair: Pair) -> dict[str, object]:
    return {
        "symbol": pair.symbol,
        "bidPrice": f"{pair.bid:.8f}",
        "bidQty": "3.10000000",
        "askPrice": f"{pair.ask:.8f}",
        "askQty": "2.20000000",
    }


def _swap_described(pair: Pair) -> dict[str, object]:
    price = {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "4529764"}
    return {
        "symbol": pair.symbol,
        "pair": pair.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "baseAsset": pair.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET"],
        "filters": [
            {**price, "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    }


def _described(pair: Pair) -> dict[str, object]:
    price = {"filterType": "PRICE_FILTER", "minPrice": pair.tick, "maxPrice": "1000000.00000000"}
    lot = {"filterType": "LOT_SIZE", "minQty": pair.step, "maxQty": "9000.00000000"}
    return {
        "symbol": pair.symbol,
        "status": pair.status,
        "baseAsset": pair.base,
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS_LIMIT"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {**price, "tickSize": pair.tick},
            {**lot, "stepSize": pair.step},
            {"filterType": "NOTIONAL", "minNotional": pair.notional_min, "maxNotional": "9000000"},
        ],
        "permissions": [],
    }

"""The exchange that takes orders: a process of its own that notes when each request arrived.

It answers `/bench/arrivals` with the monotonic seconds of each client order id.
"""

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import web

from tests.benchmarks.children import input_lines, say
from tests.exchange.binance import TIME_MS, Handler, LocalBinance


@dataclass(slots=True)
class OrderExchange(LocalBinance):
    """Fill every order at once."""

    arrived_s: dict[str, float] = field(default_factory=dict)

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        now_s = time.monotonic()
        match request.method, request.path:
            case "POST", "/api/v3/order":
                return await self._order(request, now_s)
            case "GET", "/bench/arrivals":
                return web.json_response(self.arrived_s)
            case _:
                return await handler(request)

    async def _order(self, request: web.Request, now_s: float) -> web.Response:
        given = await request.post()
        name = str(given["newClientOrderId"])
        self.arrived_s[name] = now_s
        return web.json_response(
            {
                "symbol": given["symbol"],
                "orderId": len(self.arrived_s),
                "orderListId": -1,
                "clientOrderId": name,
                "transactTime": TIME_MS,
                "price": given.get("price", "100"),
                "origQty": given["quantity"],
                "executedQty": given["quantity"],
                "cummulativeQuoteQty": "100",
                "status": "FILLED",
                "timeInForce": "GTC",
                "type": given["type"],
                "side": given["side"],
                "fills": [],
            }
        )


async def serve() -> None:
    async with OrderExchange() as exchange:
        say(exchange.url)
        async for _ in input_lines():
            continue


if __name__ == "__main__":
    asyncio.run(serve())

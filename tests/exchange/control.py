"""The hand on the test exchange, over HTTP: prices, faults, trades by hand, and its ledger."""

from typing import TYPE_CHECKING

from aiohttp import web

from tests.exchange import spot, swap
from tests.exchange.orders import BINANCE, Refused

if TYPE_CHECKING:
    from tests.exchange.server import TestExchange


def report(exchange: "TestExchange") -> dict[str, object]:
    """Tell the whole ledger: every order, every trade, and the creates sent per client id."""
    ledger = exchange.ledger
    return {
        "orders": [
            {
                "venue": each.wanted.venue,
                "symbol": each.wanted.symbol,
                "order_id": each.order_id,
                "client_id": each.wanted.client_id,
                "is_buy": each.wanted.is_buy,
                "is_by_hand": each.wanted.is_by_hand,
                "is_reduce_only": each.wanted.is_reduce_only,
                "is_trigger": each.wanted.trigger is not None,
                "quantity": str(each.wanted.quantity),
                "filled": str(each.filled),
                "status": each.status,
            }
            for each in ledger.orders.values()
        ],
        "trades": [
            {
                "venue": each.order.wanted.venue,
                "symbol": each.order.wanted.symbol,
                # as the venue's own answers call it
                "trade_id": (
                    str(spot.traded(each)["id"])
                    if each.order.wanted.venue == BINANCE
                    else swap.traded(each)["execId"]
                ),
                "order_id": each.order.order_id,
                "client_id": each.order.wanted.client_id,
                "is_buy": each.order.wanted.is_buy,
                "quantity": str(each.quantity),
                "price": str(each.price),
                "fee": str(each.fee),
                "fee_asset": each.fee_asset,
            }
            for each in ledger.trades
        ],
        "creates": [
            {"venue": venue, "client_id": client_id, "sent": count}
            for (venue, client_id), count in ledger.requested.items()
        ],
        "balances": {f"{venue} {asset}": str(n) for (venue, asset), n in ledger.totals.items()},
        "positions": {symbol: str(each.size) for (_, symbol), each in ledger.positions.items()},
        "requests": dict(exchange.requests),
        "faults": dict(exchange.faults.struck),
        "listeners": len(exchange.streams.listeners),
    }


def routes(exchange: "TestExchange") -> list[web.RouteDef]:
    """Give the control endpoints: each takes JSON with the arguments of the method it calls."""

    async def ledger(request: web.Request) -> web.Response:
        return web.json_response(report(exchange))

    async def price(request: web.Request) -> web.Response:
        exchange.price(**await request.json())
        return web.json_response({})

    async def faults(request: web.Request) -> web.Response:
        asked = await request.json()
        if "seed" in asked:
            exchange.faults.seed(asked.pop("seed"))
        try:
            exchange.faults.add(asked.pop("kind"), *asked.pop("names"), **asked)
        except (ValueError, TypeError, KeyError) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        return web.json_response({})

    async def clear(request: web.Request) -> web.Response:
        exchange.faults.clear()
        return web.json_response({})

    async def by_hand(request: web.Request) -> web.Response:
        try:
            order = exchange.by_hand(**await request.json())
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=400)
        return web.json_response({"order_id": order.order_id, "status": order.status})

    async def settings(request: web.Request) -> web.Response:
        asked = await request.json()
        exchange.skew_ms = asked.get("skew_ms", exchange.skew_ms)
        exchange.is_refusing = asked.get("is_refusing", exchange.is_refusing)
        exchange.can_withdraw = asked.get("can_withdraw", exchange.can_withdraw)
        return web.json_response({})

    async def cut(request: web.Request) -> web.Response:
        exchange.streams.cut()
        return web.json_response({})

    return [
        web.get("/_control/ledger", ledger),
        web.post("/_control/price", price),
        web.post("/_control/faults", faults),
        web.delete("/_control/faults", clear),
        web.post("/_control/by-hand", by_hand),
        web.post("/_control/settings", settings),
        web.post("/_control/cut", cut),
    ]

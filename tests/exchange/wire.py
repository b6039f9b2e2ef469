"""How the test exchange answers, and how a fault spoils an answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.exchange.faults import Planned
from tests.exchange.ledger import Ledger, now_ms

LEDGER = web.RequestKey("ledger", Ledger)
PARTIAL = web.RequestKey("partial", bool)
SKEW_MS = web.RequestKey("skew_ms", int)
BODY = web.RequestKey("body", str)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KINDS = {
    ("POST", "/api/v3/order"): "create",
    ("GET", "/api/v3/order"): "query",
    ("DELETE", "/api/v3/order"): "cancel",
    ("DELETE", "/api/v3/openOrders"): "cancel",
    ("GET", "/api/v3/openOrders"): "open",
    ("GET", "/api/v3/allOrders"): "closed",
    ("GET", "/api/v3/myTrades"): "trades",
    ("GET", "/api/v3/account"): "balance",
    ("GET", "/sapi/v1/account/apiRestrictions"): "keys",
    ("GET", "/api/v3/time"): "time",
    ("GET", "/api/v3/exchangeInfo"): "markets",
    ("GET", "/api/v3/ticker/bookTicker"): "book",
    ("POST", "/v5/order/create"): "create",
    ("POST", "/v5/order/cancel"): "cancel",
    ("POST", "/v5/order/cancel-all"): "cancel",
    ("GET", "/v5/order/realtime"): "open",
    ("GET", "/v5/order/history"): "closed",
    ("GET", "/v5/execution/list"): "trades",
    ("GET", "/v5/position/list"): "positions",
    ("POST", "/v5/position/set-leverage"): "leverage",
    ("POST", "/v5/position/switch-mode"): "leverage",
    ("GET", "/v5/account/wallet-balance"): "balance",
    ("GET", "/v5/user/query-api"): "keys",
    ("GET", "/v5/market/time"): "time",
    ("GET", "/v5/market/instruments-info"): "markets",
    ("GET", "/v5/market/tickers"): "book",
}


async def gone(request: web.Request) -> None:
    """Wait until the client has hung up."""
    # aiohttp tells a handler nothing when its client goes
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def befall(request: web.Request, fault: Planned, handler: Handler) -> web.StreamResponse:
    """Answer as the fault has it."""
    match fault.name:
        case "dropped":
            return hang_up(request)
        case "late":
            await gone(request)
            return await handler(request)
        case "stale":
            request[LEDGER] = request[LEDGER].before or request[LEDGER]
            return await handler(request)
        case "partial":
            request[PARTIAL] = True
            return await handler(request)
        case "race":
            raise AssertionError("the server fills first")
    if fault.booked:
        await handler(request)
    match fault.name:
        case "lost":
            return hang_up(request)
        case "stall":
            await gone(request)
            return web.Response()
        case "truncated":
            response = web.StreamResponse(headers={"Content-Length": "5000"})
            response.content_type = "application/json"
            await response.prepare(request)
            await response.write(b'{"symbol":"BTCUSDT","orderId":1')
            if request.transport is not None:
                request.transport.close()
            return response
        case "garbage":
            if request.transport is not None:
                request.transport.write(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
                request.transport.close()
            return web.Response()
        case "html":
            return web.Response(text="<html>Hello</html>", content_type="text/html")
        case "empty":
            return web.Response(text="", content_type="application/json")
        case "{}":
            return web.json_response({})
    return spoken(request, fault)


def spoken(request: web.Request, fault: Planned) -> web.Response:
    """Answer by an HTTP status, or by a code of the venue."""
    headers = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
    is_bybit = request.path.startswith("/v5")
    if len(fault.name) == 3:
        status = int(fault.name)
        if status in (418, 429) and not is_bybit:
            return refusal(-1003, "Too many requests.", status, headers)
        return web.Response(status=status, text="upstream fault", headers=headers)
    code = int(fault.name)
    if is_bybit:
        return bybit({}, code, "Server error, please try again.", headers)
    words = {-1000: "An unknown error occurred.", -1006: "UNEXPECTED_RESP", -1007: "TIMEOUT"}
    status = 504 if code == -1007 else 400
    return refusal(code, words.get(code, "Timestamp or request refused."), status, headers)


def refusal(
    code: int, text: str, status: int = 400, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response({"code": code, "msg": text}, status=status, headers=headers)


def bybit(
    result: object, code: int = 0, text: str = "OK", headers: dict[str, str] | None = None
) -> web.Response:
    body = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": now_ms()}
    return web.json_response(body, headers=headers)


def rows(request: web.Request, found: list[dict[str, object]]) -> list[dict[str, object]]:
    """Give a page: the half of it where the fault says so."""
    return found[: len(found) // 2] if request.get(PARTIAL) else found


def text_of(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))

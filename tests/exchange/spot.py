"""Binance spot on the loopback: signed REST, and the stream of the account."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import parse_qsl

from aiohttp import web

from tests.exchange.ledger import QUOTE, Ledger, now_ms
from tests.exchange.orders import (
    BINANCE,
    Change,
    Reason,
    Refused,
    Status,
    VenueOrder,
    VenueTrade,
    Wanted,
)
from tests.exchange.wire import BODY, LEDGER, SKEW_MS, refusal, rows

KEY, SECRET = "qd-test-key", "qd-test-secret"
PATH_STREAM = "/ws-api/v3"
STATUS = {
    Status.WAITING: "NEW",
    Status.NEW: "NEW",
    Status.PARTIAL: "PARTIALLY_FILLED",
    Status.FILLED: "FILLED",
    Status.CANCELED: "CANCELED",
    Status.EXPIRED: "EXPIRED",
}
REFUSALS = {
    Reason.SYMBOL: (-1121, "Invalid symbol."),
    Reason.TICK: (-1013, "Filter failure: PRICE_FILTER"),
    Reason.LOT: (-1013, "Filter failure: LOT_SIZE"),
    Reason.NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    Reason.BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.DUPLICATE: (-2010, "Duplicate order sent."),
    Reason.TRIGGERS_NOW: (-2010, "Stop price would trigger immediately."),
}


def signed(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def check(asked: dict[str, str], payload: str, key: str | None, skew_ms: int) -> tuple[int, str]:
    """Check key, signature and time as Binance does; 0 is fine."""
    if key != KEY:
        return -2015, "Invalid API-key, IP, or permissions for action."
    if not hmac.compare_digest(signed(payload), asked.get("signature", "")):
        return -1022, "Signature for this request is not valid."
    at, now = int(asked.get("timestamp", "0")), now_ms() + skew_ms
    if at > now + 1000:
        return -1021, "Timestamp for this request was 1000ms ahead of the server's time."
    if now - at > int(asked.get("recvWindow", "5000")):
        return -1021, "Timestamp for this request is outside of the recvWindow."
    return 0, ""


def unsigned(request: web.Request) -> web.Response | None:
    """Give the refusal of a request that is not signed as it must be."""
    text = request[BODY] or request.query_string
    payload = text.partition("&signature=")[0]
    key = request.headers.get("X-MBX-APIKEY")
    code, words = check(dict(parse_qsl(text)), payload, key, request[SKEW_MS])
    return refusal(code, words, 401 if code == -2015 else 400) if code else None


def asked_of(request: web.Request) -> dict[str, str]:
    return dict(parse_qsl(request[BODY] or request.query_string))


async def create(request: web.Request) -> web.Response:
    asked, ledger = asked_of(request), request[LEDGER]
    kind = asked["type"]
    stops = kind in ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
    is_buy = asked["side"] == "BUY"
    if "quantity" not in asked or (stops and "stopPrice" not in asked):
        return refusal(-1102, "Mandatory parameter was not sent, was empty/null, or malformed.")
    if not stops and "stopPrice" in asked:
        return refusal(-1106, "Parameter 'stopPrice' sent when not required.")
    is_limit = kind in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
    wanted = Wanted(
        venue=BINANCE,
        symbol=asked["symbol"],
        is_buy=is_buy,
        quantity=Decimal(asked["quantity"]),
        price=Decimal(asked["price"]) if is_limit else None,
        trigger=Decimal(asked["stopPrice"]) if stops else None,
        triggers_rising=is_buy == kind.startswith("STOP") if stops else None,
        is_immediate=asked.get("timeInForce") == "IOC",
        client_id=asked.get("newClientOrderId", ""),
    )
    try:
        order = ledger.place(wanted)
    except Refused as refused:
        return refusal(*REFUSALS[refused.reason])
    found = described(order)
    fills = [
        {
            "price": str(trade.price),
            "qty": str(trade.quantity),
            "commission": str(trade.fee),
            "commissionAsset": trade.fee_asset,
            "tradeId": trade.trade_id,
        }
        for trade in ledger.trades
        if trade.order.order_id == order.order_id
    ]
    return web.json_response({**found, "transactTime": order.updated_ms, "fills": fills})


def _found(asked: dict[str, str], ledger: Ledger) -> VenueOrder:
    order_id = int(asked["orderId"]) if "orderId" in asked else None
    order = ledger.find(BINANCE, order_id=order_id, client_id=asked.get("origClientOrderId"))
    if order.wanted.symbol != asked["symbol"]:
        raise Refused(Reason.UNKNOWN_ORDER)
    return order


async def query(request: web.Request) -> web.Response:
    try:
        return web.json_response(described(_found(asked_of(request), request[LEDGER])))
    except Refused:
        return refusal(-2013, "Order does not exist.")


async def cancel(request: web.Request) -> web.Response:
    ledger = request[LEDGER]
    try:
        order = ledger.cancel(_found(asked_of(request), ledger))
    except Refused:
        return refusal(-2011, "Unknown order sent.")
    own = {"origClientOrderId": order.wanted.client_id, "clientOrderId": f"c{order.order_id}"}
    return web.json_response({**described(order), **own})


async def cancel_all(request: web.Request) -> web.Response:
    asked, ledger = asked_of(request), request[LEDGER]
    found = [each for each in _orders(ledger, asked) if each.status.is_open]
    if not found:
        return refusal(-2011, "Unknown order sent.")
    return web.json_response([described(ledger.cancel(each)) for each in found])


def _orders(ledger: Ledger, asked: dict[str, str]) -> list[VenueOrder]:
    return [
        each
        for each in ledger.orders.values()
        if each.wanted.venue == BINANCE
        and asked.get("symbol", each.wanted.symbol) == each.wanted.symbol
    ]


async def open_orders(request: web.Request) -> web.Response:
    found = _orders(request[LEDGER], asked_of(request))
    return web.json_response(rows(request, [described(o) for o in found if o.status.is_open]))


async def all_orders(request: web.Request) -> web.Response:
    asked = asked_of(request)
    since, first = int(asked.get("startTime", 0)), int(asked.get("orderId", 0))
    found = [
        described(each)
        for each in _orders(request[LEDGER], asked)
        if each.created_ms >= since and each.order_id >= first
    ]
    return web.json_response(rows(request, _page(found, asked, bool(since or first))))


async def my_trades(request: web.Request) -> web.Response:
    asked = asked_of(request)
    since, until = int(asked.get("startTime", 0)), int(asked.get("endTime", 2**62))
    if since and until != 2**62 and until - since > 86_400_000:
        return refusal(-1127, "More than 24 hours between startTime and endTime.")
    first = int(asked.get("fromId", 0))
    found = [
        traded(each)
        for each in request[LEDGER].trades
        if each.order.wanted.venue == BINANCE
        and each.order.wanted.symbol == asked["symbol"]
        and since <= each.at_ms <= until
        and each.trade_id >= first
        and asked.get("orderId", str(each.order.order_id)) == str(each.order.order_id)
    ]
    return web.json_response(rows(request, _page(found, asked, bool(since or first))))


def _page(
    found: list[dict[str, object]], asked: dict[str, str], from_start: bool
) -> list[dict[str, object]]:
    limit = min(int(asked.get("limit", 500)), 1000)
    return found[:limit] if from_start else found[-limit:]


async def account(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "makerCommission": 10,
            "takerCommission": 10,
            "canTrade": True,
            "canWithdraw": True,
            "accountType": "SPOT",
            "updateTime": now_ms(),
            "balances": list(_balances(request[LEDGER], "asset", "free", "locked")),
            "permissions": ["SPOT"],
        }
    )


def _balances(ledger: Ledger, name: str, free: str, locked: str) -> Iterator[dict[str, str]]:
    for venue, asset in ledger.totals:
        if venue == BINANCE:
            key = (venue, asset)
            yield {name: asset, free: str(ledger.free(key)), locked: str(ledger.locked(key))}


async def exchange_info(request: web.Request) -> web.Response:
    ledger = request[LEDGER]
    symbols = [
        {
            "symbol": listed.symbol,
            "status": "TRADING",
            "baseAsset": listed.base,
            "baseAssetPrecision": 8,
            "quoteAsset": QUOTE,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": str(listed.tick),
                    "maxPrice": "1000000.00",
                    "tickSize": str(listed.tick),
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": str(listed.lot),
                    "maxQty": str(listed.quantity_max),
                    "stepSize": str(listed.lot),
                },
                {"filterType": "NOTIONAL", "minNotional": str(listed.notional_min)},
            ],
            "permissions": [],
        }
        for (venue, _), listed in ledger.listed.items()
        if venue == BINANCE
    ]
    body = {"timezone": "UTC", "serverTime": now_ms(), "rateLimits": [], "symbols": symbols}
    return web.json_response(body)


async def no_markets(request: web.Request) -> web.Response:
    return web.json_response({"timezone": "UTC", "serverTime": now_ms(), "symbols": []})


async def server_time(request: web.Request) -> web.Response:
    return web.json_response({"serverTime": now_ms() + request[SKEW_MS]})


async def day_ticker(request: web.Request) -> web.Response:
    """Tell how far each price moved in a day: nowhere."""
    asked, ledger = asked_of(request), request[LEDGER]
    names = json.loads(asked["symbols"]) if "symbols" in asked else [asked.get("symbol")]
    found = [
        {
            "symbol": symbol,
            "priceChange": "0",
            "priceChangePercent": "0",
            "lastPrice": str(touch.bid),
            "openTime": now_ms() - 86_400_000,
            "closeTime": now_ms(),
        }
        for (venue, symbol), touch in ledger.touches.items()
        if venue == BINANCE and (symbol in names or names == [None])
    ]
    return web.json_response(found[0] if "symbol" in asked and found else found)


async def book_ticker(request: web.Request) -> web.Response:
    asked, ledger = asked_of(request), request[LEDGER]
    names = json.loads(asked["symbols"]) if "symbols" in asked else [asked.get("symbol")]
    found = [
        {
            "symbol": symbol,
            "bidPrice": str(touch.bid),
            "bidQty": str(touch.size if touch.size is not None else 100),
            "askPrice": str(touch.ask),
            "askQty": str(touch.size if touch.size is not None else 100),
        }
        for (venue, symbol), touch in ledger.touches.items()
        if venue == BINANCE and (symbol in names or names == [None])
    ]
    return web.json_response(found[0] if "symbol" in asked and found else found)


def described(order: VenueOrder) -> dict[str, object]:
    wanted = order.wanted
    is_limit = wanted.price is not None
    kind = "LIMIT" if is_limit else "MARKET"
    if wanted.trigger is not None:
        rises = wanted.is_buy if wanted.triggers_rising is None else wanted.triggers_rising
        name = "STOP_LOSS" if rises == wanted.is_buy else "TAKE_PROFIT"
        kind = f"{name}_LIMIT" if is_limit else name
    return {
        "symbol": wanted.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": wanted.client_id or f"x{order.order_id}",
        "price": str(wanted.price or "0.00000000"),
        "origQty": str(wanted.quantity),
        "executedQty": str(order.filled),
        "cummulativeQuoteQty": str(order.cost),
        "status": STATUS[order.status],
        "timeInForce": "IOC" if wanted.is_immediate else "GTC",
        "type": kind,
        "side": "BUY" if wanted.is_buy else "SELL",
        "stopPrice": str(wanted.trigger or "0.00000000"),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.status is not Status.WAITING,
    }


def traded(trade: VenueTrade) -> dict[str, object]:
    wanted = trade.order.wanted
    return {
        "symbol": wanted.symbol,
        "id": trade.trade_id,
        "orderId": trade.order.order_id,
        "price": str(trade.price),
        "qty": str(trade.quantity),
        "quoteQty": str(trade.quantity * trade.price),
        "commission": str(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.at_ms,
        "isBuyer": wanted.is_buy,
        "isMaker": trade.is_maker,
    }


def messages(change: Change, ledger: Ledger) -> Iterator[tuple[str, object]]:
    """Tell a change as the account's stream does, with the topic of each message."""
    order, trade = change.order, change.trade
    told = described(order)
    is_canceled = order.status is Status.CANCELED
    happened = "TRADE" if trade else STATUS[order.status]
    report = {
        "e": "executionReport",
        "E": order.updated_ms,
        "s": told["symbol"],
        "c": f"c{order.order_id}" if is_canceled else told["clientOrderId"],
        "C": told["clientOrderId"] if is_canceled else "",
        "S": told["side"],
        "o": told["type"],
        "f": told["timeInForce"],
        "q": told["origQty"],
        "p": told["price"],
        "P": told["stopPrice"],
        "x": happened,
        "X": told["status"],
        "r": "NONE",
        "i": order.order_id,
        "l": str(trade.quantity if trade else 0),
        "L": str(trade.price if trade else 0),
        "z": told["executedQty"],
        "Z": told["cummulativeQuoteQty"],
        "n": str(trade.fee if trade else 0),
        "N": trade.fee_asset if trade else None,
        "T": order.updated_ms,
        "t": trade.trade_id if trade else -1,
        "w": told["isWorking"],
        "m": trade.is_maker if trade else False,
        "O": order.created_ms,
        "Q": "0.00000000",
    }
    yield "user", {"subscriptionId": 0, "event": report}
    held = list(_balances(ledger, "a", "f", "l"))
    at = order.updated_ms
    position = {"e": "outboundAccountPosition", "E": at, "u": at, "B": held}
    yield "user", {"subscriptionId": 0, "event": position}

"""Bybit's linear swaps on the loopback: signed REST v5, and the private stream."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.parse import unquote

from aiohttp import web

from tests.exchange.ledger import QUOTE, Key, Ledger, now_ms
from tests.exchange.orders import (
    BYBIT,
    Change,
    Listed,
    Position,
    Reason,
    Refused,
    Status,
    VenueOrder,
    VenueTrade,
    Wanted,
)
from tests.exchange.spot import KEY, signed
from tests.exchange.wire import BODY, LEDGER, SKEW_MS, bybit, rows

PATH_STREAM = "/v5/private"
STATUS = {
    Status.WAITING: "Untriggered",
    Status.NEW: "New",
    Status.PARTIAL: "PartiallyFilled",
    Status.FILLED: "Filled",
    Status.CANCELED: "Cancelled",
    Status.EXPIRED: "Cancelled",
}
REFUSALS = {
    Reason.SYMBOL: (10001, "params error: symbol invalid"),
    Reason.TICK: (10001, "params error: price invalid"),
    Reason.LOT: (10001, "params error: qty invalid"),
    Reason.NOTIONAL: (110094, "Order does not meet minimum order value 5USDT"),
    Reason.BALANCE: (110007, "ab not enough for new order"),
    Reason.DUPLICATE: (110072, "OrderLinkedID is duplicate"),
    Reason.REDUCE_ONLY: (110017, "current position is zero, cannot fix reduce-only order qty"),
    Reason.TRIGGERS_NOW: (110092, "expect Rising, but trigger_price <= current"),
    Reason.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
}
WEEK_MS = 7 * 86_400_000


def unsigned(request: web.Request) -> web.Response | None:
    """Give the refusal of a request that is not signed as it must be."""
    heads = request.headers
    at, window = heads.get("X-BAPI-TIMESTAMP", "0"), heads.get("X-BAPI-RECV-WINDOW", "5000")
    if heads.get("X-BAPI-API-KEY") != KEY:
        return bybit({}, 10003, "API key is invalid.")
    now = now_ms() + request[SKEW_MS]
    if not now - int(window) <= int(at) < now + 1000:
        return bybit({}, 10002, "invalid request, please check your server timestamp")
    payload = at + KEY + window + (request[BODY] or request.rel_url.raw_query_string)
    if not hmac.compare_digest(signed(payload), heads.get("X-BAPI-SIGN", "")):
        return bybit({}, 10004, "error sign! please check your signature generation algorithm.")
    return None


def asked_of(request: web.Request) -> dict[str, str]:
    if request[BODY]:
        return {key: str(value) for key, value in json.loads(request[BODY]).items()}
    return dict(request.query)


def _refused(reason: Reason) -> web.Response:
    return bybit({}, *REFUSALS[reason])


async def create(request: web.Request) -> web.Response:
    asked = asked_of(request)
    rising = {"1": True, "2": False}.get(asked.get("triggerDirection", ""))
    if asked.get("category") != "linear" or ("triggerPrice" in asked and rising is None):
        return bybit({}, 10001, "params error")
    is_limit = asked["orderType"] == "Limit"
    wanted = Wanted(
        venue=BYBIT,
        symbol=asked["symbol"],
        is_buy=asked["side"] == "Buy",
        quantity=Decimal(asked["qty"]),
        price=Decimal(asked["price"]) if is_limit else None,
        trigger=Decimal(asked["triggerPrice"]) if "triggerPrice" in asked else None,
        triggers_rising=rising,
        is_immediate=asked.get("timeInForce") == "IOC" and is_limit,
        is_reduce_only=asked.get("reduceOnly", "").lower() == "true",
        client_id=asked.get("orderLinkId", ""),
    )
    try:
        order = request[LEDGER].place(wanted)
    except Refused as refused:
        return _refused(refused.reason)
    return bybit({"orderId": str(order.order_id), "orderLinkId": wanted.client_id})


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


async def cancel(request: web.Request) -> web.Response:
    asked, ledger = asked_of(request), request[LEDGER]
    try:
        order = ledger.cancel(
            ledger.find(
                BYBIT,
                order_id=_number(asked.get("orderId")),
                client_id=asked.get("orderLinkId"),
            )
        )
    except Refused as refused:
        return _refused(refused.reason)
    return bybit({"orderId": str(order.order_id), "orderLinkId": order.wanted.client_id})


async def cancel_all(request: web.Request) -> web.Response:
    ledger = request[LEDGER]
    found = [ledger.cancel(each) for each in _orders(request) if each.status.is_open]
    return bybit({"list": [{"orderId": str(each.order_id)} for each in found], "success": "1"})


def _orders(request: web.Request) -> list[VenueOrder]:
    asked = asked_of(request)
    is_trigger = {"StopOrder": True, "Order": False}.get(asked.get("orderFilter", ""))
    return [
        each
        for each in reversed(request[LEDGER].orders.values())
        if each.wanted.venue == BYBIT
        and asked.get("category") != "spot"
        and asked.get("symbol", each.wanted.symbol) == each.wanted.symbol
        and asked.get("orderId", str(each.order_id)) == str(each.order_id)
        and asked.get("orderLinkId", each.wanted.client_id) == each.wanted.client_id
        and is_trigger in (None, each.wanted.trigger is not None)
    ]


def _listed(request: web.Request, found: list[dict[str, object]], at: str) -> web.Response:
    """Answer a page, and where the next one begins."""
    asked = asked_of(request)
    since, until = int(asked.get("startTime", 0)), int(asked.get("endTime", 2**62))
    if since and until != 2**62 and until - since > WEEK_MS:
        return bybit({}, 10001, "The time range between startTime and endTime exceeds 7 days")
    found = [each for each in found if since <= int(str(each[at])) <= until]
    begin = int(unquote(asked.get("cursor", "0")))
    end = begin + min(int(asked.get("limit", 20)), 100)
    cursor = str(end) if end < len(found) else ""
    page = rows(request, found[begin:end])
    return bybit({"list": page, "nextPageCursor": cursor, "category": "linear"})


async def realtime(request: web.Request) -> web.Response:
    is_named = {"orderId", "orderLinkId"} & asked_of(request).keys()
    # asked by an id, it also tells orders that finished lately
    found = [described(o) for o in _orders(request) if o.status.is_open or is_named]
    return _listed(request, found, "createdTime")


async def history(request: web.Request) -> web.Response:
    found = [described(each) for each in _orders(request) if not each.status.is_open]
    return _listed(request, found, "createdTime")


async def executions(request: web.Request) -> web.Response:
    names = {each.order_id for each in _orders(request)}
    trades = reversed(request[LEDGER].trades)
    found = [traded(each) for each in trades if each.order.order_id in names]
    return _listed(request, found, "execTime")


async def positions(request: web.Request) -> web.Response:
    ledger, symbol = request[LEDGER], request.query.get("symbol")
    found = [
        held(ledger, key)
        for key, each in ledger.positions.items()
        if symbol in (None, key[1]) and (each.size or symbol)
    ]
    if symbol is not None and not found:
        found = [held(ledger, (BYBIT, symbol))]
    page = rows(request, found)
    return bybit({"list": page, "nextPageCursor": "", "category": "linear"})


async def set_leverage(request: web.Request) -> web.Response:
    asked, ledger = asked_of(request), request[LEDGER]
    key, leverage = (BYBIT, asked["symbol"]), Decimal(asked["buyLeverage"])
    before = ledger.positions.get(key, Position())
    if key not in ledger.listed or not 1 <= leverage <= 100:
        return bybit({}, 10001, "params error: leverage invalid")
    if before.leverage == leverage:
        return bybit({}, 110043, "Set leverage not modified")
    ledger.remember()
    ledger.positions[key] = replace(before, leverage=leverage)
    return bybit({})


async def switch_mode(request: web.Request) -> web.Response:
    if asked_of(request).get("mode") != "0":
        return bybit({}, 110025, "Position mode is not modified")
    return bybit({})


async def wallet(request: web.Request) -> web.Response:
    return bybit({"list": [purse(request[LEDGER])]})


def purse(ledger: Ledger) -> dict[str, object]:
    key = (BYBIT, QUOTE)
    total, unrealised = ledger.totals[key], Decimal(0)
    for each in ledger.positions:
        unrealised += ledger.unrealised(each)
    equity, free = str(total + unrealised), str(ledger.free(key))
    coin = {
        "coin": QUOTE,
        "equity": equity,
        "walletBalance": str(total),
        "locked": "0",
        "totalOrderIM": "0",
        "totalPositionIM": str(ledger.locked(key)),
        "unrealisedPnl": str(unrealised),
        "availableToWithdraw": free,
        "borrowAmount": "0",
        "usdValue": equity,
    }
    return {
        "accountType": "UNIFIED",
        "totalEquity": equity,
        "totalWalletBalance": str(total),
        "totalAvailableBalance": free,
        "coin": [coin],
    }


async def server_time(request: web.Request) -> web.Response:
    at = now_ms() + request[SKEW_MS]
    return bybit({"timeSecond": str(at // 1000), "timeNano": str(at * 1_000_000)})


async def account_info(request: web.Request) -> web.Response:
    return bybit({"unifiedMarginStatus": 5, "marginMode": "REGULAR_MARGIN"})


async def instruments(request: web.Request) -> web.Response:
    category = request.query.get("category")
    found = [
        {
            "symbol": listed.symbol,
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "baseCoin": listed.base,
            "quoteCoin": QUOTE,
            "settleCoin": QUOTE,
            "launchTime": "1585526400000",
            "deliveryTime": "0",
            "priceScale": "2",
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
            "priceFilter": {
                "minPrice": str(listed.tick),
                "maxPrice": "1999999.80",
                "tickSize": str(listed.tick),
            },
            "lotSizeFilter": {
                "maxOrderQty": str(listed.quantity_max),
                "minOrderQty": str(listed.lot),
                "qtyStep": str(listed.lot),
                "minNotionalValue": str(listed.notional_min),
            },
            "fundingInterval": 480,
        }
        for (venue, _), listed in request[LEDGER].listed.items()
        if venue == BYBIT and category == "linear"
    ]
    if category == "spot":
        found = [
            _spot(each) for (venue, _), each in request[LEDGER].listed.items() if venue == BYBIT
        ]
    return bybit({"category": category, "list": found, "nextPageCursor": ""})


def _spot(listed: Listed) -> dict[str, object]:
    """Describe a spot market, which nobody can trade here: a client wants some to be listed."""
    return {
        "symbol": listed.symbol,
        "baseCoin": listed.base,
        "quoteCoin": QUOTE,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": str(listed.lot),
            "quotePrecision": "0.00000001",
            "minOrderQty": str(listed.lot),
            "maxOrderQty": str(listed.quantity_max),
            "minOrderAmt": "1",
            "maxOrderAmt": "2000000",
        },
        "priceFilter": {"tickSize": str(listed.tick)},
    }


async def tickers(request: web.Request) -> web.Response:
    symbol, category = request.query.get("symbol"), request.query.get("category")
    # By these does a client tell a swap's ticker from one of spot.
    interest = {"openInterest": "52300", "openInterestValue": "3190000000"}
    found = [
        {
            **(interest if category == "linear" else {}),
            "symbol": name,
            "bid1Price": str(touch.bid),
            "bid1Size": "100",
            "ask1Price": str(touch.ask),
            "ask1Size": "100",
            "lastPrice": str(touch.bid),
            "markPrice": str(touch.mark),
            "indexPrice": str(touch.mark),
        }
        for (venue, name), touch in request[LEDGER].touches.items()
        if venue == BYBIT and symbol in (None, name)
    ]
    return bybit({"category": category, "list": found})


def described(order: VenueOrder) -> dict[str, object]:
    wanted = order.wanted
    rising = wanted.is_buy if wanted.triggers_rising is None else wanted.triggers_rising
    status = STATUS[order.status]
    if order.status is Status.CANCELED and wanted.trigger is not None and not order.filled:
        status = "Deactivated"
    elif order.status is Status.EXPIRED and order.filled:
        status = "PartiallyFilledCanceled"
    return {
        "symbol": wanted.symbol,
        "orderId": str(order.order_id),
        "orderLinkId": wanted.client_id,
        "side": "Buy" if wanted.is_buy else "Sell",
        "orderType": "Market" if wanted.price is None else "Limit",
        "price": str(wanted.price or 0),
        "qty": str(wanted.quantity),
        "cumExecQty": str(order.filled),
        "cumExecValue": str(order.cost),
        "cumExecFee": str(order.fee),
        "leavesQty": str(order.left if order.status.is_open else 0),
        "avgPrice": str(order.cost / order.filled) if order.filled else "",
        "orderStatus": status,
        "timeInForce": "IOC" if wanted.is_immediate or wanted.price is None else "GTC",
        "reduceOnly": wanted.is_reduce_only,
        "triggerPrice": str(wanted.trigger) if wanted.trigger is not None else "",
        "triggerDirection": 0 if wanted.trigger is None else 1 if rising else 2,
        "tpslMode": "",
        "stopOrderType": "UNKNOWN" if wanted.trigger is None else "Stop",
        "rejectReason": "EC_NoError",
        "positionIdx": 0,
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }


def traded(trade: VenueTrade) -> dict[str, object]:
    told = described(trade.order)
    same = {name: told[name] for name in ("symbol", "orderId", "orderLinkId", "side", "orderType")}
    return {
        **same,
        "category": "linear",
        "execId": f"e{trade.trade_id}",
        "execPrice": str(trade.price),
        "execQty": str(trade.quantity),
        "execValue": str(trade.price * trade.quantity),
        "execFee": str(trade.fee),
        "execTime": str(trade.at_ms),
        "execType": "Trade",
        "feeCurrency": trade.fee_asset,
        "isMaker": trade.is_maker,
        "orderQty": told["qty"],
        "leavesQty": told["leavesQty"],
    }


def held(ledger: Ledger, key: Key) -> dict[str, object]:
    position = ledger.positions.get(key, Position())
    side = "Buy" if position.size > 0 else "Sell" if position.size else ""
    return {
        "symbol": key[1],
        "positionIdx": 0,
        "side": side,
        "size": str(abs(position.size)),
        "avgPrice": str(position.entry),
        "entryPrice": str(position.entry),
        "markPrice": str(ledger.touches[key].mark),
        "positionValue": str(abs(position.size) * position.entry),
        "leverage": str(position.leverage),
        "tradeMode": 0,
        "liqPrice": "",
        "unrealisedPnl": str(ledger.unrealised(key)) if position.size else "0",
        "cumRealisedPnl": str(position.realised),
        "createdTime": str(now_ms()),
        "updatedTime": str(now_ms()),
    }


def messages(change: Change, ledger: Ledger) -> Iterator[tuple[str, object]]:
    """Tell a change as the private stream does, with the topic of each message."""
    at = change.order.updated_ms
    told: list[tuple[str, object]] = [("order", {**described(change.order), "category": "linear"})]
    if change.trade is not None:
        key = (BYBIT, change.order.wanted.symbol)
        told.insert(0, ("execution", traded(change.trade)))
        told += [("position", {**held(ledger, key), "category": "linear"})]
        told += [("wallet", purse(ledger))]
    for topic, data in told:
        yield topic, {"id": f"m{at}", "topic": topic, "creationTime": at, "data": [data]}

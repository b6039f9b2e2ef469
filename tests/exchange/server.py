"""TestExchange: Binance spot and Bybit's linear swaps behind one address, with one ledger."""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Self

from aiohttp import WSMsgType, web

from tests.exchange import control, spot, swap
from tests.exchange.faults import Faults
from tests.exchange.ledger import Ledger, now_ms
from tests.exchange.orders import BINANCE, BYBIT, Change, Refused, Touch, VenueOrder, Wanted
from tests.exchange.streams import Listener, Streams
from tests.exchange.wire import (
    BODY,
    KINDS,
    LEDGER,
    SKEW_MS,
    Handler,
    befall,
    bybit,
    hang_up,
    refusal,
)

OPEN_PATHS = frozenset(
    "/api/v3/time /api/v3/exchangeInfo /api/v3/ticker/bookTicker /api/v3/ticker/24hr"
    " /fapi/v1/exchangeInfo"
    " /dapi/v1/exchangeInfo /v5/market/time /v5/market/instruments-info /v5/market/tickers"
    " /api/v3/ping /api/v3/userDataStream /sapi/v1/margin/allPairs"
    " /sapi/v1/margin/isolated/allPairs".split()
)


@dataclass(slots=True)
class TestExchange:
    """Serve on an ephemeral port between `async with`; see docs of Faults for what may go wrong.

    A symbol is the venue's own (BTCUSDT); `price` moves both venues unless told which.
    `requests` counts what arrived by kind, faults included. `can_withdraw` and `can_trade` are what
    the keys tell;
    `fail_status` is put on every answer to a create, whatever it says.
    """

    __test__: ClassVar[bool] = False
    api_key: ClassVar[str] = spot.KEY
    api_secret: ClassVar[str] = spot.SECRET
    ledger: Ledger = field(default_factory=Ledger)
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)
    skew_ms: int = 0
    can_withdraw: bool = False
    can_trade: bool = True
    is_refusing: bool = False
    fail_status: int | None = None
    port: int = 0
    streams: Streams = field(init=False)
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.streams = Streams(self.faults)
        self.ledger.tell = self._tell

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; again on the same port after a stop."""
        app = web.Application(middlewares=[self._meet])
        app.add_routes(self._routes())
        app.add_routes(control.routes(self))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections from here on; the ledger stays."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self.streams.cut()
            await runner.cleanup()

    def price(
        self,
        symbol: str,
        bid: Decimal | str,
        ask: Decimal | str,
        *,
        mark: Decimal | str | None = None,
        size: Decimal | str | None = None,
        venue: str | None = None,
    ) -> None:
        """Move the market; `size` is all that may be taken there."""
        touch = Touch(
            bid=Decimal(bid),
            ask=Decimal(ask),
            mark=Decimal(bid if mark is None else mark),
            size=None if size is None else Decimal(size),
        )
        for each in (BINANCE, BYBIT) if venue is None else (venue,):
            self.ledger.price((each, symbol), touch)

    def by_hand(
        self,
        venue: str,
        symbol: str,
        *,
        is_buy: bool,
        quantity: Decimal | str,
        price: Decimal | str | None = None,
    ) -> VenueOrder:
        """Trade as a person does at the venue's own page. Raises: Refused."""
        return self.ledger.place(
            Wanted(
                venue=venue,
                symbol=symbol,
                is_buy=is_buy,
                quantity=Decimal(quantity),
                price=None if price is None else Decimal(price),
                is_by_hand=True,
            )
        )

    def created(self, venue: str, client_id: str) -> int:
        """Count the creates sent with this client id, booked or not."""
        return self.ledger.requested[venue, client_id]

    def _tell(self, change: Change) -> None:
        venue = change.order.wanted.venue
        speak = spot.messages if venue == BINANCE else swap.messages
        self.streams.say(venue, speak(change, self.ledger))

    def _routes(self) -> list[web.RouteDef]:
        get, post, delete = web.get, web.post, web.delete
        return [
            post("/api/v3/order", spot.create),
            get("/api/v3/order", spot.query),
            delete("/api/v3/order", spot.cancel),
            delete("/api/v3/openOrders", spot.cancel_all),
            get("/api/v3/openOrders", spot.open_orders),
            get("/api/v3/allOrders", spot.all_orders),
            get("/api/v3/myTrades", spot.my_trades),
            get("/api/v3/account", spot.account),
            get("/sapi/v1/account/apiRestrictions", self._restrictions),
            get("/api/v3/time", spot.server_time),
            get("/api/v3/ping", self._nothing),
            get("/api/v3/exchangeInfo", spot.exchange_info),
            get("/fapi/v1/exchangeInfo", spot.no_markets),
            get("/dapi/v1/exchangeInfo", spot.no_markets),
            get("/sapi/v1/margin/allPairs", self._no_rows),
            get("/sapi/v1/margin/isolated/allPairs", self._no_rows),
            get("/api/v3/ticker/bookTicker", spot.book_ticker),
            get("/api/v3/ticker/24hr", spot.day_ticker),
            post("/api/v3/userDataStream", self._listen_key),
            web.put("/api/v3/userDataStream", self._nothing),
            get(spot.PATH_STREAM, self._spot_stream),
            get("/ws/{key}", self._keyed_stream),
            post("/v5/order/create", swap.create),
            post("/v5/order/cancel", swap.cancel),
            post("/v5/order/cancel-all", swap.cancel_all),
            get("/v5/order/realtime", swap.realtime),
            get("/v5/order/history", swap.history),
            get("/v5/execution/list", swap.executions),
            get("/v5/position/list", swap.positions),
            post("/v5/position/set-leverage", swap.set_leverage),
            post("/v5/position/switch-mode", swap.switch_mode),
            get("/v5/account/wallet-balance", swap.wallet),
            get("/v5/account/info", swap.account_info),
            get("/v5/user/query-api", self._query_api),
            get("/v5/asset/coin/query-info", self._coins),
            get("/v5/market/time", swap.server_time),
            get("/v5/market/instruments-info", swap.instruments),
            get("/v5/market/tickers", swap.tickers),
            get(swap.PATH_STREAM, self._swap_stream),
        ]

    @web.middleware
    async def _meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_control"):
            return await handler(request)
        if self.is_refusing:
            return hang_up(request)
        kind = KINDS.get((request.method, request.path), "")
        request[LEDGER], request[SKEW_MS] = self.ledger, self.skew_ms
        request[BODY] = await request.text()
        self.requests[kind or request.path] += 1
        if kind == "create":
            self._count(request)
        answer = self._checked(handler)
        fault = self.faults.strike(kind) if kind else None
        if fault is None:
            told = await answer(request)
            if kind == "create" and self.fail_status is not None:
                told.set_status(self.fail_status)
            return told
        if fault.name == "race":
            self._fill_first(request)
            return await answer(request)
        return await befall(request, fault, answer)

    def _checked(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path not in OPEN_PATHS and request.headers.get("Upgrade") is None:
                unsigned = swap.unsigned if request.path.startswith("/v5") else spot.unsigned
                refused = unsigned(request)
                if refused is not None:
                    return refused
            return await handler(request)

        return answer

    def _count(self, request: web.Request) -> None:
        if request.path.startswith("/v5"):
            key = (BYBIT, json.loads(request[BODY]).get("orderLinkId", ""))
        else:
            key = (BINANCE, spot.asked_of(request).get("newClientOrderId", ""))
        self.ledger.requested[key] += 1

    def _fill_first(self, request: web.Request) -> None:
        """Let the order that is to be cancelled fill before the cancel arrives."""
        is_bybit = request.path.startswith("/v5")
        asked = swap.asked_of(request) if is_bybit else spot.asked_of(request)
        named = asked.get("orderLinkId" if is_bybit else "origClientOrderId")
        number = asked.get("orderId", "")
        try:
            order = self.ledger.find(
                BYBIT if is_bybit else BINANCE,
                order_id=int(number) if number.isdigit() else None,
                client_id=named,
            )
        except Refused:
            return
        if order.status.is_open:
            self.ledger.fill(order.order_id, order.left)

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def _no_rows(self, request: web.Request) -> web.Response:
        return web.json_response([])

    async def _coins(self, request: web.Request) -> web.Response:
        return bybit({"rows": []})

    async def _listen_key(self, request: web.Request) -> web.Response:
        if request.headers.get("X-MBX-APIKEY") != spot.KEY:
            return refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return web.json_response({"listenKey": "qdlistenkey"})

    async def _restrictions(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "ipRestrict": True,
                "createTime": now_ms(),
                "enableReading": True,
                "enableWithdrawals": self.can_withdraw,
                "enableInternalTransfer": self.can_withdraw,
                "enableSpotAndMarginTrading": self.can_trade,
                "enableFutures": False,
                "permitsUniversalTransfer": False,
            }
        )

    async def _query_api(self, request: web.Request) -> web.Response:
        wallet = ["AccountTransfer", "Withdraw"] if self.can_withdraw else []
        trading = ["Order", "Position"] if self.can_trade else ["Position"]
        permissions = {"ContractTrade": trading, "Spot": [], "Wallet": wallet}
        told = {"id": "1", "readOnly": 0, "unified": 0, "uta": 1, "permissions": permissions}
        return bybit({**told, "ips": ["*"], "apiKey": spot.KEY})

    async def _spot_stream(self, request: web.Request) -> web.StreamResponse:
        async with self._listening(request, BINANCE) as listener:
            async for message in listener.socket:
                if message.type is WSMsgType.TEXT:
                    await self._spot_asked(listener, json.loads(message.data))
        return listener.socket

    async def _spot_asked(self, listener: Listener, asked: dict[str, object]) -> None:
        params = asked.get("params")
        heard = dict(params) if isinstance(params, dict) else {}
        flat = {name: str(value) for name, value in heard.items()}
        payload = "&".join(f"{k}={v}" for k, v in sorted(flat.items()) if k != "signature")
        code, text = spot.check(flat, payload, flat.get("apiKey"), self.skew_ms)
        answer: dict[str, object] = {"id": asked.get("id"), "status": 200}
        if asked.get("method") != "userDataStream.subscribe.signature":
            answer |= {"status": 400, "error": {"code": -1100, "msg": "unknown method"}}
        elif code:
            answer |= {"status": 400, "error": {"code": code, "msg": text}}
        else:
            listener.topics.add("user")
            answer["result"] = {"subscriptionId": 0}
        await listener.socket.send_json(answer)

    async def _keyed_stream(self, request: web.Request) -> web.StreamResponse:
        async with self._listening(request, BINANCE) as listener:
            if request.match_info["key"] == "qdlistenkey":
                listener.topics.add("user")
            async for _ in listener.socket:
                pass
        return listener.socket

    async def _swap_stream(self, request: web.Request) -> web.StreamResponse:
        async with self._listening(request, BYBIT) as listener:
            is_known = False
            async for message in listener.socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                asked = json.loads(message.data)
                op, args = asked.get("op"), asked.get("args") or []
                answer = {"success": True, "ret_msg": "", "op": op, "conn_id": "c1"}
                if "req_id" in asked:
                    answer["req_id"] = asked["req_id"]
                if op == "auth":
                    is_known = self._may_listen(args)
                    answer["success"] = is_known
                    if not is_known:
                        answer |= {"ret_msg": "error:USVC1111", "request": {"op": "auth"}}
                elif op == "subscribe" and is_known:
                    listener.topics.update(args)
                elif op == "ping":
                    answer |= {"op": "pong", "args": [str(now_ms())]}
                else:
                    answer |= {"success": False, "ret_msg": "Request not authorized"}
                await listener.socket.send_json(answer)
        return listener.socket

    def _may_listen(self, args: list[str]) -> bool:
        if len(args) != 3 or args[0] != spot.KEY:
            return False
        expires = int(args[1])
        expected = hmac.new(
            spot.SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256
        ).hexdigest()
        return expires > now_ms() + self.skew_ms and hmac.compare_digest(expected, args[2])

    @asynccontextmanager
    async def _listening(self, request: web.Request, venue: str) -> AsyncIterator[Listener]:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        listener = Listener(socket, venue)
        self.streams.listeners.add(listener)
        writer = asyncio.create_task(self.streams.serve(listener))
        try:
            yield listener
        finally:
            self.streams.listeners.discard(listener)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

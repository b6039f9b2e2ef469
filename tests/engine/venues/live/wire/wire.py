"""A server that writes down what ccxt sends, and clients with two small markets each."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from engine.identities import client_order_id, form_of
from engine.instruments import Instrument, InstrumentKind
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.venues.ccxt_library import (
    client_class,
    fault_classes,
    reading_decimals,
    rebased,
)
from engine.venues.live import capabilities
from engine.venues.live.asking import ask, stamped
from engine.venues.live.calls import Call

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
AT = datetime(2026, 11, 17, 14, 32, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came over the wire: method, path, and query and body together."""

    verb: str
    path: str
    fields: dict[str, Any]
    text: str
    headers: Mapping[str, str]


@dataclass
class Wire:
    """Listen on a port of 127.0.0.1; every answer is that of its path, or `body`."""

    requests: list[Request] = field(default_factory=list)
    url: str = ""
    body: str = "{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> "Wire":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hear)
        runner = web.AppRunner(app)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.text()
        fields: dict[str, Any] = dict(request.query)
        if body.startswith(("{", "[")):
            sent = json.loads(body)
            fields |= sent[0] if isinstance(sent, list) else sent
        elif body:
            fields |= dict(parse_qsl(body))
        self.requests.append(
            Request(
                verb=request.method,
                path=request.path,
                fields=fields,
                text=f"{request.path_qs} {body}",
                headers=request.headers,
            )
        )
        return web.Response(
            text=self.bodies.get(request.path, self.body),
            status=self.status,
            headers=self.headers,
            content_type="application/json",
        )

    async def heard(self, client: Any, *calls: Call) -> list[Request]:
        """Give what a client sends for these calls; the empty answer is a fault to ccxt."""
        self.requests.clear()
        for call in calls:
            try:
                await ask(client, call)
            except (fault_classes().BaseError, TypeError, KeyError, AttributeError):
                continue  # what comes back is not looked at here
        return list(self.requests)


def market(symbol: str, market_id: str, **fields: Any) -> dict[str, Any]:
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    swap = bool(settle)
    made: dict[str, Any] = {
        "id": market_id, "lowercaseId": market_id.lower(), "symbol": symbol,
        "base": base, "quote": quote, "settle": settle or None,
        "baseId": base, "quoteId": quote, "settleId": settle or None,
        "type": "swap" if swap else "spot", "spot": not swap, "swap": swap, "margin": False,
        "future": False, "option": False, "contract": swap, "index": False, "active": True,
        "linear": True if swap else None, "inverse": False if swap else None,
        "subType": "linear" if swap else None,
        "contractSize": Decimal(1) if swap else None,
        "precision": {"amount": Decimal("0.00000001"), "price": Decimal("0.00000001")},
        "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
        "info": {}, "taker": Decimal("0.001"), "maker": Decimal("0.001"), "percentage": True,
    }  # fmt: skip
    return made | fields


def client(venue: str, url: str, markets: Sequence[dict[str, Any]]) -> Any:
    table = capabilities.of(venue)
    made = client_class(venue)(
        {
            "apiKey": "key",
            "secret": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0",
            "password": "word",
            "uid": "uid",
            "enableRateLimit": False,
            "number": Decimal,
            "maxRetriesOnFailure": 0,
            "timeout": 20_000,
            "options": dict(table.options),
        }
    )
    made.urls["api"] = rebased(made.urls["api"], url)
    made.set_markets(list(markets))
    reading_decimals(made)
    stamped(made)
    return made


def order(venue: str, symbol: str = SPOT, **fields: Any) -> Order:
    form = form_of(venue, is_swap=":" in symbol)
    base: dict[str, Any] = {
        "client_order_id": client_order_id("desk", 1, "wish", "entry", 0, form=form),
        "venue": venue,
        "symbol": symbol,
        "side": OrderSide.BUY,
        "kind": OrderKind.LIMIT,
        "purpose": OrderPurpose.ENTRY,
        "quantity": Decimal("0.3"),
        "intent": "wish",
        "price_limit": Decimal("61240.1"),
        "submitted_at": AT,
    }
    return Order(**(base | fields))


def instrument(venue: str, symbol: str = SPOT, contract: str = "1") -> Instrument:
    return Instrument(
        venue=venue,
        symbol=symbol,
        base="BTC",
        quote="USDT",
        kind=InstrumentKind.SWAP if ":" in symbol else InstrumentKind.SPOT,
        price_tick=Decimal("0.00000001"),
        quantity_step=Decimal("0.00000001"),
        quantity_min=Decimal("0.00000001"),
        contract_size=Decimal(contract),
    )

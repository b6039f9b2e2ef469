"""A live account of the adapter at the test exchange, and orders to send there."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from bot.clock import SystemClock
from engine.identities import client_order_id, form_of
from engine.instruments import InstrumentKind
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.reports import FillReported
from engine.venues.live.account import LiveAccount
from engine.venues.live.venue import LiveVenue
from tests.engine.markets.stores import store_of
from tests.exchange.server import TestExchange

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class LiveRoom:
    exchange: TestExchange
    venue: LiveVenue
    account: LiveAccount
    symbol: str
    timeout_s: float

    @property
    def kind(self) -> InstrumentKind:
        return InstrumentKind.SWAP if ":" in self.symbol else InstrumentKind.SPOT

    async def fills(self) -> Sequence[FillReported]:
        """Give the fills of the last hour."""
        return await self.venue.fills(datetime.now(UTC) - timedelta(hours=1))

    def order(self, side: OrderSide, quantity: str, **named: object) -> Order:
        """Make an order of a name of its own."""
        is_swap = ":" in self.symbol
        given: dict[str, object] = {
            "client_order_id": client_order_id(
                "journal",
                1,
                f"wish {next(_numbers)}",
                "entry",
                1,
                form=form_of(self.venue.name, is_swap=is_swap),
            ),
            "venue": self.venue.name,
            "symbol": self.symbol,
            "side": side,
            "kind": OrderKind.MARKET,
            "purpose": OrderPurpose.ENTRY,
            "quantity": Decimal(quantity),
            "intent": "wish",
            "submitted_at": datetime.now(UTC),
        }
        return Order(**(given | named))  # type: ignore[arg-type]  # a test names what it changes


@asynccontextmanager
async def live_room(
    venue: str,
    *,
    timeout_s: float = 15,
    made: type[LiveVenue] = LiveVenue,
    befalls: Mapping[str, str] | None = None,
) -> AsyncIterator[LiveRoom]:
    """Open an account; `befalls` names what goes wrong once at each kind of endpoint."""
    async with TestExchange() as exchange:
        for kind, name in (befalls or {}).items():
            exchange.faults.add(kind, name)
        clock = SystemClock()
        symbol = SPOT if venue == "binance" else SWAP
        account = LiveAccount(
            venue=venue,
            api_key=exchange.api_key,
            api_secret=exchange.api_secret,
            api_url=exchange.url,
            ws_url=exchange.ws_url,
        )
        adapter = made(
            account,
            clock=clock,
            jitter=random.Random(7),
            timeout_s=timeout_s,
            metadata=store_of(clock),
            symbols=lambda: (symbol,),
        )
        await adapter.start()
        try:
            yield LiveRoom(
                exchange=exchange,
                venue=adapter,
                account=account,
                symbol=symbol,
                timeout_s=timeout_s,
            )
        finally:
            await adapter.stop()

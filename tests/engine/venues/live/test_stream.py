"""A live stream tells fills through real sockets, and says so when it breaks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.orders import OrderSide
from engine.ports import VenueUnavailable
from engine.positions import Fill
from engine.reports import FillReported, OrderSeen, VenueOrderStatus
from engine.venues.live.stream import Message, OrderStream
from tests.exchange.clients import connected
from tests.exchange.server import TestExchange

VENUES = pytest.mark.parametrize("venue", ["binance", "bybit"])
PATIENCE_S = 20


def fill_of(row: Mapping[str, Any]) -> FillReported:
    return FillReported(
        fill=Fill(
            venue="here",
            symbol=row["symbol"],
            trade_id=row["id"],
            side=OrderSide(row["side"]),
            quantity=Decimal(str(row["amount"])),
            price=Decimal(str(row["price"])),
            fee=Decimal(0),
            fee_currency="USDT",
            at=datetime.fromtimestamp(row["timestamp"] / 1000, tz=UTC),
            venue_order_id=row["order"],
        )
    )


def order_of(row: Mapping[str, Any]) -> OrderSeen:
    statuses = {"open": VenueOrderStatus.OPEN, "closed": VenueOrderStatus.FILLED}
    return OrderSeen(
        client_order_id=row["clientOrderId"],
        venue_order_id=row["id"],
        venue="here",
        symbol=row["symbol"],
        side=OrderSide(row["side"]),
        quantity=Decimal(str(row["amount"])),
        status=statuses[row["status"]],
        filled=Decimal(str(row["filled"])),
    )


@dataclass(slots=True)
class Heard:
    """Listen in a task, and keep what came and how it ended."""

    exchange: TestExchange
    venue: str
    messages: list[Message] = field(default_factory=list)
    end: str = ""

    async def listen(self, client: Any) -> None:
        stream = OrderStream(
            venue=self.venue, open_client=lambda: client, order_of=order_of, fill_of=fill_of
        )
        try:
            async for message in stream.reports():
                self.messages.append(message)
        except VenueUnavailable as fault:
            self.end = str(fault)

    def fills(self) -> list[str]:
        return [m.fill.trade_id.lstrip("e") for m in self.messages if isinstance(m, FillReported)]

    def trades(self) -> list[str]:
        return [str(t.trade_id) for t in self.exchange.ledger.trades]

    async def until(self, is_so: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            # what the server and the client do in between announces itself to nobody
            while not is_so():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def trade(self, count: int = 1) -> None:
        """Buy as many times in one breath: the client reads the messages together."""
        for _ in range(count):
            self.exchange.by_hand(self.venue, "BTCUSDT", is_buy=True, quantity="0.01")


@asynccontextmanager
async def listening(exchange: TestExchange, venue: str) -> AsyncIterator[Heard]:
    heard = Heard(exchange, venue)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connected(exchange, venue, streams=True))
        task = asyncio.create_task(heard.listen(client))
        topics = {"binance": 1, "bybit": 2}[venue]
        try:
            await heard.until(
                lambda: sum(len(each.topics) for each in exchange.streams.listeners) >= topics
            )
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@VENUES
async def test_every_fill_of_a_burst_is_told_once(venue: str) -> None:
    async with TestExchange() as exchange, listening(exchange, venue) as heard:
        heard.trade()
        await heard.until(lambda: len(heard.fills()) == 1)
        heard.trade(5)
        await heard.until(lambda: len(heard.fills()) >= 6)
        await heard.until(lambda: any(isinstance(m, OrderSeen) for m in heard.messages))
        assert sorted(heard.fills()) == sorted(heard.trades())


async def test_a_repeated_message_is_told_once() -> None:
    async with TestExchange() as exchange, listening(exchange, "bybit") as heard:
        exchange.faults.add("stream", "duplicate", count=None)
        heard.trade(3)
        await heard.until(lambda: len(heard.fills()) >= 3)
        exchange.faults.clear()
        heard.trade()
        await heard.until(lambda: len(heard.fills()) >= 4)
        assert sorted(heard.fills()) == sorted(heard.trades())


async def test_a_message_that_ccxt_breaks_on_ends_the_stream_instead_of_deafening_it() -> None:
    # given a repeated message that ccxt's binance cannot read
    async with TestExchange() as exchange, listening(exchange, "binance") as heard:
        exchange.faults.add("stream", "duplicate", count=None)
        # when it comes
        heard.trade(3)
        # then it is said, and what was told was told once
        await heard.until(lambda: heard.end)
        assert "could not read" in heard.end
        assert len(set(heard.fills())) == len(heard.fills())


@VENUES
async def test_a_stream_that_is_cut_ends_with_a_reason_and_a_new_one_hears_again(
    venue: str,
) -> None:
    async with TestExchange() as exchange:
        async with listening(exchange, venue) as heard:
            exchange.streams.cut()
            await heard.until(lambda: heard.end)
            assert "broke" in heard.end
            assert "127.0.0.1" not in heard.end
        async with listening(exchange, venue) as heard:
            heard.trade()
            await heard.until(lambda: len(heard.fills()) == 1)


async def test_a_server_that_restarts_ends_the_stream() -> None:
    async with TestExchange() as exchange:
        async with listening(exchange, "bybit") as heard:
            await exchange.stop()
            await heard.until(lambda: heard.end)
        await exchange.start()
        async with listening(exchange, "bybit") as heard:
            heard.trade()
            await heard.until(lambda: len(heard.fills()) == 1)


async def test_no_client_means_no_stream() -> None:
    stream = OrderStream(
        venue="binance", open_client=lambda: None, order_of=order_of, fill_of=fill_of
    )
    with pytest.raises(VenueUnavailable, match="no stream"):
        await anext(aiter(stream.reports()))

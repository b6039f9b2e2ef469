"""Every own trade is read, however many there are, and only trades."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import SystemClock
from engine.instruments import InstrumentKind
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import client_class
from engine.venues.live import parsing
from engine.venues.live.capabilities import of
from engine.venues.live.clients import Clients
from engine.venues.live.executions import Executions
from engine.venues.live.line import Line
from tests.engine.markets.stores import store_of
from tests.engine.venues.live.account import LiveRoom, live_room

HOUR = timedelta(hours=1)


async def traded(room: LiveRoom, count: int) -> None:
    """Trade by hand so often, each time in a millisecond of its own."""
    for _ in range(count):
        room.exchange.by_hand(room.venue.name, "BTCUSDT", is_buy=True, quantity="0.001")
        await asyncio.sleep(0.002)


@asynccontextmanager
async def executions(room: LiveRoom, *, page_max: int) -> AsyncIterator[Executions]:
    """Read the room's trades by pages of another size than the venue's."""
    clock, table = SystemClock(), of(room.venue.name)
    small = replace(
        table,
        spot=replace(table.spot, trades_page_max=page_max),
        swap=table.swap and replace(table.swap, trades_page_max=page_max),
        unused=frozenset(InstrumentKind) - {room.kind},
    )
    clients = Clients(account=room.account, metadata=store_of(clock), timeout_s=15)
    line = Line(
        venue=room.venue.name,
        clock=clock,
        jitter=random.Random(7),
        timeout_s=15,
        sleep=asyncio.sleep,
    )
    await clients.start()
    try:
        yield Executions(
            capabilities=lambda: small,
            clients=clients,
            line=line,
            clock=clock,
            symbols=lambda: [room.symbol],
        )
    finally:
        line.budget.close()
        await clients.close()


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_trades_of_many_pages_are_all_read(venue: str) -> None:
    """Binance shows the oldest of a span first, Bybit the newest."""
    async with live_room(venue) as room:
        await traded(room, 12)
        booked = {str(trade.trade_id) for trade in room.exchange.ledger.trades}

        async with executions(room, page_max=5) as read:
            fills = await read.since(datetime.now(UTC) - HOUR)

        assert {each.fill.trade_id.removeprefix("e") for each in fills} == booked
        assert len(fills) == 12
        assert [each.fill.at for each in fills] == sorted(each.fill.at for each in fills)


async def test_a_full_page_on_which_nothing_is_new_is_no_answer() -> None:
    async with live_room("bybit") as room:
        for _ in range(3):
            room.exchange.by_hand("bybit", "BTCUSDT", is_buy=True, quantity="0.001")
        for trade in (ledger := room.exchange.ledger).trades:
            trade_at = replace(trade, at_ms=ledger.trades[0].at_ms)
            ledger.trades[ledger.trades.index(trade)] = trade_at

        async with executions(room, page_max=2) as read:
            with pytest.raises(VenueUnavailable, match="one page of more trades"):
                await read.since(datetime.now(UTC) - HOUR)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_cursor_many_windows_ago_reaches_today(venue: str) -> None:
    async with live_room(venue) as room:
        room.exchange.by_hand(venue, "BTCUSDT", is_buy=True, quantity="0.001")

        fills = await room.venue.fills(datetime.now(UTC) - timedelta(days=9))

        assert len(fills) == 1


def raw_execution(kind: str) -> dict[str, object]:
    return {
        "category": "linear",
        "symbol": "BTCUSDT",
        "execId": "1f2a",
        "execType": kind,
        "execPrice": "60000",
        "execQty": "0.01",
        "execFee": "0.06",
        "execTime": "1767225600000",
        "side": "Buy",
        "orderId": "7",
        "orderLinkId": "",
        "isMaker": False,
    }


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [("Trade", True), ("BustTrade", True), ("AdlTrade", True), ("Funding", False)],
)
def test_funding_among_bybit_s_executions_is_no_trade(kind: str, is_one: bool) -> None:
    client = client_class("bybit")()

    row = client.parse_trade(raw_execution(kind))

    assert row["amount"], "ccxt takes it for a trade"
    assert parsing.is_trade(row) is is_one

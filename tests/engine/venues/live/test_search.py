"""One order is looked for in every source; only answers that can be read prove its absence."""

import pytest

from engine.orders import OrderSide
from engine.reports import OrderNotSeen, OrderSeen, SubmitAccepted, VenueOrderStatus
from tests.engine.venues.live.account import live_room
from tests.engine.venues.room import open_gate

SOURCES = {"binance": ("query", "open", "closed"), "bybit": ("open", "closed", "trades")}
FAULTS = ("truncated", "html", "empty", "{}", "garbage", "500", "503")


@pytest.mark.parametrize("source", [(v, s) for v in SOURCES for s in SOURCES[v]], ids="-".join)
async def test_one_source_that_cannot_be_read_proves_no_absence(source: tuple[str, str]) -> None:
    venue, kind = source
    async with live_room(venue) as room:
        order = room.order(OrderSide.BUY, "0.01")
        for fault in FAULTS:
            room.exchange.faults.add(kind, fault)

            seen = await room.venue.lookup(order)

            assert isinstance(seen, OrderNotSeen)
            assert room.exchange.faults.struck[f"{kind} {fault}"] == 1
            assert not seen.complete, fault
            assert "127.0.0.1" not in seen.text
        seen = await room.venue.lookup(order)
        assert isinstance(seen, OrderNotSeen)
        assert seen.complete, seen.text


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_what_one_source_hides_another_shows(venue: str) -> None:
    async with live_room(venue) as room:
        order = room.order(OrderSide.BUY, "0.01")
        assert isinstance(await room.venue.submit(order, open_gate), SubmitAccepted)
        for fault in FAULTS:
            room.exchange.faults.add(SOURCES[venue][0], fault)

            seen = await room.venue.lookup(order)

            assert isinstance(seen, OrderSeen), fault
            assert seen.status is VenueOrderStatus.FILLED

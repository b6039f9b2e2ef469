"""What an account shows is shown whole, or not at all."""

import pytest

from engine.ports import VenueUnavailable
from tests.engine.venues.live.account import LiveRoom, live_room

FAULTS = ("truncated", "html", "empty", "{}", "garbage", "503")


def rest(room: LiveRoom, count: int) -> None:
    for number in range(count):
        room.exchange.by_hand(
            room.venue.name, "BTCUSDT", is_buy=True, quantity="0.001", price=str(40_000 + number)
        )


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_more_open_orders_than_a_page_are_all_shown(venue: str) -> None:
    async with live_room(venue) as room:
        rest(room, 60)

        shown = (await room.venue.snapshot()).orders

        assert len({each.venue_order_id for each in shown}) == 60


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_book_that_cannot_be_read_is_no_empty_book(venue: str) -> None:
    async with live_room(venue) as room:
        rest(room, 1)
        for kind in ("open", "balance", *(("positions",) if venue == "bybit" else ())):
            for fault in FAULTS:
                room.exchange.faults.add(kind, fault)

                with pytest.raises(VenueUnavailable) as raised:
                    await room.venue.snapshot()

                assert room.exchange.faults.struck[f"{kind} {fault}"] == 1
                assert "127.0.0.1" not in str(raised.value)
        assert len((await room.venue.snapshot()).orders) == 1


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_trades_that_cannot_be_read_are_not_none(venue: str) -> None:
    async with live_room(venue) as room:
        room.exchange.by_hand(venue, "BTCUSDT", is_buy=True, quantity="0.001")
        for fault in FAULTS:
            room.exchange.faults.add("trades", fault)

            with pytest.raises(VenueUnavailable):
                await room.fills()

            assert room.exchange.faults.struck[f"trades {fault}"] == 1
        assert len(await room.fills()) == 1

"""What a key may do is known before the first entry leaves, however silent the venue was."""

from bot.live import GuardedVenue
from engine.orders import OrderPurpose, OrderSide
from engine.reports import SubmitAccepted, SubmitWithheld
from tests.engine.venues.live.account import live_room
from tests.engine.venues.room import open_gate

SIZE = "0.01"


async def test_an_entry_waits_for_the_venue_s_word_about_the_key_and_goes_once_it_is_good() -> None:
    async with live_room(
        "binance", timeout_s=1, made=GuardedVenue, befalls={"keys": "503"}
    ) as room:
        room.exchange.faults.add("keys", "503")
        answer = await room.venue.submit(room.order(OrderSide.BUY, SIZE), open_gate)
        assert isinstance(answer, SubmitWithheld)
        assert answer.text.startswith("What the key of binance may do is not known yet")
        assert room.exchange.ledger.orders == {}

        answer = await room.venue.submit(room.order(OrderSide.BUY, SIZE), open_gate)
        assert isinstance(answer, SubmitAccepted)


async def test_a_key_found_to_withdraw_after_the_start_sends_exits_only() -> None:
    async with live_room(
        "binance", timeout_s=1, made=GuardedVenue, befalls={"keys": "503"}
    ) as room:
        room.exchange.can_withdraw = True
        for _ in range(2):
            answer = await room.venue.submit(room.order(OrderSide.BUY, SIZE), open_gate)
            assert isinstance(answer, SubmitWithheld)
            assert answer.text.startswith("The key of binance may withdraw money")
        way_out = room.order(OrderSide.SELL, SIZE, purpose=OrderPurpose.EXIT)
        assert isinstance(await room.venue.submit(way_out, open_gate), SubmitAccepted)
        assert len(room.exchange.ledger.orders) == 1


async def test_a_venue_that_refuses_to_tell_is_taken_as_one_that_does_not_tell() -> None:
    async with live_room("binance", made=GuardedVenue, befalls={"keys": "-2015"}) as room:
        answer = await room.venue.submit(room.order(OrderSide.BUY, SIZE), open_gate)
        assert isinstance(answer, SubmitAccepted)
        assert room.exchange.faults.struck["keys -2015"] == 1

"""What every Venue keeps, whatever stands behind it. The paper venue runs it on both its stores."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.orders import Order, OrderKind, OrderSide
from engine.ports import Venue
from engine.reports import (
    CancelAccepted,
    CancelUnanswered,
    FillReported,
    OrderNotSeen,
    OrderSeen,
    SubmitAccepted,
    SubmitRefused,
    SubmitWithheld,
    VenueOrderStatus,
)
from storage.database import Database
from storage.paper_ledger import SqlLedgerStore
from tests.engine.venues.room import START, Room, open_gate

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP


@pytest.fixture(params=["memory", "sqlite"])
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Room]:
    if request.param == "memory":
        async with Room() as made:
            yield made
        return
    database = Database(f"sqlite:///{tmp_path / 'paper.db'}")
    async with Room(store=SqlLedgerStore(database, "binance")) as made:
        yield made
    await database.close()


@pytest.fixture
def venue(room: Room) -> Venue:
    return room.venue


async def fills_of(venue: Venue, order: Order) -> list[FillReported]:
    fills = await venue.fills(START - timedelta(days=1))
    return [each for each in fills if each.fill.client_order_id == order.client_order_id]


async def test_it_says_its_name(venue: Venue) -> None:
    assert venue.name == "binance"


async def test_an_accepted_order_carries_the_venue_s_id(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.01")

    answer = await venue.submit(order, open_gate)

    assert isinstance(answer, SubmitAccepted)
    assert answer.client_order_id == order.client_order_id
    seen = await venue.lookup(order)
    assert isinstance(seen, OrderSeen)
    assert seen.venue_order_id == answer.venue_order_id


async def test_a_closed_gate_withholds_and_nothing_is_sent(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.01")

    answer = await venue.submit(order, lambda asked: "halted meanwhile")

    assert answer == SubmitWithheld(client_order_id=order.client_order_id, text="halted meanwhile")
    assert isinstance(await venue.lookup(order), OrderNotSeen)


async def test_a_refusal_has_a_code_and_leaves_no_order(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.000001")

    answer = await venue.submit(order, open_gate)

    assert isinstance(answer, SubmitRefused)
    assert answer.code
    assert answer.text
    seen = await venue.lookup(order)
    assert isinstance(seen, OrderNotSeen)
    assert seen.complete


async def test_a_repeated_submit_makes_no_second_order(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.01")

    first, second = await asyncio.gather(
        venue.submit(order, open_gate), venue.submit(order, open_gate)
    )

    assert first == second
    assert len(await fills_of(venue, order)) == 1


async def test_fills_add_up_to_what_the_order_shows(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.01")
    await venue.submit(order, open_gate)

    seen = await venue.lookup(order)
    fills = [each.fill for each in await fills_of(venue, order)]

    assert isinstance(seen, OrderSeen)
    assert seen.status is VenueOrderStatus.FILLED
    assert sum(fill.quantity for fill in fills) == seen.filled == order.quantity
    assert len({fill.identity for fill in fills}) == len(fills)
    assert all(fill.fee > 0 and fill.fee_currency == "USDT" for fill in fills)


async def test_fills_since_a_time_leave_out_what_is_older(venue: Venue, room: Room) -> None:
    await venue.submit(room.order(BUY, "0.01"), open_gate)
    room.clock.advance(60)
    since = room.clock.now()
    later = room.order(BUY, "0.02")
    await venue.submit(later, open_gate)

    fills = await venue.fills(since)

    assert [each.fill.client_order_id for each in fills] == [later.client_order_id]
    everything = await venue.fills(START)
    times = [each.fill.at for each in everything]
    assert times == sorted(times)
    assert len(times) == 2


async def test_both_books_are_listed_until_cancelled(venue: Venue, room: Room) -> None:
    await venue.submit(room.order(BUY, "0.02"), open_gate)
    limit = room.order(SELL, "0.01", kind=LIMIT, price="70000.00")
    stop = room.order(SELL, "0.01", kind=STOP, trigger="50000.00")
    for order in (limit, stop):
        assert isinstance(await venue.submit(order, open_gate), SubmitAccepted)

    shown = (await venue.snapshot()).orders
    assert {order.client_order_id for order in shown} == {
        limit.client_order_id,
        stop.client_order_id,
    }
    for order in (limit, stop):
        assert isinstance(await venue.cancel(order), CancelAccepted)
        assert isinstance(await venue.cancel(order), CancelAccepted), "finished is as good"
        seen = await venue.lookup(order)
        assert isinstance(seen, OrderSeen)
        assert seen.status is VenueOrderStatus.CANCELED
    assert (await venue.snapshot()).orders == ()


async def test_a_cancel_of_what_is_not_there_says_so(venue: Venue, room: Room) -> None:
    answer = await venue.cancel(room.order(BUY, "0.01"))

    assert isinstance(answer, CancelUnanswered)
    assert "not found" in answer.text


async def test_a_snapshot_shows_totals_and_swap_positions(venue: Venue, room: Room) -> None:
    await venue.submit(room.order(BUY, "0.01"), open_gate)
    short = room.order(SELL, "0.01", symbol="BTC/USDT:USDT", leverage="2")
    await venue.submit(short, open_gate)

    snapshot = await venue.snapshot()

    assert snapshot.balances["BTC"] == Decimal("0.01")
    assert Decimal(9390) < snapshot.balances["USDT"] < Decimal(9400)
    (position,) = snapshot.positions
    assert (position.symbol, position.quantity) == ("BTC/USDT:USDT", Decimal("-0.01"))


async def test_the_stream_tells_every_fill_and_the_end(venue: Venue, room: Room) -> None:
    stream = venue.reports()
    order = room.order(BUY, "0.01")
    await venue.submit(order, open_gate)

    heard: list[FillReported | OrderSeen] = []
    async with asyncio.timeout(5):
        async for report in stream:
            heard.append(report)
            if isinstance(report, OrderSeen) and report.status is VenueOrderStatus.FILLED:
                break

    told = [report for report in heard if isinstance(report, FillReported)]
    assert told == await fills_of(venue, order)


async def test_many_at_once_are_each_answered(venue: Venue, room: Room) -> None:
    orders = [room.order(BUY, "0.001") for _ in range(60)]

    answers = await asyncio.gather(*(venue.submit(order, open_gate) for order in orders))

    assert all(isinstance(answer, SubmitAccepted) for answer in answers)
    assert (await venue.snapshot()).balances["BTC"] == Decimal("0.060")


async def test_everything_is_still_there_after_a_restart(room: Room) -> None:
    bought = await room.accepted(room.order(BUY, "0.05"))
    resting = await room.accepted(room.order(BUY, "0.05", kind=LIMIT, price="59000.00"))
    await room.accepted(room.order(SELL, "0.01", symbol="BTC/USDT:USDT", leverage="3"))
    before = (await room.venue.snapshot(), await room.venue.fills(START))

    await room.restart()

    assert (await room.venue.snapshot(), await room.venue.fills(START)) == before
    assert isinstance(await room.venue.lookup(bought), OrderSeen)
    await room.quote("58000.00", "58001.00")
    seen = await room.venue.lookup(resting)
    assert isinstance(seen, OrderSeen)
    assert seen.status is VenueOrderStatus.FILLED


async def test_an_order_of_another_name_is_another_order(venue: Venue, room: Room) -> None:
    order = room.order(BUY, "0.01")
    await venue.submit(order, open_gate)
    other = replace(order, client_order_id="qdother")

    assert isinstance(await venue.lookup(other), OrderNotSeen)

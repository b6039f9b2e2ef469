import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from engine.orders import Order, OrderKind, OrderSide
from engine.ports import VenueUnavailable
from engine.reports import (
    CancelAccepted,
    CancelUnanswered,
    FillReported,
    OrderNotSeen,
    OrderSeen,
    SubmitAccepted,
    SubmitRefused,
    SubmitUnanswered,
    SubmitWithheld,
    VenueOrderStatus,
)
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation, PaperFaults
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings
from tests.engine.venues.room import CASH, START, Room, open_gate

BUY = OrderSide.BUY
LIMIT = OrderKind.LIMIT
Call = Callable[[PaperVenue, Order], Awaitable[object]]
CALLS: dict[Operation, Call] = {
    Operation.SUBMIT: lambda venue, order: venue.submit(order, open_gate),
    Operation.CANCEL: lambda venue, order: venue.cancel(order),
    Operation.LOOKUP: lambda venue, order: venue.lookup(order),
    Operation.FILLS: lambda venue, order: venue.fills(START),
    Operation.SNAPSHOT: lambda venue, order: venue.snapshot(),
}


def fault(kind: FaultKind, *, delay_s: float = 0.0) -> Fault:
    return Fault(kind=kind, delay_s=delay_s)


class Sleeper:
    """A virtual line: whoever sleeps waits until the test lets time pass."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, asyncio.Future[None]]] = []

    async def __call__(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((seconds, future))
        await future

    def wake(self, *, longest_s: float = 1e9) -> None:
        due = [future for seconds, future in self.waiting if seconds <= longest_s]
        self.waiting = [pair for pair in self.waiting if pair[0] > longest_s]
        for future in due:
            if not future.done():
                future.set_result(None)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_dropped_request_never_arrives_and_is_unanswered() -> None:
    async with Room() as room:
        room.faults.script(Operation.SUBMIT, fault(FaultKind.DROPPED))
        order = room.order(BUY, "0.1")

        assert isinstance(await room.submit(order), SubmitUnanswered)
        seen = await room.venue.lookup(order)
        assert isinstance(seen, OrderNotSeen)
        assert seen.complete


async def test_a_lost_answer_leaves_an_order_behind() -> None:
    async with Room() as room:
        room.faults.script(Operation.SUBMIT, fault(FaultKind.LOST))
        order = room.order(BUY, "0.1")

        assert isinstance(await room.submit(order), SubmitUnanswered)
        seen = await room.venue.lookup(order)
        assert isinstance(seen, OrderSeen)
        assert seen.status is VenueOrderStatus.FILLED


@pytest.mark.parametrize("operation", list(CALLS))
@pytest.mark.parametrize("kind", [FaultKind.HANGING, FaultKind.SWALLOWED])
async def test_a_call_can_hang_for_ever(operation: Operation, kind: FaultKind) -> None:
    async with Room() as room:
        order = room.order(BUY, "0.1", kind=LIMIT, price="50000.00")
        if operation is not Operation.SUBMIT:
            await room.accepted(order)
        room.faults.script(operation, fault(kind))

        call = asyncio.ensure_future(CALLS[operation](room.venue, order))
        await turns()
        assert not call.done()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

        arrived = kind is FaultKind.HANGING
        found = room.venue.ledger.find(order.client_order_id)
        if operation is Operation.SUBMIT:
            assert (found is not None) == arrived
        if operation is Operation.CANCEL:
            assert found is not None
            assert found.is_open != arrived


async def test_an_order_is_accepted_after_its_sender_lost_patience() -> None:
    sleeper = Sleeper()
    room = Room()
    venue = PaperVenue(
        name="binance",
        quotes=room.market,
        clock=room.clock,
        store=room.store,
        cash=CASH,
        settings=PaperSettings(latency_s=0.1),
        sleep=sleeper,
    )
    await venue.start()
    venue.faults.script(Operation.SUBMIT, fault(FaultKind.LATE, delay_s=30))
    order = room.order(BUY, "0.1")

    call = asyncio.ensure_future(venue.submit(order, open_gate))
    await turns()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert venue.ledger.find(order.client_order_id) is None

    sleeper.wake()
    await turns()
    assert venue.ledger.find(order.client_order_id) is not None
    await venue.stop()


async def test_latency_is_slept_on_the_way_there_and_on_the_way_back() -> None:
    sleeper = Sleeper()
    room = Room()
    venue = PaperVenue(
        name="binance",
        quotes=room.market,
        clock=room.clock,
        store=room.store,
        cash=CASH,
        settings=PaperSettings(latency_s=0.25),
        sleep=sleeper,
    )
    await venue.start()
    order = room.order(BUY, "0.1")

    call = asyncio.ensure_future(venue.submit(order, open_gate))
    await turns()
    assert venue.ledger.find(order.client_order_id) is None
    sleeper.wake(longest_s=0.5)
    await turns()
    assert venue.ledger.find(order.client_order_id) is not None
    assert not call.done()
    sleeper.wake(longest_s=0.5)
    assert isinstance(await call, SubmitAccepted)
    await venue.stop()


async def test_a_scripted_refusal_carries_its_code() -> None:
    async with Room() as room:
        scripted = Fault(kind=FaultKind.REFUSED, code="-2010", text="No.")
        room.faults.script(Operation.SUBMIT, scripted)
        order = room.order(BUY, "0.1")

        assert await room.submit(order) == SubmitRefused(
            client_order_id=order.client_order_id, code="-2010", text="No."
        )
        assert room.venue.ledger.trades == []


async def test_a_withheld_order_never_reaches_the_line() -> None:
    async with Room() as room:
        order = room.order(BUY, "0.1")

        answer = await room.venue.submit(order, lambda asked: f"halted: {asked.client_order_id}")

        assert answer == SubmitWithheld(
            client_order_id=order.client_order_id, text=f"halted: {order.client_order_id}"
        )
        assert room.venue.ledger.orders == {}


async def test_a_lost_cancel_cancels_and_a_not_found_does_not() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="50000.00"))
        room.faults.script(Operation.CANCEL, fault(FaultKind.NOT_FOUND), fault(FaultKind.LOST))

        first = await room.venue.cancel(order)
        assert isinstance(first, CancelUnanswered)
        assert len(room.venue.ledger.open) == 1
        second = await room.venue.cancel(order)
        assert isinstance(second, CancelUnanswered)
        assert len(room.venue.ledger.open) == 0
        assert isinstance(await room.venue.cancel(order), CancelAccepted)


async def test_a_lookup_can_err_be_incomplete_or_stale() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1"))
        kinds = (FaultKind.DROPPED, FaultKind.INCOMPLETE, FaultKind.STALE)
        room.faults.script(Operation.LOOKUP, *(fault(kind) for kind in kinds))

        answers = [await room.venue.lookup(order) for _ in kinds]

        found = [answer.complete for answer in answers if isinstance(answer, OrderNotSeen)]
        assert found == [False, False, True]
        assert isinstance(await room.venue.lookup(order), OrderSeen)


async def test_a_venue_that_is_down_says_nothing_and_goes_on_matching() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))
        room.faults.go_down()

        await room.quote("58000.00", "58001.00")
        assert isinstance(await room.submit(room.order(BUY, "0.01")), SubmitUnanswered)
        assert isinstance(await room.venue.cancel(order), CancelUnanswered)
        with pytest.raises(VenueUnavailable):
            await room.venue.fills(START)
        with pytest.raises(VenueUnavailable):
            await room.venue.snapshot()

        room.faults.come_up()
        (fill,) = await room.venue.fills(START)
        assert fill.fill.client_order_id == order.client_order_id


async def test_stream_messages_are_dropped_duplicated_and_reordered_on_demand() -> None:
    async with Room() as room:
        kinds = (FaultKind.DROPPED, FaultKind.DUPLICATED, FaultKind.REORDERED)
        stream = room.venue.reports()
        # a market buy says: open, fill, filled; so the fill comes twice, and `filled` comes late
        room.faults.script(Operation.STREAM, *(fault(kind) for kind in kinds))
        first = await room.accepted(room.order(BUY, "0.01"))
        second = await room.accepted(room.order(BUY, "0.01"))
        await room.venue.stop()

        told = [
            (message.fill.client_order_id, "fill")
            if isinstance(message, FillReported)
            else (message.client_order_id, message.status.value)
            async for message in stream
        ]
        assert told == [
            (first.client_order_id, "fill"),
            (first.client_order_id, "fill"),
            (second.client_order_id, "open"),
            (first.client_order_id, "filled"),
            (second.client_order_id, "fill"),
            (second.client_order_id, "filled"),
        ]
        await room.restart()


async def test_every_listener_hears_everything_and_a_slow_one_loses_the_oldest() -> None:
    async with Room(settings=PaperSettings(reports_max=2)) as room:
        streams = [room.venue.reports(), room.venue.reports()]
        order = await room.accepted(room.order(BUY, "0.01"))
        await room.venue.stop()

        for stream in streams:
            heard = [message async for message in stream]
            assert len(heard) == 2, "open was dropped; the fill and the end were kept"
            assert isinstance(heard[0], FillReported)
            assert isinstance(heard[1], OrderSeen)
            assert heard[1].client_order_id == order.client_order_id
        await room.restart()


async def test_somebody_else_trades_by_hand_and_moves_money() -> None:
    async with Room() as room:
        await room.venue.trade_by_hand("BTC/USDT", BUY, Decimal("0.01"))
        await room.venue.trade_by_hand("BTC/USDT", BUY, Decimal("0.01"), Decimal("50000.00"))
        await room.venue.transfer("EUR", Decimal(5))
        with pytest.raises(ValueError, match="is free"):
            await room.venue.transfer("EUR", Decimal(-6))
        with pytest.raises(ValueError, match="no symbol"):
            await room.venue.trade_by_hand("NOPE/USDT", BUY, Decimal(1))

        snapshot = await room.venue.snapshot()
        (fill,) = await room.venue.fills(START)
        assert fill.fill.client_order_id is None
        assert [order.client_order_id for order in snapshot.orders] == [None]
        assert snapshot.balances["EUR"] == 5


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    rates = (
        FaultRate(operation=Operation.SUBMIT, fault=fault(FaultKind.LOST), per_mille=200),
        FaultRate(operation=Operation.CANCEL, fault=fault(FaultKind.DROPPED), per_mille=200),
    )

    def drawn(seed: int) -> list[Fault | None]:
        faults = PaperFaults(seed=seed, rates=rates)
        return [faults.draw(op) for op in (Operation.SUBMIT, Operation.CANCEL) for _ in range(500)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert 140 <= sum(each is not None for each in drawn(7)) <= 260


def test_a_fault_that_an_operation_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot go wrong"):
        PaperFaults().script(Operation.FILLS, fault(FaultKind.REFUSED))

"""The adapter at the test exchange: what was sent once is there once; silence proves nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.orders import OrderKind, OrderPurpose, OrderSide
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
from tests.engine.venues.live.account import LiveRoom, live_room
from tests.engine.venues.room import open_gate

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP
SIZE = "0.01"


@pytest.fixture(params=["binance", "bybit"])
async def room(request: pytest.FixtureRequest) -> AsyncIterator[LiveRoom]:
    async with live_room(request.param) as made:
        yield made


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


async def test_a_market_order_is_accepted_filled_and_told_by_its_name(room: LiveRoom) -> None:
    order = room.order(BUY, SIZE)

    answer = await room.venue.submit(order, open_gate)
    assert isinstance(answer, SubmitAccepted)
    seen = await room.venue.lookup(order)
    fills = await room.venue.fills(hour_ago())

    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.filled) == (VenueOrderStatus.FILLED, Decimal(SIZE))
    assert seen.venue_order_id == answer.venue_order_id
    assert sum(each.fill.quantity for each in fills) == Decimal(SIZE)
    assert {each.fill.client_order_id for each in fills} == {order.client_order_id}
    # The test exchange takes its fee of a spot buy in what is bought.
    paid = "BTC" if room.venue.name == "binance" else "USDT"
    assert {each.fill.fee_currency for each in fills} == {paid}
    assert all(each.fill.fee > 0 for each in fills)
    assert room.exchange.created(room.venue.name, order.client_order_id) == 1


async def test_a_closed_gate_keeps_it_from_the_wire(room: LiveRoom) -> None:
    order = room.order(BUY, SIZE)

    answer = await room.venue.submit(order, lambda asked: "halted meanwhile")

    assert answer == SubmitWithheld(client_order_id=order.client_order_id, text="halted meanwhile")
    assert room.exchange.created(room.venue.name, order.client_order_id) == 0


async def test_a_gate_that_closes_after_the_turn_still_keeps_it_from_the_wire(
    room: LiveRoom,
) -> None:
    asked: list[str] = []

    def gate(order: object) -> str | None:
        asked.append("asked")
        return None if len(asked) == 1 else "halted meanwhile"

    order = room.order(BUY, SIZE)
    answer = await room.venue.submit(order, gate)

    assert isinstance(answer, SubmitWithheld)
    assert len(asked) == 2
    assert room.exchange.created(room.venue.name, order.client_order_id) == 0


@pytest.mark.parametrize("kind", [LIMIT, STOP])
async def test_a_resting_order_is_seen_open_then_cancelled(room: LiveRoom, kind: OrderKind) -> None:
    price = Decimal(50000)
    order = (
        room.order(BUY, SIZE, kind=LIMIT, price_limit=price)
        if kind is LIMIT
        else room.order(SELL, SIZE, kind=STOP, price_trigger=price, purpose=OrderPurpose.EXIT)
    )
    if kind is STOP:
        assert isinstance(await room.venue.submit(room.order(BUY, SIZE), open_gate), SubmitAccepted)
    assert isinstance(await room.venue.submit(order, open_gate), SubmitAccepted)

    seen = await room.venue.lookup(order)
    shown = await room.venue.snapshot()
    cancelled = await room.venue.cancel(order)
    after = await room.venue.lookup(order)

    assert isinstance(seen, OrderSeen)
    assert seen.status is VenueOrderStatus.OPEN
    assert [each.client_order_id for each in shown.orders] == [order.client_order_id]
    assert (shown.orders[0].price_trigger or shown.orders[0].price_limit) == price
    assert isinstance(cancelled, CancelAccepted)
    assert isinstance(after, OrderSeen)
    assert after.status is VenueOrderStatus.CANCELED
    assert (await room.venue.snapshot()).orders == ()


async def test_what_gets_no_turn_in_time_was_never_sent_and_is_not_unknown(
    room: LiveRoom,
) -> None:
    room.exchange.faults.add("balance", "429", retry_after_s=60)
    with pytest.raises(VenueUnavailable):
        await room.venue.balances()
    order = room.order(BUY, SIZE)

    # as the engine waits for an answer: later than that it calls the order unknown
    async with asyncio.timeout(room.timeout_s):
        answer = await room.venue.submit(order, open_gate)

    assert isinstance(answer, SubmitWithheld)
    assert "no turn came" in answer.text
    assert room.exchange.created(room.venue.name, order.client_order_id) == 0
    assert room.venue.vitals.waiting == 0


async def test_a_lost_answer_is_none_and_the_search_finds_the_order(room: LiveRoom) -> None:
    room.exchange.faults.add("create", "lost")
    order = room.order(BUY, SIZE)

    answer = await room.venue.submit(order, open_gate)
    seen = await room.venue.lookup(order)

    assert isinstance(answer, SubmitUnanswered)
    assert isinstance(seen, OrderSeen)
    assert room.exchange.created(room.venue.name, order.client_order_id) == 1


@pytest.mark.parametrize("status", ["500", "502", "503", "504"])
async def test_a_server_that_fails_proves_nothing(room: LiveRoom, status: str) -> None:
    room.exchange.faults.add("create", status)

    answer = await room.venue.submit(room.order(BUY, SIZE), open_gate)

    assert isinstance(answer, SubmitUnanswered)


async def test_a_refusal_in_a_failing_server_s_answer_proves_nothing(room: LiveRoom) -> None:
    refused = room.order(BUY, "100")
    room.exchange.fail_status = 500
    answer = await room.venue.submit(refused, open_gate)

    assert isinstance(answer, SubmitUnanswered)


async def test_what_never_arrived_is_in_no_source_and_that_is_complete(room: LiveRoom) -> None:
    room.exchange.faults.add("create", "dropped")
    order = room.order(BUY, SIZE)

    answer = await room.venue.submit(order, open_gate)
    seen = await room.venue.lookup(order)

    assert isinstance(answer, SubmitUnanswered)
    assert isinstance(seen, OrderNotSeen)
    assert seen.complete, seen.text


async def test_a_search_that_errs_is_no_evidence_of_absence(room: LiveRoom) -> None:
    for kind in ("query", "open", "closed", "trades"):
        room.exchange.faults.add(kind, "503", count=20)
    order = room.order(BUY, SIZE)

    seen = await room.venue.lookup(order)

    assert isinstance(seen, OrderNotSeen)
    assert not seen.complete
    assert "127.0.0.1" not in seen.text


async def test_too_little_money_is_a_refusal_in_plain_words(room: LiveRoom) -> None:
    order = room.order(BUY, "100")

    answer = await room.venue.submit(order, open_gate)

    assert isinstance(answer, SubmitRefused), answer
    assert "balance" in answer.text or "margin" in answer.text


async def test_the_books_show_the_money_and_a_swap_s_position(room: LiveRoom) -> None:
    assert isinstance(await room.venue.submit(room.order(BUY, SIZE), open_gate), SubmitAccepted)

    shown = await room.venue.snapshot()

    assert shown.balances["USDT"] > 0
    assert shown.free["USDT"] <= shown.balances["USDT"]
    if room.venue.name == "bybit":
        (position,) = shown.positions
        assert (position.symbol, position.quantity) == (room.symbol, Decimal(SIZE))
    else:
        assert shown.positions == ()
        assert shown.balances["BTC"] > 0


async def test_a_cancel_of_what_is_not_there_is_no_answer(room: LiveRoom) -> None:
    answer = await room.venue.cancel(room.order(BUY, SIZE, kind=LIMIT, price_limit=Decimal(1)))

    assert isinstance(answer, CancelUnanswered)


async def test_an_order_by_hand_is_shown_and_cancelled_by_the_venue_s_id(room: LiveRoom) -> None:
    room.exchange.by_hand(room.venue.name, "BTCUSDT", is_buy=True, quantity=SIZE, price="50000")
    (shown,) = (await room.venue.snapshot()).orders
    assert shown.client_order_id is None or not shown.client_order_id.startswith("qd")
    named = room.order(BUY, SIZE, kind=LIMIT, price_limit=Decimal(50000))
    external = replace(named, client_order_id="", venue_order_id=shown.venue_order_id)

    answer = await room.venue.cancel(external)

    assert isinstance(answer, CancelAccepted)
    assert (await room.venue.snapshot()).orders == ()


async def test_fills_are_streamed(room: LiveRoom) -> None:
    heard: list[FillReported] = []
    whole = asyncio.Event()

    async def follow() -> None:
        async for report in room.venue.reports():
            if isinstance(report, FillReported):
                heard.append(report)
                whole.set()

    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow())
        async with asyncio.timeout(30):
            while not room.exchange.streams.heard_by(room.venue.name):  # noqa: ASYNC110 - the exchange tells nobody
                await asyncio.sleep(0.02)
        order = room.order(BUY, SIZE)
        assert isinstance(await room.venue.submit(order, open_gate), SubmitAccepted)
        async with asyncio.timeout(30):
            await whole.wait()
        following.cancel()
    assert heard[0].fill.client_order_id == order.client_order_id


async def test_what_the_key_may_do_is_asked(room: LiveRoom) -> None:
    assert (await room.venue.permissions()).can_withdraw is False
    room.exchange.can_withdraw = True
    assert (await room.venue.permissions()).can_withdraw is True


async def test_a_venue_s_clock_ahead_of_ours_is_measured(room: LiveRoom) -> None:
    skew = room.venue.vitals.clock_skew_ms
    assert skew is not None
    assert abs(skew) < 5000
    assert room.venue.vitals.latency_ms is not None


async def test_no_secret_is_in_what_it_says_of_itself(room: LiveRoom) -> None:
    room.exchange.faults.add("any", "truncated", count=5)
    order = room.order(BUY, SIZE)
    texts = [repr(room.venue), str(await room.venue.submit(order, open_gate))]
    texts += [str(await room.venue.lookup(order)), str(room.venue.vitals)]
    for text in texts:
        assert room.exchange.api_secret not in text
        assert room.exchange.api_key not in text
        assert "signature" not in text

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.orders import OrderKind, OrderSide
from engine.ports import VenueUnavailable
from engine.reports import OrderNotSeen, SubmitAccepted, SubmitRefused, SubmitUnanswered
from engine.venues.ledger import LedgerChange, LedgerUnavailable, MemoryLedgerStore
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings
from tests.engine.venues.room import BTC, CASH, Room, open_gate

BUY = OrderSide.BUY
LIMIT = OrderKind.LIMIT


async def test_a_venue_that_was_not_started_answers_nothing() -> None:
    room = Room()

    assert isinstance(await room.submit(room.order(BUY, "0.1")), SubmitUnanswered)
    with pytest.raises(VenueUnavailable, match="does not run"):
        await room.venue.snapshot()
    with pytest.raises(VenueUnavailable, match="has not opened its ledger"):
        _ = room.venue.ledger


async def test_starting_and_stopping_twice_is_harmless() -> None:
    async with Room() as room:
        await room.venue.start()
        await room.accepted(room.order(BUY, "0.1"))
        await room.venue.stop()
        await room.venue.stop()
        await room.venue.start()
        assert room.total("BTC") == Decimal("0.1")


async def test_more_requests_than_the_venue_holds_are_refused_unread() -> None:
    async with Room(settings=PaperSettings(requests_max=2)) as room:
        orders = [room.order(BUY, "0.01") for _ in range(5)]

        answers = await asyncio.gather(*(room.submit(order) for order in orders))

        assert [type(answer) for answer in answers] == [SubmitAccepted] * 2 + [SubmitRefused] * 3
        assert {a.code for a in answers if isinstance(a, SubmitRefused)} == {"too_many_requests"}
        assert room.total("BTC") == Decimal("0.02")
        seen = await room.venue.lookup(orders[-1])
        assert isinstance(seen, OrderNotSeen)


async def test_a_sweep_finds_the_price_that_no_quote_announced() -> None:
    asleep = asyncio.Event()
    woken = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await woken.wait()
        woken.clear()

    room = Room()
    venue = PaperVenue(
        name="binance",
        quotes=room.market,
        clock=room.clock,
        store=room.store,
        cash=CASH,
        sleep=sleep,
    )
    await venue.start()
    await asleep.wait()
    await venue.submit(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"), open_gate)
    key = f"binance:{BTC}"
    cheap = replace(room.market.latest()[key], bid=Decimal(58000), ask=Decimal(58001))
    room.market._latest[key] = cheap  # past its subscribers

    asleep.clear()
    woken.set()
    await asleep.wait()

    assert [trade.price for trade in venue.ledger.trades] == [Decimal(59000)]
    await venue.stop()


class LateStore(MemoryLedgerStore):
    """A disk that is not there for a while."""

    is_gone = False

    async def save(self, change: LedgerChange) -> None:
        if self.is_gone:
            raise LedgerUnavailable("the disk has gone")
        await super().save(change)


async def test_resting_orders_go_on_by_themselves_once_the_ledger_is_back() -> None:
    store = LateStore()
    async with Room(store=store, settings=PaperSettings(sweep_s=0.01)) as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))
        store.is_gone = True
        room.market.set(BTC, Decimal(58000), Decimal(58001))
        with pytest.raises(VenueUnavailable, match="could not be written"):
            await room.venue.settle()

        stream = room.venue.reports()
        store.is_gone = False

        async with asyncio.timeout(10):
            await anext(stream)
        found = room.venue.ledger.find(order.client_order_id)
        assert found is not None
        assert not found.is_open


class WrongStore(MemoryLedgerStore):
    """A store with a bug."""

    is_wrong = False

    async def save(self, change: LedgerChange) -> None:
        assert not self.is_wrong, "a bug of ours"
        await super().save(change)


async def test_a_bug_stops_the_venue_loudly_and_every_sender_hears_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = WrongStore()
    room = Room(store=store)
    await room.venue.start()
    store.is_wrong = True
    orders = [room.order(BUY, "0.01") for _ in range(3)]

    with caplog.at_level(logging.ERROR):
        answers = await asyncio.gather(*(room.submit(order) for order in orders))
        later = await room.submit(room.order(BUY, "0.01"))

    assert {type(answer) for answer in [*answers, later]} == {SubmitUnanswered}
    assert "the paper venue stopped" in caplog.text
    await room.venue.stop()

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.orders import OrderKind, OrderPurpose, OrderSide
from engine.reports import SubmitAccepted, SubmitUnanswered, VenueOrderStatus
from engine.venues.book import BookShape
from engine.venues.ledger import (
    LedgerChange,
    LedgerConflict,
    LedgerHead,
    LedgerSnapshot,
    LedgerUnavailable,
    MemoryLedgerStore,
)
from engine.venues.terms import PaperSettings
from tests.engine.venues.room import BTC, START, SWAP, Room

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT = OrderKind.LIMIT


class FailingStore(MemoryLedgerStore):
    """A disk that fails on demand: before the write, or after it."""

    fails_before = 0
    fails_after = 0

    async def save(self, change: LedgerChange) -> None:
        if self.fails_before:
            self.fails_before -= 1
            raise LedgerUnavailable("the disk is full")
        await super().save(change)
        if self.fails_after:
            self.fails_after -= 1
            raise LedgerUnavailable("the connection broke after the commit")


async def test_a_ledger_survives_a_restart_and_its_resting_orders_go_on() -> None:
    async with Room() as room:
        bought = await room.accepted(room.order(BUY, "0.05"))
        resting = await room.accepted(room.order(BUY, "0.05", kind=LIMIT, price="59000.00"))
        before = (await room.venue.snapshot(), await room.venue.fills(START))

        await room.restart()

        assert (await room.venue.snapshot(), await room.venue.fills(START)) == before
        assert isinstance(await room.submit(bought), SubmitAccepted)
        await room.quote("58000.00", "58001.00")
        found = room.venue.ledger.find(resting.client_order_id)
        assert found is not None
        assert found.status is VenueOrderStatus.FILLED
        assert room.total("BTC") == Decimal("0.1")


async def test_the_starting_balance_is_credited_once() -> None:
    async with Room() as room:
        room.cash["USDT"] = Decimal(99)
        await room.restart()

        assert room.total("USDT") == Decimal(10_000)


async def test_trade_ids_of_two_ledgers_never_meet() -> None:
    async with Room() as one, Room(settings=PaperSettings(seed=1)) as two:
        await one.accepted(one.order(BUY, "0.01"))
        await two.accepted(two.order(BUY, "0.01"))

        assert one.venue.ledger.trades[0].trade_id != two.venue.ledger.trades[0].trade_id


async def test_an_order_that_could_not_be_stored_is_unanswered_and_not_there() -> None:
    store = FailingStore()
    async with Room(store=store) as room:
        store.fails_before = 1
        order = room.order(BUY, "0.1")

        assert isinstance(await room.submit(order), SubmitUnanswered)

        await room.venue.settle()
        assert room.venue.ledger.find(order.client_order_id) is None
        assert room.total("USDT") == Decimal(10_000)
        await room.accepted(order)


async def test_an_order_whose_storing_is_uncertain_is_unanswered_and_there() -> None:
    store = FailingStore()
    async with Room(store=store) as room:
        store.fails_after = 1
        order = room.order(BUY, "0.1")

        assert isinstance(await room.submit(order), SubmitUnanswered)

        await room.venue.settle()
        assert room.venue.ledger.find(order.client_order_id) is not None
        assert room.total("BTC") == Decimal("0.1")


async def test_nobody_hears_of_a_trade_that_was_not_stored() -> None:
    store = FailingStore()
    async with Room(store=store) as room:
        stream = room.venue.reports()
        store.fails_before = 1
        await room.submit(room.order(BUY, "0.1"))
        await room.venue.stop()

        assert [message async for message in stream] == []
        await room.restart()


async def test_a_store_refuses_a_change_made_from_an_older_revision() -> None:
    store = MemoryLedgerStore()
    head = LedgerHead(ledger_id="abc", opened_at=START, revision=1)
    assert await store.load() == LedgerSnapshot()
    await store.save(LedgerChange(head=head))

    with pytest.raises(LedgerConflict, match="revision 1"):
        await store.save(LedgerChange(head=head))


ACTIONS = some.lists(
    some.tuples(
        some.sampled_from([BUY, SELL]),
        some.sampled_from(["0.001", "0.013", "0.05", "0.4"]),
        some.sampled_from([BTC, SWAP]),
        some.sampled_from(list(OrderPurpose)),
        some.sampled_from([None, "-30", "-1", "1", "30"]),
        some.sampled_from(["1", "7", "20"]),
        some.integers(min_value=52_000, max_value=68_000),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=ACTIONS, fees_in_base=some.booleans())
async def test_the_trades_always_add_up_to_the_balances(
    actions: list[tuple[OrderSide, str, str, OrderPurpose, str | None, str, int]],
    fees_in_base: bool,  # hypothesis draws it by name
) -> None:
    shape = BookShape(depth_notional=Decimal(3000))
    terms = PaperSettings(shape=shape, fees_in_base=fees_in_base)
    async with Room(settings=terms) as room:
        mid = 60_000
        for side, size, symbol, purpose, distance, leverage, price in actions:
            limit = None if distance is None else f"{mid + int(distance)}.0"
            order = room.order(
                side,
                size,
                kind=OrderKind.MARKET if distance is None else LIMIT,
                symbol=symbol,
                price=limit,
                purpose=purpose,
                leverage=leverage,
            )
            await room.submit(order)
            mid = price
            for each in (BTC, SWAP):
                await room.quote(f"{mid}.0", f"{mid + 1}.0", each)

        # leaving the room audits: flows and trades give every balance, order and position
        for balance in room.venue.ledger.balances.values():
            assert Decimal(0) <= balance.reserved <= balance.total

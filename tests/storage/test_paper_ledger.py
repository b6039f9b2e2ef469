"""One suite for every store of the paper venue's ledger."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import JournalCorrupt
from engine.reports import VenueOrderStatus
from engine.venues.ledger import (
    Balance,
    Flow,
    LedgerChange,
    LedgerConflict,
    LedgerHead,
    LedgerSnapshot,
    LedgerStore,
    LedgerUnavailable,
    MemoryLedgerStore,
    SwapPosition,
    Trade,
    VenueOrder,
)
from storage.database import Database
from storage.paper_ledger import SqlLedgerStore
from tests.storage.damage import damaging
from tests.storage.samples import filled
from tests.storage.story import START


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        yield MemoryLedgerStore()
        return
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    yield SqlLedgerStore(database, "binance")
    await database.close()


def head(revision: int) -> LedgerHead:
    return LedgerHead(ledger_id="l1", opened_at=START, sequence=revision, revision=revision)


def order(name: str) -> VenueOrder:
    sample: VenueOrder = filled(VenueOrder)
    return replace(sample, venue_order_id=name, status=VenueOrderStatus.OPEN)


def trade(name: str, sequence: int) -> Trade:
    sample: Trade = filled(Trade)
    return replace(sample, trade_id=name, sequence=sequence)


async def test_a_new_ledger_holds_nothing(store: LedgerStore) -> None:
    assert await store.load() == LedgerSnapshot()


async def test_everything_saved_is_loaded_exactly(store: LedgerStore) -> None:
    await store.load()
    change = LedgerChange(
        head=head(1),
        orders=(order("9"), order("1")),
        trades=(trade("t1", 1), trade("t2", 2)),
        balances=(Balance(currency="USDT", total=Decimal("10000.00"), reserved=Decimal("1E-8")),),
        positions=(filled(SwapPosition),),
        flows=(filled(Flow),),
    )
    await store.save(change)
    loaded = await store.load()
    assert loaded.head == change.head
    for name in ("orders", "trades", "balances", "positions", "flows"):
        assert getattr(loaded, name) == getattr(change, name)
    assert str(loaded.balances[0].total) == "10000.00"


async def test_a_replaced_order_keeps_its_place(store: LedgerStore) -> None:
    await store.load()
    await store.save(LedgerChange(head=head(1), orders=(order("b"), order("a"))))
    done = replace(order("b"), status=VenueOrderStatus.FILLED)
    await store.save(LedgerChange(head=head(2), orders=(order("c"), done)))
    loaded = await store.load()
    assert [found.venue_order_id for found in loaded.orders] == ["b", "a", "c"]
    assert loaded.orders[0] == done


@pytest.mark.parametrize("revision", [0, 1, 3])
async def test_a_change_from_another_revision_is_refused_whole(
    store: LedgerStore, revision: int
) -> None:
    await store.load()
    await store.save(LedgerChange(head=head(1), orders=(order("a"),)))
    before = await store.load()
    with pytest.raises(LedgerConflict):
        await store.save(LedgerChange(head=head(revision), orders=(order("b"),)))
    assert await store.load() == before


async def test_the_first_revision_is_one(store: LedgerStore) -> None:
    await store.load()
    with pytest.raises(LedgerConflict):
        await store.save(LedgerChange(head=head(2)))


async def test_venues_in_one_database_do_not_meet(database: Database) -> None:
    one, other = SqlLedgerStore(database, "binance"), SqlLedgerStore(database, "kraken")
    await one.save(LedgerChange(head=head(1), orders=(order("a"),)))
    assert await other.load() == LedgerSnapshot()
    await other.save(LedgerChange(head=head(1), orders=(order("a"), order("b"))))
    assert len((await one.load()).orders) == 1


async def test_a_trade_stored_twice_is_a_bug_and_changes_nothing(database: Database) -> None:
    store = SqlLedgerStore(database, "binance")
    await store.save(LedgerChange(head=head(1), trades=(trade("t1", 1),)))
    before = await store.load()
    with pytest.raises(AssertionError, match="stored twice"):
        await store.save(LedgerChange(head=head(2), orders=(order("a"),), trades=(trade("t1", 1),)))
    assert await store.load() == before


async def test_a_database_that_does_not_answer_is_unavailable(url: str) -> None:
    database = Database(url)
    with pytest.raises(LedgerUnavailable, match="The ledger of binance"):
        await SqlLedgerStore(database, "binance").save(LedgerChange(head=head(1)))


async def test_a_broken_row_is_named(database: Database) -> None:
    store = SqlLedgerStore(database, "binance")
    await store.save(LedgerChange(head=head(1), orders=(order("a"),)))
    await database.write(damaging("UPDATE paper_orders SET document=x'00'"))
    with pytest.raises(LedgerUnavailable, match="Table paper_orders, row a") as caught:
        await store.load()
    assert isinstance(caught.value.__cause__, JournalCorrupt)

"""A server that is stopped, hangs or comes back under an engine that trades (EXECUTION 8)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pytest
from sqlalchemy import func, select

from bot.clock import SystemClock
from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import JournalUnavailable
from engine.orders import OrderStatus
from engine.receipts import Receipt
from engine.reports import VenueOrderStatus
from engine.venues.ledger import VenueOrder
from storage import postgres as home
from storage.codec import state_hash
from storage.database import Database
from storage.emergency import EmergencyJournal
from storage.emergency_file import EmergencyFile
from storage.journal import SqlJournal
from storage.tables import JOURNAL
from tests.engine.world import World, signal, world
from tests.storage.postgres_server import PostgresServer, started
from tests.storage.wire import Cut, wire_to

pytestmark = pytest.mark.postgres
WAIT_S: Final = 20.0
SWAP: Final = "BTC/USDT:USDT"
NEVER: Final = ConfirmPolicy(mode=ConfirmMode.NEVER)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of our own, since it is treated badly."""
    server = started()
    yield server
    server.remove()


@pytest.fixture
def name(server: PostgresServer) -> Iterator[str]:
    name = server.fresh()
    yield name
    server.drop(name)


@dataclass
class Desk:
    """An engine on a journal at the far end of a wire, and one order that rests at its venue."""

    w: World
    journal: SqlJournal
    resting: str

    def is_down(self) -> bool:
        return self.w.engine.loop.journal_down_since_s is not None

    async def at_the_venue(self) -> VenueOrder:
        """Give the resting order as the venue has it, whose ledger lies elsewhere."""
        snapshot = await self.w.store.load()
        (order,) = [each for each in snapshot.orders if each.client_order_id == self.resting]
        return order

    async def until_canceled_there(self) -> None:
        async with asyncio.timeout(WAIT_S):
            # Nobody signals what a venue did.
            while (await self.at_the_venue()).status is not VenueOrderStatus.CANCELED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@asynccontextmanager
async def desk(url: str) -> AsyncIterator[Desk]:
    journal = SqlJournal(Database(url))
    async with world(journal=cast(Any, journal), confirm=NEVER) as w:
        resting = name_of(await w.buy(quantity="0.001", price_limit=50000))
        await w.until(lambda: w.engine.state.orders[resting].status is OrderStatus.ACCEPTED)
        yield Desk(w, journal, resting)
    await journal.close()


def name_of(receipt: Receipt) -> str:
    event = receipt.events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    return event.order.client_order_id


async def assert_the_same_after_a_restart(url: str, desk: Desk) -> None:
    """What is stored is what the engine decided: nothing lost, nothing twice."""
    await asyncio.sleep(0.1)
    live = desk.w.engine.state
    reader = SqlJournal(Database(url, is_reader=True))
    stored = await reader.open()
    assert stored.seq >= live.seq
    if stored.seq == live.seq:
        assert state_hash(stored) == state_hash(live)
    assert (await reader.verify()).faults == ()
    halts = select(func.count()).where(JOURNAL.c.kind == "TradingHalted")
    assert await reader._database.read(lambda found: found.execute(halts).scalar()) == 1
    await reader.close()


async def test_a_server_that_is_stopped_and_started_again_under_an_engine(
    server: PostgresServer, name: str
) -> None:
    url = server.url(name)
    async with desk(url) as d:
        # when the server is gone as after a crash
        await asyncio.to_thread(server.stop, "immediate")
        # then no entry leaves
        with pytest.raises(JournalUnavailable):
            await d.w.buy(quantity="0.001", price_limit=49000)
        assert d.is_down()
        orders = len((await d.w.store.load()).orders)
        # and a stop latches at once, and its cancel reaches the venue without a journal
        halt = asyncio.create_task(d.w.give(c.Halt))
        await asyncio.sleep(0)
        assert d.w.engine.loop.stop_latched
        await d.until_canceled_there()
        assert not halt.done()
        assert len((await d.w.store.load()).orders) == orders
        # and it goes on by itself when the server is back
        server.start()
        receipt = await asyncio.wait_for(halt, WAIT_S)
        assert isinstance(receipt.events[0], e.TradingHalted)
        await d.w.until(lambda: d.resting not in d.w.engine.state.orders)
        assert not d.is_down()
        await assert_the_same_after_a_restart(url, d)


async def test_a_server_that_hangs_blocks_nobody_for_ever(
    server: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url(name)
    monkeypatch.setattr(home.PatientConnection, "answer_s", 0.5)
    monkeypatch.setattr(home, "CONNECT_S", 2)
    async with desk(url) as d:
        server.pause()
        try:
            entry = asyncio.create_task(d.w.buy(quantity="0.001", price_limit=49000))
            halt = asyncio.create_task(d.w.give(c.Halt))
            await d.until_canceled_there()
            # What came behind the hanging append is refused in its turn, while the stop stays.
            with pytest.raises(JournalUnavailable):
                await asyncio.wait_for(entry, WAIT_S)
            with pytest.raises(JournalUnavailable):
                await asyncio.wait_for(d.w.give(c.Acknowledge, subject="x"), WAIT_S)
            assert d.is_down()
            assert not halt.done()
        finally:
            server.resume()
        monkeypatch.undo()
        assert isinstance((await asyncio.wait_for(halt, 30)).events[0], e.TradingHalted)
        await d.w.until(lambda: d.resting not in d.w.engine.state.orders)
        await assert_the_same_after_a_restart(url, d)


@pytest.mark.parametrize("way", ["stopped as by a crash", "standing still"])
async def test_a_flatten_goes_out_while_the_server_is_away_and_is_merged_when_it_is_back(
    server: PostgresServer, name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, file = server.url(name), EmergencyFile(tmp_path / "emergency")
    monkeypatch.setattr("engine.dispatch.FLATTEN_EVERY_S", 0.1)
    inner = SqlJournal(Database(url))
    journal = EmergencyJournal(inner, file, SystemClock())
    settings = {"journal": cast(Any, journal), "emergency": journal, "confirm": NEVER}
    async with world(**settings) as w:
        for wish in (signal(quantity="0.001"), signal(SWAP, "short", quantity="0.002")):
            assert (await w.engine.execute_signal(wish)).success
        # when the server is away, and somebody flattens
        if way == "standing still":
            server.pause()
        else:
            await asyncio.to_thread(server.stop, "immediate")
        receipt = await asyncio.wait_for(w.give(c.Flatten), WAIT_S)
        assert isinstance(receipt.events[-1], e.OrderSubmitted)
        await w.until(lambda: (run := w.engine.state.flatten) and run.ended_at)
        # then it is flat at the venue, and what was sent is on this disk
        assert w.venue.ledger.positions[SWAP].quantity == 0
        assert journal.is_on
        assert b"FlattenEnded" in file.path.read_bytes()
        assert b"postgres" not in file.path.read_bytes()
        # when it is back, it goes on by itself
        server.resume() if way == "standing still" else server.start()
        async with asyncio.timeout(WAIT_S):
            while w.engine.loop.in_emergency:  # noqa: ASYNC110 - nobody signals it
                await asyncio.sleep(0.05)
        await w.give(c.Resume)
        await asyncio.sleep(0.1)
        live = w.engine.state
        reader = SqlJournal(Database(url, is_reader=True))
        assert state_hash(await reader.open()) == state_hash(live)
        assert (await reader.verify()).faults == ()
        sent = select(func.count()).where(JOURNAL.c.kind == "OrderSubmitted")
        assert await reader._database.read(lambda found: found.execute(sent).scalar()) == 4
        assert len((await w.store.load()).orders) == 4
        await reader.close()
    await journal.close()
    await inner.close()


@pytest.mark.parametrize("cut", [Cut.BEFORE_COMMIT, Cut.AFTER_COMMIT])
async def test_a_stop_whose_commit_is_cut_is_stored_once(
    server: PostgresServer, name: str, cut: Cut
) -> None:
    async with wire_to(server.port) as wire, desk(server.url(name, port=wire.port)) as d:
        wire.cut = cut
        receipt = await asyncio.wait_for(d.w.give(c.Halt), WAIT_S)
        assert isinstance(receipt.events[0], e.TradingHalted)
        await d.w.until(lambda: d.resting not in d.w.engine.state.orders)
        await assert_the_same_after_a_restart(server.url(name), d)

"""A flatten while the journal is away: recorded beside it, sent, and merged once."""

import asyncio
import copy
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from bot.clock import SystemClock
from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import JournalUnavailable
from engine.risk_limits import RiskLimits
from engine.state import State
from engine.venues.ledger import MemoryLedgerStore
from storage.codec import state_hash
from storage.database import Database
from storage.emergency import EmergencyJournal
from storage.emergency_file import ROOM_BYTES, EmergencyFile
from storage.journal import SqlJournal
from tests.engine.world import World, signal, world

R = TypeVar("R")
PERP = "BTC/USDT:USDT"
SETTINGS: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(50), duplicate_window_s=0),
    "submit_timeout_s": 0.1,
    "settle_s": 0,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "engine.dispatch.FLATTEN_EVERY_S": 0.03,
        "engine.decide.flatten.LOOK_AGAIN_S": 0.02,
        "engine.decide.flatten.ASK_AGAIN_S": 0.05,
        "engine.monitor.POLL_MIN_S": 0.02,
        "engine.monitor.POLL_MAX_S": 0.1,
        "engine.loop.RETRY_S": 0.02,
        "storage.emergency.AGAIN_S": 0.03,
        "storage.emergency.AGAIN_MAX_S": 0.05,
    }.items():
        monkeypatch.setattr(name, value)


class Crashing(EmergencyJournal):
    """Let the process die around one write, of the file or of the journal."""

    def __init__(self, *args: Any, writes: int = -1, is_stored: bool = False) -> None:
        super().__init__(*args)
        self.writes, self.is_stored = writes, is_stored
        self.crashed = asyncio.Event()
        inner = self._inner
        appending = inner.append

        async def append(steps: Any, before: State, after: State) -> None:
            await self._point(lambda: appending(steps, before, after))

        inner.append = append  # type: ignore[method-assign]

    async def _on_file(self, work: Callable[[], R]) -> R:
        return cast(R, await self._point(lambda: super(Crashing, self)._on_file(work)))

    async def _point(self, work: Callable[[], Any]) -> Any:
        if self.writes == 0:
            if self.is_stored:
                await work()
            self.crashed.set()
            await asyncio.Event().wait()  # nobody lives to see the answer
        self.writes -= 1
        return await work()


@dataclass
class Room:
    """A database file, the venue's ledger, and what lies beside."""

    folder: Path
    store: MemoryLedgerStore

    @property
    def file(self) -> Path:
        return self.folder / "journal.db.emergency"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'journal.db'}"

    def made(self, kind: type[EmergencyJournal] = EmergencyJournal, **fields: Any) -> Any:
        self.database = Database(self.url)
        inner = SqlJournal(self.database)
        return kind(inner, EmergencyFile(self.file), SystemClock(), **fields)

    @asynccontextmanager
    async def run(self, journal: EmergencyJournal | None = None) -> AsyncIterator[World]:
        journal = journal or self.made()
        try:
            async with world(
                **SETTINGS, journal=cast(Any, journal), store=self.store, emergency=journal
            ) as w:
                yield w
        finally:
            await journal.close()
            await self.database.close()

    async def fill_disk(self) -> None:
        """Let SQLite say what it says on a full disk."""
        pages = await self._pragma("PRAGMA page_count")
        await self._pragma(f"PRAGMA max_page_count = {pages}")
        # What is free within the file would take some rows still.
        free = await self._pragma("PRAGMA freelist_count")
        if free:
            await self._pragma("VACUUM")

    async def empty_disk(self) -> None:
        await self._pragma("PRAGMA max_page_count = 1000000")

    async def _pragma(self, text: str) -> int:
        return int(await self.database.write(lambda c: c.exec_driver_sql(text).scalar()) or 0)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path, MemoryLedgerStore())


async def two_sided(w: World) -> None:
    for wish in (
        signal("ETH/USDT", quantity="0.3", stop_loss_pct=2),
        signal(PERP, "short", quantity="0.01", stop_loss_pct=2),
    ):
        result = await w.engine.execute_signal(wish)
        assert result.success, result.error


def is_flat(w: World) -> bool:
    run = w.engine.state.flatten
    return run is not None and run.ended_at is not None


def assert_venue_flat(w: World) -> None:
    account = w.venue.ledger
    assert not account.open
    assert all(position.quantity == 0 for position in account.positions.values())
    assert {b.currency for b in account.balances.values() if b.total} == {"USDT"}
    # what was bought was sold, once: nothing was flipped, and nothing sent twice
    for symbol, quantity in (("ETH/USDT", "0.3"), (PERP, "0.01")):
        traded = [t.quantity for t in account.trades if t.symbol == symbol]
        assert sum(traded) == 2 * Decimal(quantity), symbol


async def assert_journal_whole(url: str, w: World) -> None:
    reader = SqlJournal(Database(url, is_reader=True))
    stored = await reader.open()
    assert state_hash(stored) == state_hash(w.engine.state)
    assert (await reader.verify()).faults == ()
    await reader.close()


async def test_a_flatten_goes_out_on_a_full_disk_and_is_merged_when_there_is_room(
    room: Room,
) -> None:
    async with room.run() as w:
        await two_sided(w)
        seq = w.engine.state.seq
        await room.fill_disk()
        # when somebody flattens, and the journal takes nothing
        receipt = await asyncio.wait_for(w.give(c.Flatten), 5)
        assert any(isinstance(event, e.FlattenStarted) for event in receipt.events)
        assert w.engine.loop.in_emergency
        # then it is flat all the same, and no entry leaves
        await w.until(lambda: is_flat(w))
        assert_venue_flat(w)
        with pytest.raises(JournalUnavailable):
            await w.buy(quantity="0.001")
        assert w.engine.loop.journal_down_since_s is not None
        # and each thing that was done stands in the file, readable by its owner alone
        file = EmergencyFile(room.file)
        assert room.file.stat().st_mode & 0o777 == 0o600
        assert room.file.stat().st_size >= ROOM_BYTES
        assert b"FlattenStarted" in room.file.read_bytes()
        with pytest.raises(JournalUnavailable):
            file.open()  # one process at a time
        # when there is room again, then all of it is in the journal, in its order
        await room.empty_disk()
        await w.until(lambda: not w.engine.loop.in_emergency)
        await w.until(lambda: w.engine.loop.journal_down_since_s is None)
        await w.until(lambda: noted(w))
        assert w.engine.state.seq > seq
        assert room.file.read_bytes().strip(b"\0") == b""
        # and it trades on
        await w.give(c.Resume)
        assert (await w.engine.execute_signal(signal("ETH/USDT", quantity="0.1"))).success
    async with room.run() as again:
        assert_orders_once(again)
        await assert_journal_whole(room.url, again)


def noted(w: World) -> bool:
    return any(name.startswith("emergency:") for name in w.engine.state.commands_known)


def assert_orders_once(w: World) -> None:
    names = [order.client_order_id for order in w.venue.ledger.orders.values()]
    assert len(names) == len(set(names))


async def prepared(folder: Path) -> tuple[Path, MemoryLedgerStore]:
    room = Room(folder, MemoryLedgerStore())
    async with room.run() as w:
        await two_sided(w)
    return folder / "journal.db", room.store


@pytest.mark.parametrize("is_stored", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_write_of_an_emergency_is_continued_to_flat(
    tmp_path: Path, is_stored: bool
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    file, store = await prepared(base)
    crashes, writes = 0, 0
    while True:
        folder = tmp_path / f"run{writes}"
        folder.mkdir()
        shutil.copy(file, folder / file.name)
        room = Room(folder, copy.deepcopy(store))
        # given a process that dies at this write while its disk is full
        journal = room.made(Crashing)
        async with room.run(journal) as w:
            await room.fill_disk()
            journal.is_stored, journal.writes = is_stored, writes
            died = asyncio.create_task(journal.crashed.wait())
            flatten = asyncio.create_task(w.give(c.Flatten))
            ended = asyncio.create_task(w.until(lambda: is_flat(w)))
            await asyncio.wait([ended, died], return_when=asyncio.FIRST_COMPLETED)
            if not journal.crashed.is_set():
                await room.empty_disk()
                merged = asyncio.create_task(w.until(lambda: noted(w)))
                await asyncio.wait([merged, died], return_when=asyncio.FIRST_COMPLETED)
                merged.cancel()
            for task in (flatten, ended, died):
                task.cancel()
            await asyncio.gather(flatten, ended, died, return_exceptions=True)
        if not journal.crashed.is_set():
            break
        crashes, writes = crashes + 1, writes + 1
        # when the next one takes up the journal, on a disk with room
        async with room.run() as again:
            if again.engine.state.flatten is None:
                # it died before anything was recorded, and so before anything was sent
                assert all(t.quantity for t in again.venue.ledger.trades)
                assert len(again.venue.ledger.trades) == 2
                continue
            await again.until(lambda: is_flat(again))
            assert_venue_flat(again)
            assert room.file.read_bytes().strip(b"\0") == b""
            await asyncio.sleep(0.05)
            await assert_journal_whole(room.url, again)
    assert 8 <= crashes < 60

"""How a record comes into the journal: once, whatever the journal did while nobody could tell."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.clock import SystemClock
from engine import commands as c
from engine import events as e
from engine.errors import AppendUncertain, JournalUnavailable
from engine.orders import OrderStatus
from engine.ports import Step
from engine.state import State
from engine.venues.ledger import MemoryLedgerStore
from storage.emergency import EmergencyJournal
from storage.emergency_file import EmergencyFile
from storage.journal import SqlJournal
from storage.tables import JOURNAL
from tests.storage.test_emergency import (
    PERP,
    Room,
    _quick,
    assert_journal_whole,
    assert_venue_flat,
    is_flat,
    noted,
    room,
    two_sided,
)

__all__ = ["_quick", "room"]


class Away(SqlJournal):
    """A journal that goes away in the middle of an append, done or not, and comes back."""

    is_away = False
    is_done = False
    hangs = False

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        if not self.is_away:
            await super().append(steps, before, after)
            return
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_done:
            self.is_done = False
            await super().append(steps, before, after)
        raise AppendUncertain("the commit was not answered")

    async def open(self) -> State:
        if self.is_away and self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise JournalUnavailable("it is away")
        return await super().open()


def away(room: Room) -> tuple[Away, EmergencyJournal]:
    room.made()
    inner = Away(room.database)
    return inner, EmergencyJournal(inner, EmergencyFile(room.file), SystemClock())


@pytest.mark.parametrize("is_done", [False, True])
async def test_an_append_of_unknown_outcome_is_settled_by_reading_the_tail(
    room: Room, is_done: bool
) -> None:
    # given a flatten whose very append is neither known to have happened nor not to have
    inner, journal = away(room)
    async with room.run(journal) as w:
        await two_sided(w)
        inner.is_away, inner.is_done = True, is_done
        await w.give(c.Flatten)
        await w.until(lambda: is_flat(w))
        assert_venue_flat(w)
        # when it can be read again
        inner.is_away = False
        await w.until(lambda: noted(w))
    # then it holds each thing once
    async with room.run() as again:
        assert_venue_flat(again)
        assert again.engine.state.positions == {}
        await assert_journal_whole(room.url, again)
        started = [s for s in await kinds(room) if s == "FlattenStarted"]
        assert len(started) == 1


async def kinds(room: Room) -> list[str]:
    return await room.database.read(
        lambda c: list(c.execute(select(JOURNAL.c.kind).order_by(JOURNAL.c.seq)).scalars())
    )


async def test_an_entry_of_unknown_outcome_is_not_sent_once_a_flatten_has_come(
    room: Room,
) -> None:
    inner, journal = away(room)
    async with room.run(journal) as w:
        inner.is_away = True
        entry = asyncio.create_task(w.buy(quantity="0.001"))
        await w.until(lambda: w.engine.loop.journal_down_since_s is not None)
        await w.give(c.Flatten)
        await w.until(lambda: is_flat(w))
        (event,) = [x for x in (await entry).events if isinstance(x, e.OrderSubmitted)]
        order = w.engine.state.order(event.order.client_order_id)
        assert order is not None
        assert order.status is OrderStatus.NOT_SENT
        assert w.venue.ledger.trades == []
        inner.is_away = False
        await w.until(lambda: noted(w))


async def test_a_journal_that_hangs_is_not_waited_for_when_somebody_flattens(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.patience.PATIENCE_S", 0.1)
    inner, journal = away(room)
    async with room.run(journal) as w:
        await two_sided(w)
        inner.is_away = inner.hangs = True
        entry = asyncio.create_task(w.buy(quantity="0.001"))
        await asyncio.sleep(0.02)
        await asyncio.wait_for(w.give(c.Flatten), 5)
        await w.until(lambda: is_flat(w))
        assert_venue_flat(w)
        assert journal.is_on
        entry.cancel()


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_journal_that_goes_away_in_the_middle_of_a_flatten_holds_nothing_up(
    room: Room, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.patience.PATIENCE_S", 0.1)
    # longer than the journal stays
    monkeypatch.setattr("engine.decide.flatten.LOOK_AGAIN_S", 0.2)
    inner, journal = away(room)
    async with room.run(journal) as w:
        await two_sided(w)
        # given a flatten that is journaled
        await w.give(c.Flatten)
        inner.is_away, inner.hangs = True, hangs
        # then it goes on beside the journal
        await w.until(lambda: is_flat(w))
        assert journal.is_on
        assert_venue_flat(w)
        if hangs:
            return
        inner.is_away = False
        await w.until(lambda: noted(w))
    async with room.run() as again:
        assert_venue_flat(again)
        assert (await kinds(room)).count("FlattenEnded") == 1


async def test_without_a_place_for_a_file_a_flatten_waits_as_ever(room: Room) -> None:
    room.made()
    inner = Away(room.database)
    journal = EmergencyJournal(inner, EmergencyFile(room.folder / "gone" / "file"), SystemClock())
    async with room.run(journal) as w:
        await two_sided(w)
        inner.is_away = True
        flatten = asyncio.create_task(w.give(c.Flatten))
        await w.until(lambda: w.engine.loop.journal_down_since_s is not None)
        await asyncio.sleep(0.1)
        assert not flatten.done()
        assert w.engine.loop.is_latched
        assert not journal.is_on
        assert len(w.venue.ledger.trades) == 2
        inner.is_away = False
        await flatten
        await w.until(lambda: is_flat(w))
        assert_venue_flat(w)


async def test_what_comes_twice_while_the_journal_is_away_is_done_once(room: Room) -> None:
    inner, journal = away(room)
    async with room.run(journal) as w:
        await two_sided(w)
        await w.give(c.Halt, command_id="tap:1")
        inner.is_away = True
        await w.give(c.Flatten, command_id="tap:2")
        again = await w.give(c.Flatten, command_id="tap:2")
        assert again.is_repeat
        before = await w.give(c.Halt, command_id="tap:1")
        assert before.is_repeat
        await w.until(lambda: is_flat(w))
        inner.is_away = False
        await w.until(lambda: noted(w))
        assert_venue_flat(w)


async def test_two_emergencies_one_after_the_other(room: Room) -> None:
    inner, journal = away(room)
    async with room.run(journal) as w:
        for round_ in range(2):
            await two_sided(w)
            inner.is_away = True
            await w.give(c.Flatten)
            await w.until(lambda: is_flat(w))
            inner.is_away = False
            await w.until(lambda: not journal.is_on)
            await w.until(lambda: w.engine.loop.journal_down_since_s is None)
            await w.give(c.Resume)
            assert w.engine.state.positions == {}
            assert round_ == 1 or w.engine.state.stop is None
        await assert_journal_whole(room.url, w)


# --- a process that could not reach the journal, and another one that took over


async def fenced(room: Room, tmp_path: Path) -> Room:
    """Let one process flatten without its journal, and another go on with a copy of it."""
    async with room.run() as w:
        await two_sided(w)
    other = Room(tmp_path / "other", room.store)
    other.folder.mkdir()
    shutil.copy(room.folder / "journal.db", other.folder / "journal.db")
    inner, journal = away(room)
    async with room.run(journal) as w:
        inner.is_away = True
        await w.give(c.Flatten)
        await w.until(lambda: is_flat(w))
    return other


async def test_another_process_is_told_of_orders_that_it_has_not_seen(
    room: Room, tmp_path: Path
) -> None:
    # given a journal that went on elsewhere while a fenced process flattened
    other = await fenced(room, tmp_path)
    venue, other.store = other.store, MemoryLedgerStore()  # it has not looked at the venue yet
    async with other.run() as successor:
        await successor.give(c.Acknowledge, subject="x")
    other.store = venue
    # when a process starts that finds both
    shutil.copy(room.file, other.file)
    async with other.run() as w:
        # then the orders are in the journal, asked about, and their fills booked
        sent = [o for o in w.engine.state.orders_finished.values() if o.reason == "flatten"]
        await w.until(lambda: not w.engine.state.orders)
        assert {order.status for order in sent} <= {OrderStatus.FILLED, OrderStatus.UNKNOWN}
        assert w.engine.state.positions == {}
        assert w.engine.state.stop is not None
        assert w.engine.state.accounts_halted == {}
        assert_venue_flat(w)
        await w.until(lambda: noted(w))
    # and once is enough
    shutil.copy(room.file, other.file)
    async with other.run() as w:
        assert w.engine.state.positions == {}
        assert_venue_flat(w)


async def test_what_another_process_has_booked_stays_as_it_is(room: Room, tmp_path: Path) -> None:
    other = await fenced(room, tmp_path)
    async with other.run() as successor:
        # it has found fills under names of ours, and shouted
        await successor.until(lambda: successor.engine.state.accounts_halted)
        await successor.until(lambda: PERP not in str(list(successor.engine.state.positions)))
    shutil.copy(room.file, other.file)
    async with other.run() as w:
        assert w.engine.state.orders == {}
        assert f"binance:{PERP}" not in w.engine.state.positions
        assert other.file.read_bytes().strip(b"\0") == b""


async def test_a_record_of_another_journal_is_kept_and_not_merged(
    room: Room, tmp_path: Path
) -> None:
    await fenced(room, tmp_path)
    stranger = Room(tmp_path / "stranger", MemoryLedgerStore())
    stranger.folder.mkdir()
    file = EmergencyFile(room.file)
    record = file.read()
    assert record is not None
    file.close()
    shutil.copy(room.file, stranger.file)
    text = stranger.file.read_bytes().replace(b"testjournal", b"otherjourna")
    assert text != stranger.file.read_bytes()
    async with stranger.run() as w:
        await two_sided(w)
        # the journal was new, and so nobody's
        assert (stranger.folder / f"{stranger.file.name}.1").exists()
        assert len(w.engine.state.positions) == 2

"""What the journal on a database does about kills, tampering and tables that disagree."""

import io
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, func, insert, select, update

from engine import events as e
from engine.errors import JournalCorrupt, JournalLocked
from engine.orders import Order
from engine.state import State
from storage import tables as t
from storage.codec import state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.statements import rows_of
from tests.storage.damage import damaging
from tests.storage.story import Story

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def journal(database: Database) -> SqlJournal:
    journal = SqlJournal(database)
    await journal.open()
    return journal


async def told(journal: SqlJournal, seed: int = 31, steps: int = 120) -> Story:
    story = Story(seed=seed)
    for step, before, after in story.steps(steps):
        await journal.append([step], before, after)
    return story


def killed_while_appending(url: str, appends: int) -> int:
    """Let a process append, kill it in the middle, and give the last number it was told of."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.storage.appender", url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(appends)]
        process.kill()
        rest = process.stdout.read().split("\n")
        process.wait()
    # The last line may have been cut off by the kill.
    return int([*seen, *rest[:-1]][-1])


async def test_a_kill_loses_no_confirmed_step_and_leaves_no_half_one(url: str) -> None:
    for appends in random.Random(4).sample(range(5, 60), 4):
        confirmed = killed_while_appending(url, appends)
        journal = SqlJournal(Database(url))
        state = await journal.open()
        assert state.seq >= confirmed
        verification = await journal.verify()
        assert verification.faults == ()
        assert verification.seq == state.seq
        outbox = {
            row["seq"] for row in await journal._database.read(lambda c: rows_of(c, t.OUTBOX))
        }
        assert all(seq <= state.seq for seq in outbox)
        await _assert_whole_steps(journal)
        await journal.close()


async def _assert_whole_steps(journal: SqlJournal) -> None:
    """Every signal of the story is stored with the order or the ticket of its step."""
    rows = await journal._database.read(lambda c: rows_of(c, t.JOURNAL))
    for row in rows:
        if row["kind"] == "SignalReceived":
            events = await journal.find_command(row["command_id"])
            assert len(events) == 2


async def test_two_writers_on_one_database_are_told_apart_by_the_number(
    database: Database, journal: SqlJournal
) -> None:
    story = await told(journal, steps=5)
    rival = SqlJournal(database)
    state = await rival.open()
    ours, theirs = Story(seed=1, state=state), Story(seed=2, state=state)
    our_step, their_step = ours.step(), theirs.step()
    await rival.append([their_step], state, theirs.state)
    with pytest.raises(JournalLocked, match="Another process stored event"):
        await journal.append([our_step], story.state, ours.state)
    assert await rival.open() == theirs.state


def _set(column: str, value: object, seq: int = 40) -> Callable[[Connection], object]:
    return lambda c: (
        c.execute(update(t.JOURNAL).where(t.JOURNAL.c.seq == seq).values({column: value})).rowcount
    )


# What is read is judged alike; what is stored differently the other tests show.
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_set("payload", b"{}"), "Event 40 .* was changed"),
        (_set("payload", b"\xff\x00"), "Event 40 .* was changed"),
        (_set("hash", "0" * 64), "Event 40 .* was changed"),
        (_set("kind", "Nonsense"), r"Event 40 \(Nonsense\) was changed"),
        (_set("version", 9), "Event 40 .* was changed"),
        (_set("command_id", "somebody-else"), "Event 40 .* disagrees with its own columns"),
        (damaging("UPDATE journal SET at='yesterday' WHERE seq=40"), "Event 40 .* was changed"),
        (damaging("UPDATE journal SET payload=7 WHERE seq=40"), "Event 40 holds no bytes"),
    ],
)
async def test_a_changed_row_is_named(
    database: Database, journal: SqlJournal, damage: Callable[[Connection], object], words: str
) -> None:
    await told(journal)
    await database.write(damage)
    with pytest.raises(JournalCorrupt, match=words):
        await journal.open()
    verification = await journal.verify()
    assert not verification.is_sound


async def test_one_flipped_bit_anywhere_in_a_payload_is_found(
    database: Database, journal: SqlJournal
) -> None:
    await told(journal, steps=30)
    dice = random.Random(6)
    rows = await database.read(lambda c: rows_of(c, t.JOURNAL))
    for row in dice.sample(rows, 12):
        payload = bytearray(row["payload"])
        payload[dice.randrange(len(payload))] ^= 1 << dice.randrange(8)
        await database.write(_set("payload", bytes(payload), row["seq"]))
        with pytest.raises(JournalCorrupt, match=f"Event {row['seq']} "):
            await journal.open()
        await database.write(_set("payload", row["payload"], row["seq"]))
    await journal.open()


async def test_a_missing_event_is_named(database: Database, journal: SqlJournal) -> None:
    await told(journal)

    def cut(connection: Connection) -> None:
        for table in (t.COMMANDS, t.FILLS):
            connection.execute(delete(table).where(table.c.seq == 40))
        connection.execute(delete(t.JOURNAL).where(t.JOURNAL.c.seq == 40))

    await database.write(cut)
    with pytest.raises(JournalCorrupt, match="Event 40 is missing"):
        await journal.open()


async def test_a_lost_tail_is_noticed(database: Database, journal: SqlJournal) -> None:
    story = await told(journal)
    last = story.state.seq

    def cut(connection: Connection) -> None:
        for table in (t.COMMANDS, t.FILLS):
            connection.execute(delete(table).where(table.c.seq > last - 2))
        connection.execute(delete(t.JOURNAL).where(t.JOURNAL.c.seq > last - 2))

    await database.write(cut)
    with pytest.raises(JournalCorrupt, match=f"The tables reach event {last}"):
        await journal.open()


async def test_an_event_that_does_not_follow_is_named(journal: SqlJournal) -> None:
    story = await told(journal, steps=10)
    ghost = e.OrderCanceled(at=story.at, client_order_id="qd-ghost")
    honest = replace(story.state, orders={**story.state.orders, "qd-ghost": _order(story)})
    other = Story(seed=2, state=honest)
    step = other.tell(ghost)
    await journal.append([step], honest, other.state)
    with pytest.raises(JournalCorrupt, match="does not follow from those before it"):
        await journal.open()


def _order(story: Story) -> Order:
    submitted = story.order()[1]
    assert isinstance(submitted, e.OrderSubmitted)
    return replace(submitted.order, client_order_id="qd-ghost")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE orders SET filled='0.12345' WHERE rowid=3", "Table orders, row .*filled is"),
        ("UPDATE orders SET filled='lots' WHERE rowid=3", "Table orders, row .*column filled"),
        ("UPDATE fills SET quantity='9' WHERE rowid=2", "Table fills, row .*quantity is"),
        ("DELETE FROM fills WHERE rowid=2", "Table fills, row .*it is missing"),
        ("DELETE FROM commands WHERE seq=1", "Table commands, row .*it is missing"),
        ("UPDATE positions SET document=x'7b7d'", "Table positions, row .*document differs"),
        ("UPDATE tickets SET status='open'", "Table tickets, row .*status is"),
        ("UPDATE equity SET equity='1'", "Table equity, row .*equity is"),
        ("DELETE FROM days", "Table days, row .*it is missing"),
        ("DELETE FROM chats", "Table chats, row .*it is missing"),
        ("UPDATE signals SET outcome='lost'", "Table signals, row .*outcome is"),
        ("UPDATE journal_meta SET value='3'", "The tables reach event 3"),
    ],
)
async def test_a_table_that_disagrees_is_named_and_a_rebuild_mends_it(
    database: Database, journal: SqlJournal, damage: str, words: str
) -> None:
    story = await told(journal)
    await database.write(damaging(damage))
    verification = await journal.verify()
    assert not verification.is_sound
    assert any(re.search(words, fault) for fault in verification.faults)
    assert await journal.rebuild() == story.state.seq
    assert (await journal.verify()).faults == ()
    assert await journal.open() == story.state


async def test_a_row_that_no_event_accounts_for_is_named(
    database: Database, journal: SqlJournal
) -> None:
    await told(journal)
    await database.write(
        lambda c: c.execute(insert(t.COMMANDS), {"command_id": "forged", "seq": 1}).rowcount
    )
    verification = await journal.verify()
    assert verification.faults == ("Table commands, row forged: no event accounts for it.",)


async def test_a_sound_journal_says_where_it_stands(journal: SqlJournal) -> None:
    story = await told(journal)
    verification = await journal.verify()
    assert verification.is_sound
    assert (verification.seq, verification.hash) == await journal.head()
    assert verification.seq == story.state.seq
    assert verification.state_hash == state_hash(story.state)


async def test_the_head_of_a_new_journal_is_zero(journal: SqlJournal) -> None:
    assert await journal.head() == (0, "0" * 64)
    assert (await journal.verify()).is_sound


async def test_the_export_holds_every_event_on_a_line(journal: SqlJournal) -> None:
    story = await told(journal)
    file = io.BytesIO()
    assert await journal.export(file) == story.state.seq
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, story.state.seq + 1))
    assert lines[-1]["hash"] == (await journal.head())[1]
    opened = lines[0]
    assert list(opened)[:3] == ["seq", "at", "kind"]
    assert opened["kind"] == "JournalOpened"
    assert opened["cash"] == "10000"
    assert opened["accounts"] == ["binance"]
    assert list(opened)[-1] == "hash"


async def test_the_kind_of_an_exported_event_is_the_event_s_whatever_its_fields_are_called(
    journal: SqlJournal, database: Database
) -> None:
    await told(journal)
    file = io.BytesIO()
    await journal.export(file)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    stored = await database.read(
        lambda connection: list(
            connection.execute(select(t.JOURNAL.c.kind).order_by(t.JOURNAL.c.seq)).scalars()
        )
    )
    assert [line["kind"] for line in lines] == stored
    tripped = [line for line in lines if line["kind"] == "BreakerTripped"]
    assert {line["of_kind"] for line in tripped} == {"daily_loss"}


async def test_a_restart_goes_on_with_the_chain(url: str) -> None:
    journal = SqlJournal(Database(url))
    await journal.open()
    story = await told(journal, steps=20)
    await journal.close()
    again = SqlJournal(Database(url))
    state = await again.open()
    later = Story(seed=77, state=state)
    for step, before, after in later.steps(20):
        await again.append([step], before, after)
    assert (await again.verify()).faults == ()
    assert later.state.seq > story.state.seq
    await again.close()


async def test_a_rebuild_of_a_broken_chain_changes_nothing(
    database: Database, journal: SqlJournal
) -> None:
    await told(journal)
    await database.write(_set("payload", b"{}", 90))
    with pytest.raises(JournalCorrupt, match="Event 90"):
        await journal.rebuild()
    orders = await database.read(
        lambda c: c.execute(select(func.count()).select_from(t.ORDERS)).scalar()
    )
    assert orders
    assert orders > 0


async def test_alerts_of_an_append_wake_the_delivery(journal: SqlJournal) -> None:
    story = Story(seed=1)
    opening = story.step()
    await journal.append([opening], State(), story.state)
    assert not journal.outbox.changed.is_set()
    before = story.state
    halted = story.tell(*_halt(story))
    await journal.append([halted], before, story.state)
    assert journal.outbox.changed.is_set()


def _halt(story: Story) -> list[e.Event]:
    return [e.VenueWentSilent(at=story.at, venue="binance", reason="no answer")]

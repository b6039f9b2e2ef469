"""Journals of every release stay readable for ever, byte for byte and event for event."""

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, text

from engine import events as e
from engine.errors import JournalMismatch
from engine.state import State
from storage.chain import Head, applied, stored_events
from storage.codec import Codec, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.rebuild import rebuilt
from storage.statements import rows_of
from storage.tables import JOURNAL
from storage.upcasting import UPCASTERS, VERSIONS, Fields, lifted
from storage.verification import Verification, verified
from tests.storage.frozen import Frozen, files, freeze, frozen, plain_state, shape
from tests.storage.rooms import raw, worked
from tests.storage.story import Story

FILES = files()
OF_EVERY_RELEASE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def put_journal(old: Frozen, url: str) -> None:
    """Store the events of an old journal alone, as a database of today would hold them."""
    raw(url, replace(old, tables={"journal": old.tables["journal"]}).put)


async def verify(url: str, codec: Codec | None = None) -> Verification:
    database = Database(url)
    try:
        return await SqlJournal(database, codec=codec).verify()
    finally:
        await database.close()


def in_order(rows: Select[Any]) -> Select[Any]:
    return rows.order_by(JOURNAL.c.seq)


def folded(connection: Connection) -> tuple[State, Head]:
    state, head = State(), Head()
    for stored in stored_events(connection, Codec()):
        state, head = applied(state, stored), Head(seq=stored.seq, hash=stored.hash)
    return state, head


def kept(old: Any, new: Any, where: str = "State") -> None:
    """See that whatever the old value says, the new one says too; it may say more."""
    match old:
        case dict():
            for name, value in old.items():
                assert name in new, f"{where}.{name} is gone"
                kept(value, new[name], f"{where}.{name}")
        case list():
            assert len(old) == len(new), where
            for number, (each, other) in enumerate(zip(old, new, strict=True)):
                kept(each, other, f"{where}[{number}]")
        case _:
            assert old == new, where


@OF_EVERY_RELEASE
async def test_a_journal_of_every_release_gives_the_state_that_it_gave(
    url: str, path: Path
) -> None:
    old = frozen(path)
    await worked(url, lambda _: None)
    put_journal(old, url)
    state, head = await worked(url, folded)
    assert (head.seq, head.hash) == (old.facts["seq"], old.facts["hash"])
    kept(old.facts["state"], plain_state(state))
    # With the very classes of then even the hash is the same.
    if shape() == old.facts["shape"]:
        assert state_hash(state) == old.facts["state_hash"]


@OF_EVERY_RELEASE
async def test_the_tables_are_made_again_from_a_journal_of_every_release(
    sqlite_url: str, path: Path
) -> None:
    old = frozen(path)
    await worked(sqlite_url, lambda _: None)
    put_journal(old, sqlite_url)
    await worked(sqlite_url, lambda connection: rebuilt(connection, Codec()))
    assert (await worked(sqlite_url, lambda c: verified(c, Codec()))).faults == ()


def test_every_kind_and_version_that_can_be_written_stands_in_a_kept_journal() -> None:
    kept_kinds = set().union(*(frozen(path).kinds for path in FILES))
    versions = {(kind.__name__, VERSIONS.get(kind.__name__, 1)) for kind in e.EVENTS}
    assert versions - kept_kinds == set(), (
        "Keep one: tell it in tests/storage/frozen.py, then: python -m tests.storage.frozen NAME"
    )


def test_every_upcaster_leads_to_a_version_that_is_known() -> None:
    for kind, version in UPCASTERS:
        assert version < VERSIONS.get(kind, 1)


@OF_EVERY_RELEASE
def test_a_kept_file_is_never_written_again(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        asyncio.run(freeze(path.stem))
    assert path.read_bytes() == before


def reason_in_capitals(fields: Fields) -> Fields:
    return {**fields, "reason": fields["reason"].upper()}


def reason_with_code(fields: Fields) -> Fields:
    return {**fields, "reason": f"{fields['code']}: {fields['reason']}"}


LATER = Codec(
    versions={"OrderRejected": 3},
    upcasters={("OrderRejected", 1): reason_in_capitals, ("OrderRejected", 2): reason_with_code},
)


def test_versions_are_lifted_one_by_one_and_only_those_that_are_missing() -> None:
    fields = {"code": "a", "reason": "b"}
    upcasters = {
        ("OrderRejected", 1): reason_in_capitals,
        ("OrderRejected", 2): reason_with_code,
    }
    for begin, reason in ((1, "a: B"), (2, "a: b"), (3, "b")):
        given = lifted(fields, "OrderRejected", begin=begin, to=3, upcasters=upcasters)
        assert given["reason"] == reason
    assert fields == {"code": "a", "reason": "b"}


async def test_a_release_that_changed_an_event_goes_on_with_the_old_journal(url: str) -> None:
    # Given a journal of version 1 whose orders were rejected, with its tables.
    first = SqlJournal(Database(url))
    await first.open()
    story = Story(3)
    rejected = 0
    for step, before, after in story.steps(150):
        await first.append([step], before, after)
        rejected += sum(isinstance(event, e.OrderRejected) for event in step.events)
    assert rejected
    await first.close()
    old_rows = await worked(url, lambda c: rows_of(c, JOURNAL, in_order))

    # When a release whose rejections have version 3 rebuilds it and goes on.
    database = Database(url)
    journal = SqlJournal(database, codec=LATER)
    await database.open()
    end = await database.write(lambda c: rebuilt(c, LATER))
    reasons = [o.refusal for o in end.state.orders_finished.values() if o.refusal]
    assert any(reason == "insufficient: insufficient: NOT ENOUGH" for reason in reasons)
    state = await journal.open()
    later = Story(4, state=state)
    while not any(isinstance(event, e.OrderRejected) for event in step.events):
        before = later.state
        step = later.step()
        await journal.append([step], before, later.state)

    # Then old and new versions stand side by side, and not one old byte was touched.
    rows = await database.read(lambda c: rows_of(c, JOURNAL, in_order))
    assert rows[: len(old_rows)] == old_rows
    versions = {row["version"] for row in rows if row["kind"] == "OrderRejected"}
    assert versions == {1, 3}
    assert (await journal.verify()).faults == ()
    # An export tells every event as today's release knows it, with the hash of its old bytes.
    await journal.export(file := io.BytesIO())
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["hash"] for line in lines] == [row["hash"] for row in rows]
    told = {line["reason"] for line in lines if line["kind"] == "OrderRejected"}
    assert told == {"insufficient: NOT ENOUGH", "not enough"}
    await journal.close()

    # And the release before it refuses what it cannot know, in a sentence.
    with pytest.raises(JournalMismatch, match=r"newer release .* \(OrderRejected\) has version 3"):
        await verify(url)


async def test_a_kind_of_a_newer_release_is_refused_and_is_no_damage(url: str) -> None:
    journal = SqlJournal(Database(url))
    await journal.open()
    for step, before, after in Story(5).steps(3):
        await journal.append([step], before, after)
    await journal.close()
    less = Codec(kinds=tuple(kind for kind in e.EVENTS if kind is not e.JournalOpened))
    with pytest.raises(JournalMismatch, match="Event 1 has the unknown kind 'JournalOpened'"):
        await verify(url, less)


@pytest.mark.parametrize("line", ["UPDATE journal SET version = 2 WHERE seq = 2"])
async def test_a_version_that_somebody_raised_by_hand_is_damage(url: str, line: str) -> None:
    journal = SqlJournal(Database(url))
    await journal.open()
    for step, before, after in Story(5).steps(3):
        await journal.append([step], before, after)
    await journal.close()
    await worked(url, lambda c: c.execute(text(line)).rowcount)
    found = await verify(url)
    assert "Event 2 (EngineStarted) was changed after it was stored" in found.faults[0]

"""A start from a snapshot gives what a replay of every event gives, or it is not made."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, text, update

from engine import events as e
from engine.errors import JournalCorrupt
from engine.state import State
from storage.codec import Codec, state_bytes, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.shape import shape_of, state_version
from storage.snapshots import KEPT, Snapshot, store_snapshot
from storage.statements import rows_of
from storage.tables import JOURNAL, SNAPSHOTS
from tests.storage.damage import damaging
from tests.storage.samples import filled
from tests.storage.story import Story

EVERY = 20


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


async def numbers(database: Database) -> list[int]:
    rows = await database.read(lambda c: rows_of(c, SNAPSHOTS))
    return [row["seq"] for row in rows]


async def told(journal: SqlJournal, story: Story, steps: int) -> None:
    for step, before, after in story.steps(steps):
        await journal.append([step], before, after)


@dataclass
class Moment:
    """The file as a crash would leave it at one moment, and State as it stood."""

    file: Path
    state: State


class Photographed(Database):
    """A database that copies its file before and after each snapshot: both are crash points."""

    def __init__(self, file: Path) -> None:
        super().__init__(url_of(file), inline=True)
        self.at = file
        self.states: list[State] = []
        self.moments: list[Moment] = []

    def later(self, function: Callable[[Connection], object]) -> None:
        self.photograph()
        super().later(function)
        self.photograph()

    def photograph(self) -> None:
        copy = self.at.with_name(f"moment{len(self.moments)}.db")
        for ending in ("", "-wal"):
            source = self.at.with_name(self.at.name + ending)
            if source.exists():
                shutil.copy(source, copy.with_name(copy.name + ending))
        self.moments.append(Moment(copy, self.states[-1]))


async def _opened(file: Path, *, without: bool = False) -> State:
    database = Database(url_of(file), inline=True)
    await database.open()
    if without:
        await database.write(lambda c: c.execute(delete(SNAPSHOTS)).rowcount)
    journal = SqlJournal(database)
    state = await journal.open()
    assert (await journal.head()) == (state.seq, journal.last_hash)
    await journal.close()
    return state


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # A story is told again from its seed: there is nothing to make smaller.
    phases=[Phase.explicit, Phase.generate],
)
@given(seed=st.integers(0, 10_000), every=st.sampled_from([1, 7, 25]), group=st.integers(1, 9))
async def test_a_start_with_snapshots_equals_one_without_at_every_crash_point(
    tmp_path_factory: pytest.TempPathFactory, seed: int, every: int, group: int
) -> None:
    database = Photographed(tmp_path_factory.mktemp("snapshots") / "journal.db")
    journal = SqlJournal(database, snapshot_every=every)
    await journal.open()
    story = Story(seed=seed)
    steps = list(story.steps(50))
    for begin in range(0, len(steps), group):
        batch = steps[begin : begin + group]
        database.states.append(batch[-1][2])
        await journal.append([step for step, _, _ in batch], batch[0][1], batch[-1][2])
    database.photograph()
    await journal.close()

    for moment in database.moments[-7:]:
        with_snapshots = await _opened(moment.file)
        without = await _opened(moment.file, without=True)
        assert with_snapshots == without == moment.state
        assert state_hash(with_snapshots) == state_hash(without) == state_hash(moment.state)
        assert [*with_snapshots.orders_finished] == [*without.orders_finished]
    assert len(database.moments) >= 3


@pytest.mark.parametrize("inline", [False, True])
async def test_what_follows_a_snapshot_is_appended_and_replayed(url: str, inline: bool) -> None:
    story = Story(seed=4)
    for _ in range(4):
        journal = SqlJournal(Database(url, inline=inline), snapshot_every=EVERY)
        assert await journal.open() == story.state
        await told(journal, story, 25)
        await journal.close()
    journal = SqlJournal(Database(url, inline=inline))
    assert await journal.open() == story.state
    assert (await journal.verify()).faults == ()
    await journal.close()


async def test_a_start_reads_only_what_came_after_the_newest_snapshot(url: str) -> None:
    class Counting(Codec):
        decoded = 0

        def decode(self, seq: int, kind: str, version: int, payload: bytes) -> e.Event:
            self.decoded += 1
            return super().decode(seq, kind, version, payload)

    journal = SqlJournal(Database(url, inline=True), snapshot_every=EVERY)
    await journal.open()
    story = Story(seed=5)
    await told(journal, story, 120)
    newest = max(await numbers(journal._database))
    await journal.close()
    codec = Counting()
    again = SqlJournal(Database(url), codec=codec)
    assert await again.open() == story.state
    assert codec.decoded == story.state.seq - newest < EVERY
    await again.close()


async def test_a_long_replay_leaves_a_snapshot_for_the_next_start(url: str) -> None:
    journal = SqlJournal(Database(url))
    await journal.open()
    story = Story(seed=6)
    await told(journal, story, 40)
    assert await numbers(journal._database) == []
    await journal.close()
    again = SqlJournal(Database(url, inline=True), snapshot_every=EVERY)
    await again.open()
    assert await numbers(again._database) == [story.state.seq]
    await again.close()


async def test_only_the_last_few_are_kept(url: str) -> None:
    journal = SqlJournal(Database(url, inline=True), snapshot_every=EVERY)
    await journal.open()
    story = Story(seed=7)
    await told(journal, story, 150)
    kept = await numbers(journal._database)
    assert len(kept) == KEPT
    assert story.state.seq - EVERY < kept[-1] <= story.state.seq
    await journal.close()


async def test_an_orderly_end_leaves_one_sooner(url: str) -> None:
    journal = SqlJournal(Database(url, inline=True), snapshot_every=10 * EVERY)
    await journal.open()
    story = Story(seed=8)
    await told(journal, story, 30)
    assert await numbers(journal._database) == []
    before = story.state
    await journal.append([story.tell(e.EngineEnded(at=story.at))], before, story.state)
    assert await numbers(journal._database) == [story.state.seq]
    await journal.close()


def _refuse_snapshots(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        refuse = "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    else:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN RAISE disk_full; END$$"
            )
        )
        refuse = "FOR EACH ROW EXECUTE FUNCTION refuse()"
    connection.execute(text(f"CREATE TRIGGER refuse BEFORE INSERT ON snapshots {refuse}"))


async def test_a_snapshot_that_cannot_be_stored_is_logged_and_harms_nothing(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(url)
    journal = SqlJournal(database, snapshot_every=EVERY)
    await journal.open()
    await database.write(_refuse_snapshots)
    story = Story(seed=9)
    await told(journal, story, 60)
    assert await numbers(database) == []
    assert "a job that nobody waits for has failed" in caplog.text
    assert await journal.open() == story.state
    assert (await journal.verify()).faults == ()
    await journal.close()


async def _three(url: str) -> tuple[SqlJournal, Story, list[int]]:
    journal = SqlJournal(Database(url, inline=True), snapshot_every=EVERY)
    await journal.open()
    story = Story(seed=10)
    await told(journal, story, 120)
    kept = await numbers(journal._database)
    assert len(kept) == KEPT
    return SqlJournal(journal._database), story, kept


def _newest(**values: object) -> Callable[[Connection, State], object]:
    def damage(connection: Connection, _state: State) -> object:
        newest = connection.execute(text("SELECT max(seq) FROM snapshots")).scalar()
        statement = update(SNAPSHOTS).where(SNAPSHOTS.c.seq == newest).values(**values)
        return connection.execute(statement).rowcount

    return damage


def _raw(sql: str) -> Callable[[Connection, State], object]:
    newest = "WHERE seq = (SELECT max(seq) FROM snapshots)"
    return lambda connection, _: damaging(f"{sql} {newest}")(connection)


def _forged(payload_of: Callable[[State], bytes]) -> Callable[[Connection, State], object]:
    """Replace the newest snapshot's bytes by others whose hash is right."""

    def damage(connection: Connection, state: State) -> object:
        payload = payload_of(state)
        return _newest(payload=payload, state_hash=_sha256(payload))(connection, state)

    return damage


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


DAMAGES = {
    "cut": _raw("UPDATE snapshots SET payload = substr(payload, 1, length(payload) / 2)"),
    "emptied": _newest(payload=b""),
    "a bit flipped": _raw("UPDATE snapshots SET payload = replace(payload, '1', '2')"),
    "no bytes": _raw("UPDATE snapshots SET payload = 7"),
    "other version": _newest(version="1" * 64),
    "wrong hash": _newest(state_hash="2" * 64),
    "of another journal": _newest(hash="3" * 64),
    "forged, no State": _forged(lambda _: b'{"seq": "many"}'),
    "forged, no JSON": _forged(lambda _: b"\xff\xfe"),
    "forged, another event": _forged(lambda state: state_bytes(replace(state, seq=1))),
    "forged, not as written": _forged(lambda state: b" " + state_bytes(state)),
    "ahead": _raw("UPDATE snapshots SET seq = seq + 1000000"),
    "beyond numbers": _raw("UPDATE snapshots SET seq = 9223372036854775807"),
    "below numbers": _raw("UPDATE snapshots SET seq = -5"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_snapshot_is_passed_over_with_a_warning(
    sqlite_url: str, damage: Callable[[Connection, State], object], caplog: pytest.LogCaptureFixture
) -> None:
    journal, story, kept = await _three(sqlite_url)
    state = story.state
    await journal._database.write(lambda c: damage(c, state))
    (damaged,) = set(await numbers(journal._database)) - set(kept[:-1])
    with caplog.at_level(logging.WARNING):
        assert await journal.open() == state
        assert state_hash(await journal.open()) == state_hash(state)
    warned = [record.message for record in caplog.records]
    expected = [f"the snapshot at event {damaged} is passed over"] if damaged > 0 else []
    assert all(line in caplog.text for line in expected)
    assert not any(f"event {kept[-2]} " in line for line in warned)
    await told(journal, story, 5)
    assert await journal.open() == story.state
    await journal.close()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_with_every_snapshot_damaged_all_events_are_folded(
    sqlite_url: str, damage: Callable[[Connection, State], object]
) -> None:
    journal, story, _ = await _three(sqlite_url)
    state = story.state

    def only_one(connection: Connection) -> None:
        newest = text("DELETE FROM snapshots WHERE seq < (SELECT max(seq) FROM snapshots)")
        connection.execute(newest)
        damage(connection, state)

    await journal._database.write(only_one)
    assert await journal.open() == state
    await journal.close()


async def test_a_snapshot_that_lies_ahead_crowds_out_no_good_one(url: str) -> None:
    journal, story, _ = await _three(url)

    def ahead(connection: Connection) -> None:
        for number in range(9):
            row = rows_of(connection, SNAPSHOTS)[0]
            connection.execute(insert(SNAPSHOTS).values(**{**row, "seq": 10**9 + number}))

    await journal._database.write(ahead)
    again = SqlJournal(journal._database, snapshot_every=EVERY)
    await again.open()
    await told(again, story, 40)
    kept = await numbers(journal._database)
    assert len(kept) == KEPT
    assert max(kept) <= story.state.seq
    await journal.close()


async def test_a_snapshot_from_which_the_events_do_not_follow_is_left_for_an_older_one(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its State is whole and its hash right, but orders that the events speak of are not in it."""
    journal, story, kept = await _three(url)
    emptied = state_bytes(State(seq=kept[-1]))
    await journal._database.write(
        lambda c: _newest(payload=emptied, state_hash=_sha256(emptied))(c, story.state)
    )
    with caplog.at_level(logging.WARNING):
        assert await journal.open() == story.state
    assert f"not folded from the snapshot at {kept[-1]}" in caplog.text
    await journal.close()


async def test_a_forged_snapshot_is_named_by_verify_and_made_again_by_a_rebuild(url: str) -> None:
    journal, story, kept = await _three(url)
    rich = State(seq=kept[0], cash={"binance:USDT": Decimal(10**9)})
    payload = state_bytes(rich)
    await journal._database.write(
        lambda c: (
            c.execute(
                update(SNAPSHOTS)
                .where(SNAPSHOTS.c.seq == kept[0])
                .values(payload=payload, state_hash=_sha256(payload))
            ).rowcount
        )
    )
    assert (await journal.verify()).faults == (
        f"Table snapshots, row {kept[0]}: the replay gives another State.",
    )
    assert await journal.rebuild() == story.state.seq
    assert (await journal.verify()).faults == ()
    assert await numbers(journal._database) == [story.state.seq]
    assert await journal.open() == story.state
    await journal.close()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (DAMAGES["cut"], "its bytes are not those that were written"),
        (DAMAGES["wrong hash"], "its bytes are not those that were written"),
        (DAMAGES["of another journal"], "the event it names has another hash"),
        (DAMAGES["ahead"], "the journal has no such event"),
    ],
)
async def test_a_damaged_snapshot_is_a_fault_to_verify(
    sqlite_url: str, damage: Callable[[Connection, State], object], words: str
) -> None:
    journal, story, _ = await _three(sqlite_url)
    await journal._database.write(lambda c: damage(c, story.state))
    (fault,) = (await journal.verify()).faults
    assert words in fault
    await journal.close()


async def test_a_snapshot_of_another_release_is_no_fault(url: str) -> None:
    journal, story, _ = await _three(url)
    await journal._database.write(lambda c: DAMAGES["other version"](c, story.state))
    assert (await journal.verify()).faults == ()
    await journal.close()


async def test_an_event_changed_before_the_snapshot_is_found_by_verify(url: str) -> None:
    """A start trusts what lies below its snapshot; only `verify` reads all of it again."""
    journal, story, kept = await _three(url)
    await journal._database.write(damaging("UPDATE journal SET payload = x'7b7d' WHERE seq = 3"))
    assert kept[-1] > 3
    assert await journal.open() == story.state
    assert any("Event 3 " in fault for fault in (await journal.verify()).faults)
    await journal.close()


async def test_an_event_changed_after_the_snapshot_stops_the_start(url: str) -> None:
    journal, story, kept = await _three(url)
    assert kept[-1] < story.state.seq
    last = update(JOURNAL).where(JOURNAL.c.seq == story.state.seq).values(payload=b"{}")
    await journal._database.write(lambda c: c.execute(last).rowcount)
    with pytest.raises(JournalCorrupt, match=f"Event {story.state.seq} .* was changed"):
        await journal.open()
    await journal.close()


async def test_a_journal_of_an_older_release_is_read_without_their_table(url: str) -> None:
    journal, story, _ = await _three(url)
    await journal._database.write(lambda c: c.execute(text("DROP TABLE snapshots")).rowcount)
    await journal.close()
    reader = SqlJournal(Database(url, is_reader=True))
    assert await reader.open() == story.state
    assert (await reader.verify()).faults == ()
    await reader.close()


def test_the_version_is_of_the_fields_and_of_the_members() -> None:
    lines = list(shape_of(State))
    names = {line.partition("(")[0].partition("[")[0] for line in lines}
    assert {"State", "Order", "Position", "Ticket", "TradingSignal", "OrderStatus"} <= names
    (order,) = [line for line in lines if line.startswith("Order(")]
    assert "price_average: decimal.Decimal | None" in order
    (status,) = [line for line in lines if line.startswith("OrderStatus[")]
    assert "'unknown'" in status
    assert len(state_version()) == 64
    assert lines == list(shape_of(State))


@pytest.mark.parametrize("sparse", [False, True])
async def test_a_state_with_everything_in_it_comes_back(url: str, sparse: bool) -> None:
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    await told(journal, Story(seed=11), 1)
    head = journal._head
    state = replace(filled(State, sparse=sparse), seq=head.seq)
    await database.write(lambda c: store_snapshot(c, Snapshot(head=head, state=state)))
    assert await journal.open() == state
    await journal.close()

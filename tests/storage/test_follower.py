"""The follower: another process's State, kept warm, and what a takeover begins from."""

from collections.abc import AsyncIterator

import pytest

from engine.errors import JournalCorrupt
from engine.state import State
from storage.chain import Head
from storage.database import Database
from storage.follower import Follower
from storage.journal import SqlJournal
from storage.snapshots import Snapshot
from tests.storage.damage import damaging
from tests.storage.story import Story


@pytest.fixture
async def writer(url: str) -> AsyncIterator[SqlJournal]:
    journal = SqlJournal(Database(url))
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def follower(url: str) -> AsyncIterator[Follower]:
    made = Follower(url)
    yield made
    await made.close()


async def tell(journal: SqlJournal, story: Story, count: int) -> None:
    for step, before, after in story.steps(count):
        await journal.append([step], before, after)


def newest(follower: Follower) -> State:
    assert follower.newest is not None
    return follower.newest.state


async def test_it_reads_what_another_process_stores_while_that_goes_on(
    writer: SqlJournal, follower: Follower
) -> None:
    story = Story(seed=5)
    await tell(writer, story, 30)
    await follower.follow()
    assert newest(follower) == story.state
    for _ in range(3):
        await tell(writer, story, 5)
        await follower.follow()
        assert newest(follower) == story.state
    assert follower.newest is not None
    assert follower.newest.head == Head(seq=story.state.seq, hash=writer.last_hash)


async def test_a_journal_with_nothing_in_it_yet_is_followed_from_its_first_event(
    writer: SqlJournal, follower: Follower
) -> None:
    await follower.follow()
    story = Story(seed=5)
    await tell(writer, story, 3)
    await follower.follow()
    assert newest(follower) == story.state


async def test_a_takeover_folds_only_what_came_after_the_warm_state(
    url: str, writer: SqlJournal, follower: Follower
) -> None:
    # given an early event that nobody could read any more
    story = Story(seed=5)
    await tell(writer, story, 20)
    await follower.follow()
    await writer._database.write(damaging("UPDATE journal SET payload=x'00' WHERE seq=3"))
    await tell(writer, story, 5)
    await writer.close()
    # when the next process begins from the warm State
    assert follower.newest is not None
    successor = SqlJournal(Database(url))
    successor.begin_from(follower.newest)
    try:
        assert await successor.open() == story.state
        await tell(successor, story, 2)
        # then it is used once: whoever opens again reads what is stored
        with pytest.raises(JournalCorrupt):
            await successor.open()
    finally:
        await successor.close()


async def test_warm_state_of_another_journal_is_not_begun_from(
    url: str, writer: SqlJournal
) -> None:
    story = Story(seed=5)
    await tell(writer, story, 4)
    await writer.close()
    successor = SqlJournal(Database(url))
    successor.begin_from(Snapshot(head=Head(seq=2, hash="f" * 64), state=State()))
    try:
        assert await successor.open() == story.state
    finally:
        await successor.close()


async def test_an_event_that_does_not_follow_is_refused_and_the_next_look_begins_anew(
    writer: SqlJournal, follower: Follower
) -> None:
    story = Story(seed=5)
    await tell(writer, story, 4)
    await follower.follow()
    seq = newest(follower).seq
    await tell(writer, story, 2)
    link = "UPDATE journal SET hash='{}' WHERE seq={}"
    await writer._database.write(damaging(link.format("f" * 64, seq + 1)))
    with pytest.raises(JournalCorrupt):
        await follower.follow()
    assert follower.newest is None

"""A rebuild: every table that the events fill, made again row for row, on both databases."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, inspect, select, update

from engine.state import State
from storage import tables as t
from storage.batch import PROJECTED_BY
from storage.codec import Codec, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.rebuild import rebuilt
from tests.storage.frozen import Whole, told_whole
from tests.storage.rooms import worked

# Values of another release, or of somebody's hand, in a column that every such table has.
FORGED_SEQ = 2


async def told(url: str) -> State:
    journal = SqlJournal(Database(url), snapshot_every=50)
    await journal.open()
    story = Whole(17)
    await told_whole(journal, story)
    await journal.close()
    return story.state


def projected(connection: Connection) -> dict[str, list[Any]]:
    """Give every row that the events fill, and how far they reach."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in (*t.PROJECTIONS, t.JOURNAL_META, t.JOURNAL)
    }


async def test_a_rebuild_gives_every_row_again_as_it_was(url: str) -> None:
    # Given a journal of every kind of event, and its tables as they grew append by append.
    state = await told(url)
    before = await worked(url, projected)
    assert all(before.values())
    # When they are all made again.
    steps: list[tuple[int, int]] = []
    end = await worked(
        url, lambda c: rebuilt(c, Codec(), lambda done, whole: steps.append((done, whole)))
    )
    # Then nobody could tell, by a row or by State's hash; and whoever waited was told.
    assert await worked(url, projected) == before
    assert state_hash(end.state) == state_hash(state)
    assert steps[0] == (0, state.seq)
    assert steps[-1] == (state.seq, state.seq)
    assert steps == sorted(steps)


async def test_rows_that_are_gone_or_changed_or_made_up_are_mended(url: str) -> None:
    # Given tables with a row less, a row changed and a row that no event accounts for, each.
    journal = SqlJournal(database := Database(url))
    await journal.open()
    story = Whole(17)
    await told_whole(journal, story)
    before = await database.read(projected)
    for table in t.PROJECTIONS:
        await database.write(partial(damage, table=table))
    damaged = await database.read(projected)
    assert not [table.name for table in t.PROJECTIONS if damaged[table.name] == before[table.name]]
    assert not (await journal.verify()).is_sound
    # When they are made again, then they are what they were.
    assert await journal.rebuild() == story.state.seq
    assert await database.read(projected) == before
    assert (await journal.verify()).faults == ()
    await journal.close()


def damage(connection: Connection, table: Table) -> None:
    (key,) = table.primary_key
    rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    made_up = rows[0] | {key.name: another(rows[0][key.name])}
    connection.execute(delete(table).where(key == rows[0][key.name]))
    connection.execute(insert(table), made_up)
    if "seq" in table.columns and table.columns["seq"] is not key:
        changed = update(table).where(key == rows[-1][key.name])
        connection.execute(changed.values(seq=FORGED_SEQ))


def another(value: Any) -> Any:
    match value:
        case int():
            return value + 1_000_000
        case str():
            return f"{value}-made-up"
        case _:
            return value.replace(year=1999)


async def test_a_rebuild_that_is_interrupted_changes_nothing(url: str) -> None:
    await told(url)
    await worked(url, lambda c: c.execute(delete(t.FILLS)).rowcount)
    before = await worked(url, projected)

    def interrupt(done: int, whole: int) -> None:
        if done == whole:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await worked(url, lambda c: rebuilt(c, Codec(), interrupt))
    assert await worked(url, projected) == before


async def test_no_table_of_events_is_forgotten(sqlite_url: str) -> None:
    """A table whose rows refer to an event is a projection, or is known to be the console's own."""
    own = {"outbox", "snapshots", "journal"}
    there = await worked(
        sqlite_url,
        lambda c: {
            name
            for name in inspect(c).get_table_names()
            if any(column["name"] == "seq" for column in inspect(c).get_columns(name))
        },
    )
    assert there - own - {"sqlite_sequence"} == {table.name for table in t.PROJECTIONS} & there


async def test_what_another_release_projected_is_made_again_at_the_opening(url: str) -> None:
    # Given tables that another release filled: it knew one field fewer, and noted its own name.
    await told(url)
    before = await worked(url, projected)

    def older(connection: Connection) -> None:
        connection.execute(update(t.ORDERS).values(document=b"{}"))
        by = t.JOURNAL_META.c.name == PROJECTED_BY
        connection.execute(update(t.JOURNAL_META).where(by).values(value="another release"))

    await worked(url, older)
    journal = SqlJournal(Database(url))
    # Then a check of what is not opened yet does not call it damage,
    assert (await journal.verify()).faults == ()
    # and once this release has opened it, every row is its own.
    await journal.open()
    assert (await journal.verify()).faults == ()
    await journal.close()
    assert await worked(url, projected) == before


async def test_what_this_release_projected_is_not_made_again(url: str) -> None:
    await told(url)
    await worked(url, lambda c: c.execute(update(t.ORDERS).values(document=b"{}")).rowcount)
    journal = SqlJournal(Database(url))
    await journal.open()
    assert "document differs" in (await journal.verify()).faults[0]
    await journal.close()

"""Rebuild: every projection made again from the events, and the snapshots with them.

It is one transaction: whoever interrupts it finds the tables as they were.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, delete

from engine.state import State
from storage import tables as t
from storage.batch import (
    is_of_today,
    projected_reach,
    store_maker,
    store_projection,
    store_reach,
    stored_head,
)
from storage.chain import Head, StoredEvent, applied, stored_events
from storage.codec import Codec
from storage.progress import Told, untold
from storage.projections import Projection
from storage.snapshots import Snapshot, drop_snapshots, store_snapshot
from storage.statements import fenced

EVENTS_AT_ONCE = 500


def rebuilt(connection: Connection, codec: Codec, told: Told = untold) -> Snapshot:
    """Replace projections and snapshots by what a replay gives, and give where it ended.

    Nobody appends meanwhile. Raises: JournalCorrupt when the events themselves cannot be trusted.
    """
    fenced(connection)
    whole = stored_head(connection).seq
    told(0, whole)
    for table in t.PROJECTIONS:
        connection.execute(delete(table))
    drop_snapshots(connection)
    state, head = State(), Head()
    consumed: set[str] = set()
    projection = Projection()
    for stored in stored_events(connection, codec):
        then = applied(state, stored)
        projection.add(state, stored.event, then)
        projection.consume(first_use(stored, consumed))
        state, head = then, Head(seq=stored.seq, hash=stored.hash)
        if stored.seq % EVENTS_AT_ONCE == 0:
            store_projection(connection, projection)
            projection = Projection()
            told(stored.seq, whole)
    store_projection(connection, projection)
    store_reach(connection, state.seq)
    store_maker(connection)
    end = Snapshot(head=head, state=state)
    if head.seq:
        store_snapshot(connection, end)
    told(head.seq, whole)
    return end


def brought_up_to_date(connection: Connection, codec: Codec) -> None:
    """Rebuild what another release projected: it may have known fewer fields, or other rules.

    Tables that do not reach the journal's end are left alone: whoever opens them says so.
    """
    if is_of_today(connection):
        return
    head = stored_head(connection)
    if head.seq and projected_reach(connection) == head.seq:
        rebuilt(connection, codec)
    elif not head.seq:
        store_maker(connection)


def first_use(stored: StoredEvent, consumed: set[str]) -> Iterator[tuple[str, int]]:
    """Give the event's command id when it is met for the first time, and remember it."""
    command_id = stored.event.command_id
    if command_id is not None and command_id not in consumed:
        consumed.add(command_id)
        yield command_id, stored.seq

"""One append: everything it writes is made first, then stored in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import IntegrityError

from engine.errors import JournalLocked
from engine.events import Event
from engine.ports import Step
from engine.state import State
from storage import tables as t
from storage.chain import Head
from storage.codec import Codec, chained
from storage.fanout import outbox_values
from storage.projections import Projection
from storage.statements import Values, inserting, run_many, upserting

PROJECTED = "projected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold the rows of one append, and the head of the chain after it."""

    head: Head
    events: list[Values]
    projection: Projection
    outbox: list[Values]


def batch_of(steps: Sequence[Step], before: State, after: State, head: Head, codec: Codec) -> Batch:
    """Make the rows of an append that begins after `head`.

    Raises: AssertionError when the steps do not lead from `before` to `after`, or consume one
    command id twice.
    """
    projection = Projection()
    events: list[Values] = []
    times: dict[int, datetime] = {}
    state = before
    for step in steps:
        first_use: dict[str, int] = {}
        for event, then in step.folded(state):
            head, row = _event_values(event, head, codec)
            events.append(row)
            times[head.seq] = event.at
            projection.add(state, event, then)
            if event.command_id is not None:
                first_use.setdefault(event.command_id, head.seq)
            state = then
        projection.consume(first_use.items())
    assert state.seq == after.seq, f"the steps lead to {state.seq}, State is at {after.seq}"
    outbox = [
        values
        for step in steps
        for alert in step.alerts
        for values in outbox_values(alert, after.chats, times[alert.seq])
    ]
    return Batch(head=head, events=events, projection=projection, outbox=outbox)


def _event_values(event: Event, head: Head, codec: Codec) -> tuple[Head, Values]:
    form = codec.encode(event)
    seq = head.seq + 1
    link = chained(head.hash, seq, event.at, form)
    values: Values = {
        "seq": seq,
        "at": event.at,
        "kind": form.kind,
        "version": form.version,
        "command_id": event.command_id,
        "payload": form.payload,
        "hash": link,
    }
    return Head(seq=seq, hash=link), values


def store(connection: Connection, batch: Batch) -> None:
    """Write a batch.

    Raises: JournalLocked when another process has stored one of its numbers, AssertionError when
    an identity that must be new is there already.
    """
    try:
        run_many(connection, inserting(t.JOURNAL), batch.events)
    except IntegrityError as error:
        raise JournalLocked(
            f"Another process stored event {batch.events[0]['seq']} first. Only one may work on "
            "a journal: this one stops."
        ) from error
    store_projection(connection, batch.projection)
    run_many(connection, inserting(t.OUTBOX), batch.outbox)
    store_reach(connection, batch.head.seq)


def store_projection(connection: Connection, projection: Projection) -> None:
    """Write the rows of a projection.

    Raises: AssertionError when a row that must be new is there already.
    """
    for table, rows in projection.new():
        _insert(connection, table, rows)
    for table, rows in projection.changed():
        run_many(connection, upserting(table, connection.dialect.name), rows)


def _insert(connection: Connection, table: Table, rows: list[Values]) -> None:
    try:
        run_many(connection, inserting(table), rows)
    except IntegrityError as error:
        raise AssertionError(f"an identity in {table.name} is used twice: {error.orig}") from error


def store_reach(connection: Connection, seq: int) -> None:
    """Remember how far the projections reach."""
    statement = upserting(t.JOURNAL_META, connection.dialect.name)
    run_many(connection, statement, [{"name": PROJECTED, "value": str(seq)}])


def projected_reach(connection: Connection) -> int:
    """Give the number of the last event that the projections hold; 0 when there is none."""
    statement = select(t.JOURNAL_META.c.value).where(t.JOURNAL_META.c.name == PROJECTED)
    value = connection.execute(statement).scalar()
    return int(value) if value is not None and value.isdecimal() else 0


def stored_head(connection: Connection) -> Head:
    """Give the last stored event's number and hash."""
    statement = select(t.JOURNAL.c.seq, t.JOURNAL.c.hash).order_by(t.JOURNAL.c.seq.desc()).limit(1)
    row = connection.execute(statement).first()
    return Head() if row is None else Head(seq=row.seq, hash=row.hash)

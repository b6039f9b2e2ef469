"""One append: everything it writes is made first, then stored in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from engine.errors import JournalCorrupt, JournalLocked
from engine.events import Event
from engine.ports import Step
from engine.state import State
from storage import tables as t
from storage.chain import Head
from storage.codec import Codec, chained
from storage.fanout import outbox_values
from storage.guard import Guard, unguarded
from storage.projections import Projection
from storage.shape import state_version
from storage.statements import (
    Values,
    broken_table,
    fenced,
    inserting,
    run_many,
    together,
    upserting,
)

PROJECTED = "projected"
PROJECTED_BY = "projected_by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold the rows of one append, and the head of the chain before and after it."""

    begin: Head
    head: Head
    events: list[Values]
    projection: Projection
    outbox: list[Values]


def batch_of(steps: Sequence[Step], before: State, after: State, head: Head, codec: Codec) -> Batch:
    """Make the rows of an append that begins after `head`.

    Raises: AssertionError when the steps do not lead from `before` to `after`, or consume one
    command id twice.
    """
    begin, projection = head, Projection()
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
    return Batch(begin=begin, head=head, events=events, projection=projection, outbox=outbox)


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


def store(connection: Connection, batch: Batch, guard: Guard = unguarded) -> None:
    """Write a batch, if the guard lets us.

    Raises: JournalLocked when another process has taken over or stored one of its numbers,
    JournalCorrupt when the journal does not end where it did, AssertionError when an identity that
    must be new is there already.
    """
    try:
        with together(connection):
            judge = guard(connection)
            stored = fenced(connection)
            run_many(connection, inserting(t.JOURNAL), batch.events)
            _store_rows(connection, batch.projection)
            run_many(connection, inserting(t.OUTBOX), batch.outbox)
            store_reach(connection, batch.head.seq)
    except IntegrityError as error:
        raise _clash(error, batch.begin.seq + 1) from error
    judge()
    _check_end(stored(), batch.begin)


def _clash(error: IntegrityError, seq: int) -> JournalLocked | AssertionError:
    table = broken_table(error)
    if table == t.JOURNAL.name:
        return JournalLocked(
            f"Another process stored event {seq} first. Only one may work on a journal: this one "
            "stops."
        )
    return AssertionError(f"an identity in {table} is used twice: {error.orig}")


def _check_end(stored: tuple[int, str] | None, expected: Head) -> None:
    """Compare where the journal ended before an append with where we left it.

    A longer one has refused the number already. A shorter or another one is a backup put in its
    place, or a copy that took over and had not got everything.
    """
    found = Head() if stored is None else Head(seq=stored[0], hash=stored[1])
    if found != expected:
        raise JournalCorrupt(
            f"The journal ends at event {found.seq}, and we have stored event {expected.seq}: what "
            "lies between is gone. Was a backup restored, or did a copy of the server take over?"
        )


def store_projection(connection: Connection, projection: Projection) -> None:
    """Write the rows of a projection.

    Raises: AssertionError when a row that must be new is there already.
    """
    try:
        with together(connection):
            _store_rows(connection, projection)
    except IntegrityError as error:
        raise _clash(error, 0) from error


def _store_rows(connection: Connection, projection: Projection) -> None:
    for table, rows in projection.new():
        run_many(connection, inserting(table), rows)
    for table, rows in projection.changed():
        run_many(connection, upserting(table, connection.dialect.name), rows)


def store_reach(connection: Connection, seq: int) -> None:
    """Remember how far the projections reach."""
    _store_meta(connection, PROJECTED, str(seq))


def store_maker(connection: Connection) -> None:
    """Remember that this very program made every projection."""
    _store_meta(connection, PROJECTED_BY, state_version())


def _store_meta(connection: Connection, name: str, value: str) -> None:
    statement = upserting(t.JOURNAL_META, connection.dialect.name)
    run_many(connection, statement, [{"name": name, "value": value}])


def is_of_today(connection: Connection) -> bool:
    """Tell whether this very program made the projections; another may have known fewer fields."""
    return _meta(connection, PROJECTED_BY) == state_version()


def _meta(connection: Connection, name: str) -> str | None:
    statement = select(t.JOURNAL_META.c.value).where(t.JOURNAL_META.c.name == name)
    value: str | None = connection.execute(statement).scalar()
    return value


def projected_reach(connection: Connection) -> int:
    """Give the number of the last event that the projections hold; 0 when there is none."""
    value = _meta(connection, PROJECTED)
    return int(value) if value is not None and value.isdecimal() else 0


def stored_head(connection: Connection) -> Head:
    """Give the last stored event's number and hash."""
    statement = select(t.JOURNAL.c.seq, t.JOURNAL.c.hash).order_by(t.JOURNAL.c.seq.desc()).limit(1)
    row = connection.execute(statement).first()
    return Head() if row is None else Head(seq=row.seq, hash=row.hash)

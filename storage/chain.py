"""The chain: stored events in order, each checked against the one before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.errors import JournalCorrupt
from engine.events import Event
from engine.fold import apply
from engine.state import State
from storage.codec import Codec, StoredForm, chained
from storage.statements import Values, rows_of
from storage.tables import JOURNAL

GENESIS = "0" * 64
READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Name the last stored event: its number and its hash; number 0 when there is none."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """Give one event as it is stored."""

    seq: int
    at: datetime
    kind: str
    event: Event
    hash: str


def stored_events(connection: Connection, codec: Codec) -> Iterator[StoredEvent]:
    """Read every event, oldest first, checking numbers, links and columns.

    Raises: JournalCorrupt naming the first event that cannot be trusted.
    """
    head = Head()
    while True:
        rows = _page(connection, head.seq)
        for row in rows:
            stored = _checked(row, head, codec)
            head = Head(seq=stored.seq, hash=stored.hash)
            yield stored
        if len(rows) < READ_AT_ONCE:
            return


def _page(connection: Connection, after: int) -> list[Values]:
    column = JOURNAL.c.seq
    return rows_of(
        connection,
        JOURNAL,
        lambda s: s.where(column > after).order_by(column).limit(READ_AT_ONCE),
    )


def read_event(row: Values, codec: Codec) -> StoredEvent:
    """Read one row of the journal, without its neighbours.

    Raises: JournalCorrupt naming the event.
    """
    seq, payload = row["seq"], row["payload"]
    if not isinstance(payload, bytes):
        raise JournalCorrupt(f"Event {seq} holds no bytes.")
    event = codec.decode(seq, row["kind"], row["version"], payload)
    return StoredEvent(seq=seq, at=row["at"], kind=row["kind"], event=event, hash=row["hash"])


def _checked(row: Values, head: Head, codec: Codec) -> StoredEvent:
    seq = row["seq"]
    if seq != head.seq + 1:
        raise JournalCorrupt(f"Event {head.seq + 1} is missing; the next one stored is {seq}.")
    payload = row["payload"]
    if isinstance(payload, bytes):
        form = StoredForm(kind=row["kind"], version=row["version"], payload=payload)
        if chained(head.hash, seq, row["at"], form) != row["hash"]:
            raise JournalCorrupt(
                f"Event {seq} ({row['kind']}) was changed after it was stored: "
                "its hash does not follow from the event before it."
            )
    stored = read_event(row, codec)
    if stored.event.at != row["at"] or stored.event.command_id != row["command_id"]:
        raise JournalCorrupt(f"Event {seq} ({row['kind']}) disagrees with its own columns.")
    return stored


def applied(state: State, stored: StoredEvent) -> State:
    """Fold a stored event.

    Raises: JournalCorrupt when State and event do not fit: the fold changed, or the journal did.
    """
    try:
        return apply(state, stored.event)
    except (AssertionError, KeyError) as error:
        raise JournalCorrupt(
            f"Event {stored.seq} ({stored.kind}) does not follow from those before it: {error}"
        ) from error

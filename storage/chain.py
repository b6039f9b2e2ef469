"""The chain: stored events in order, each checked against the one before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam

from engine.copies import quick
from engine.errors import JournalCorrupt
from engine.events import Event
from engine.fold import apply
from engine.state import State
from storage.codec import Codec, linked
from storage.statements import Values, selecting
from storage.tables import JOURNAL
from storage.types import time_text

GENESIS = "0" * 64
READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Name the last stored event: its number and its hash; number 0 when there is none."""

    seq: int = 0
    hash: str = GENESIS


BEGINNING = Head()


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """Give one event as it is stored."""

    seq: int
    at: datetime
    kind: str
    event: Event
    hash: str


def stored_events(
    connection: Connection, codec: Codec, after: Head = BEGINNING
) -> Iterator[StoredEvent]:
    """Read the events that follow `after`, oldest first, checking numbers, links and columns.

    Raises: JournalCorrupt naming the first event that cannot be trusted.
    """
    seq, link = after.seq, after.hash
    while True:
        rows = _page(connection, seq)
        for row in rows:
            stored = _checked(row, seq, link, codec)
            seq, link = stored.seq, stored.hash
            yield stored
        if len(rows) < READ_AT_ONCE:
            return


@cache
def _following() -> Select[Any]:
    column = JOURNAL.c.seq
    following = selecting(JOURNAL).where(column > bindparam("after"))
    return following.order_by(column).limit(READ_AT_ONCE)


def _page(connection: Connection, after: int) -> Sequence[Row[Any]]:
    try:
        return connection.execute(_following(), {"after": after}).all()
    except (ValueError, TypeError) as error:
        raise JournalCorrupt(f"Table journal holds what cannot be read: {error}") from error


def read_event(row: Values, codec: Codec) -> StoredEvent:
    """Read one row of the journal, without its neighbours.

    Raises: JournalCorrupt naming the event.
    """
    seq, payload = row["seq"], row["payload"]
    if not isinstance(payload, bytes):
        raise JournalCorrupt(f"Event {seq} holds no bytes.")
    event = codec.decode(seq, row["kind"], row["version"], payload)
    return StoredEvent(seq=seq, at=row["at"], kind=row["kind"], event=event, hash=row["hash"])


def _checked(row: Any, before: int, link: str, codec: Codec) -> StoredEvent:
    """Read a row that must follow the event `before`; its time is compared as the text it is."""
    seq, at, kind, version, command_id, payload, stored_link = row
    if seq != before + 1:
        raise JournalCorrupt(f"Event {before + 1} is missing; the next one stored is {seq}.")
    if not isinstance(payload, bytes):
        raise JournalCorrupt(f"Event {seq} holds no bytes.")
    if linked(link, seq, at, kind=kind, version=version, payload=payload) != stored_link:
        raise JournalCorrupt(
            f"Event {seq} ({kind}) was changed after it was stored: "
            "its hash does not follow from the event before it."
        )
    event = codec.decode(seq, kind, version, payload)
    instant = event.at
    if event.command_id != command_id or instant.tzinfo is None or time_text(instant) != at:
        raise JournalCorrupt(f"Event {seq} ({kind}) disagrees with its own columns.")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return StoredEvent(seq=seq, at=instant, kind=kind, event=event, hash=stored_link)


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

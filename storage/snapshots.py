"""Snapshots: State as it stood after an event, so that a start folds only what came after it.

A snapshot is a convenience and never a truth. It is used only when this very program would have
written it, when its bytes give its own hash again, and when the journal holds the event it names;
otherwise an older one is, or every event is folded from the first.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, inspect, select

from engine.errors import JournalCorrupt
from engine.state import State
from storage.chain import Head
from storage.codec import state_bytes, state_hash, state_of
from storage.shape import state_version
from storage.statements import Values, rows_of, run_many, upserting
from storage.tables import JOURNAL, SNAPSHOTS

# Some 4 ms of the writer's time and 0.2 to 0.5 MB each; a start folds that many events at most.
EVENTS_BETWEEN = 5_000
KEPT = 3
# Rows that no program of ours wrote may lie above the good ones; so many are looked at.
LOOKED_AT_MAX = 20

log = logging.getLogger("storage.snapshots")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Give State after the event `head`."""

    head: Head
    state: State


def store_snapshot(connection: Connection, snapshot: Snapshot) -> None:
    """Write a snapshot as the newest, and delete what is older than the last few."""
    payload = state_bytes(snapshot.state)
    seq = SNAPSHOTS.c.seq
    # One that lies ahead is not of this journal, and would crowd out those that are.
    connection.execute(delete(SNAPSHOTS).where(seq > snapshot.head.seq))
    values: Values = {
        "seq": snapshot.head.seq,
        "version": state_version(),
        "hash": snapshot.head.hash,
        "state_hash": hashlib.sha256(payload).hexdigest(),
        "payload": payload,
    }
    run_many(connection, upserting(SNAPSHOTS, connection.dialect.name), [values])
    oldest = select(seq).order_by(seq.desc()).offset(KEPT - 1).limit(1).scalar_subquery()
    connection.execute(delete(SNAPSHOTS).where(seq < oldest))


def drop_snapshots(connection: Connection) -> None:
    """Delete every snapshot."""
    connection.execute(delete(SNAPSHOTS))


def trusted_snapshots(connection: Connection) -> Iterator[Snapshot]:
    """Give the snapshots that can be trusted, newest first; of every other one a log line warns."""
    for seq in _numbers(connection):
        try:
            yield _trusted(connection, seq)
        except JournalCorrupt as fault:
            log.warning("the snapshot at event %s is passed over: %s", seq, fault)


def _numbers(connection: Connection) -> list[int]:
    # A journal of an older release that is only read has no such table.
    if not inspect(connection).has_table(SNAPSHOTS.name):
        return []
    seq = SNAPSHOTS.c.seq
    return list(connection.execute(select(seq).order_by(seq.desc()).limit(LOOKED_AT_MAX)).scalars())


class SnapshotAudit:
    """Compare every stored snapshot with a replay that passes its event; gathers `faults`.

    One of another release is compared with the chain alone: it is never read.
    """

    def __init__(self, connection: Connection) -> None:
        self.faults: list[str] = []
        self._waiting: dict[int, Values] = {}
        for seq in _numbers(connection):
            try:
                self._waiting[seq] = _row(connection, seq)
            except JournalCorrupt as fault:
                self._found(seq, str(fault))

    def passed(self, state: State, link: str) -> None:
        """Take note of State after the event whose hash is `link`."""
        row = self._waiting.pop(state.seq, None)
        if row is None:
            return
        if row["hash"] != link:
            self._found(state.seq, "the event it names has another hash.")
        elif not _is_whole(row):
            self._found(state.seq, "its bytes are not those that were written.")
        elif row["version"] == state_version() and row["state_hash"] != state_hash(state):
            self._found(state.seq, "the replay gives another State.")

    def end(self) -> None:
        """Take note that no event follows."""
        for seq in self._waiting:
            self._found(seq, "the journal has no such event.")
        self._waiting.clear()

    def _found(self, seq: int, what: str) -> None:
        self.faults.append(f"Table {SNAPSHOTS.name}, row {seq}: {what}")


def _row(connection: Connection, seq: int) -> Values:
    rows = rows_of(connection, SNAPSHOTS, lambda s: s.where(SNAPSHOTS.c.seq == seq))
    if not rows:
        raise JournalCorrupt("It is gone.")
    return rows[0]


def _trusted(connection: Connection, seq: int) -> Snapshot:
    row = _row(connection, seq)
    if row["version"] != state_version():
        raise JournalCorrupt("Another release of this program wrote it.")
    stored = select(JOURNAL.c.hash).where(JOURNAL.c.seq == seq)
    if connection.execute(stored).scalar() != row["hash"]:
        raise JournalCorrupt("The journal holds no such event: it is of another journal.")
    payload = row["payload"]
    if not _is_whole(row):
        raise JournalCorrupt("Its bytes are not those that were written.")
    state = state_of(payload)
    if state.seq != seq or state_hash(state) != row["state_hash"]:
        raise JournalCorrupt("It does not give the State that was written.")
    return Snapshot(head=Head(seq=seq, hash=row["hash"]), state=state)


def _is_whole(row: Values) -> bool:
    payload = row["payload"]
    return isinstance(payload, bytes) and hashlib.sha256(payload).hexdigest() == row["state_hash"]

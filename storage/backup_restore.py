"""Restore: a backup becomes the journal of an empty database of either kind, in a new epoch.

It is one transaction. The rows are stored at the revision they come from and migrated from there,
the chain is checked event by event, and every projection is made again by the replay. Two events
follow those of the backup: the new epoch, and a halt, since positions and orders may have changed
at the venues after it; a person looks at what the start finds there, and resumes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DataError, IntegrityError, NoSuchTableError

from engine.alerts import Alert, alerts_of
from engine.commands import Actor, Halt
from engine.context import Context
from engine.decide import decide
from engine.errors import JournalCorrupt, JournalMismatch
from engine.events import EpochBegun, Event
from engine.fold import apply
from engine.ports import Step
from engine.state import JournalIdentity, State
from storage.backup import Backup, tables_of
from storage.backup_rows import OF_A_PROCESS, put_rows, reflected
from storage.batch import batch_of, store
from storage.chain import Head
from storage.codec import Codec, state_hash
from storage.migration import STAMP, TABLES, migrate, upgrade
from storage.migrations import REVISIONS
from storage.progress import Told, untold
from storage.rebuild import rebuilt
from storage.shape import state_version
from storage.snapshots import Snapshot
from storage.statements import fenced
from storage.tables import UPDATES

HEAD: Final = REVISIONS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Say what was restored: `backed_up` is the backup's last event, `head` the new journal's.

    `updates_set_aside` counts messages that waited when the backup was made; they are not run.
    """

    identity: JournalIdentity
    backed_up: Head
    head: Head
    state_hash: str
    is_state_compared: bool
    rows: dict[str, int]
    updates_set_aside: int


def check_revision(backup: Backup) -> None:
    """See that this release knows the tables of a backup. Raises: JournalMismatch."""
    if backup.header.revision not in REVISIONS:
        raise JournalMismatch(
            f"A newer release of Quarterdeck made {backup.path}: its tables have revision "
            f"{backup.header.revision[:40]}, and this release knows them up to {HEAD}. Restore it "
            "with the newer release."
        )


def restored(
    connection: Connection,
    backup: Backup,
    codec: Codec,
    *,
    at: datetime,
    by: Actor,
    told: Told = untold,
) -> Restored:
    """Fill an empty database from a backup; `by` begins a new epoch at the time `at`, halted.

    Raises: JournalMismatch when something is stored there already, or when the backup is a newer
    release's; JournalCorrupt when what comes out is not what went in.
    """
    check_revision(backup)
    # Whoever just begins a journal here either has stored its first event, or waits for us.
    fenced(connection)
    _check_empty(connection)
    rows = _put(connection, backup)
    end = rebuilt(connection, codec, told)
    _compare(end, backup)
    aside = connection.execute(
        update(UPDATES).where(UPDATES.c.handled.is_(False)).values(handled=True, payload=b"")
    )
    begun = _new_epoch(connection, end, codec, at=at, by=by, made_at=backup.header.made_at)
    assert begun.state.journal is not None, "a restored journal is open"
    return Restored(
        identity=begun.state.journal,
        backed_up=end.head,
        head=begun.head,
        state_hash=state_hash(end.state),
        is_state_compared=_is_comparable(backup),
        rows=rows,
        updates_set_aside=aside.rowcount,
    )


def _put(connection: Connection, backup: Backup) -> dict[str, int]:
    """Store the rows as their release knew them, and bring the tables up to date again.

    Raises: JournalCorrupt when they fit no table.
    """
    if backup.header.revision != HEAD:
        TABLES.drop_all(connection)
        STAMP.drop(connection)
        upgrade(connection, backup.header.revision)
    try:
        rows = {
            named.table: put_rows(
                connection, reflected(connection, named.table), named.columns, found
            )
            for named, found in tables_of(backup)
        }
    except (msgspec.MsgspecError, ValueError, NoSuchTableError, IntegrityError, DataError) as fault:
        raise JournalCorrupt(
            f"{backup.path} holds what fits no table of its release. Take another backup."
        ) from fault
    migrate(connection)
    return rows


def _check_empty(connection: Connection) -> None:
    for table in TABLES.sorted_tables:
        if table.name in OF_A_PROCESS:
            continue
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise JournalMismatch(
                f"This database is in use: its table {table.name} is not empty, and a restore "
                "never overwrites. Give --database a new file or an empty database."
            )


def _compare(end: Snapshot, backup: Backup) -> None:
    """Hold what came out against what went in. Raises: JournalCorrupt."""
    wanted = backup.contents
    if (end.head.seq, end.head.hash) != (wanted.seq, wanted.hash):
        raise JournalCorrupt(
            f"{backup.path} says that its journal ends at event {wanted.seq} ({wanted.hash[:12]}); "
            f"what it holds ends at event {end.head.seq} ({end.head.hash[:12]}). Take another "
            "backup."
        )
    if _is_comparable(backup) and state_hash(end.state) != wanted.state_hash:
        raise JournalCorrupt(
            f"The events of {backup.path} give another State than they gave when it was made. "
            "Take another backup."
        )


def _is_comparable(backup: Backup) -> bool:
    """Tell whether this very program made it: another release's State may have other fields."""
    return backup.contents.state_version == state_version()


def _new_epoch(
    connection: Connection,
    end: Snapshot,
    codec: Codec,
    *,
    at: datetime,
    by: Actor,
    made_at: datetime,
) -> Snapshot:
    """Append the events that begin it. Raises: JournalCorrupt when the journal never began.

    Its number is the time of the restore in seconds: two restores of one backup must not give out
    the same order ids either, and neither knows of the other.
    """
    journal = end.state.journal
    if journal is None:
        raise JournalCorrupt("The backup holds no opened journal. Take another backup.")
    epoch = max(journal.epoch + 1, int(at.timestamp()))
    begun = EpochBegun(at=at, epoch=epoch, made_at=made_at)
    halt = Halt(
        command_id=f"restore:{epoch}",
        actor=by,
        at=at,
        reason=f"restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC",
    )
    state = apply(end.state, begun)
    # Where it was halted already, its entries are being cancelled.
    halted = () if state.stop is not None else decide(state, halt, Context(now=at))
    step, after = _step(end.state, (begun, *halted))
    batch = batch_of([step], end.state, after, end.head, codec)
    store(connection, batch)
    return Snapshot(head=batch.head, state=after)


def _step(before: State, events: tuple[Event, ...]) -> tuple[Step, State]:
    alerts: list[Alert] = []
    state = before
    for event in events:
        after = apply(state, event)
        alerts += alerts_of(state, event, after)
        state = after
    return Step(events=events, alerts=tuple(alerts)), state

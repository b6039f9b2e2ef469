"""The journal on a database: events, projections and alerts in one transaction."""

import logging
from collections.abc import Collection, Sequence
from typing import IO, Any

from sqlalchemy import Column, Connection, Table, select

from engine.errors import (
    AppendUncertain,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    JournalUnavailable,
)
from engine.events import EngineEnded, Event
from engine.orders import Order
from engine.ports import Known, Step
from engine.state import State
from engine.tickets import Ticket
from storage import tables as t
from storage.batch import Batch, batch_of, is_of_today, projected_reach, store, stored_head
from storage.chain import Head, StoredEvent, applied, read_event, stored_events
from storage.codec import ORDERS, TICKETS, Codec, fields_of, json_line
from storage.database import Database
from storage.guard import InOneGo
from storage.outbox import Outbox
from storage.progress import Told, untold
from storage.rebuild import brought_up_to_date, rebuilt
from storage.snapshots import EVENTS_BETWEEN, Snapshot, store_snapshot, trusted_snapshots
from storage.statements import Values, fenced, rows_of
from storage.verification import Verification, verified

log = logging.getLogger("storage.journal")


class SqlJournal:
    """Keep the journal in a database; implements `engine.ports.Journal`.

    `outbox.changed` is set after every append that left alerts to deliver. A snapshot of State is
    stored behind an append when `snapshot_every` events came since the last one.
    """

    def __init__(
        self,
        database: Database,
        *,
        outbox: Outbox | None = None,
        codec: Codec | None = None,
        snapshot_every: int = EVENTS_BETWEEN,
    ) -> None:
        assert snapshot_every > 0, "a snapshot comes after some events"
        self._database = database
        self._snapshot_every = snapshot_every
        self._snapshot_seq = 0
        self._codec = codec if codec is not None else Codec()
        self._head = Head()
        self._warm: Snapshot | None = None
        self.outbox = outbox if outbox is not None else Outbox(database)

    async def open(self) -> State:
        """Open the database, and fold the events that came after the newest snapshot to be trusted.

        The chain is checked from there on; `verify` checks all of it.

        Raises: JournalLocked, JournalCorrupt, JournalUnavailable.
        """
        await self._database.open()
        # An append whose outcome nobody knows may still be under way: it ends first.
        await self._database.settled(fenced)
        if not self._database.is_reader:
            await self._bring_up_to_date()
        state, self._head, self._snapshot_seq = await self._database.read_long(self._replay)
        if not self._database.is_reader:
            self._snapshot(state, self._snapshot_every)
        return state

    async def _bring_up_to_date(self) -> None:
        """Make the tables again where another release made them."""
        if await self._database.read(is_of_today):
            return
        try:
            await self._database.write_long(lambda c: brought_up_to_date(c, self._codec))
        except AppendUncertain as fault:
            await self._database.settled(fenced)
            if not await self._database.read(is_of_today):
                raise JournalUnavailable("The tables were not made again.") from fault

    def begin_from(self, warm: Snapshot) -> None:
        """Let the next opening fold only what came after this, if the journal holds its event."""
        self._warm = warm

    async def close(self) -> None:
        """Close the database; other stores on it end with it."""
        await self._database.close()

    @property
    def last_hash(self) -> str:
        """Give the hash of the last event, as of the last append."""
        return self._head.hash

    async def booked(self, client_order_ids: Collection[str]) -> frozenset[str]:
        """Give which of these orders have a fill booked under their name."""
        return await self._database.read(
            lambda connection: frozenset(
                _present(connection, t.FILLS.c.client_order_id, client_order_ids)
            )
        )

    @property
    def last_head(self) -> Head:
        """Give the last event as of the last append."""
        return self._head

    async def hashes(self, numbers: Collection[int]) -> dict[int, str]:
        """Give the hashes of some events by number; of those that are not there none."""

        def found(connection: Connection) -> dict[int, str]:
            columns = select(t.JOURNAL.c.seq, t.JOURNAL.c.hash)
            rows = connection.execute(columns.where(t.JOURNAL.c.seq.in_(sorted(numbers))))
            return {row.seq: row.hash for row in rows}

        return await self._database.read(found)

    async def head(self) -> tuple[int, str]:
        """Give the number and the hash of the last stored event; (0, zeros) when there is none."""
        head = await self._database.read(stored_head)
        return head.seq, head.hash

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Store the steps in one durable transaction.

        Raises: JournalUnavailable when it did not happen, AppendUncertain when nobody knows,
        JournalLocked when another process wrote past `before.seq`, AssertionError when a command,
        an order, a ticket or a fill is there already: deciding it again is a bug of ours.
        """
        if before.seq != self._head.seq:
            raise JournalLocked(
                f"The journal stands at event {self._head.seq}, the decision at {before.seq}. "
                "Restart, so that both begin from the same event."
            )
        batch = batch_of(steps, before, after, self._head, self._codec)
        if not batch.events:
            return
        try:
            await self._database.write(InOneGo(lambda c, guard: store(c, batch, guard)))
        except AppendUncertain:
            await self._settle(batch)
        self._head = batch.head
        if batch.outbox:
            self.outbox.changed.set()
        # An orderly end is worth one sooner: what follows it is a start.
        ends = any(isinstance(event, EngineEnded) for event in steps[-1].events)
        self._snapshot(after, self._snapshot_every // 10 if ends else self._snapshot_every)

    async def find_command(self, command_id: str) -> Sequence[Event]:
        """Give the events of a command; empty when it was never consumed."""
        rows = await self._database.read(
            lambda connection: rows_of(
                connection,
                t.JOURNAL,
                lambda s: s.where(t.JOURNAL.c.command_id == command_id).order_by(t.JOURNAL.c.seq),
            )
        )
        return tuple(read_event(row, self._codec).event for row in rows)

    async def find_order(self, client_order_id: str) -> Order | None:
        """Give an order of any age."""
        document = await self._document(t.ORDERS, client_order_id)
        return None if document is None else ORDERS.decode(document, "orders", client_order_id)

    async def find_ticket(self, ticket_id: str) -> Ticket | None:
        """Give a ticket of any age."""
        document = await self._document(t.TICKETS, ticket_id)
        return None if document is None else TICKETS.decode(document, "tickets", ticket_id)

    async def known(self, commands: Collection[str], fills: Collection[str]) -> Known:
        """Give which of these commands were consumed and fills booked."""

        def stored(connection: Connection) -> Known:
            return Known(
                commands=_present(connection, t.COMMANDS.c.command_id, commands),
                fills=_present(connection, t.FILLS.c.identity, fills),
            )

        return await self._database.read(stored)

    async def verify(self) -> Verification:
        """Check chain, replay, projections and identities; never raises for what it finds.

        Raises: JournalLocked, JournalCorrupt, JournalUnavailable when there is nothing to read.
        """
        await self._database.open()
        return await self._database.read_long(lambda connection: verified(connection, self._codec))

    async def export(self, file: IO[bytes]) -> int:
        """Write one JSON object per event and line, and give their number.

        Raises: JournalCorrupt at the first event that cannot be trusted.
        """
        await self._database.open()

        def lines(connection: Connection) -> int:
            count = 0
            for stored in stored_events(connection, self._codec):
                file.write(json_line(exported(stored)) + b"\n")
                count += 1
            return count

        return await self._database.read_long(lines)

    async def rebuild(self, told: Told = untold) -> int:
        """Make every projection again from the events, and give the events' number.

        Raises: JournalCorrupt when the events themselves cannot be trusted; nothing changed then.
        """
        await self._database.open()
        end = await self._database.write_long(lambda c: rebuilt(c, self._codec, told))
        return end.head.seq

    def _snapshot(self, state: State, events_min: int) -> None:
        """Have a snapshot stored, if at least so many events came since the last one.

        It waits behind what the writer does, and nobody waits for it. One that fails is tried
        again as many events later.
        """
        head = self._head
        if head.seq - self._snapshot_seq < max(events_min, 1):
            return
        self._snapshot_seq = head.seq
        try:
            self._database.later(
                lambda connection: store_snapshot(connection, Snapshot(head=head, state=state))
            )
        except JournalUnavailable as fault:
            log.warning("no snapshot at event %s: %s", head.seq, fault)

    def _replay(self, connection: Connection) -> tuple[State, Head, int]:
        """Give State, the head, and the number of the event that the fold began after."""
        state, head, begun = self._folded(connection)
        reach = projected_reach(connection)
        if reach != head.seq:
            raise JournalCorrupt(
                f"The tables reach event {reach}, the journal event {head.seq}. "
                "If you restored a backup, run: quarterdeck journal rebuild"
            )
        return state, head, begun

    def _folded(self, connection: Connection) -> tuple[State, Head, int]:
        for snapshot in (*self._followed(connection), *trusted_snapshots(connection)):
            try:
                return *self._fold(connection, snapshot), snapshot.head.seq
            except JournalCorrupt as fault:
                log.warning("not folded from the snapshot at %s: %s", snapshot.head.seq, fault)
        return *self._fold(connection, Snapshot(head=Head(), state=State())), 0

    def _followed(self, connection: Connection) -> Sequence[Snapshot]:
        """Give what was followed so far, once, where this is still the journal that it was."""
        warm, self._warm = self._warm, None
        if warm is None or _hash_at(connection, warm.head.seq) != warm.head.hash:
            return ()
        return (warm,)

    def _fold(self, connection: Connection, begin: Snapshot) -> tuple[State, Head]:
        state, head = begin.state, begin.head
        stored: StoredEvent | None = None
        for stored in stored_events(connection, self._codec, begin.head):
            state = applied(state, stored)
        if stored is not None:
            head = Head(seq=stored.seq, hash=stored.hash)
        return state, head

    async def _settle(self, batch: Batch) -> None:
        """Find out by the stored tail whether an unconfirmed commit happened."""
        try:
            stored = await self._database.settled(lambda connection: _link(connection, batch))
        except JournalError as error:
            raise AppendUncertain(
                f"Event {batch.head.seq} may or may not be stored: {error}"
            ) from error
        if stored is None:
            raise JournalUnavailable(f"Event {batch.head.seq} was not stored.")
        if stored != batch.head.hash:
            raise JournalLocked(f"Another process stored event {batch.head.seq}.")

    async def _document(self, table: Table, key: str) -> bytes | None:
        (column,) = table.primary_key
        statement = select(table.c.document).where(column == key)
        found: Any = await self._database.read(
            lambda connection: connection.execute(statement).scalar()
        )
        if found is not None and not isinstance(found, bytes):
            raise JournalCorrupt(f"Table {table.name}, row {key}: the document is no bytes.")
        return found


def _link(connection: Connection, batch: Batch) -> Any:
    """Give the hash that is stored under a batch's last number, once nobody appends."""
    fenced(connection)
    return _hash_at(connection, batch.head.seq)


def _hash_at(connection: Connection, seq: int) -> Any:
    return connection.execute(select(t.JOURNAL.c.hash).where(t.JOURNAL.c.seq == seq)).scalar()


def _present(connection: Connection, column: Column[str], names: Collection[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    return frozenset(connection.execute(select(column).where(column.in_(names))).scalars())


def exported(stored: StoredEvent) -> Values:
    """Give what a line of the export holds: seq, at, kind, the event's fields, hash.

    A field that is itself called kind, such as a breaker's, stands as of_kind.
    """
    fields = fields_of(stored.event)
    if "kind" in fields:
        fields["of_kind"] = fields.pop("kind")
    return {"seq": stored.seq, "at": fields.pop("at"), "kind": stored.kind, **fields} | {
        "hash": stored.hash
    }

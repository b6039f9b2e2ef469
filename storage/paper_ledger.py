"""The paper venue's own ledger on a database: its own tables, its own transactions.

It is never derived from the journal, so that the two can be compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.errors import JournalError
from engine.venues.ledger import (
    Balance,
    Flow,
    LedgerChange,
    LedgerConflict,
    LedgerHead,
    LedgerSnapshot,
    LedgerUnavailable,
    SwapPosition,
    Trade,
    VenueOrder,
)
from storage.codec import DocumentCodec
from storage.database import Database
from storage.paper_tables import (
    PAPER_BALANCES,
    PAPER_FLOWS,
    PAPER_HEADS,
    PAPER_ORDERS,
    PAPER_POSITIONS,
    PAPER_TRADES,
)
from storage.statements import Values, inserting, rows_of, run_many, upserting

D = TypeVar("D")
ROWS_PER_REVISION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf(Generic[D]):
    """Say where things of one class are kept, and what they are known by.

    `number_of` None sorts them by when they first came.
    """

    table: Table
    codec: DocumentCodec[D]
    key_of: Callable[[D], str]
    number_of: Callable[[D], int] | None = None

    def values(self, venue: str, thing: D, number: int) -> Values:
        """Give a thing's row."""
        return {
            "venue": venue,
            "key": self.key_of(thing),
            "number": number if self.number_of is None else self.number_of(thing),
            "document": self.codec.encode(thing),
        }


_HEADS = DocumentCodec(LedgerHead)
_ORDERS = _Shelf(
    table=PAPER_ORDERS, codec=DocumentCodec(VenueOrder), key_of=lambda o: o.venue_order_id
)
_BALANCES = _Shelf(table=PAPER_BALANCES, codec=DocumentCodec(Balance), key_of=lambda b: b.currency)
_POSITIONS = _Shelf(
    table=PAPER_POSITIONS, codec=DocumentCodec(SwapPosition), key_of=lambda p: p.symbol
)
_TRADES = _Shelf(
    table=PAPER_TRADES,
    codec=DocumentCodec(Trade),
    key_of=lambda t: t.trade_id,
    number_of=lambda t: t.sequence,
)
_FLOWS = _Shelf(
    table=PAPER_FLOWS,
    codec=DocumentCodec(Flow),
    key_of=lambda f: f.flow_id,
    number_of=lambda f: f.sequence,
)


class SqlLedgerStore:
    """Keep one venue's ledger; implements `engine.venues.ledger.LedgerStore`."""

    def __init__(self, database: Database, venue: str) -> None:
        self._database = database
        self._venue = venue

    async def load(self) -> LedgerSnapshot:
        """Give everything stored; a head of None when nothing ever was.

        Raises: LedgerUnavailable.
        """
        try:
            await self._database.open()
            return await self._database.read(lambda connection: ledger_of(connection, self._venue))
        except JournalError as error:
            raise LedgerUnavailable(f"The ledger of {self._venue}: {error}") from error

    async def save(self, change: LedgerChange) -> None:
        """Store the change in one durable transaction.

        Raises: LedgerConflict when the stored revision is not the one before the change's,
        LedgerUnavailable when it did not happen or nobody knows, AssertionError when a trade or a
        flow is there already.
        """
        try:
            await self._database.write(lambda connection: self._save(connection, change))
        except JournalError as error:
            raise LedgerUnavailable(f"The ledger of {self._venue}: {error}") from error

    def _save(self, connection: Connection, change: LedgerChange) -> None:
        revision = change.head.revision
        self._advance(connection, change.head)
        self._put(connection, _ORDERS, change.orders, revision)
        self._put(connection, _BALANCES, change.balances, revision)
        self._put(connection, _POSITIONS, change.positions, revision)
        try:
            self._add(connection, _TRADES, change.trades)
            self._add(connection, _FLOWS, change.flows)
        except IntegrityError as error:
            raise AssertionError(f"a trade or a flow is stored twice: {error.orig}") from error

    def _advance(self, connection: Connection, head: LedgerHead) -> None:
        values: Values = {"revision": head.revision, "document": _HEADS.encode(head)}
        moved = connection.execute(
            update(PAPER_HEADS)
            .where(PAPER_HEADS.c.venue == self._venue)
            .where(PAPER_HEADS.c.revision == head.revision - 1)
            .values(**values)
        ).rowcount
        if moved == 1:
            return
        try:
            if head.revision == 1:
                connection.execute(insert(PAPER_HEADS).values(venue=self._venue, **values))
                return
        except IntegrityError as error:
            raise self._conflict(head) from error
        raise self._conflict(head)

    def _conflict(self, head: LedgerHead) -> LedgerConflict:
        return LedgerConflict(
            f"The ledger of {self._venue} is not at revision {head.revision - 1} any more."
        )

    def _put(
        self, connection: Connection, shelf: _Shelf[D], things: Sequence[D], revision: int
    ) -> None:
        # New rows sort behind those of every earlier revision; a replaced row keeps its number.
        first = revision * ROWS_PER_REVISION
        rows = [
            shelf.values(self._venue, thing, first + index)
            for index, thing in enumerate({shelf.key_of(t): t for t in things}.values())
        ]
        run_many(connection, upserting(shelf.table, connection.dialect.name, "number"), rows)

    def _add(self, connection: Connection, shelf: _Shelf[D], things: Sequence[D]) -> None:
        rows = [shelf.values(self._venue, thing, 0) for thing in things]
        run_many(connection, inserting(shelf.table), rows)


def ledger_of(connection: Connection, venue: str) -> LedgerSnapshot:
    """Give everything stored of one venue.

    Raises: JournalCorrupt naming the row that cannot be read.
    """
    heads = select(PAPER_HEADS.c.document).where(PAPER_HEADS.c.venue == venue)
    head = connection.execute(heads).scalar()
    return LedgerSnapshot(
        head=None if head is None else _HEADS.decode(head, "paper_heads", venue),
        orders=_things(connection, _ORDERS, venue),
        trades=_things(connection, _TRADES, venue),
        balances=_things(connection, _BALANCES, venue),
        positions=_things(connection, _POSITIONS, venue),
        flows=_things(connection, _FLOWS, venue),
    )


def _things(connection: Connection, shelf: _Shelf[D], venue: str) -> tuple[D, ...]:
    table = shelf.table
    rows = rows_of(
        connection, table, lambda s: s.where(table.c.venue == venue).order_by(table.c.number)
    )
    return tuple(shelf.codec.decode(row["document"], table.name, row["key"]) for row in rows)

"""Queries: what screens read. Everything returned is frozen; no row leaves this package."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, Table, func, select

from engine.errors import JournalCorrupt
from engine.orders import Order, OrderSide
from engine.positions import Liquidity, Position
from storage import tables as t
from storage.audit import AUDITED, AuditLine, audit_line
from storage.chain import StoredEvent, read_event
from storage.codec import ORDERS, POSITIONS, Codec
from storage.database import Database
from storage.statements import Values, enum_of, rows_of

TROUBLE = ("OrderRejected", "OrderUnknown", "VenueWentSilent", "BooksDiffer", "CommandRefused")


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """Give one measurement of equity, in the reporting currency."""

    seq: int
    at: datetime
    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    high_water: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPosition:
    """Give a position that ended; `position` is as it ended, PnL after fees in quote currency."""

    position: Position
    is_long: bool
    exit_price: Decimal
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """Give a booked fill; `realised_pnl` is after its fee, `fee_quote` the fee's worth."""

    seq: int
    identity: str
    venue: str
    symbol: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    fee_quote: Decimal
    realised_pnl: Decimal
    liquidity: Liquidity | None
    is_late: bool
    client_order_id: str | None
    position_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """Give a trading day (UTC): the equity it began with, and what it gained; flows included."""

    day: date
    day_open: Decimal
    pnl: Decimal


class Queries:
    """Read what is stored. Every method raises JournalUnavailable, and JournalCorrupt for a row."""

    def __init__(self, database: Database, *, codec: Codec | None = None) -> None:
        self._database = database
        self._codec = codec if codec is not None else Codec()

    async def audit(self, limit: int, before_seq: int | None = None) -> Sequence[AuditLine]:
        """Give who did what, newest first; a page further on begins before `before_seq`."""
        conditions: list[ColumnElement[bool]] = [t.JOURNAL.c.kind.in_(AUDITED)]
        if before_seq is not None:
            conditions.append(t.JOURNAL.c.seq < before_seq)
        rows = await self._rows(t.JOURNAL, *conditions, by=t.JOURNAL.c.seq.desc(), limit=limit)
        return tuple(audit_line(read_event(row, self._codec)) for row in rows)

    async def audit_length(self) -> int:
        """Give the number of audit lines."""
        statement = select(func.count()).select_from(t.JOURNAL).where(t.JOURNAL.c.kind.in_(AUDITED))
        count = await self._database.read(lambda connection: connection.execute(statement).scalar())
        return count or 0

    async def event(self, seq: int) -> StoredEvent | None:
        """Give one event by its number."""
        rows = await self._rows(t.JOURNAL, t.JOURNAL.c.seq == seq)
        return read_event(rows[0], self._codec) if rows else None

    async def events_of(self, command_id: str) -> Sequence[StoredEvent]:
        """Give the events that a command caused, oldest first."""
        rows = await self._rows(t.JOURNAL, t.JOURNAL.c.command_id == command_id, by=t.JOURNAL.c.seq)
        return tuple(read_event(row, self._codec) for row in rows)

    async def last_trouble(self) -> StoredEvent | None:
        """Give the newest event that speaks of trouble."""
        rows = await self._rows(
            t.JOURNAL, t.JOURNAL.c.kind.in_(TROUBLE), by=t.JOURNAL.c.seq.desc(), limit=1
        )
        return read_event(rows[0], self._codec) if rows else None

    async def equity_since(self, since: datetime, points_max: int = 2000) -> Sequence[EquityPoint]:
        """Give measurements since a time, oldest first, evenly thinned to at most `points_max`."""
        statement = select(func.count()).select_from(t.EQUITY).where(t.EQUITY.c.at >= since)
        count = await self._database.read(lambda connection: connection.execute(statement).scalar())
        rows = await self._rows(t.EQUITY, t.EQUITY.c.at >= since, by=t.EQUITY.c.seq)
        stride = max(1, -(-(count or 0) // points_max))
        # Counted from the end, so that the newest measurement is always among them.
        kept = rows[::-1][::stride][::-1]
        return tuple(EquityPoint(**row) for row in kept)

    async def order(self, client_order_id: str) -> Order | None:
        """Give an order of any age."""
        rows = await self._rows(t.ORDERS, t.ORDERS.c.client_order_id == client_order_id)
        return _order(rows[0]) if rows else None

    async def orders_since(self, since: datetime, limit: int) -> Sequence[Order]:
        """Give orders submitted since a time, newest first."""
        column = t.ORDERS.c.submitted_at
        rows = await self._rows(t.ORDERS, column >= since, by=column.desc(), limit=limit)
        return tuple(_order(row) for row in rows)

    async def closed_since(self, since: datetime, limit: int = 1000) -> Sequence[ClosedPosition]:
        """Give positions that ended since a time, newest first."""
        column = t.POSITIONS.c.closed_at
        rows = await self._rows(t.POSITIONS, column >= since, by=column.desc(), limit=limit)
        return tuple(_closed(row) for row in rows)

    async def position(self, position_id: str) -> Position | None:
        """Give a position of any age, as it stands or ended."""
        rows = await self._rows(t.POSITIONS, t.POSITIONS.c.position_id == position_id)
        return _position(rows[0]) if rows else None

    async def fills_of(self, client_order_id: str) -> Sequence[FillRecord]:
        """Give an order's fills in the order in which they were booked."""
        column = t.FILLS.c.client_order_id
        rows = await self._rows(t.FILLS, column == client_order_id, by=t.FILLS.c.seq)
        return tuple(fill_record(row) for row in rows)

    async def fills_since(
        self,
        since: datetime,
        limit: int = 5000,
        *,
        venue: str | None = None,
        symbol: str | None = None,
    ) -> Sequence[FillRecord]:
        """Give fills since a time, newest first, of one venue or symbol if named."""
        conditions: list[ColumnElement[bool]] = [t.FILLS.c.at >= since]
        if venue is not None:
            conditions.append(t.FILLS.c.venue == venue)
        if symbol is not None:
            conditions.append(t.FILLS.c.symbol == symbol)
        rows = await self._rows(t.FILLS, *conditions, by=t.FILLS.c.seq.desc(), limit=limit)
        return tuple(fill_record(row) for row in rows)

    async def days(self, days_max: int, equity_now: Decimal) -> Sequence[DayBar]:
        """Give the last days' PnL, oldest first; the newest day ends at `equity_now`."""
        rows = await self._rows(t.DAYS, by=t.DAYS.c.day.desc(), limit=days_max)
        bars: list[DayBar] = []
        end = equity_now
        for row in rows:
            bars.append(DayBar(day=row["day"], day_open=row["day_open"], pnl=end - row["day_open"]))
            end = row["day_open"]
        return tuple(reversed(bars))

    async def _rows(
        self,
        table: Table,
        *conditions: ColumnElement[bool],
        by: ColumnElement[object] | None = None,
        limit: int | None = None,
    ) -> list[Values]:
        def narrowed(statement: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
            narrow = statement.where(*conditions)
            return (narrow if by is None else narrow.order_by(by)).limit(limit)

        return await self._database.read(lambda connection: rows_of(connection, table, narrowed))


def _order(row: Values) -> Order:
    return ORDERS.decode(row["document"], "orders", row["client_order_id"])


def _position(row: Values) -> Position:
    return POSITIONS.decode(row["document"], "positions", row["position_id"])


def _closed(row: Values) -> ClosedPosition:
    if row["exit_price"] is None:
        raise JournalCorrupt(f"Table positions, row {row['position_id']}: no exit price.")
    return ClosedPosition(
        position=_position(row),
        is_long=row["side"] == "long",
        exit_price=row["exit_price"],
        closed_at=row["closed_at"],
    )


def fill_record(row: Values) -> FillRecord:
    """Read a row of `fills`. Raises: JournalCorrupt."""
    key = row["identity"]
    liquidity = row["liquidity"]
    return FillRecord(
        **{
            **row,
            "side": enum_of(OrderSide, row["side"], t.FILLS, key),
            "liquidity": (
                None if liquidity is None else enum_of(Liquidity, liquidity, t.FILLS, key)
            ),
        }
    )

"""Tables: the rows that are stored. Storage only; no row leaves this package.

`journal` is the truth; `snapshots` spares a start most of its replay. Orders, fills, positions,
tickets, signals, equity, days, chats and commands are projections: `rebuild` makes them again from
the journal. Updates, outbox, cards, notes and operators are the console's own; the tables that
begin with `paper_` are the paper venue's; `lease` says which process is the active one.
Projections carry a domain value whole in `document`, and beside it the columns people query. Every
index costs a page in every append: there is one only where `queries` or a unique identity needs it.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Date, Index, LargeBinary, MetaData, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.types import DecimalText, ForeignText, Integer64, UtcDateTime

METADATA = MetaData()
HASH_LENGTH = 64
# SQLModel is typed for column classes; a variant is an instance, which it takes as well.
Integer64Column = cast(Any, Integer64)
REASON_LENGTH_MAX = 400


class Row(SQLModel):
    """Stand at the root of every table, with a catalogue of our own."""

    metadata = METADATA


class JournalRow(Row, table=True):
    """Hold one event: its exact bytes and its link in the chain."""

    __tablename__ = "journal"
    seq: int = Field(primary_key=True, sa_type=Integer64Column)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(index=True)
    version: int
    command_id: str | None = Field(default=None, index=True, sa_type=ForeignText)
    payload: bytes = Field(sa_type=LargeBinary)
    hash: str = Field(max_length=HASH_LENGTH)


class JournalMetaRow(Row, table=True):
    """Hold one fact about the stored journal, such as how far the projections reach."""

    __tablename__ = "journal_meta"
    name: str = Field(primary_key=True)
    value: str


class SnapshotRow(Row, table=True):
    """Hold State as it stood after an event, for a quick start; the journal can do without it.

    `version` names the State and the fold that made it, `hash` is the event's own in the journal.
    """

    __tablename__ = "snapshots"
    seq: int = Field(primary_key=True, sa_type=Integer64Column)
    version: str = Field(max_length=HASH_LENGTH)
    hash: str = Field(max_length=HASH_LENGTH)
    state_hash: str = Field(max_length=HASH_LENGTH)
    payload: bytes = Field(sa_type=LargeBinary)


class CommandRow(Row, table=True):
    """Consume a command id, for ever; `seq` is its first event."""

    __tablename__ = "commands"
    # One page less to write for every command.
    __table_args__ = {"sqlite_with_rowid": False}
    command_id: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column, foreign_key="journal.seq")


class OrderRow(Row, table=True):
    """Show an order as it stands; `document` is the whole order."""

    __tablename__ = "orders"
    client_order_id: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column)
    venue: str = Field(sa_type=ForeignText)
    symbol: str = Field(sa_type=ForeignText)
    side: str
    kind: str
    purpose: str
    status: str
    quantity: Decimal = Field(sa_type=DecimalText)
    filled: Decimal = Field(sa_type=DecimalText)
    price_average: Decimal | None = Field(default=None, sa_type=DecimalText)
    fees: Decimal = Field(sa_type=DecimalText)
    realised_pnl: Decimal = Field(sa_type=DecimalText)
    strategy: str = Field(sa_type=ForeignText)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    document: bytes = Field(sa_type=LargeBinary)


class FillRow(Row, table=True):
    """Show a booked fill; its identity is unique for ever.

    `realised_pnl` is what the fill realised after its fee, in quote currency; `position_id` is the
    position that it opened, changed or closed.
    """

    __tablename__ = "fills"
    identity: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column, foreign_key="journal.seq")
    venue: str = Field(sa_type=ForeignText)
    symbol: str = Field(sa_type=ForeignText)
    trade_id: str = Field(sa_type=ForeignText)
    side: str
    quantity: Decimal = Field(sa_type=DecimalText)
    price: Decimal = Field(sa_type=DecimalText)
    fee: Decimal = Field(sa_type=DecimalText)
    fee_currency: str = Field(sa_type=ForeignText)
    fee_quote: Decimal = Field(sa_type=DecimalText)
    realised_pnl: Decimal = Field(sa_type=DecimalText)
    liquidity: str | None = None
    is_late: bool
    client_order_id: str | None = Field(default=None, index=True, sa_type=ForeignText)
    position_id: str | None = Field(default=None, sa_type=ForeignText)
    at: datetime = Field(sa_type=UtcDateTime, index=True)


class PositionRow(Row, table=True):
    """Show a position, open or closed; `document` is the position as it stands or ended."""

    __tablename__ = "positions"
    position_id: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column)
    venue: str = Field(sa_type=ForeignText)
    symbol: str = Field(sa_type=ForeignText)
    side: str
    quantity: Decimal = Field(sa_type=DecimalText)
    quantity_peak: Decimal = Field(sa_type=DecimalText)
    entry_price: Decimal = Field(sa_type=DecimalText)
    exit_price: Decimal | None = Field(default=None, sa_type=DecimalText)
    realised_pnl: Decimal = Field(sa_type=DecimalText)
    fees: Decimal = Field(sa_type=DecimalText)
    strategy: str = Field(sa_type=ForeignText)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    document: bytes = Field(sa_type=LargeBinary)


class TicketRow(Row, table=True):
    """Show a ticket with its latest status; `document` is the whole ticket."""

    __tablename__ = "tickets"
    ticket_id: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column)
    status: str
    symbol: str = Field(sa_type=ForeignText)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    document: bytes = Field(sa_type=LargeBinary)


class SignalRow(Row, table=True):
    """Show a received signal and what became of it."""

    __tablename__ = "signals"
    signal_id: str = Field(primary_key=True, sa_type=ForeignText)
    seq: int = Field(sa_type=Integer64Column)
    at: datetime = Field(sa_type=UtcDateTime)
    venue: str = Field(sa_type=ForeignText)
    symbol: str = Field(sa_type=ForeignText)
    action: str
    strategy: str = Field(sa_type=ForeignText)
    actor: str = Field(sa_type=ForeignText)
    outcome: str = Field(sa_type=ForeignText)


class EquityRow(Row, table=True):
    """Show one measurement of equity, in the reporting currency."""

    __tablename__ = "equity"
    seq: int = Field(primary_key=True, sa_type=Integer64Column)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    equity: Decimal = Field(sa_type=DecimalText)
    cash: Decimal = Field(sa_type=DecimalText)
    unrealised_pnl: Decimal = Field(sa_type=DecimalText)
    gross: Decimal = Field(sa_type=DecimalText)
    high_water: Decimal = Field(sa_type=DecimalText)


class DayRow(Row, table=True):
    """Show with which equity a trading day began."""

    __tablename__ = "days"
    day: date = Field(primary_key=True, sa_type=Date)
    seq: int = Field(sa_type=Integer64Column)
    day_open: Decimal = Field(sa_type=DecimalText)


class ChatRow(Row, table=True):
    """Show a chat that receives alerts; `modes` is JSON."""

    __tablename__ = "chats"
    chat_id: int = Field(primary_key=True, sa_type=Integer64Column)
    seq: int = Field(sa_type=Integer64Column)
    user_id: int = Field(sa_type=Integer64Column)
    is_group: bool
    modes: str


class OperatorRow(Row, table=True):
    """Hold an operator that an owner added in the chat."""

    __tablename__ = "operators"
    user_id: int = Field(primary_key=True, sa_type=Integer64Column)
    role: str
    added_by: str = Field(sa_type=ForeignText)
    added_at: datetime = Field(sa_type=UtcDateTime)


class UpdateRow(Row, table=True):
    """Hold a received update until it is handled, and its id afterwards."""

    __tablename__ = "updates"
    update_id: int = Field(primary_key=True, sa_type=Integer64Column)
    received_at: datetime = Field(sa_type=UtcDateTime)
    payload: bytes = Field(sa_type=LargeBinary)
    handled: bool = Field(default=False, index=True)


class OutboxTableRow(Row, table=True):
    """Hold one alert for one chat until it is delivered; `seq` 0 comes from no event."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_due", "status", "lane", "row_id"),
        Index("outbox_order", "chat_id", "subject", "status"),
        {"sqlite_autoincrement": True},
    )
    row_id: int | None = Field(default=None, primary_key=True, sa_type=Integer64Column)
    seq: int = Field(sa_type=Integer64Column)
    chat_id: int = Field(sa_type=Integer64Column)
    kind: str
    lane: int
    subject: str = Field(sa_type=ForeignText)
    event: str = Field(sa_type=ForeignText)
    audience: str
    silent: bool
    at: datetime = Field(sa_type=UtcDateTime)
    status: str
    not_before: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    was_sending: bool = False
    reason: str = Field(default="", max_length=REASON_LENGTH_MAX)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CardRow(Row, table=True):
    """Remember which message of a chat shows which subject."""

    __tablename__ = "cards"
    __table_args__ = (UniqueConstraint("chat_id", "message_id"),)
    chat_id: int = Field(primary_key=True, sa_type=Integer64Column)
    subject: str = Field(primary_key=True, index=True, sa_type=ForeignText)
    message_id: int = Field(sa_type=Integer64Column)
    content_hash: str
    at: datetime = Field(sa_type=UtcDateTime)


class NoteRow(Row, table=True):
    """Hold a small value of the console's, by scope and name."""

    __tablename__ = "notes"
    scope: str = Field(primary_key=True, sa_type=ForeignText)
    name: str = Field(primary_key=True, sa_type=ForeignText)
    value: str = Field(sa_type=ForeignText)


class LeaseRow(Row, table=True):
    """Hold which process is the active one, on a server; a file has its lock instead.

    `token` grows with each takeover, for ever. `expires_ms` is milliseconds since 1970 by the
    server's own clock, 0 when the lease was let go of.
    """

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str = Field(sa_type=ForeignText)
    token: int = Field(sa_type=Integer64Column)
    expires_ms: int = Field(sa_type=Integer64Column)


def table_of(model: type[SQLModel]) -> Table:
    """Give the Core table behind a model; every statement of this package is Core."""
    return cast(Any, model).__table__  # type: ignore[no-any-return]


JOURNAL = table_of(JournalRow)
JOURNAL_META = table_of(JournalMetaRow)
SNAPSHOTS = table_of(SnapshotRow)
COMMANDS = table_of(CommandRow)
ORDERS = table_of(OrderRow)
FILLS = table_of(FillRow)
POSITIONS = table_of(PositionRow)
TICKETS = table_of(TicketRow)
SIGNALS = table_of(SignalRow)
EQUITY = table_of(EquityRow)
DAYS = table_of(DayRow)
CHATS = table_of(ChatRow)
OPERATORS = table_of(OperatorRow)
UPDATES = table_of(UpdateRow)
OUTBOX = table_of(OutboxTableRow)
CARDS = table_of(CardRow)
NOTES = table_of(NoteRow)
LEASE = table_of(LeaseRow)

PROJECTIONS: tuple[Table, ...] = (
    COMMANDS,
    ORDERS,
    FILLS,
    POSITIONS,
    TICKETS,
    SIGNALS,
    EQUITY,
    DAYS,
    CHATS,
)

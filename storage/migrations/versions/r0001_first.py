"""The first tables: what a database held before revisions were counted."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None

INTEGER_64 = BigInteger().with_variant(Integer, "sqlite")
TABLES = MetaData()

Table(
    "journal", TABLES,
    Column("seq", INTEGER_64, primary_key=True),
    Column("at", String(27), nullable=False),
    Column("kind", String, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("command_id", String, index=True),
    Column("payload", LargeBinary, nullable=False),
    Column("hash", String(64), nullable=False),
)  # fmt: skip
Table(
    "journal_meta", TABLES,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)  # fmt: skip
Table(
    "snapshots", TABLES,
    Column("seq", INTEGER_64, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("state_hash", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "commands", TABLES,
    Column("command_id", String, primary_key=True),
    Column("seq", INTEGER_64, ForeignKey("journal.seq"), nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
Table(
    "orders", TABLES,
    Column("client_order_id", String, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("venue", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("status", String, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("filled", Text, nullable=False),
    Column("price_average", Text),
    Column("fees", Text, nullable=False),
    Column("realised_pnl", Text, nullable=False),
    Column("strategy", String, nullable=False),
    Column("submitted_at", String(27), index=True),
    Column("finished_at", String(27)),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "fills", TABLES,
    Column("identity", String, primary_key=True),
    Column("seq", INTEGER_64, ForeignKey("journal.seq"), nullable=False),
    Column("venue", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("trade_id", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("fee", Text, nullable=False),
    Column("fee_currency", String, nullable=False),
    Column("fee_quote", Text, nullable=False),
    Column("realised_pnl", Text, nullable=False),
    Column("liquidity", String),
    Column("is_late", Boolean, nullable=False),
    Column("client_order_id", String, index=True),
    Column("position_id", String),
    Column("at", String(27), nullable=False, index=True),
)  # fmt: skip
Table(
    "positions", TABLES,
    Column("position_id", String, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("venue", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("quantity_peak", Text, nullable=False),
    Column("entry_price", Text, nullable=False),
    Column("exit_price", Text),
    Column("realised_pnl", Text, nullable=False),
    Column("fees", Text, nullable=False),
    Column("strategy", String, nullable=False),
    Column("opened_at", String(27), nullable=False),
    Column("closed_at", String(27), index=True),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "tickets", TABLES,
    Column("ticket_id", String, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("status", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("opened_at", String(27), nullable=False),
    Column("ended_at", String(27)),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "signals", TABLES,
    Column("signal_id", String, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("at", String(27), nullable=False),
    Column("venue", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("action", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("outcome", String, nullable=False),
)  # fmt: skip
Table(
    "equity", TABLES,
    Column("seq", INTEGER_64, primary_key=True),
    Column("at", String(27), nullable=False, index=True),
    Column("equity", Text, nullable=False),
    Column("cash", Text, nullable=False),
    Column("unrealised_pnl", Text, nullable=False),
    Column("gross", Text, nullable=False),
    Column("high_water", Text, nullable=False),
)  # fmt: skip
Table(
    "days", TABLES,
    Column("day", Date, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("day_open", Text, nullable=False),
)  # fmt: skip
Table(
    "chats", TABLES,
    Column("chat_id", INTEGER_64, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("user_id", INTEGER_64, nullable=False),
    Column("is_group", Boolean, nullable=False),
    Column("modes", String, nullable=False),
)  # fmt: skip
Table(
    "operators", TABLES,
    Column("user_id", INTEGER_64, primary_key=True),
    Column("role", String, nullable=False),
    Column("added_by", String, nullable=False),
    Column("added_at", String(27), nullable=False),
)  # fmt: skip
Table(
    "updates", TABLES,
    Column("update_id", INTEGER_64, primary_key=True),
    Column("received_at", String(27), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("handled", Boolean, nullable=False, index=True),
)  # fmt: skip
Table(
    "outbox", TABLES,
    Column("row_id", INTEGER_64, primary_key=True),
    Column("seq", INTEGER_64, nullable=False),
    Column("chat_id", INTEGER_64, nullable=False),
    Column("kind", String, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("subject", String, nullable=False),
    Column("event", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("at", String(27), nullable=False),
    Column("status", String, nullable=False),
    Column("not_before", String(27), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("was_sending", Boolean, nullable=False),
    Column("reason", String(400), nullable=False),
    Column("ended_at", String(27)),
    Index("outbox_order", "chat_id", "subject", "status"),
    Index("outbox_due", "status", "lane", "row_id"),
    sqlite_autoincrement=True,
)  # fmt: skip
Table(
    "cards", TABLES,
    Column("chat_id", INTEGER_64, primary_key=True),
    Column("subject", String, primary_key=True, index=True),
    Column("message_id", INTEGER_64, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("at", String(27), nullable=False),
    UniqueConstraint("chat_id", "message_id"),
)  # fmt: skip
Table(
    "notes", TABLES,
    Column("scope", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)  # fmt: skip
Table(
    "paper_heads", TABLES,
    Column("venue", String, primary_key=True),
    Column("revision", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "paper_orders", TABLES,
    Column("venue", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "paper_trades", TABLES,
    Column("venue", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "paper_balances", TABLES,
    Column("venue", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "paper_positions", TABLES,
    Column("venue", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip
Table(
    "paper_flows", TABLES,
    Column("venue", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("number", INTEGER_64, nullable=False),
    Column("document", LargeBinary, nullable=False),
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    TABLES.create_all(op.get_bind())

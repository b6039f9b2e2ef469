"""History: equity, quotes and candles as they were."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text

revision = "0003"
down_revision = "0002"

TABLES = MetaData()

Table(
    "equity_points", TABLES,
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("equity", Text, nullable=False),
    Column("cash", Text, nullable=False),
    Column("unrealised_pnl", Text, nullable=False),
    Column("gross", Text, nullable=False),
    Column("high_water", Text, nullable=False),
    Column("is_roll", Boolean, nullable=False),
)  # fmt: skip
Table(
    "quote_samples", TABLES,
    Column("venue", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("bid", Text, nullable=False),
    Column("ask", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Index("ix_quote_samples_at", "at"),
    sqlite_with_rowid=False,
)  # fmt: skip
Table(
    "candles", TABLES,
    Column("venue", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("timeframe", String, primary_key=True),
    Column("opened_at", BigInteger, primary_key=True),
    Column("open", Text, nullable=False),
    Column("high", Text, nullable=False),
    Column("low", Text, nullable=False),
    Column("close", Text, nullable=False),
    Column("volume", Text, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
Table(
    "candle_spans", TABLES,
    Column("venue", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("timeframe", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("begins_at", BigInteger, primary_key=True),
    Column("ends_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    TABLES.create_all(op.get_bind())

"""History tables: equity, quotes and candles as they were. None of them is the truth of anything.

They can be lost, or be behind, without a decision being wrong: nothing here is read by the engine,
and nothing is written in an append. The equity that events measured is in `equity`, a projection;
`equity_points` is kept for as long as its owner wants. Each is laid out by its time, so that a
stretch of it is one walk along one index.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables import Row, table_of
from storage.types import DecimalText, ForeignText, UtcMillis

NO_NUMBERING = {"autoincrement": False}


class EquityPointRow(Row, table=True):
    """Hold what the account was worth at a time, in the reporting currency.

    `is_roll` marks the point with which a trading day began.
    """

    __tablename__ = "equity_points"
    at: datetime = Field(primary_key=True, sa_type=UtcMillis, sa_column_kwargs=NO_NUMBERING)
    equity: Decimal = Field(sa_type=DecimalText)
    cash: Decimal = Field(sa_type=DecimalText)
    unrealised_pnl: Decimal = Field(sa_type=DecimalText)
    gross: Decimal = Field(sa_type=DecimalText)
    high_water: Decimal = Field(sa_type=DecimalText)
    is_roll: bool


class QuoteSampleRow(Row, table=True):
    """Hold what a symbol was quoted at a time."""

    __tablename__ = "quote_samples"
    __table_args__ = (Index("ix_quote_samples_at", "at"), {"sqlite_with_rowid": False})
    venue: str = Field(primary_key=True, sa_type=ForeignText)
    symbol: str = Field(primary_key=True, sa_type=ForeignText)
    at: datetime = Field(primary_key=True, sa_type=UtcMillis)
    bid: Decimal = Field(sa_type=DecimalText)
    ask: Decimal = Field(sa_type=DecimalText)
    mark: Decimal = Field(sa_type=DecimalText)


class CandleRow(Row, table=True):
    """Hold a finished candle."""

    __tablename__ = "candles"
    __table_args__ = ({"sqlite_with_rowid": False},)
    venue: str = Field(primary_key=True, sa_type=ForeignText)
    symbol: str = Field(primary_key=True, sa_type=ForeignText)
    timeframe: str = Field(primary_key=True)
    opened_at: datetime = Field(primary_key=True, sa_type=UtcMillis)
    open: Decimal = Field(sa_type=DecimalText)
    high: Decimal = Field(sa_type=DecimalText)
    low: Decimal = Field(sa_type=DecimalText)
    close: Decimal = Field(sa_type=DecimalText)
    volume: Decimal = Field(sa_type=DecimalText)


class CandleSpanRow(Row, table=True):
    """Hold a stretch [begins_at, ends_at) of a line of candles, and what is known of it.

    `kind` is `covered` where the venue was asked, `doubted` where it gave nothing once, and `empty`
    where it has none. Stretches of one kind neither meet nor overlap.
    """

    __tablename__ = "candle_spans"
    __table_args__ = ({"sqlite_with_rowid": False},)
    venue: str = Field(primary_key=True, sa_type=ForeignText)
    symbol: str = Field(primary_key=True, sa_type=ForeignText)
    timeframe: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    begins_at: datetime = Field(primary_key=True, sa_type=UtcMillis)
    ends_at: datetime = Field(sa_type=UtcMillis)


EQUITY_POINTS = table_of(EquityPointRow)
QUOTE_SAMPLES = table_of(QuoteSampleRow)
CANDLES = table_of(CandleRow)
CANDLE_SPANS = table_of(CandleSpanRow)

"""Tables of the paper venue's ledger: one row a thing, keyed by venue and the thing's own key.

`document` is the thing as the ledger wrote it; `number` keeps the order in which rows were added.
"""

from sqlalchemy import LargeBinary
from sqlmodel import Field

from storage.tables import Integer64Column, Row, table_of
from storage.types import ForeignText


class PaperRow(Row):
    """Hold what the ledger's tables have in common."""

    venue: str = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=ForeignText)
    number: int = Field(sa_type=Integer64Column)
    document: bytes = Field(sa_type=LargeBinary)


class PaperHeadRow(Row, table=True):
    """Hold the ledger's head; `revision` is the fence between two writers."""

    __tablename__ = "paper_heads"
    venue: str = Field(primary_key=True)
    revision: int = Field(sa_type=Integer64Column)
    document: bytes = Field(sa_type=LargeBinary)


class PaperOrderRow(PaperRow, table=True):
    """Hold an order by its venue order id."""

    __tablename__ = "paper_orders"


class PaperExecutionRow(PaperRow, table=True):
    """Hold a trade by its trade id."""

    __tablename__ = "paper_trades"


class PaperBalanceRow(PaperRow, table=True):
    """Hold a balance by its currency."""

    __tablename__ = "paper_balances"


class PaperPositionRow(PaperRow, table=True):
    """Hold a swap position by its symbol."""

    __tablename__ = "paper_positions"


class PaperFlowRow(PaperRow, table=True):
    """Hold a deposit, a withdrawal or an insurance payment by its flow id."""

    __tablename__ = "paper_flows"


PAPER_HEADS = table_of(PaperHeadRow)
PAPER_ORDERS = table_of(PaperOrderRow)
PAPER_TRADES = table_of(PaperExecutionRow)
PAPER_BALANCES = table_of(PaperBalanceRow)
PAPER_POSITIONS = table_of(PaperPositionRow)
PAPER_FLOWS = table_of(PaperFlowRow)

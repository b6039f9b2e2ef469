"""The tables hold exact amounts and aware times, on both databases."""

import pytest
from sqlalchemy import DateTime, Dialect, Float, Numeric, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.paper_tables import PAPER_HEADS
from storage.statements import upserting
from storage.types import DecimalText, UtcDateTime, UtcMillis

TABLES = PAPER_HEADS.metadata.sorted_tables
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]
AMOUNTS = frozenset(
    "quantity filled price price_average fee fee_quote fees realised_pnl equity cash gross "
    "unrealised_pnl high_water day_open entry_price exit_price quantity_peak bid ask mark open "
    "high low close volume".split()
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
def test_every_table_can_be_made_and_written_on_both_databases(
    table: Table, dialect: Dialect
) -> None:
    assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        assert table.name in str(CreateIndex(index).compile(dialect=dialect))
    sql = str(upserting(table, dialect.name).compile(dialect=dialect))
    assert "ON CONFLICT" in sql


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_column_rounds_an_amount_or_forgets_a_zone(table: Table) -> None:
    for column in table.columns:
        assert not isinstance(column.type, Float | Numeric | DateTime), column
        if column.name in AMOUNTS:
            assert isinstance(column.type, DecimalText), column
        if column.name == "at" or column.name.endswith(("_at", "_before")):
            assert isinstance(column.type, UtcDateTime | UtcMillis), column


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_ids_of_telegram_fit_their_column_on_postgres(table: Table) -> None:
    for name in ("chat_id", "user_id", "message_id", "update_id", "seq", "row_id"):
        if name in table.columns:
            compiled = table.columns[name].type.compile(dialect=DIALECTS["postgresql"])
            assert compiled == "BIGINT"

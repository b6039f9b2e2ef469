from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from engine.errors import JournalCorrupt
from storage.types import DecimalText, UtcDateTime, time_of, time_text

TABLE = Table(
    "amounts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("amount", DecimalText),
    Column("at", UtcDateTime),
)
ZONES = st.timezones() | st.just(timezone(timedelta(hours=5, minutes=45)))
TIMES = st.datetimes(timezones=ZONES).filter(lambda at: 1 < at.year < 9999)


@pytest.fixture(scope="module")
def connection() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        TABLE.metadata.create_all(opened)
        yield opened
    engine.dispose()


def stored(connection: Connection, **values: object) -> Any:
    connection.execute(TABLE.delete())
    connection.execute(insert(TABLE), values)
    return connection.execute(select(TABLE)).one()


@given(amount=st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_comes_back_digit_for_digit(connection: Connection, amount: Decimal) -> None:
    assert stored(connection, amount=amount).amount.as_tuple() == amount.as_tuple()


@pytest.mark.parametrize(
    "amount", ["0.1", "1E-8", "0.00000001", "100.00", "-0", "123456789012345678901234567890.12345"]
)
def test_amounts_that_floats_spoil_stay_whole(connection: Connection, amount: str) -> None:
    assert str(stored(connection, amount=Decimal(amount)).amount) == str(Decimal(amount))


@pytest.mark.parametrize("amount", [0.1, 1, "1.5", True])
def test_what_is_no_decimal_is_refused(connection: Connection, amount: object) -> None:
    with pytest.raises(StatementError, match="Only a Decimal is stored"):
        stored(connection, amount=amount)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_refused(connection: Connection, amount: str) -> None:
    with pytest.raises(StatementError, match="Only a finite number"):
        stored(connection, amount=Decimal(amount))


@pytest.mark.parametrize("text", ["twelve", "", "NaN", "Infinity", b"\xff"])
def test_a_stored_text_that_is_no_decimal_is_corrupt(text: Any) -> None:
    with pytest.raises(JournalCorrupt, match="decimal"):
        DecimalText().process_result_value(text, sqlite.dialect())


def test_nothing_is_stored_as_nothing(connection: Connection) -> None:
    row = stored(connection, amount=None, at=None)
    assert row.amount is None
    assert row.at is None


@given(at=TIMES)
def test_a_time_comes_back_as_the_same_instant_in_utc(connection: Connection, at: datetime) -> None:
    again = stored(connection, at=at).at
    assert again == at.astimezone(UTC)
    assert again.tzinfo is UTC


@given(one=TIMES, other=TIMES)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    one, other = one.astimezone(UTC), other.astimezone(UTC)
    assert (time_text(one) < time_text(other)) == (one < other)


def test_a_naive_time_is_refused(connection: Connection) -> None:
    naive = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(StatementError, match="time with its zone"):
        stored(connection, at=naive)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-03-01", "2026-03-01T12:00:00Z", "2026-03-01 12:00:00.000000Z", "", 5],
)
def test_a_stored_text_that_is_no_time_is_corrupt(text: Any) -> None:
    with pytest.raises(JournalCorrupt, match="no time in UTC"):
        time_of(text)


def test_a_time_is_written_with_microseconds_and_a_z() -> None:
    assert time_text(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "2026-03-01T12:00:00.000000Z"

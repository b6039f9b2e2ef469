"""Column types that keep what they are given: decimals, UTC times, any text, 64-bit integers."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy import BigInteger, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from engine.errors import JournalCorrupt

TIME_LENGTH = 27
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSET_LENGTH = len("+00:00")

# A code point that Unicode keeps free for programs: it stands in no text that people exchange.
MARK = "\ufdd0"
_UNSTORABLE = re.compile("[\0\ud800-\udfff\ufdd0]")
_MARKED = re.compile(f"{MARK}([0-9a-f]{{4}})")

# SQLite numbers rows by itself only in an INTEGER column; Postgres needs BIGINT for chat ids.
Integer64 = BigInteger().with_variant(Integer, "sqlite")


class DecimalText(TypeDecorator[Decimal]):
    """Store a Decimal as its own text, so that digits and exponent come back as they went in.

    Raises: TypeError for anything but a Decimal, ValueError for NaN and infinity, JournalCorrupt
    when the stored text is no decimal.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write the Decimal's text."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"Only a Decimal is stored as a decimal, not {value!r}.")
        if not value.is_finite():
            raise ValueError(f"Only a finite number is stored, not {value}.")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Read the Decimal back."""
        if value is None:
            return None
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError, ValueError):
            raise JournalCorrupt(f"{value!r} is no decimal.") from None
        if not number.is_finite():
            raise JournalCorrupt(f"{value!r} is no finite decimal.")
        return number


class ForeignText(TypeDecorator[str]):
    """Store text of a person's, a program's or a venue's, whatever its characters are.

    Postgres stores no NUL, and neither database half of a surrogate pair: such a character stands
    as a mark and its number in hexadecimal, and comes back as it was.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write the text."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _UNSTORABLE.sub(lambda found: f"{MARK}{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read the text back."""
        if value is None or MARK not in value:
            return value
        return _MARKED.sub(lambda found: chr(int(found[1], 16)), value)


class UtcDateTime(TypeDecorator[datetime]):
    """Store an aware time as ISO-8601 UTC with microseconds; text order is time order.

    Raises: ValueError for a naive time, JournalCorrupt when the stored text is no such time.
    """

    impl = String(TIME_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the time in UTC."""
        return None if value is None else time_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read the time back, aware and in UTC."""
        return None if value is None else time_of(value)


class UtcMillis(TypeDecorator[datetime]):
    """Store an aware time as whole milliseconds since 1970; what is smaller is cut off.

    Only the tables of the history keep times so: gaps between candles are then found by the
    database itself, and TimescaleDB cuts a table into chunks by a number but not by a text.

    Raises: ValueError for a naive time, JournalCorrupt when the stored number is no such time.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Write the time as a number."""
        return None if value is None else millis_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Read the time back, aware and in UTC."""
        if value is None:
            return None
        try:
            return EPOCH + timedelta(milliseconds=value)
        except (TypeError, OverflowError):
            raise JournalCorrupt(f"{value!r} is no time in milliseconds.") from None


def millis_of(value: datetime) -> int:
    """Give an aware time as whole milliseconds since 1970.

    Raises: ValueError when it is naive.
    """
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"Only a time with its zone is stored, not {value!r}.")
    return (value - EPOCH) // timedelta(milliseconds=1)


def time_text(value: datetime) -> str:
    """Write an aware time as `2026-01-31T12:00:00.000000Z`.

    Raises: ValueError when it is naive.
    """
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"Only a time with its zone is stored, not {value!r}.")
    # isoformat, because strftime drops the leading zeros of an early year on Linux.
    instant = value if value.tzinfo is UTC else value.astimezone(UTC)
    return f"{instant.isoformat(timespec='microseconds')[:-OFFSET_LENGTH]}Z"


def time_of(text: str) -> datetime:
    """Read what `time_text` wrote.

    Raises: JournalCorrupt when it is something else.
    """
    try:
        # fromisoformat is forty times faster than strptime, and lenient: hence the comparison.
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise JournalCorrupt(f"{text!r} is no time in UTC.") from None
    if time_text(instant) != text:
        raise JournalCorrupt(f"{text!r} is no time in UTC.")
    return instant

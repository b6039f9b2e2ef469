from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.candles import (
    EPOCH,
    MILLISECOND,
    CandleRow,
    Fault,
    Timeframe,
    missing,
    screened,
    timeframe_of,
)
from engine.errors import InvalidInput

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GOOD = ("10", "12", "9", "11", "5")


def row(minute: int, *numbers: str | None, second: int = 0) -> CandleRow:
    at = BEGIN + minute * MINUTE + timedelta(seconds=second)
    return CandleRow(
        opened_ms=(at - EPOCH) // MILLISECOND,
        numbers=tuple(None if each is None else Decimal(each) for each in numbers or GOOD),
    )


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (row(1, "10", "12", "9", None, "5"), Fault.NOT_A_NUMBER),
        (row(1, "10", "12", "9"), Fault.NOT_A_NUMBER),
        (CandleRow(opened_ms=None, numbers=()), Fault.NOT_A_NUMBER),
        (CandleRow(opened_ms=10**30, numbers=()), Fault.NOT_A_NUMBER),
        (row(1, "10", "9", "12", "11", "5"), Fault.PRICES_CROSSED),
        (row(1, "13", "12", "9", "11", "5"), Fault.PRICES_CROSSED),
        (row(1, "10", "12", "9", "8", "5"), Fault.PRICES_CROSSED),
        (row(1, "10", "12", "9", "11", "-5"), Fault.NEGATIVE),
        (row(1, "0", "12", "0", "11", "5"), Fault.NEGATIVE),
        (row(1, *GOOD, second=1), Fault.NOT_ALIGNED),
        (row(0), Fault.DOUBLED),
        (row(-1), Fault.NOT_IN_ORDER),
        (row(999), Fault.IN_THE_FUTURE),
    ],
)
def test_a_bad_row_is_refused_and_the_rows_around_it_are_kept(bad: CandleRow, fault: Fault) -> None:
    page = screened([row(0), bad, row(2)], Timeframe.M1, NOW, count=3)
    assert page.refused == (fault,)
    assert [each.opened_at for each in page.candles] == [BEGIN, BEGIN + 2 * MINUTE]
    assert (page.begin, page.reach) == (BEGIN, BEGIN + 3 * MINUTE)


def test_a_candle_without_trades_is_a_candle() -> None:
    page = screened([row(0, "10", "10", "10", "10", "0")], Timeframe.M1, NOW, count=1)
    assert [each.volume for each in page.candles] == [Decimal(0)]


def test_a_candle_that_may_still_change_is_no_candle_yet() -> None:
    at = BEGIN + timedelta(minutes=2, seconds=9)
    page = screened([row(0), row(1), row(2)], Timeframe.M1, at, count=3)
    # Nine seconds after its end a late trade may still come.
    assert [each.opened_at for each in page.candles] == [BEGIN]
    assert page.refused == ()
    later = screened([row(0), row(1), row(2)], Timeframe.M1, at + timedelta(seconds=1), count=3)
    assert [each.opened_at for each in later.candles] == [BEGIN, BEGIN + MINUTE]


def test_an_answer_of_nothing_but_rubbish_reaches_nowhere() -> None:
    page = screened([row(1, *GOOD, second=1)], Timeframe.M1, NOW, count=1)
    assert (page.candles, page.begin, page.reach) == ((), None, None)


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_timeframe_divides_the_day_from_midnight(timeframe: Timeframe) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    assert timeframe.floor(midnight) == timeframe.ceil(midnight) == midnight
    at = midnight + timeframe.length - MILLISECOND
    assert timeframe.floor(at) == midnight
    assert timeframe.ceil(at) == midnight + timeframe.length


def test_a_word_that_is_no_timeframe_is_refused_with_those_that_are() -> None:
    assert timeframe_of(" 15M ") is Timeframe.M15
    with pytest.raises(InvalidInput, match="1m, 5m, 15m, 1h, 4h, 1d"):
        timeframe_of("2 weeks")


def test_what_is_missing_is_named_in_stretches() -> None:
    def at(minute: int) -> datetime:
        return BEGIN + minute * MINUTE

    def lacking(*present: int) -> list[tuple[datetime, datetime]]:
        return missing([at(each) for each in present], at(0), at(6), Timeframe.M1)

    assert lacking(0, 1, 2, 3, 4, 5) == []
    assert lacking() == [(at(0), at(6))]
    assert lacking(1, 4) == [(at(0), at(1)), (at(2), at(4)), (at(5), at(6))]

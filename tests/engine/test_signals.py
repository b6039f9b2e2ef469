"""Signals are refused at the edge, each with a sentence, before they can reach a decision."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.numbers import plain, positive
from engine.signals import SignalAction, Target, TradingSignal
from tests.engine.world import signal

NUMBERS = (
    "quantity",
    "notional",
    "percent",
    "risk_pct",
    "price_limit",
    "stop_loss",
    "stop_loss_pct",
    "leverage",
)
NO_NUMBERS: tuple[object, ...] = (
    "nan",
    "NaN",
    "sNaN",
    "inf",
    "-inf",
    "Infinity",
    0,
    "0",
    "0.00",
    -1,
    "-0.001",
    float("nan"),
    float("inf"),
    Decimal("NaN"),
    Decimal(-1),
    "",
    " ",
    "abc",
    "1,000",
    "1_000",
    "0x10",
    "1/2",
    "\u0661\u0662",  # Arabic digits: Decimal would read them
    "\uff11",  # a full-width one
    "1e19",
    "1e-19",
    "1e999999999",
    True,
    [],
    {},
    ...,
)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_number_that_cannot_be_traded_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        signal(**{field: value})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"quantity": 1, "notional": 1}, "one size"),
        ({"percent": 1, "risk_pct": 1, "stop_loss": 1}, "one size"),
        ({"quantity": 1, "stop_loss": 1, "stop_loss_pct": 1}, "stop once"),
        ({"percent": "100.01"}, "at most 100%"),
        ({"risk_pct": 101, "stop_loss_pct": 2}, "at most 100%"),
        ({"stop_loss_pct": 100}, "less than 100%"),
        ({"risk_pct": 1}, "needs a stop"),
        ({"leverage": "0.5"}, "at least 1x"),
        ({"confidence": "1.01"}, "between 0 and 1"),
        ({"confidence": -0.1}, "between 0 and 1"),
        ({"confidence": float("nan")}, "finite"),
        ({"confidence": None}, "Confidence"),
        ({"confidence": "high"}, "Confidence"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "   "}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": 7}, "symbol"),
        ({"symbol": "B" * 41}, "symbol"),
        ({"symbol": "BTC\x00"}, "symbol"),
        ({"symbol": "BTC\nUSDT"}, "symbol"),
        ({"symbol": "BTC\u202eUSDT"}, "symbol"),
        ({"action": "hold"}, "buy, sell, short or close"),
        ({"action": None}, "buy, sell, short or close"),
        ({"strategy": ""}, "strategy"),
        ({"strategy": "s" * 41}, "strategy"),
        ({"strategy": None}, "strategy"),
        ({"strategy": "a\nb"}, "strategy"),
        ({"signal_id": ""}, "id"),
        ({"signal_id": " "}, "id"),
        ({"signal_id": "x" * 129}, "id"),
        ({"venue": ""}, "venue"),
        ({"created_at": datetime(2026, 1, 31)}, "time zone"),  # noqa: DTZ001 - that is the point
        ({"expires_at": datetime(2026, 1, 31)}, "time zone"),  # noqa: DTZ001 - that is the point
        ({"expires_at": "tomorrow"}, "time zone"),
        ({"targets": "4%"}, "list of Target"),
        ({"targets": [{"price": 1}]}, "list of Target"),
        ({"targets": (Target(percent=Decimal(1), fraction=Decimal("0.1")),) * 7}, "At most 6"),
        ({"targets": (Target(percent=Decimal(1), fraction=Decimal("0.6")),) * 2}, "more than"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_signal_that_cannot_be_meant_is_refused_with_a_sentence(
    fields: dict[str, Any], says: str
) -> None:
    base: dict[str, Any] = {"symbol": "BTC/USDT", "action": "buy"}
    with pytest.raises(InvalidInput, match=says):
        TradingSignal(**(base | fields))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "one of the two"),
        ({"price": 1, "percent": 1}, "one of the two"),
        ({"price": 0}, "above zero"),
        ({"percent": Decimal("NaN")}, "finite"),
        ({"percent": 1, "fraction": 0}, "above zero"),
        ({"percent": 1, "fraction": "1.01"}, "at most 1"),
    ],
    ids=str,
)
def test_a_target_that_cannot_be_meant_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Target(**fields)


def test_numbers_are_read_through_their_text() -> None:
    read = signal(quantity=0.1, stop_loss_pct="2", leverage=3, confidence="0.8", targets=[])
    assert read.quantity == Decimal("0.1")
    assert read.stop_loss_pct == Decimal(2)
    assert read.leverage == Decimal(3)
    assert read.confidence == 0.8
    assert read.targets == ()
    assert read.action is SignalAction.BUY
    assert signal(quantity=" 0.5 ").quantity == Decimal("0.5")
    assert signal("  btc ", action="BUY").symbol == "btc"


def test_times_become_utc_so_that_a_replay_gives_the_same_state() -> None:
    east = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    read = signal(quantity=1, expires_at=east)
    assert read.expires_at == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert read.expires_at is not None
    assert read.expires_at.tzinfo is UTC


@given(number=st.decimals("1e-18", "1e18", allow_nan=False, allow_infinity=False))
def test_every_number_within_bounds_is_read_exactly(number: Decimal) -> None:
    assert positive(str(number), "It") == number
    assert Decimal(plain(number)) == number


@given(number=st.floats(1e-6, 1e9))
def test_a_float_is_read_as_it_is_printed(number: float) -> None:
    assert positive(number, "It") == Decimal(str(number))


@pytest.mark.parametrize(
    ("number", "text"),
    [("100", "100"), ("1.500", "1.5"), ("0.00", "0"), ("-0.0", "0"), ("1E+3", "1000")],
)
def test_a_number_is_written_plainly(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text

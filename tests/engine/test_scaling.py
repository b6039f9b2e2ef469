"""What sizes a strategy's signal without a quantity; nothing touches a person's number."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine.scaling import ScalingPolicy, scaling
from engine.volatility import KEYS_MAX, Volatility
from tests.engine.desk import AT, OWNER, STRATEGY, Desk, quote_of, signal


@pytest.mark.parametrize(
    ("confidence", "quantity"),
    [(1.0, "0.002"), (0.75, "0.002"), (0.7499, "0.0013"), (0.6, "0.0013"), (0.5999, None)],
)
def test_a_strategy_s_amount_is_scaled(confidence: float, quantity: str | None) -> None:
    made = signal(notional="100", price_limit=50000, confidence=confidence)
    event = Desk().wish(made, STRATEGY)
    if quantity is None:
        assert isinstance(event, e.OrderDenied)
        assert "confidence" in [breach.rule for breach in event.breaches]
    else:
        assert isinstance(event, e.OrderSubmitted)
        assert event.order.quantity == Decimal(quantity)


@pytest.mark.parametrize("confidence", [0.1, 0.62])
def test_a_person_s_number_and_a_quantity_are_taken_as_they_are(confidence: float) -> None:
    amount = Desk().wish(signal(notional="100", price_limit=50000, confidence=confidence), OWNER)
    exact = Desk().wish(signal(quantity="0.002", confidence=confidence), STRATEGY)
    for event in (amount, exact):
        assert isinstance(event, e.OrderSubmitted)
        assert event.order.quantity == Decimal("0.002")


def test_a_strategy_s_entry_without_a_size_asks_for_the_usual_share_of_equity() -> None:
    event = Desk().wish(signal(price_limit=50000, confidence=0.9), STRATEGY)
    assert isinstance(event, e.OrderSubmitted)
    # 1 % of 12,480.20 at 50,000
    assert event.order.quantity == Decimal("0.00249")
    person = Desk().wish(signal(price_limit=50000, confidence=0.9), OWNER)
    assert isinstance(person, e.OrderDenied)
    assert [breach.rule for breach in person.breaches] == ["size"]


def test_a_scaled_signal_is_journaled_with_what_was_measured() -> None:
    desk = Desk()
    desk.wish(signal(notional="100", price_limit=50000, confidence=0.7), STRATEGY)
    (event,) = [each for each in desk.events if isinstance(each, e.SignalScaled)]
    assert (event.scaling.confidence, event.scaling.share) == (Decimal("0.7"), Decimal("0.65"))
    full = Desk()
    full.wish(signal(notional="100", price_limit=50000, confidence=0.8), STRATEGY)
    assert not any(isinstance(each, e.SignalScaled) for each in full.events)


ADAPTIVE = ScalingPolicy(adaptive=True)
TABLE = [
    # volatility, drawdown, share by each
    (None, "0", "1", "1"),
    ("3", "0", "1", "1"),
    ("1", "0", "1", "1"),
    ("6", "0", "0.5", "1"),
    ("12", "0", "0.25", "1"),
    ("100", "0", "0.25", "1"),
    (None, "5", "1", "0.5"),
    (None, "9", "1", "0.25"),
    (None, "20", "1", "0.25"),
    ("6", "5", "0.5", "0.5"),
]


@pytest.mark.parametrize(("volatility", "drawdown", "moves", "sunk"), TABLE)
def test_adaptive_sizes_shrink_with_moves_and_drawdown_and_never_grow(
    volatility: str | None, drawdown: str, moves: str, sunk: str
) -> None:
    found = scaling(
        ADAPTIVE,
        Decimal("0.8"),
        volatility_pct=None if volatility is None else Decimal(volatility),
        drawdown_pct=Decimal(drawdown),
        drawdown_pct_max=Decimal(10),
    )
    assert (found.by_volatility, found.by_drawdown) == (Decimal(moves), Decimal(sunk))
    assert found.share == Decimal(moves) * Decimal(sunk)


def test_nothing_adapts_unless_it_is_switched_on() -> None:
    found = scaling(
        ScalingPolicy(),
        Decimal("0.8"),
        volatility_pct=Decimal(50),
        drawdown_pct=Decimal(9),
        drawdown_pct_max=Decimal(10),
    )
    assert (found.share, found.volatility_pct) == (Decimal(1), None)


def test_an_adaptive_size_goes_out_smaller() -> None:
    desk = Desk()
    desk.state = replace(desk.state, scaling=ADAPTIVE)
    made = signal(notional="100", price_limit=50000, confidence=0.8)
    command = c.SubmitSignal(
        command_id="s", actor=STRATEGY, at=desk.now, signal=made, venue="binance"
    )
    events = desk.tell(command, volatility_pct=Decimal(6))
    (sent,) = [each for each in events if isinstance(each, e.OrderSubmitted)]
    assert sent.order.quantity == Decimal("0.001")


# --- volatility

MINUTE = timedelta(minutes=1)


def moved(prices: list[str], *, every: timedelta = MINUTE) -> Volatility:
    made = Volatility()
    for number, price in enumerate(prices):
        made.see(quote_of("BTC/USDT", price, price, AT + number * every))
    return made


def test_a_day_s_volatility_is_the_root_of_its_squared_returns() -> None:
    # Each minute 0.1 % up or down: sqrt(1440 * 0.001 ** 2) = 3.79 %.
    prices = [str(100 if number % 2 == 0 else Decimal("100.1")) for number in range(61)]
    found = moved(prices).daily_pct("binance:BTC/USDT", AT + 60 * MINUTE)
    assert found is not None
    assert Decimal("3.78") < found < Decimal("3.80")


def test_a_gap_is_one_longer_return() -> None:
    # 1 % each two minutes is 1 % a minute over the root of two.
    prices = [str(100 if number % 2 == 0 else 101) for number in range(61)]
    dense = moved(prices).daily_pct("binance:BTC/USDT", AT + 60 * MINUTE)
    sparse = moved(prices, every=2 * MINUTE).daily_pct("binance:BTC/USDT", AT + 120 * MINUTE)
    assert dense is not None
    assert sparse is not None
    assert abs(dense / sparse - Decimal(2).sqrt()) < Decimal("0.0001")


@pytest.mark.parametrize(("minutes", "known"), [(29, False), (30, True)])
def test_before_half_an_hour_nothing_is_known(minutes: int, known: bool) -> None:
    found = moved(["100"] * minutes).daily_pct("binance:BTC/USDT", AT + minutes * MINUTE)
    assert (found is not None) == known


def test_one_mid_a_minute_is_kept_and_what_is_old_says_nothing() -> None:
    made = moved(["100", "200"] * 300, every=timedelta(seconds=10))
    assert made.daily_pct("binance:BTC/USDT", AT + timedelta(hours=2)) == Decimal(0)
    assert made.daily_pct("binance:BTC/USDT", AT + timedelta(hours=9)) is None
    assert made.daily_pct("binance:ETH/USDT", AT) is None


def test_no_more_than_so_many_instruments_are_kept() -> None:
    made = Volatility()
    for number in range(KEYS_MAX + 1):
        for minute in range(30):
            made.see(quote_of(f"C{number}/USDT", "1", "1", AT + minute * MINUTE))
    assert made.daily_pct("binance:C0/USDT", AT + 30 * MINUTE) is None
    assert made.daily_pct(f"binance:C{KEYS_MAX}/USDT", AT + 30 * MINUTE) == Decimal(0)

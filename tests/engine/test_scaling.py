"""Confidence sizes a strategy's signal without a quantity; nothing touches a person's number."""

from decimal import Decimal

import pytest

from engine import events as e
from tests.engine.desk import OWNER, STRATEGY, Desk, signal


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

"""A copy is what `dataclasses.replace` gives, and leaves the first value as it was."""

from dataclasses import FrozenInstanceError, fields, replace
from decimal import Decimal

import pytest

from engine.copies import copied
from engine.orders import Order, OrderStatus
from engine.positions import Position
from engine.signals import Target
from engine.state import DayTally, State
from tests.storage.samples import filled


@pytest.mark.parametrize("kind", [State, Order, Position, DayTally])
def test_a_copy_equals_what_replace_gives_whatever_field_changes(kind: type[State]) -> None:
    first, other = filled(kind), filled(kind, sparse=True)
    for field in fields(kind):
        change = {field.name: getattr(other, field.name)}

        assert copied(first, **change) == replace(first, **change)

    assert first == filled(kind)


def test_a_copy_is_as_frozen_as_its_model() -> None:
    order = copied(filled(Order), status=OrderStatus.FILLED)

    with pytest.raises(FrozenInstanceError):
        order.status = OrderStatus.CANCELED


def test_a_copy_refuses_a_field_that_there_is_not() -> None:
    with pytest.raises(KeyError, match="quantty"):
        copied(filled(Order), quantty=Decimal(1))


def test_what_checks_itself_when_it_is_made_is_not_copied_around_its_check() -> None:
    with pytest.raises(AssertionError, match="constructor"):
        copied(Target(price=Decimal(1)), fraction=Decimal(2))

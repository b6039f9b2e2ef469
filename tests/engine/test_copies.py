"""A copy is what `dataclasses.replace` gives, and leaves the first value as it was."""

from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from decimal import Decimal

import pytest

from engine.copies import copied, quick
from engine.equity import DayTally
from engine.orders import Order, OrderStatus
from engine.positions import Position
from engine.signals import Target
from engine.state import State
from tests.storage.samples import filled


@pytest.mark.parametrize("kind", [State, Order, Position, DayTally])
def test_a_copy_equals_what_replace_gives_whatever_field_changes(kind: type[State]) -> None:
    first, other = filled(kind), filled(kind, sparse=True)
    for each in fields(kind):
        change = {each.name: getattr(other, each.name)}

        assert copied(first, **change) == replace(first, **change)

    assert first == filled(kind)


def test_a_copy_is_as_frozen_as_its_model() -> None:
    order = copied(filled(Order), status=OrderStatus.FILLED)

    with pytest.raises(FrozenInstanceError):
        order.status = OrderStatus.CANCELED


def test_a_copy_refuses_a_field_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="quantty"):
        copied(filled(Order), quantty=Decimal(1))


def test_what_checks_itself_when_it_is_made_is_not_copied_around_its_check() -> None:
    with pytest.raises(AssertionError, match="constructor"):
        copied(Target(price=Decimal(1)), fraction=Decimal(2))


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Have every sort of field: needed, with a default, and with a default made anew."""

    weight_g: int
    address: str = "home"
    stamps: list[str] = field(default_factory=list)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Insured(Parcel):
    """Inherit fields, and check itself."""

    worth: int

    def __post_init__(self) -> None:
        if self.worth < 0:
            raise ValueError("a parcel is worth something")


def test_a_quick_constructor_fills_every_field_as_the_generated_one_does() -> None:
    first, other = Parcel(weight_g=5), Parcel(weight_g=5)

    assert (first.weight_g, first.address, first.stamps) == (5, "home", [])
    assert type(first) is Parcel
    assert first == other
    assert first.stamps is not other.stamps
    assert replace(first, address="away") == Parcel(weight_g=5, address="away")


def test_a_quick_constructor_fills_inherited_fields_and_checks_what_it_made() -> None:
    assert Insured(weight_g=5, worth=3).address == "home"
    with pytest.raises(ValueError, match="worth something"):
        Insured(weight_g=5, worth=-1)


@pytest.mark.parametrize("given", [{}, {"weight_g": 1, "colour": "red"}])
def test_a_quick_constructor_refuses_what_is_missing_and_what_there_is_not(
    given: dict[str, int],
) -> None:
    with pytest.raises(TypeError):
        Parcel(**given)  # type: ignore[arg-type]  # wrong on purpose


def test_what_was_made_quickly_is_as_frozen_as_any() -> None:
    with pytest.raises(FrozenInstanceError):
        Parcel(weight_g=5).address = "away"  # type: ignore[misc]  # wrong on purpose

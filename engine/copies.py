"""Copies: what `dataclasses.replace` gives, for the values that change with every event.

State has some thirty fields, an order as many, and a replay copies them by the million. `replace`
looks every field up by name, and calls a constructor that goes through the frozen class's guard;
here the slots are filled directly, in less than half the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Say how one class is read and written: all its values at once, and a setter for each."""

    values_of: Callable[[Any], tuple[Any, ...]]
    setters: tuple[Callable[[Any, Any], None], ...]
    by_name: Mapping[str, Callable[[Any, Any], None]]


@cache
def _plan(kind: type[Any]) -> _Plan:
    names = tuple(field.name for field in fields(kind))
    assert len(names) > 1, f"{kind.__name__}: attrgetter gives a tuple for two names or more"
    # A constructor that checks or converts must not be gone around.
    assert not hasattr(kind, "__post_init__"), f"{kind.__name__} is made by its constructor only"
    by_name = {name: kind.__dict__[name].__set__ for name in names}
    return _Plan(values_of=attrgetter(*names), setters=tuple(by_name.values()), by_name=by_name)


def copied(value: V, **changes: Any) -> V:
    """Give a copy of a frozen dataclass with slots and with other values in some fields.

    Raises: AssertionError for a class with a `__post_init__`, KeyError for an unknown field.
    """
    kind: type[Any] = type(value)
    plan = _plan(kind)  # type: ignore[arg-type]  # a class can be hashed
    copy: V = object.__new__(kind)
    for put, each in zip(plan.setters, plan.values_of(value), strict=True):
        put(copy, each)
    by_name = plan.by_name
    for name, each in changes.items():
        by_name[name](copy, each)
    return copy

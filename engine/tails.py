"""Tails: mappings that keep a stated number of their newest entries."""

from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")


def tail(mapping: Mapping[str, V], key: str, value: V, length_max: int) -> dict[str, V]:
    """Give a copy with the entry set; a new key drops the oldest one beyond the limit."""
    copy = dict(mapping)
    copy[key] = value
    while len(copy) > length_max:
        del copy[next(iter(copy))]
    return copy


def without(mapping: Mapping[str, V], key: str) -> dict[str, V]:
    """Give a copy that lacks the key."""
    copy = dict(mapping)
    copy.pop(key, None)
    return copy


def outside(names: set[str], window: Mapping[str, object], length_max: int) -> set[str]:
    """Give the names that a tail does not hold; none while it has never let one go."""
    return names - window.keys() if len(window) >= length_max else set()

"""Tails: mappings that keep a stated number of their newest entries, and copies of mappings.

A mapping from which something was taken has holes. `dict(mapping)` and `{**mapping}` then enter
every key again; `copy` takes table and holes as they are, in an eighth of the time at 500 entries,
and keeps the same order.
"""

from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")


def opened(mapping: Mapping[str, V]) -> dict[str, V]:
    """Give a copy to change."""
    return mapping.copy() if isinstance(mapping, dict) else dict(mapping)


def tail(mapping: Mapping[str, V], key: str, value: V, length_max: int) -> dict[str, V]:
    """Give a copy with the entry set; a new key drops the oldest one beyond the limit."""
    copy = opened(mapping)
    copy[key] = value
    while len(copy) > length_max:
        del copy[next(iter(copy))]
    return copy


def entered(mapping: Mapping[str, V], key: str, value: V) -> dict[str, V]:
    """Give a copy with the entry set; a known key keeps its place."""
    copy = opened(mapping)
    copy[key] = value
    return copy


def without(mapping: Mapping[str, V], key: str) -> Mapping[str, V]:
    """Give a copy that lacks the key, or the mapping itself where it does already."""
    if key not in mapping:
        return mapping
    copy = opened(mapping)
    del copy[key]
    return copy


def outside(names: set[str], window: Mapping[str, object], length_max: int) -> set[str]:
    """Give the names that a tail does not hold; none while it has never let one go."""
    return names - window.keys() if len(window) >= length_max else set()

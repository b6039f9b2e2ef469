"""Upcasting: events as an older release stored them, lifted to today's fields on every read.

Stored bytes are never rewritten, and the hash chain covers them as they lie there. When an event
class changes so that old bytes no longer fit, or would mean something else, its version is raised
here, and one pure function for each older version gives the fields of the next one. A new field
with a default needs no version: old bytes read as if they held the default.
"""

from collections.abc import Callable, Mapping
from typing import Any

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]
Upcasters = Mapping[tuple[str, int], Upcaster]

VERSIONS: Mapping[str, int] = {}
"""The kinds whose version is above 1."""
UPCASTERS: Upcasters = {}
"""By kind and the version they read; each gives the fields of the next version."""


def lifted(fields: Fields, kind: str, *, begin: int, to: int, upcasters: Upcasters) -> Fields:
    """Give an event's fields as version `to` has them, from those of version `begin`.

    Raises: KeyError, TypeError or ValueError from an upcaster that does not find what it expects.
    """
    for version in range(begin, to):
        fields = upcasters[kind, version](fields)
    return fields

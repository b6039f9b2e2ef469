"""Shape: one text that changes when State's classes change, or the code that folds events into it.

A snapshot of another text is never read. The classes alone would not do: a mended rule of the fold
gives another State from the same events, in the same fields.
"""

import dataclasses
import hashlib
import inspect
import typing
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from engine.state import State
from storage.codec import Codec
from storage.upcasting import lifted


@cache
def state_version() -> str:
    """Give the text of this program's State (SHA-256)."""
    digest = hashlib.sha256()
    for line in shape_of(State):
        digest.update(line.encode() + b"\n")
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    """Give the files that a replay depends on: the pure engine, and how events are read."""
    yield from sorted(Path(inspect.getfile(State)).parent.glob("*.py"))
    yield Path(inspect.getfile(Codec))
    yield Path(inspect.getfile(lifted))


def shape_of(kind: Any) -> Iterator[str]:
    """Give a line for every class that a value of this type can hold: its fields or its members."""
    seen: list[Any] = []
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        waiting.extend(typing.get_args(each))
        if not isinstance(each, type) or each in seen:
            continue
        seen.append(each)
        if dataclasses.is_dataclass(each):
            hints = typing.get_type_hints(each)
            names = [field.name for field in dataclasses.fields(each)]
            waiting.extend(hints[name] for name in names)
            fields = ", ".join(f"{name}: {hints[name]!r}" for name in names)
            yield f"{each.__qualname__}({fields})"
        elif issubclass(each, Enum):
            yield f"{each.__qualname__}[{', '.join(repr(member.value) for member in each)}]"

"""Codec: an event as JSON bytes and back, one adapter and one version number per kind.

Stored bytes are never rewritten. When an event class changes so that old bytes no longer fit, its
version is raised and an upcaster lifts the fields of the older version on every read.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from engine.errors import JournalCorrupt
from engine.events import EVENTS, Event
from engine.orders import Order
from engine.positions import Position
from engine.state import State
from engine.tickets import Ticket
from storage.types import time_text

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]
D = TypeVar("D")

VERSIONS: Mapping[str, int] = {}
"""The kinds whose version is above 1."""
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}
"""By kind and the version they read; each gives the fields of the next version."""

_ENCODER = msgspec.json.Encoder()
_STATE = msgspec.json.Decoder(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForm:
    """Give what is stored of one event."""

    kind: str
    version: int
    payload: bytes


class Codec:
    """Turn events into bytes and bytes into events.

    Raises: AssertionError at construction when a raised version lacks one of its upcasters.
    """

    def __init__(
        self,
        *,
        kinds: tuple[type[Event], ...] = EVENTS,
        versions: Mapping[str, int] = VERSIONS,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self._classes: dict[str, type[Any]] = {kind.__name__: kind for kind in kinds}
        self._decoders = {name: msgspec.json.Decoder(kind) for name, kind in self._classes.items()}
        self._versions = {name: versions.get(name, 1) for name in self._classes}
        self._upcasters = dict(upcasters)
        for kind, version in self._versions.items():
            for old in range(1, version):
                assert (kind, old) in self._upcasters, f"{kind} {old} has no upcaster"

    def encode(self, event: Event) -> StoredForm:
        """Write an event; every field is written, so that a later default changes nothing."""
        kind = type(event).__name__
        return StoredForm(kind=kind, version=self._versions[kind], payload=_ENCODER.encode(event))

    def decode(self, seq: int, kind: str, version: int, payload: bytes) -> Event:
        """Read an event.

        Raises: JournalCorrupt naming `seq` for an unknown kind, a version from the future, or
        bytes that are not such an event.
        """
        decoder = self._decoders.get(kind)
        if decoder is None:
            raise JournalCorrupt(f"Event {seq} has the unknown kind {kind[:60]!r}.")
        known = self._versions[kind]
        if not 1 <= version <= known:
            raise JournalCorrupt(
                f"Event {seq} ({kind}) has version {version}; this program reads 1 to {known}. "
                "Was the journal written by a newer release?"
            )
        try:
            if version == known:
                event: Event = decoder.decode(payload)
                return event
            return self._lifted(kind, version, payload)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
            raise JournalCorrupt(f"Event {seq} ({kind}) cannot be read: {error}") from error

    def _lifted(self, kind: str, version: int, payload: bytes) -> Event:
        fields: Fields = msgspec.json.decode(payload, type=dict[str, Any])
        for old in range(version, self._versions[kind]):
            fields = self._upcasters[kind, old](fields)
        event: Event = msgspec.convert(fields, self._classes[kind])
        return event


class DocumentCodec(Generic[D]):
    """Turn one class of domain values into bytes and back, for the projections' rows."""

    def __init__(self, kind: type[D]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def encode(self, value: D) -> bytes:
        """Write the value."""
        return _ENCODER.encode(value)

    def decode(self, payload: bytes, table: str, key: object) -> D:
        """Read the value.

        Raises: JournalCorrupt naming the table and the row's key.
        """
        try:
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise JournalCorrupt(
                f"Table {table}, row {key}: no readable {self._kind.__name__}: {error}"
            ) from error


ORDERS = DocumentCodec(Order)
TICKETS = DocumentCodec(Ticket)
POSITIONS = DocumentCodec(Position)


def fields_of(value: object) -> Fields:
    """Give a value's fields as plain JSON values; a Decimal becomes its own text."""
    fields: Fields = msgspec.to_builtins(value)
    return fields


def json_line(fields: Fields) -> bytes:
    """Write fields as one line of JSON."""
    return _ENCODER.encode(fields)


def chained(previous: str, seq: int, at: datetime, form: StoredForm) -> str:
    """Hash an event onto the chain: SHA-256 over the previous hash and everything stored of it."""
    return linked(
        previous,
        seq,
        time_text(at),
        kind=form.kind,
        version=form.version,
        payload=form.payload,
    )


def linked(previous: str, seq: int, at: str, *, kind: str, version: int, payload: bytes) -> str:
    """Hash an event onto the chain from what its columns hold; `at` is its time's stored text."""
    head = f"{previous}|{seq}|{at}|{kind}|{version}|"
    return hashlib.sha256(head.encode() + payload).hexdigest()


def state_bytes(state: State) -> bytes:
    """Write State as a replay would hold it.

    The order of a mapping counts: it decides which row leaves a tail next. State is read back once
    before it is written for good, so that an int where a float is declared, or a time in another
    zone of the same offset, gives the bytes that a replay gives.
    """
    return _ENCODER.encode(_STATE.decode(_ENCODER.encode(state)))


def state_of(payload: bytes) -> State:
    """Read what `state_bytes` wrote.

    Raises: JournalCorrupt when it is no such thing.
    """
    try:
        return _STATE.decode(payload)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise JournalCorrupt(f"It cannot be read as State: {error}") from error


def state_hash(state: State) -> str:
    """Hash State, so that two states compare by one text (SHA-256 of `state_bytes`)."""
    return hashlib.sha256(state_bytes(state)).hexdigest()

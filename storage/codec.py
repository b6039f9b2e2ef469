"""Codec: an event as JSON bytes and back, one adapter and one version number per kind.

Stored bytes are never rewritten: what an older release stored is lifted on every read (upcasting).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from engine.errors import JournalCorrupt, JournalMismatch
from engine.events import EVENTS, Event
from engine.orders import Order
from engine.positions import Position
from engine.state import State
from engine.tickets import Ticket
from storage.types import time_text
from storage.upcasting import UPCASTERS, VERSIONS, Fields, Upcasters, lifted

D = TypeVar("D")

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
        upcasters: Upcasters = UPCASTERS,
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

        Raises: JournalMismatch naming `seq` for a kind or a version of a newer release,
        JournalCorrupt for bytes that are not such an event.
        """
        decoder = self._decoders.get(kind)
        if decoder is None:
            raise _newer(f"Event {seq} has the unknown kind {kind[:60]!r}")
        known = self._versions[kind]
        if version > known:
            raise _newer(f"Event {seq} ({kind}) has version {version}, this one reads 1 to {known}")
        if version < 1:
            raise JournalCorrupt(f"Event {seq} ({kind}) has version {version}; they begin at 1.")
        try:
            if version == known:
                event: Event = decoder.decode(payload)
                return event
            return self._lifted(kind, version, payload)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
            raise JournalCorrupt(f"Event {seq} ({kind}) cannot be read: {error}") from error

    def _lifted(self, kind: str, version: int, payload: bytes) -> Event:
        fields: Fields = msgspec.json.decode(payload, type=dict[str, Any])
        known = self._versions[kind]
        fields = lifted(fields, kind, begin=version, to=known, upcasters=self._upcasters)
        event: Event = msgspec.convert(fields, self._classes[kind])
        return event


def _newer(found: str) -> JournalMismatch:
    return JournalMismatch(
        f"A newer release of Quarterdeck has written to this journal: {found}. Start the newer "
        "release, or restore a backup of before into an empty database."
    )


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

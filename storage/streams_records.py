"""Records of the streams: their names, and what one entry holds, in and out (docs/streams.md).

The form is public. What leaves may gain fields within a version; what comes in must be exactly as
documented, as a misspelt stop would otherwise be an order without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.commands import SubmitSignal

VERSION: Final = 1
SIGNALS: Final = "signals"
EVENTS: Final = "events"
STREAMS: Final = (SIGNALS, EVENTS)
GROUP: Final = "engine"
EVENTS_MAX: Final = 10_000
SIGNALS_MAX: Final = 10_000
REJECTED_MAX: Final = 1_000
ASIDE_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNames:
    """Name the streams of one journal: a Redis may serve many, and a signal must not stray."""

    journal_id: str

    @property
    def events(self) -> str:
        """Name what goes out: every event of the journal."""
        return f"quarterdeck:{VERSION}:{self.journal_id}:{EVENTS}"

    @property
    def signals(self) -> str:
        """Name what comes in: signals."""
        return f"quarterdeck:{VERSION}:{self.journal_id}:{SIGNALS}"

    @property
    def rejected(self) -> str:
        """Name what came in and was set aside."""
        return f"{self.signals}:rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutEvent:
    """Give one event as it goes out: what the journal stores of it, byte for byte."""

    seq: int
    at: str
    kind: str
    version: int
    payload: bytes
    hash: str

    @property
    def entry_id(self) -> str:
        """Give the entry's id, so that Redis itself refuses a repeat."""
        return f"{self.seq}-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """Say how far a stream reaches: its last id ever, and what its last entry says of itself.

    `seq` None is an id that none of our events has; `hash` None is a stream without entries.
    """

    seq: int | None
    entry_seq: int | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InEntry:
    """Give one entry as it came in; `deliveries` counts how often it was handed to a consumer."""

    entry_id: str
    fields: Mapping[bytes, bytes]
    deliveries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Hold a signal that can be judged; those of one `lane` are submitted one after the other."""

    entry: InEntry
    command: SubmitSignal
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Say in a sentence why an entry is none."""

    entry: InEntry
    reason: str

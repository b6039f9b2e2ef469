"""Packing: a listing as lines of JSON, small, and read back a few lines at a time.

    {"format": ..., "venue": ..., ...}      the head: what it is, and of what
    ["shape", name, ...]                    the names of what follows in a part or a market
    ["part", shape, value, ...]             a mapping that many markets have in common
    ["list", value, ...]
    ["market", shape, value, ...]           in the order of ccxt's own table
    ["end", lines, digest]                  so that a cut or changed pack is seen

A text that begins with one of `MARKS` stands for something else: `=0.01` a Decimal, `#7` the part
of that number, `?1` true, `~=text` the text `=text`. Nothing in a pack is ever run.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.markets.listing import Entry, Listing, MarketSource
from engine.markets.metadata import instrument_of

FORMAT: Final = 1
MARKS: Final = ("=", "#", "?", "~")
_DIGEST_BYTES: Final = 16
_CORRUPT = (ValueError, KeyError, IndexError, TypeError, AttributeError, InvalidOperation)


class PackUnreadable(Exception):
    """Say that a pack is cut, changed, or of something else; load the markets anew."""


def head_of(source: MarketSource, version: str) -> dict[str, object]:
    """Describe what a pack must be of to be of use: this source, read by this version of ccxt."""
    return {
        "format": FORMAT,
        "version": version,
        "venue": source.venue,
        "api_url": source.api_url,
        "sandbox": source.sandbox,
    }


def packed(listing: Listing, version: str) -> Iterator[bytes]:
    """Give a listing's lines, each with its line end."""
    digest, count = hashlib.blake2b(digest_size=_DIGEST_BYTES), 0
    head = {
        **head_of(listing.source, version),
        "loaded_at": listing.loaded_at.isoformat(),
        "missing": listing.missing,
        "precision_mode": listing.precision_mode,
        "aliases": listing.aliases,
    }
    for line in (head, *_Packer().lines(listing)):
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        digest.update(text)
        count += 1
        yield text
    yield json.dumps(["end", count, digest.hexdigest()]).encode() + b"\n"


class _Packer:
    """Turn entries into rows, naming what was there before."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._new: list[object] = []

    def lines(self, listing: Listing) -> Iterator[object]:
        kinds: tuple[tuple[str, Iterable[Entry]], ...] = (
            ("market", listing.markets.values()),
            ("extra", listing.extras),
            ("currency", listing.currencies.values()),
        )
        for kind, entries in kinds:
            for entry in entries:
                shape = self._number("shape", tuple(entry))
                row = [kind, shape, *map(self._value, entry.values())]
                yield from self._new
                self._new.clear()
                yield row

    def _value(self, value: object) -> object:
        # false and true equal 0 and 1, and a part is found again by equality
        match value:
            case bool():
                return "?1" if value else "?0"
            case None | int():
                return value
            case str():
                return f"~{value}" if value.startswith(MARKS) else value
            case float() | Decimal():
                return f"={value}"
            case Mapping():
                shape = self._number("shape", tuple(map(str, value)))
                return f"#{self._number('part', (shape, *map(self._value, value.values())))}"
            case list() | tuple():
                return f"#{self._number('list', tuple(map(self._value, value)))}"
            case _:
                raise TypeError(f"ccxt describes a market by a {type(value).__name__}")

    def _number(self, kind: str, part: tuple[object, ...]) -> int:
        """Give the number of a part, which is the same for the same part."""
        line = (kind, *part)
        if line not in self._numbers:
            self._numbers[line] = len(self._numbers)
            self._new.append(line)
        return self._numbers[line]


class Unpacking:
    """Read a pack line by line; what is the same is one object, in every market that has it."""

    def __init__(self, source: MarketSource, version: str) -> None:
        self._source = source
        self._wanted = head_of(source, version)
        self._head: Mapping[str, Any] | None = None  # JSON
        self._listing: Listing | None = None
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._count = 0
        self._parts: list[Any] = []
        self._meanings = _Meanings(self._parts)
        self._markets: dict[str, Entry] = {}
        self._extras: list[Entry] = []
        self._currencies: dict[str, Entry] = {}
        self._instruments: dict[str, Instrument] = {}

    def feed(self, text: bytes) -> None:
        """Take one line. Raises: PackUnreadable."""
        try:
            self._feed(text, json.loads(text))
        except _CORRUPT as fault:
            raise PackUnreadable("a line makes no sense") from fault

    def listing(self) -> Listing:
        """Give what was read. Raises: PackUnreadable when the end was not reached."""
        if self._listing is None:
            raise PackUnreadable("it is cut")
        return self._listing

    def _feed(self, text: bytes, line: Any) -> None:
        if self._head is None:
            self._begin(line)
        elif line[0] == "end":
            self._end(line[1], line[2])
        else:
            self._take(line)
        self._digest.update(text)
        self._count += 1

    def _begin(self, head: Any) -> None:
        if {name: head[name] for name in self._wanted} != self._wanted:
            raise PackUnreadable("it is of something else")
        self._head = head

    def _end(self, count: int, digest: str) -> None:
        if (count, digest) != (self._count, self._digest.hexdigest()):
            raise PackUnreadable("it is cut or changed")
        assert self._head is not None, "the head comes first"
        self._listing = Listing(
            source=self._source,
            loaded_at=datetime.fromisoformat(self._head["loaded_at"]),
            missing=tuple(self._head["missing"]),
            precision_mode=self._head["precision_mode"],
            markets=self._markets,
            extras=tuple(self._extras),
            currencies=self._currencies,
            aliases=self._head["aliases"],
            instruments=self._instruments,
        )

    def _take(self, line: list[Any]) -> None:
        match line[0]:
            case "shape":
                self._parts.append(tuple(sys.intern(name) for name in line[1:]))
            case "list":
                self._parts.append(self._meant(line[1:]))
            case "part":
                self._parts.append(self._mapping(line))
            case kind:
                self._entry(kind, self._mapping(line))

    def _mapping(self, line: list[Any]) -> Entry:
        return dict(zip(self._parts[line[1]], self._meant(line[2:]), strict=True))

    def _meant(self, values: Iterable[Any]) -> list[Any]:
        meanings = self._meanings
        return [meanings[each] if each.__class__ is str else each for each in values]

    def _entry(self, kind: str, entry: Entry) -> None:
        match kind:
            case "currency":
                self._currencies[str(entry["code"])] = entry
            case "extra":
                self._extras.append(entry)
            case "market":
                self._market(entry)
            case _:
                raise PackUnreadable("it holds what is unknown")

    def _market(self, entry: Entry) -> None:
        assert self._head is not None, "the head comes first"
        self._markets[str(entry["symbol"])] = entry
        venue = self._source.venue
        instrument = instrument_of(
            venue,
            entry,
            self._head["precision_mode"],
            datetime.fromisoformat(self._head["loaded_at"]),
        )
        if instrument is not None:
            self._instruments[instrument_key(venue, instrument.symbol)] = instrument


class _Meanings(dict[str, Any]):
    """Find what a text of a pack stands for; the same text stands for the same object."""

    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self._parts = parts

    def __missing__(self, text: str) -> Any:
        match text[:1]:
            case "=":
                meant: Any = Decimal(text[1:])
            case "#":
                meant = self._parts[int(text[1:])]
            case "?":
                meant = text == "?1"
            case "~":
                meant = text[1:]
            case _:
                meant = text
        self[text] = meant
        return meant

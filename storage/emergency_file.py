"""The emergency file: what was decided while the journal was away, each line on the disk at once.

    <first 16 digits of the line's SHA-256> <one JSON object>

Its room is written in advance, so that a full disk does not keep it from being written. A last line
that was cut is none: what it says was never sent. Only its owner may read it, and only one process
at a time may write it. It holds events as the journal does, and so no key and no token.
"""

import fcntl
import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.errors import JournalCorrupt, JournalUnavailable
from engine.events import Event
from storage.chain import Head
from storage.codec import Codec
from storage.codec import chained as chain_link

ROOM_BYTES = 1024 * 1024
_SUM_LENGTH = 16
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_NEVER = datetime.min.replace(tzinfo=UTC)

log = logging.getLogger("storage.emergency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some steps' events, and the head of the chain before and after them."""

    before: Head
    after: Head
    steps: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that a file says: whose it is, since when, and its pages in order.

    `is_damaged` when something beside the last line could not be read.
    """

    journal_id: str
    since: datetime
    pages: tuple[Page, ...] = ()
    is_damaged: bool = False

    @property
    def events(self) -> tuple[Event, ...]:
        """Give every event in order."""
        return tuple(event for page in self.pages for step in page.steps for event in step)


class _Line(msgspec.Struct, omit_defaults=True):
    """One line: the first says since when, each other one is a page; all name the journal."""

    journal_id: str = ""
    since: datetime | None = None
    before: tuple[int, str] = (0, "")
    after: tuple[int, str] = (0, "")
    steps: tuple[tuple[tuple[str, int, str], ...], ...] = ()


_DECODER = msgspec.json.Decoder(_Line)


class EmergencyFile:
    """Write pages to a file of our own, each durable before `write` returns.

    It blocks, so it has a thread of its own, unless it is `inline`, for simulations.
    """

    room_bytes = ROOM_BYTES

    def __init__(self, path: Path, codec: Codec | None = None, *, inline: bool = False) -> None:
        self.path = path
        self.is_inline = inline
        self._codec = codec or Codec()
        self._handle: int | None = None
        self._end = 0
        self._journal_id = ""

    def open(self) -> None:
        """Take the file for this process, and write its room in advance.

        Raises: JournalUnavailable when it cannot be used, or another process uses it.
        """
        if self._handle is not None:
            return
        try:
            handle = os.open(self.path, _FLAGS, 0o600)
        except OSError as error:
            raise self._fault(error) from error
        try:
            os.fchmod(handle, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._reserve(handle)
        except OSError as error:
            os.close(handle)
            raise self._fault(error) from error
        self._handle = handle

    def _reserve(self, handle: int) -> None:
        size = os.fstat(handle).st_size
        try:
            while size < self.room_bytes:
                size += os.pwrite(handle, bytes(min(65536, self.room_bytes - size)), size)
            os.fsync(handle)
        except OSError as error:
            # What is there already serves; a page that finds no room says so.
            log.warning("%s has less room than it should: %s", self.path, error.strerror)

    def close(self) -> None:
        """Let go of the file; without effect when it is closed."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def begin(self, journal_id: str, since: datetime) -> None:
        """Begin a record; one that was merged and not cleared goes. Raises: JournalUnavailable."""
        if self._text():
            self.clear()
        self._end, self._journal_id = 0, journal_id
        self._put(_Line(journal_id=journal_id, since=since))

    def write(self, steps: Sequence[Sequence[Event]], before: Head) -> Head:
        """Write a page, and give the head of the chain after it. Raises: JournalUnavailable."""
        head = before
        forms = []
        for step in steps:
            written = []
            for event in step:
                form = self._codec.encode(event)
                link = chain_link(head.hash, head.seq + 1, event.at, form)
                head = Head(seq=head.seq + 1, hash=link)
                written.append((form.kind, form.version, form.payload.decode()))
            forms.append(tuple(written))
        self._put(
            _Line(
                journal_id=self._journal_id,
                before=(before.seq, before.hash),
                after=(head.seq, head.hash),
                steps=tuple(forms),
            )
        )
        return head

    def clear(self) -> None:
        """Forget the record: its room is written over. Raises: JournalUnavailable."""
        self._end = max(self._end, len(self._text()))
        self._write(bytes(self._end), 0)
        self._end = 0

    def set_aside(self) -> Path:
        """Keep what cannot be read whole under another name, and begin a new file.

        Raises: JournalUnavailable.
        """
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        try:
            self.path.rename(kept)
        except OSError as error:
            raise self._fault(error) from error
        self.close()
        self.open()
        return kept

    def read(self) -> Record | None:
        """Give what the file says; None when nothing was recorded. Raises: JournalUnavailable."""
        lines = self._text().splitlines(keepends=True)
        read = [self._read_line(line) for line in lines]
        sound = [line for line in read if line is not None]
        # Only a last line may be cut: it was never finished, so nothing was sent for it.
        is_damaged = None in read[:-1]
        if not sound:
            return Record(journal_id="", since=_NEVER, is_damaged=True) if is_damaged else None
        first = sound[0]
        if first.since is None:
            is_damaged = True
        pages = []
        for line in sound:
            if not line.steps:
                continue
            try:
                pages.append(self._page(line))
            except JournalCorrupt as fault:
                log.critical("a page of %s cannot be read: %s", self.path, fault)
                is_damaged = True
        return Record(
            journal_id=next((line.journal_id for line in sound if line.journal_id), ""),
            since=first.since or (pages[0].steps[0][0].at if pages else _NEVER),
            pages=tuple(pages),
            is_damaged=is_damaged,
        )

    def _page(self, line: _Line) -> Page:
        seq = line.before[0]
        steps = []
        for step in line.steps:
            events = []
            for kind, version, payload in step:
                seq += 1
                events.append(self._codec.decode(seq, kind, version, payload.encode()))
            steps.append(tuple(events))
        return Page(
            before=Head(seq=line.before[0], hash=line.before[1]),
            after=Head(seq=line.after[0], hash=line.after[1]),
            steps=tuple(steps),
        )

    @staticmethod
    def _read_line(line: bytes) -> _Line | None:
        told, _, body = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or _sum(body) != told.decode(errors="replace"):
            return None
        try:
            return _DECODER.decode(body)
        except msgspec.DecodeError:
            return None

    def _text(self) -> bytes:
        """Give what was written: the room behind it is zeros."""
        try:
            handle = self._opened()
        except JournalUnavailable:
            return self._text_of_another()
        try:
            return os.pread(handle, os.fstat(handle).st_size, 0).partition(b"\0")[0]
        except OSError as error:
            raise self._fault(error) from error

    def _text_of_another(self) -> bytes:
        """Read a file that another process holds, or a disk that takes no write any more."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise self._fault(error) from error
        with os.fdopen(handle, "rb") as file:
            return file.read().partition(b"\0")[0]

    def _put(self, line: _Line) -> None:
        body = msgspec.json.encode(line)
        text = _sum(body).encode() + b" " + body + b"\n"
        self._write(text, self._end)
        self._end += len(text)

    def _write(self, text: bytes, offset: int) -> None:
        handle = self._opened()
        try:
            written = os.pwrite(handle, text, offset)
            os.fsync(handle)
        except OSError as error:
            raise self._fault(error) from error
        if written < len(text):
            raise JournalUnavailable(f"The emergency file {self.path} has no room left.")

    def _opened(self) -> int:
        if self._handle is None:
            self.open()
        assert self._handle is not None, "opened or raised"
        return self._handle

    def _fault(self, error: OSError) -> JournalUnavailable:
        why = error.strerror or str(error)
        return JournalUnavailable(f"The emergency file {self.path} cannot be used: {why}.")


def _sum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:_SUM_LENGTH]

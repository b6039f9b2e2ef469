"""Backup: everything that cannot be made again, in one file that either database can take back.

The file is gzip over lines of JSON. The first line is the header; then each table begins with a
line that names it and its columns, and its rows follow; the last line holds what must come out: the
rows of each table, the journal's head, State's hash, and the SHA-256 of all lines above it.

Both databases are read in one view that nobody's writes change: a transaction of SQLite's log, and
a repeatable read of Postgres. So a console goes on writing while it is made.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from sqlalchemy import Connection

from engine.errors import JournalCorrupt
from engine.state import State
from storage.backup_rows import carried, stored_rows
from storage.batch import stored_head
from storage.chain import Head, applied, stored_events
from storage.codec import Codec, state_hash
from storage.migration import stored_revision
from storage.migrations import REVISIONS
from storage.progress import Told, untold
from storage.shape import state_version
from storage.types import time_text

FORMAT: Final = 1
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
EVENTS_BETWEEN_WORDS: Final = 500


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stand in the first line: the format, the tables' revision, and when it was made."""

    quarterdeck_backup: int
    revision: str
    made_at: datetime


class TableLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stand before a table's rows."""

    table: str
    columns: tuple[str, ...]


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stand in the last line: what must come out of the lines before it."""

    rows: dict[str, int]
    seq: int
    hash: str
    state_hash: str
    state_version: str
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Name a file that was read to its end and found whole."""

    path: Path
    header: Header
    contents: Contents


def backed_up(
    connection: Connection,
    file: IO[bytes],
    codec: Codec,
    *,
    made_at: datetime,
    told: Told = untold,
) -> Contents:
    """Write a backup of what the connection sees, after the chain was checked.

    Raises: JournalCorrupt when the events cannot be trusted.
    """
    state, head = _replayed(connection, codec, told)
    rows: dict[str, int] = {}
    digest = hashlib.sha256()
    # No name and no time of its own: two backups of one state differ in `made_at` alone.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed:

        def put(thing: object) -> None:
            line = msgspec.json.encode(thing) + b"\n"
            digest.update(line)
            packed.write(line)

        revision = stored_revision(connection) or REVISIONS[0]
        put({"quarterdeck_backup": FORMAT, "revision": revision, "made_at": time_text(made_at)})
        for table in carried(connection):
            # The names that a database gives are strings of a kind of their own.
            columns = tuple(map(str, table.columns.keys()))
            put(TableLine(table=str(table.name), columns=columns))
            rows[table.name] = 0
            for row in stored_rows(connection, table):
                put(row)
                rows[table.name] += 1
        contents = Contents(
            rows=rows,
            seq=head.seq,
            hash=head.hash,
            state_hash=state_hash(state),
            state_version=state_version(),
            sha256=digest.hexdigest(),
        )
        packed.write(msgspec.json.encode(contents) + b"\n")
    return contents


def _replayed(connection: Connection, codec: Codec, told: Told) -> tuple[State, Head]:
    state, head, whole = State(), Head(), stored_head(connection).seq
    for stored in stored_events(connection, codec):
        state = applied(state, stored)
        head = Head(seq=stored.seq, hash=stored.hash)
        if stored.seq % EVENTS_BETWEEN_WORDS == 0:
            told(stored.seq, whole)
    told(head.seq, whole)
    return state, head


def checked(path: Path) -> Backup:
    """Read a backup to its end, and see that it is whole.

    Raises: JournalCorrupt when it is not, or is none of ours; OSError when it cannot be read.
    """
    digest = hashlib.sha256()
    last = b""
    header: Header | None = None
    try:
        for line in _lines(path):
            if header is None:
                header = msgspec.json.decode(line, type=Header)
            digest.update(last)
            last = line
        contents = msgspec.json.decode(last, type=Contents)
    except (EOFError, msgspec.MsgspecError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if header is None or header.quarterdeck_backup != FORMAT:
        raise _damaged(path, f"this release reads the format {FORMAT}")
    if digest.hexdigest() != contents.sha256:
        raise _damaged(path, "its lines were changed")
    return Backup(path=path, header=header, contents=contents)


def tables_of(backup: Backup) -> Iterator[tuple[TableLine, Iterator[list[Any]]]]:
    """Give each table of a checked backup with its rows, which are read before the next table.

    Raises: MsgspecError for a line that is none.
    """
    lines = _lines(backup.path)
    next(lines, b"")
    for count in backup.contents.rows.values():
        named = msgspec.json.decode(next(lines, b""), type=TableLine)
        yield named, _rows(lines, count)


def _rows(lines: Iterator[bytes], count: int) -> Iterator[list[Any]]:
    for _ in range(count):
        yield msgspec.json.decode(next(lines, b""), type=list[Any])


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as packed:
        while line := packed.readline(LINE_BYTES_MAX):
            yield line


def _damaged(path: Path, why: str) -> JournalCorrupt:
    return JournalCorrupt(f"{path} is no whole backup of Quarterdeck ({why}). Take another one.")

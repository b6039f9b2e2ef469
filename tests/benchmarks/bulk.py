"""A large journal, made in seconds: one lap of trading as the product stores it, copied many times.

A lap opens positions and closes them all, so that it can follow upon itself. Its copies differ in
every identity and number, and each event is hashed onto the one before it as the product does. The
projections' rows are copied beside the events. `journal verify` finds such a journal sound, but for
the short names of orders in the table of signals.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.identities import digest
from engine.ports import Step
from engine.state import State
from storage.codec import StoredForm, chained
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks import account as a
from tests.benchmarks.session import HELD, Session

TRADES = 250
STORED_AT_ONCE = 250
QUOTED = re.compile(rb'"([^"\\]{2,80})"')
MARK = "\0"
# Columns that name something; every value of them in a lap belongs to that lap alone.
IDENTITIES = (
    ("commands", "command_id"),
    ("orders", "client_order_id"),
    ("fills", "identity"),
    ("fills", "trade_id"),
    ("signals", "signal_id"),
)
POSITION_ID_LENGTH = 15
COPIED = ("commands", "orders", "fills", "positions", "signals")
Cell = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """Hold a row of one lap: cells that stay, and by place the parts between which a lap's own
    suffix goes. `position` is the one position it speaks of, in the cells of `naming`: its id is
    derived from another identity.
    """

    cells: tuple[Cell, ...]
    parted: tuple[tuple[int, Cell, list[Cell]], ...]
    position: str | None
    naming: tuple[int, ...]

    def of(self, suffix: Mapping[Cell, Cell], positions: Mapping[str, str]) -> list[Cell]:
        """Give the row as it stands in another lap."""
        cells = list(self.cells)
        for place, kind, parts in self.parted:
            cells[place] = suffix[kind].join(parts)
        if self.position is not None:
            for place in self.naming:
                cells[place] = _renamed(cells[place], self.position, positions[self.position])
        return cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Hold a table's rows of one lap."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Copied, ...]

    def copied(
        self, suffix: str, offset: int, positions: Mapping[str, str]
    ) -> Iterator[list[Cell]]:
        """Give the rows of another lap."""
        suffixes: dict[Cell, Cell] = {str: suffix, bytes: suffix.encode()}
        place = self.columns.index("seq")
        for row in self.rows:
            cells = row.of(suffixes, positions)
            cells[place] += offset
            yield cells

    @property
    def insert(self) -> str:
        places = ", ".join("?" for _ in self.columns)
        return f"insert into {self.name} ({', '.join(self.columns)}) values ({places})"  # noqa: S608


@dataclass(slots=True, kw_only=True)
class BulkJournal:
    """Grow a journal in a file. It must be closed meanwhile, and hold nothing but whole laps."""

    file: Path
    events: Table
    tables: tuple[Table, ...]
    openings: Mapping[str, str]
    seq: int
    hash: str
    laps: int = 0

    def grow(self, size: int) -> None:
        """Copy laps until the journal holds at least `size` events."""
        connection = sqlite3.connect(self.file, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA cache_size=-200000")
            connection.execute("BEGIN")
            while self.seq < size:
                self._lap(connection)
            connection.execute(
                "update journal_meta set value = ? where name = 'projected'", [str(self.seq)]
            )
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def read_head(self) -> None:
        """Learn what was appended meanwhile through the product."""
        connection = sqlite3.connect(self.file)
        try:
            self.seq, self.hash = _head(connection)
        finally:
            connection.close()

    def forget_snapshots(self) -> None:
        """Let the next start replay every event."""
        connection = sqlite3.connect(self.file)
        try:
            named = "select 1 from sqlite_master where name = 'snapshots'"
            if connection.execute(named).fetchone():
                with connection:
                    connection.execute("delete from snapshots")
        finally:
            connection.close()

    def command(self, lap: int, number: int) -> str:
        """Name a command of a copied lap."""
        return f"signal{number + 1}~{lap + 1}"

    def _lap(self, connection: sqlite3.Connection) -> None:
        self.laps += 1
        suffix = f"~{self.laps}"
        offset = self.seq + 1 - self.events.rows[0].cells[self.events.columns.index("seq")]
        positions = {
            position: position_id_of(fill + suffix) for position, fill in self.openings.items()
        }
        connection.executemany(self.events.insert, self._chained(suffix, offset, positions))
        for table in self.tables:
            connection.executemany(table.insert, table.copied(suffix, offset, positions))

    def _chained(
        self, suffix: str, offset: int, positions: Mapping[str, str]
    ) -> Iterator[list[Cell]]:
        at = {name: place for place, name in enumerate(self.events.columns)}
        for row in self.events.copied(suffix, offset, positions):
            form = StoredForm(
                kind=row[at["kind"]], version=row[at["version"]], payload=row[at["payload"]]
            )
            self.seq = row[at["seq"]]
            self.hash = chained(self.hash, self.seq, a.AT, form)
            row[at["hash"]] = self.hash
            yield row


def position_id_of(fill_identity: str) -> str:
    """Name a position by the fill that opened it, as the fold does."""
    return "p" + digest(fill_identity, length=POSITION_ID_LENGTH)


def _renamed(cell: Cell, before: str, after: str) -> Cell:
    if isinstance(cell, str):
        return after if cell == before else cell
    return cell.replace(before.encode(), after.encode()) if isinstance(cell, bytes) else cell


def lap(session: Session, first: int) -> Iterator[Step]:
    """Buy one symbol after another, close each a little later, and in the end what is left."""
    for number in range(first, first + TRADES + HELD):
        for closing, which in ((False, number), (True, number - HELD)):
            if first <= which < first + TRADES:
                submitted = session.signal(which, closing=closing)
                yield submitted
                yield from session.answers(submitted)


async def begun(file: Path) -> BulkJournal:
    """Store the first lap through the product's own journal, and take it apart."""
    journal, session = SqlJournal(Database(f"sqlite:///{file}")), Session()
    before = await journal.open()
    await journal.append([session.begin()], before, session.state)
    first = session.state.seq + 1
    await stored(journal, session.state, list(lap(session, 0)))
    await journal.close()
    connection = sqlite3.connect(file)
    try:
        return _taken_apart(connection, file, first)
    finally:
        connection.close()


async def stored(journal: SqlJournal, state: State, steps: list[Step]) -> None:
    """Append steps that follow upon `state` as the loop would, in batches."""
    while steps:
        batch, steps = steps[:STORED_AT_ONCE], steps[STORED_AT_ONCE:]
        after = state
        for step in batch:
            *_, (_, after) = step.folded(after)
        await journal.append(batch, state, after)
        state = after


def _taken_apart(connection: sqlite3.Connection, file: Path, first: int) -> BulkJournal:
    identities = {
        str(name).encode()
        for table, column in IDENTITIES
        for (name,) in connection.execute(f"select {column} from {table} where seq >= ?", [first])  # noqa: S608
    }
    openings = dict(
        connection.execute("select position_id, identity from fills order by seq desc").fetchall()
    )
    for position, fill in openings.items():
        assert position == position_id_of(fill), "a position is not named by its first fill"
    seq, last = _head(connection)
    parting = _Parting(identities, {each.encode() for each in openings})
    return BulkJournal(
        file=file,
        events=parting.table(connection, "journal", first),
        tables=tuple(parting.table(connection, name, first) for name in COPIED),
        openings=openings,
        seq=seq,
        hash=last,
    )


def _head(connection: sqlite3.Connection) -> tuple[int, str]:
    row = connection.execute("select seq, hash from journal order by seq desc limit 1").fetchone()
    return int(row[0]), str(row[1])


class _Parting:
    """Take rows apart where laps differ."""

    def __init__(self, identities: set[bytes], positions: set[bytes]) -> None:
        self._identities, self._positions = identities, positions

    def table(self, connection: sqlite3.Connection, name: str, first: int) -> Table:
        query = f"select * from {name} where seq >= ? order by seq"  # noqa: S608
        cursor = connection.execute(query, [first])
        columns = tuple(each[0] for each in cursor.description)
        return Table(name=name, columns=columns, rows=tuple(map(self._copied, cursor)))

    def _copied(self, row: tuple[Cell, ...]) -> Copied:
        marked = [self._parted(cell) for cell in row]
        position = self._position(row)
        return Copied(
            cells=row,
            parted=tuple(
                (place, type(cell), cell.split(MARK if isinstance(cell, str) else MARK.encode()))
                for place, cell in enumerate(marked)
                if cell != row[place]
            ),
            position=position,
            naming=tuple(
                place
                for place, cell in enumerate(row)
                if position is not None and _renamed(cell, position, "") != cell
            ),
        )

    def _parted(self, cell: Cell) -> Cell:
        if isinstance(cell, bytes):
            return QUOTED.sub(self._marked, cell)
        if isinstance(cell, str) and cell.encode() in self._identities:
            return cell + MARK
        return cell

    def _marked(self, found: re.Match[bytes]) -> bytes:
        return b'"' + found[1] + b'\0"' if found[1] in self._identities else found[0]

    def _position(self, row: tuple[Cell, ...]) -> str | None:
        """Give the one position that a row speaks of."""
        found = {cell.encode() for cell in row if isinstance(cell, str)} | {
            each for cell in row if isinstance(cell, bytes) for each in QUOTED.findall(cell)
        }
        named = found & self._positions
        assert len(named) <= 1, f"a row names the positions {named}"
        return named.pop().decode() if named else None

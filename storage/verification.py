"""Verification: does the stored journal agree with itself, and do the tables agree with it?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table

from engine.errors import JournalCorrupt
from engine.state import State
from storage import tables as t
from storage.batch import is_of_today, projected_reach
from storage.chain import GENESIS, StoredEvent, applied, stored_events
from storage.codec import ORDERS, POSITIONS, Codec, state_hash
from storage.projections import Projection
from storage.rebuild import first_use
from storage.snapshots import SnapshotAudit
from storage.statements import Values, rows_of

FAULTS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Say what was found: the last event, its hash, State's hash, and every fault in a sentence."""

    seq: int
    hash: str
    state_hash: str
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Tell whether chain, replay and projections agree."""
        return not self.faults


def verified(
    connection: Connection,
    codec: Codec,
    seen: Callable[[State, StoredEvent], None] = lambda _state, _stored: None,
) -> Verification:
    """Replay the journal, and compare file, snapshots and every projection with the replay.

    `seen` is called with State after each event, so that another book needs no second replay.
    """
    state, link = State(), GENESIS
    projection = Projection()
    consumed: set[str] = set()
    faults = list(_file_faults(connection))
    if faults:
        # What is read from a damaged file may be anything, an error in the middle of it included.
        return _found(state, link, faults)
    snapshots = SnapshotAudit(connection)
    try:
        for stored in stored_events(connection, codec):
            then = applied(state, stored)
            projection.add(state, stored.event, then)
            projection.consume(first_use(stored, consumed))
            state, link = then, stored.hash
            snapshots.passed(state, link)
            seen(state, stored)
    except JournalCorrupt as error:
        faults.append(str(error))
    except AssertionError as error:
        faults.append(f"An identity is used twice: {error}.")
    else:
        reach = projected_reach(connection)
        if reach != state.seq:
            faults.append(f"The tables reach event {reach}, the journal event {state.seq}.")
        # What another release wrote into a document is made anew when this one opens the journal.
        documents = is_of_today(connection)
        for table in t.PROJECTIONS:
            faults.extend(_table_faults(connection, table, projection, documents=documents))
        faults.extend(_state_faults(state, projection))
        snapshots.end()
        faults.extend(snapshots.faults)
    return _found(state, link, faults)


def _found(state: State, link: str, faults: list[str]) -> Verification:
    return Verification(
        seq=state.seq,
        hash=link,
        state_hash=state_hash(state),
        faults=tuple(faults[:FAULTS_MAX]),
    )


def _file_faults(connection: Connection) -> Iterator[str]:
    """Have SQLite compare every page and every index; an opening checks a large file by its end."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({FAULTS_MAX})").scalars()
        yield from (f"The file is damaged: {row}." for row in rows if row != "ok")


def _table_faults(
    connection: Connection, table: Table, projection: Projection, *, documents: bool
) -> Iterator[str]:
    expected = projection.all(table)
    (key,) = table.primary_key
    try:
        rows = rows_of(connection, table)
    except JournalCorrupt as error:
        yield str(error)
        return
    for row in rows:
        wanted = expected.pop(row[key.name], None)
        if wanted is None:
            yield f"Table {table.name}, row {row[key.name]}: no event accounts for it."
        elif wanted != row and (documents or _without_document(wanted) != _without_document(row)):
            yield f"Table {table.name}, row {row[key.name]}: {_difference(wanted, row)}"
    for missing in expected:
        yield f"Table {table.name}, row {missing}: it is missing."


def _without_document(row: Values) -> Values:
    return {name: value for name, value in row.items() if name != "document"}


def _difference(wanted: Values, row: Values) -> str:
    names = [name for name, value in wanted.items() if row[name] != value]
    name = names[0]
    if name == "document":
        return "document differs from the replay."
    return f"{name} is {row[name]!r}, the replay gives {wanted[name]!r}."


def _state_faults(state: State, projection: Projection) -> Iterator[str]:
    """Compare the fold's own orders and positions with the rows, independent of how they came."""
    orders = projection.all(t.ORDERS)
    for order in (*state.orders.values(), *state.orders_finished.values()):
        row = orders.get(order.client_order_id)
        if row is None or row["document"] != ORDERS.encode(order):
            yield f"Order {order.client_order_id}: State and its row differ."
    open_rows = {
        key: row for key, row in projection.all(t.POSITIONS).items() if row["closed_at"] is None
    }
    for position in state.positions.values():
        found = open_rows.pop(position.position_id, None)
        if found is None or found["document"] != POSITIONS.encode(position):
            yield f"Position {position.position_id}: State and its row differ."
    for key in open_rows:
        yield f"Position {key}: its row is open, State has none."

"""Journals as a release wrote them, kept for ever: one file for each revision of the tables.

A file of `journals/` is lines of JSON: what must come out of it, then every row of every table. It
is written once, by `python -m tests.storage.frozen NAME`, when a revision, an event kind or a
version of one is added; a file that is there is never written again.
"""

import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from engine import events as e
from engine.commands import AlertKind
from engine.limits import LimitProposal
from engine.orders import OrderStatus, OrderTrigger, can
from engine.positions import Fill
from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind
from engine.state import State
from storage.backup_rows import put_rows, reflected, stored_rows
from storage.batch import stored_head
from storage.codec import state_bytes, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from storage.migration import TABLES, stored_revision
from storage.shape import shape_of
from tests.storage.samples import AT, filled
from tests.storage.story import OWNER, START, Story

FOLDER = Path(__file__).parent / "journals"
STEPS = 120
# Rows of the console's own and of the paper venue's, which no event makes.
ROWS: dict[str, dict[str, Any]] = {
    "operators": {"user_id": 99, "role": "viewer", "added_by": "4242", "added_at": AT},
    "updates": {"update_id": 7, "received_at": AT, "payload": b'{"update_id":7}', "handled": True},
    "cards": {
        "chat_id": -100500,
        "subject": "order:qd1",
        "message_id": 4,
        "content_hash": "a1",
        "at": AT,
    },
    "notes": {"scope": "chat:4242", "name": "pinned", "value": 'täxt "quoted" \n 🚨'},
    "paper_heads": {"venue": "binance", "revision": 2**40, "document": b'{"venue":"binance"}'},
}
for _name in ("orders", "trades", "balances", "positions", "flows"):
    ROWS[f"paper_{_name}"] = {"venue": "binance", "key": "k", "number": 1, "document": b"\x00\xff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A file of `journals/`: what must come out, and each table's columns and rows."""

    facts: dict[str, Any]
    tables: dict[str, tuple[list[str], list[list[Any]]]]

    def put(self, connection: Connection) -> None:
        """Store every row, whatever revision the tables have."""
        for name, (columns, rows) in self.tables.items():
            put_rows(connection, reflected(connection, name), columns, rows)

    @property
    def kinds(self) -> set[tuple[str, int]]:
        columns, rows = self.tables["journal"]
        kind, version = columns.index("kind"), columns.index("version")
        return {(row[kind], row[version]) for row in rows}


def frozen(path: Path) -> Frozen:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    facts, *rest = lines
    tables: dict[str, tuple[list[str], list[list[Any]]]] = {}
    for name, values in rest:
        if name in tables:
            tables[name][1].append(values)
        else:
            tables[name] = (values, [])
    return Frozen(facts=facts, tables=tables)


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.jsonl"))


def shape() -> str:
    """Name State's classes; with others the same events give other bytes."""
    return hashlib.sha256("\n".join(shape_of(State)).encode()).hexdigest()


def plain_state(state: State) -> Any:
    return json.loads(state_bytes(state))


class Whole(Story):
    """A story in which every kind of event happens."""

    def rest(self) -> Iterator[list[e.Event]]:
        """Tell what a random session leaves out, each as the State of that moment allows."""
        while not self.state.positions or not self.unknown():
            yield self.order()
            yield self.fill() or self.answer()
        key, position = next(iter(self.state.positions.items()))
        unknown = self.unknown()[-1]
        finished = next(iter(self.state.orders_finished.values()))
        (cancelled, *_) = (o for o in self.state.orders.values() if can(o, OrderTrigger.CANCEL))
        (unsent, *_) = (n for n, o in self.state.orders.items() if can(o, OrderTrigger.NOT_SEND))
        triggered = {"key": key, "position_id": position.position_id, "leg": "stop"}
        flat = {"actor": OWNER, "keys": (key,), "quantities": (position.quantity,)}
        yield [self.sample(e.OrderDenied)]
        yield [self.sample(e.OrderCanceled, client_order_id=cancelled.client_order_id)]
        yield [self.sample(e.StrangerNoted)]
        yield [self.sample(e.SignalScaled)]
        yield self.ticket()
        yield [self.sample(e.TicketConfirmed, ticket_id=list(self.state.tickets)[-1])]
        yield [self.sample(e.FactorEnrolled, user_id=4242)]
        yield [self.sample(e.FactorLocked, user_id=4242)]
        yield [self.sample(e.FactorRemoved, user_id=4242)]
        changed = {"name": "positions", "before": Decimal(10), "after": Decimal(5)}
        yield [self.sample(e.LimitChanged, **changed)]
        proposal = replace(filled(LimitProposal), name="positions", after=Decimal(8))
        yield [self.sample(e.LimitProposed, proposal=proposal)]
        yield [self.sample(e.LimitProposalEnded, proposal=proposal)]
        waits = replace(proposal, name="drawdown")
        yield [self.sample(e.LimitProposed, proposal=waits)]
        yield [self.sample(e.OrderAsked, client_order_id=unknown, nowhere=True)]
        yield [self.sample(e.OrderRecalled, order=finished)]
        yield [self.sample(e.ExitTriggered, **triggered, price=Decimal("1.10"))]
        del triggered["leg"]
        followed = {**triggered, "stop": Decimal("1.05"), "peak": Decimal("1.10")}
        yield [self.sample(e.StopFollowed, **followed)]
        yield [self.sample(e.BreakerWarned, kind="drawdown", value=Decimal(8), limit=Decimal(10))]
        held = {"scope": Scope(kind=ScopeKind.SYMBOL, name="BTC")}
        yield [self.sample(e.TradingStateSet, **held, trading=TradingState.REDUCING)]
        eased = {"kind": "drawdown", "value": Decimal(6), "scope": EVERYWHERE}
        yield [self.sample(e.BreakerEased, **eased, limit=Decimal(10))]
        yield [self.sample(e.BooksDiffer, venue="binance", keys=(key,))]
        yield [self.sample(e.BooksEqual, venue="binance")]
        yield [self.sample(e.LiveArmed)]
        yield [self.sample(e.ExternalOrdersSeen, venue="binance")]
        yield [self.sample(e.HoldingsSeen, venue="binance")]
        yield [self.sample(e.CashDoubted, venue="binance", currency="USDT")]
        yield [self.sample(e.CashFlowed, venue="binance", currency="USDT")]
        yield [self.sample(e.AccountHalted, venue="binance")]
        fill = replace(filled(Fill), trade_id="unpriced")
        yield [self.sample(e.FillBooked, fill=fill, fee_owed=Decimal(1), to_holding=False)]
        yield [self.sample(e.FeeSettled, identity=fill.identity)]
        adoption = {"key": key, "position_id": position.position_id, "quantity": Decimal(1)}
        yield [self.sample(e.PositionAdopted, **adoption, is_holding=False)]
        yield [self.sample(e.ExitReleased, client_order_id=unsent)]
        yield [self.sample(e.OrderNotSent, client_order_id=unsent)]
        yield [self.sample(e.OrderReappeared, client_order_id=unsent)]
        yield [self.sample(e.FlattenStarted, **flat)]
        yield [self.sample(e.ExternalCancelRequested, venue="binance")]
        yield [self.sample(e.FlattenHurried)]
        yield [self.sample(e.FlattenAsked, attempt=1)]
        yield [self.sample(e.FlattenLooked, venue="binance")]
        yield [self.sample(e.FlattenStillOpen)]
        yield [self.sample(e.AlertAcknowledged, subject=f"{AlertKind.STOP}:1")]
        yield [self.sample(e.FlattenVerified, venue="binance")]
        yield [self.sample(e.FlattenEnded)]
        yield [self.sample(e.EmergencyMerged)]
        yield [self.sample(e.DayReported)]
        yield [self.sample(e.BacklogSetAside)]
        yield [self.sample(e.EpochBegun, epoch=1_790_000_000, made_at=START)]
        yield [self.sample(e.EngineEnded)]

    def sample(self, kind: Any, /, **fields: Any) -> e.Event:
        fields = {"at": self.at, "command_id": self.name("c"), **fields}
        event: e.Event = replace(filled(kind), **fields)
        return event

    def unknown(self) -> list[str]:
        orders = self.state.orders.items()
        return [name for name, order in orders if order.status is OrderStatus.UNKNOWN]


async def told_whole(journal: SqlJournal, story: Whole) -> None:
    """Store a story of every kind."""
    for step, before, after in story.steps(STEPS):
        await journal.append([step], before, after)
    for events in story.rest():
        before = story.state
        if events:
            await journal.append([story.tell(*events)], before, story.state)


async def freeze(name: str) -> Path:
    """Write a new file of `journals/`. Raises: FileExistsError."""
    path = FOLDER / f"{name}.jsonl"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/journal.db")
        journal = SqlJournal(database, snapshot_every=50)
        await journal.open()
        story = Whole(17)
        await told_whole(journal, story)
        await database.write(put_own_rows)
        lines = await database.read(lambda c: list(_lines(c, story.state)))
        await journal.close()
    with path.open("x") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return path


def put_own_rows(connection: Connection) -> None:
    for name, row in ROWS.items():
        connection.execute(TABLES.tables[name].insert(), row)


def _lines(connection: Connection, state: State) -> Iterator[Any]:
    head = stored_head(connection)
    yield {
        "revision": stored_revision(connection),
        "seq": head.seq,
        "hash": head.hash,
        "shape": shape(),
        "state_hash": state_hash(state),
        "state": plain_state(state),
    }
    there = set(inspect(connection).get_table_names())
    for table in TABLES.sorted_tables:
        if table.name in there:
            yield [table.name, list(reflected(connection, table.name).columns.keys())]
            for row in stored_rows(connection, reflected(connection, table.name)):
                yield [table.name, row]


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(freeze(sys.argv[1]))}\n")

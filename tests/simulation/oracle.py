"""The oracle: what must hold at every moment, counted anew from the journal's file, the venue's
ledger and the chats. Numbers are those of the promise's invariants (docs/proof.md lists them).

It is not the engine: positions, cash, exposure, permissions and alerts are its own arithmetic. Only
the fold is asked, for what it alone can say: that replaying the journal gives the live State.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from engine import events as e
from engine.fold import apply
from engine.markets.catalogue import catalogue
from engine.orders import Order
from engine.state import State
from storage.codec import Codec
from tests.simulation.oracle_alerts import Hearing
from tests.simulation.oracle_books import Books
from tests.simulation.oracle_sends import Sends
from tests.simulation.oracle_stops import check_stops, check_stops_at_rest
from tests.simulation.outside import HOLDINGS, Outside
from tests.simulation.process import LIMITS

HAND_S = 6.0
READ = "SELECT seq, kind, version, payload FROM journal WHERE seq > ? ORDER BY seq"


class Oracle:
    """Read along, and object at once."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.state = State()
        self.books = Books()
        self.sends = Sends(self.books, dict(catalogue("binance")), LIMITS)
        self.hearing = Hearing()
        self.events: list[e.Event] = []
        self.objection: AssertionError | None = None
        self._codec = Codec()
        self._journaled = 0
        self._hand_s, self._hands = -HAND_S, 0
        self._file: sqlite3.Connection | None = None
        outside.on_send = self.on_send
        outside.disk.on_commit = self.read
        outside.telegram.on_stop = self.on_stop

    def on_stop(self, command_id: str) -> None:
        """Hear of a stop in the moment in which the process hears of it."""
        self.sends.press(command_id, self._now_s)

    def on_send(self, order: Order) -> None:
        """Judge a create at the moment it leaves; its task would swallow what is raised here."""
        try:
            self.read()
            self.sends.judge(order, self._now_s)
            if not order.is_exit:
                assert order.key not in self.state.reducing, (
                    f"I13: entry {order.short_id} leaves in REDUCING"
                )
        except AssertionError as objection:
            self.objection = self.objection or objection

    @property
    def _now_s(self) -> float:
        return self.outside.clock.monotonic()

    def read(self) -> None:
        """Take in every event that is durable by now."""
        try:
            self._read()
        except AssertionError as objection:
            self.objection = self.objection or objection

    def _read(self) -> None:
        if self._file is None:
            if not self.outside.disk.file.exists():
                return
            self._file = sqlite3.connect(self.outside.disk.file, isolation_level=None)
        try:
            rows = self._file.execute(READ, (self._journaled,)).fetchall()
        except sqlite3.OperationalError as fault:
            if "no such table" in str(fault):
                return
            raise
        for seq, kind, version, payload in rows:
            event = self._codec.decode(seq, kind, version, payload)
            self.hearing.take(seq, event, self._now_s)
            self._journaled = seq
            if seq > self.state.seq:
                self._take(seq, event, "WRITES")
            else:
                # It was recorded while the journal was away: merged is the same, not the like.
                assert event == self.events[seq - 1], f"I3: {seq} was merged as something else"
        for seq, event in recorded(self.outside.disk.emergency, self._codec):
            if seq == self.state.seq + 1:
                self._take(seq, event, "RECORDS")

    def _take(self, seq: int, event: e.Event, how: str) -> None:
        self.events.append(event)
        self.state = apply(self.state, event)
        assert self.state.seq == seq, "I10: a number is missing in the journal"
        self.books.take(event)
        self.sends.take(event, self._now_s)
        self.outside.trace.note(how, f"{seq} {_gist(event)}")
        if isinstance(event, e.FlattenEnded):
            self._check_flat()

    def _check_flat(self) -> None:
        """See that the venue holds nothing of ours but dust, when the chats are told so."""
        ledger = self.outside.venue.ledger
        ours = [o for o in ledger.orders.values() if o.client_order_id is not None]
        left = [o.client_order_id for o in ours if o.venue_order_id in ledger.open]
        assert not left, f"flat, and {left} are open at the venue"
        if self._now_s - self._hand_s < HAND_S:
            return  # somebody trades there in this moment, whom nobody has seen yet
        swaps = {name: each.quantity for name, each in ledger.positions.items() if each.quantity}
        assert not swaps, f"flat, and the venue holds {swaps}"

    def check(self, live: State | None) -> None:
        """Judge journal, ledger and chats as they stand between two steps."""
        by_hand = sum(trade.client_order_id is None for trade in self.outside.venue.ledger.trades)
        if by_hand != self._hands:
            self._hands, self._hand_s = by_hand, self._now_s
        self._read()
        if self.objection is not None:
            raise self.objection
        ledger = self.outside.venue.ledger
        self.books.check(self.state)
        self.books.check_orders(self.state, list(self.sends.submitted))
        self.books.check_ledger(ledger, dict(HOLDINGS))
        self.sends.check_ledger(ledger, self._now_s)
        check_stops(ledger, self.books.given_up)
        self.hearing.listen(self.outside.telegram.shown, self.outside.telegram.asked_s)
        ledger.audit()
        if live is not None and live.seq == self.state.seq:
            assert live == self.state, "I10: the events do not give the live State"

    def check_rest(self, live: State) -> None:
        """Judge once everything has come to rest."""
        self.check(live)
        assert live.seq == self.state.seq, "I10: State is ahead of its journal"
        self.books.check_rest(self.state, self.outside.venue.ledger, dict(HOLDINGS))
        check_stops_at_rest(self.state, self.outside.venue.ledger)
        self.hearing.check_rest(self.outside.telegram.doubtful)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def recorded(file: Path, codec: Codec) -> Iterator[tuple[int, e.Event]]:
    """Give what the emergency file says, by number, read by the oracle's own hand."""
    if not file.exists():
        return
    for line in file.read_bytes().partition(b"\0")[0].splitlines():
        page = json.loads(line.partition(b" ")[2])
        seq = page.get("before", [0])[0]
        for step in page.get("steps", ()):
            for kind, version, payload in step:
                seq += 1
                yield seq, codec.decode(seq, kind, version, payload.encode())


def _gist(event: e.Event) -> str:
    """Say an event in a few words."""
    fields = []
    for name in ("client_order_id", "ticket_id", "reason", "status", "command_id"):
        value = getattr(event, name, None)
        if value:
            fields.append(f"{name}={value}")
    if isinstance(event, e.OrderSubmitted):
        order = event.order
        fields = [order.short_id, order.client_order_id, str(order.quantity), order.symbol]
    if isinstance(event, e.FillBooked):
        fill = event.fill
        fields = [str(fill.client_order_id), f"{fill.quantity} at {fill.price}"]
    if isinstance(event, e.OrderDenied):
        fields = [event.symbol, ", ".join(breach.rule for breach in event.breaches)]
    return f"{type(event).__name__} {' '.join(fields)}"

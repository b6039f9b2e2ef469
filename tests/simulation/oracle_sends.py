"""The oracle's eye on what leaves: each create at the moment it is sent (invariants 1 to 4, 11 to
13), and each signal and ticket at the moment it is used (16).
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from engine import events as e
from engine.commands import Actor, ActorKind
from engine.confirming import Confirmation
from engine.instruments import Instrument
from engine.orders import Order, OrderKind, OrderStatus
from engine.risk_limits import RiskLimits
from engine.tickets import Ticket, TicketStatus
from engine.venues.account import Account
from tests.simulation.oracle_books import Books
from tests.simulation.oracle_holds import Holds
from tests.simulation.outside import HOLDINGS, OWNERS, TRADER

ZERO = Decimal(0)
SETTLE_S = 55.0  # the wall clock may jump by some seconds
KNOWN_AGAIN_S = 200.0  # a process may be down, and the venue away, before the books are compared
NEVER_THERE = (OrderStatus.REJECTED, OrderStatus.NOT_SENT)
OPEN = "open"
UNKNOWN = "unknown"
AGE_S_MAX = 2.0
# Between its decision and its send an order's price moves, within its cap.
MOVED = Fraction(102, 100)


class Sends:
    """Know what was wished, decided and sent, and what may not be sent now."""

    def __init__(self, books: Books, instruments: dict[str, Instrument], limits: RiskLimits):
        self.books = books
        self.instruments = instruments
        self.limits = limits
        self.submitted: dict[str, Order] = {}
        self.submitted_s: dict[str, float] = {}
        self.sent: set[str] = set()
        self.unknown_s: dict[str, float] = {}
        self.appeared_s: dict[str, float] = {}
        self.there: set[str] = set()
        self.now_s = 0.0
        self.standing: dict[str, str] = {}
        self.pressed: dict[str, float] = {}
        self.consumed: dict[str, int] = {}
        self.halted = False
        self.holds = Holds()
        self.equity = Fraction(0)
        self._seq = 0
        self._tickets: dict[str, TicketStatus] = {}
        self._offers: dict[str, Ticket] = {}
        self._first: dict[str, int] = {}
        self._used: Counter[str] = Counter()
        self._holdings = set(HOLDINGS)

    def press(self, command_id: str, at_s: float) -> None:
        """Note a stop in the moment in which the process hears of it, unless it is an old one."""
        if command_id not in self.consumed:
            self.pressed.setdefault(command_id, at_s)

    def forget_unheard(self) -> None:
        """Forget stops that died with whoever heard them: the next process hears them again."""
        self.pressed = {p: at_s for p, at_s in self.pressed.items() if p in self.consumed}
        self.holds.forget_unheard()

    def take(self, event: e.Event, now_s: float) -> None:
        """Take in one durable event."""
        self._seq += 1
        self.now_s = now_s
        self.holds.take(event, now_s)
        if event.command_id is not None:
            self.consumed.setdefault(event.command_id, self._seq)
        match event:
            case e.OrderSubmitted(order=order):
                self._submit(order, event.at, now_s)
            case e.ExitReleased(client_order_id=name, quantity=quantity):
                held = self.submitted[name]
                assert quantity <= held.quantity, f"{name} is released larger than it was asked"
                bound = None if event.at_market else event.price_limit or held.price_limit
                self.submitted[name] = replace(held, quantity=quantity, price_limit=bound)
                self._exit_only_reduces(self.submitted[name])
            case e.OrderUnknown():
                self.standing[event.client_order_id] = UNKNOWN
                self.unknown_s[event.client_order_id] = now_s
            case e.OrderReappeared():
                self.standing[event.client_order_id] = OPEN
                self.appeared_s.pop(event.client_order_id, None)
            case e.OrderAccepted() | e.OrderRecalled():
                name = event.order.client_order_id if isinstance(event, e.OrderRecalled) else (
                    event.client_order_id
                )  # fmt: skip
                if isinstance(event, e.OrderAccepted):
                    self.standing[name] = OPEN
            case e.OrderRejected(client_order_id=name, code="not_found"):
                assert name not in self.there, f"I4: {name} is given up, and the venue has it"
                self.standing.pop(name, None)
            case e.OrderRejected() | e.OrderNotSent() | e.OrderCanceled() | e.OrderExpired():
                self.standing.pop(event.client_order_id, None)
            case e.FillBooked(fill=fill) if fill.client_order_id is not None:
                self._fill(fill.client_order_id)
            case e.EquitySampled(equity=equity):
                self.equity = Fraction(equity)
            case e.JournalOpened(cash=cash):
                self.equity = Fraction(cash)
            case e.CashFlowed(amount=amount):
                self.equity += Fraction(amount)
            case e.PositionAdopted(key=key, quantity=quantity, price=price, is_holding=True):
                self.equity += Fraction(quantity) * Fraction(price)
                # All of it is the position now; nothing else is left that could be sold.
                self._holdings.discard(key.partition(":")[2].partition("/")[0])
            case _:
                self._take_permission(event)

    def _fill(self, name: str) -> None:
        if name in self.standing:
            if self.books.filled[name] >= self.submitted[name].quantity:
                del self.standing[name]
            else:
                self.standing[name] = OPEN

    def _take_permission(self, event: e.Event) -> None:
        """Follow who may trade: stops, tickets. What else holds back is in `holds`."""
        match event:
            case e.TradingHalted():
                self.halted = True
            case e.TradingResumed(actor=actor):
                _owner_only(actor, "trading is resumed")
                self.halted = False
                self.pressed = {p: s for p, s in self.pressed.items() if p not in self.consumed}
            case e.TicketOpened(ticket=ticket):
                assert ticket.ticket_id not in self._tickets, "I16: a ticket opens twice"
                self._tickets[ticket.ticket_id] = TicketStatus.OPEN
                self._offers[ticket.ticket_id] = ticket
            case e.TicketConfirmed(ticket_id=ticket_id, user_id=first, expires_at=until):
                assert self._tickets[ticket_id] is TicketStatus.OPEN, "I16: confirmed after its end"
                assert ticket_id not in self._first, "I16: confirmed first twice"
                self._first[ticket_id] = first
                self._offers[ticket_id] = replace(self._offers[ticket_id], expires_at=until)
            case e.TicketEnded(ticket_id=ticket_id, status=status, user_id=user_id):
                self._by_two(ticket_id, status, user_id)
                is_used = status is TicketStatus.APPROVED
                assert not is_used or user_id in (*OWNERS, TRADER), (
                    f"I16: {user_id} may not approve {ticket_id}"
                )
                assert self._tickets[ticket_id] is TicketStatus.OPEN, "I16: a ticket ends twice"
                self._tickets[ticket_id] = status
            case e.SignalReceived(signal_id=signal_id, actor=actor):
                if actor.kind is ActorKind.PERSON:
                    assert actor.user_id in (*OWNERS, TRADER), f"{actor.user_id} may not trade"
                self._use(f"signal {signal_id}")
            case _:
                return

    def _by_two(self, ticket_id: str, status: TicketStatus, user_id: int | None) -> None:
        """See that two people, one an owner, approved what takes two."""
        offer, first = self._offers[ticket_id], self._first.get(ticket_id)
        if status is not TicketStatus.APPROVED or (
            offer.confirmation is not Confirmation.SECOND_PERSON
        ):
            return
        assert first is not None, f"I16: {ticket_id} is sent after one tap"
        assert first != user_id, f"I16: {user_id} confirms {ticket_id} twice"
        assert {first, user_id} & set(OWNERS), f"I16: no owner confirms {ticket_id}"

    def _use(self, what: str) -> None:
        self._used[what] += 1
        assert self._used[what] == 1, f"I16: {what} is used twice"

    def _submit(self, order: Order, at: datetime, now_s: float) -> None:
        name = order.client_order_id
        assert name not in self.submitted, f"I1: {name} is decided twice"
        self.submitted[name], self.submitted_s[name] = order, now_s
        self.standing[name] = OPEN
        if order.ticket_id is not None:
            self._use(f"ticket {order.ticket_id}")
            assert self._tickets[order.ticket_id] is TicketStatus.APPROVED, "I16: no ticket"
            self._as_seen(order, self._offers[order.ticket_id], at)
        if order.signal_id is not None:
            self._use(f"order of {order.signal_id}")
        if order.is_exit:
            if not order.held:
                self._exit_only_reduces(order)
            return
        assert not self.halted, f"I12: entry {name} is decided while halted"
        self.holds.assert_free(order, f"entry {name} is decided", now_s)
        beside = [n for n, o in self.submitted.items() if o.key == order.key and n != name]
        unknown = [n for n in beside if self.standing.get(n) == UNKNOWN]
        assert not unknown, f"I11: {name} is decided beside unanswered {unknown}"
        self._within_limits(order)

    def _as_seen(self, order: Order, ticket: Ticket, at: datetime) -> None:
        """What was seen is what executes: size, side, bound, protection, near the price shown."""
        seen: tuple[object, ...] = (
            ticket.symbol, ticket.side, ticket.kind, ticket.purpose, ticket.quantity,
            ticket.price_limit,
        )  # fmt: skip
        done: tuple[object, ...] = (
            order.symbol, order.side, order.kind, order.purpose, order.quantity, order.price_limit,
        )  # fmt: skip
        if not order.is_exit:
            seen = (*seen, ticket.stop, ticket.order_targets, ticket.leverage)
            done = (*done, order.stop, order.targets, order.leverage)
        assert seen == done, f"{order.short_id} is not what its ticket showed: {seen} {done}"
        assert at <= ticket.expires_at, f"I16: {order.short_id}: its ticket had expired"
        if order.kind is OrderKind.MARKET and order.price_arrival is not None:
            mid = Fraction(ticket.quote.mid)
            drift = abs(Fraction(order.price_arrival) - mid) / mid * 10_000
            most = Fraction(self.limits.drift_bps_max)
            assert order.is_exit or drift <= most, f"{order.short_id} drifted {float(drift)} bps"

    def _exit_only_reduces(self, order: Order) -> None:
        """I13: an exit never is more than what is held, less what other exits may still close."""
        held = self.books.quantity(order.key)
        assert held * order.side.sign < 0, f"I13: exit {order.short_id} adds to {float(held)}"
        is_swap = ":" in order.symbol
        others = sum(
            (
                Fraction(other.quantity - self.books.filled[name])
                for name, other in self.submitted.items()
                if other.is_exit
                and other.key == order.key
                and name != order.client_order_id
                and name in self.standing
                and not self._may_pass(order, other)
                # The venue enforces reduce-only there: another exit may pass an unanswered one.
                # On spot it waits out the settle window; then the free balance is the cap.
                and not (
                    self.standing[name] == UNKNOWN
                    and (is_swap or self.now_s - self.unknown_s.get(name, self.now_s) >= SETTLE_S)
                )
            ),
            Fraction(0),
        )
        room = abs(held) - others
        assert Fraction(order.quantity) <= room, (
            f"I13: exit {order.short_id} of {order.quantity}, {float(room)} left to close"
        )

    def _may_pass(self, order: Order, other: Order) -> bool:
        """Tell whether an exit may stand beside a stop: both together close no more than is held.

        On a swap both only reduce. On spot after three seconds, where the account holds nothing
        else that the two could sell.
        """
        if OrderKind.STOP not in (order.kind, other.kind):
            return False
        if ":" in order.symbol:
            return True
        if order.kind is OrderKind.STOP:
            return False
        # Decided after three seconds; both ends are seen when they are durable.
        waited_s = self.now_s - self.submitted_s[order.client_order_id]
        return order.symbol.partition("/")[0] not in self._holdings and waited_s >= 2.9

    def _within_limits(self, order: Order) -> None:
        """I11: worst case, with everything that is open, waiting or unknown."""
        notional = self._worst(order)
        limit = self.equity * Fraction(self.limits.order_notional_pct_max) / 100
        if order.kind is OrderKind.MARKET or order.side.sign > 0:
            assert notional <= limit * MOVED, f"I11: {float(notional)} over {float(limit)}"
        keys = {key for key in self.books.held if self._counts(key)}
        keys |= {
            other.key
            for name, other in self.submitted.items()
            if name in self.standing and name != order.client_order_id and not other.is_exit
        }
        # An adoption or somebody else's fill may go over; what stands may then still be added to.
        if order.key not in keys:
            assert len(keys) < self.limits.positions_max, f"I11: {order.key} on {sorted(keys)}"
        gross = sum((self._worth(key) for key in self.books.held), Fraction(0))
        gross += sum(
            (
                self._worst(other)
                for name, other in self.submitted.items()
                if name in self.standing and not other.is_exit
            ),
            Fraction(0),
        )
        most = self.equity * Fraction(self.limits.leverage_max) * MOVED
        assert gross <= most, f"I11: gross {float(gross)} over {float(most)}"

    def _worst(self, order: Order) -> Fraction:
        price = order.price_limit or order.price_arrival or ZERO
        return Fraction(order.quantity - self.books.filled[order.client_order_id]) * Fraction(price)

    def _worth(self, key: str) -> Fraction:
        holding = self.books.held[key]
        return abs(holding.quantity) * holding.entry

    def _counts(self, key: str) -> bool:
        """Tell a position from dust: a lot at least, and on spot worth an order at any price."""
        instrument = self.instruments[key]
        size = abs(self.books.quantity(key))
        step = Fraction(instrument.quantity_step)
        lots = size // step * step
        if lots == 0 or ":" in instrument.symbol:
            return lots != 0
        return lots * self.books.held[key].entry / 2 >= Fraction(instrument.notional_min)

    def judge(self, order: Order, now_s: float) -> None:
        """Judge a create in the moment in which it leaves."""
        self.now_s = now_s
        name = order.client_order_id
        assert name in self.submitted, f"I3: {name} leaves before it is journaled"
        assert name not in self.sent, f"I1: {name} leaves twice"
        self.sent.add(name)
        shown = self.submitted[name]
        terms = (order.symbol, order.side, order.quantity, order.kind, order.price_limit)
        journaled = (shown.symbol, shown.side, shown.quantity, shown.kind, shown.price_limit)
        assert terms == journaled, f"{name} leaves otherwise than it was journaled"
        assert name in self.standing, f"I6: {name} leaves although it has ended"
        if order.is_exit:
            return
        age_s = now_s - self.submitted_s[name]
        assert age_s <= AGE_S_MAX + 0.1, f"I12: entry {name} leaves {age_s:.1f} s after its commit"
        late = [press for press, at_s in self.pressed.items() if at_s < now_s]
        assert not late, f"I12: entry {name} leaves after {late}"
        self.holds.assert_free(order, f"entry {name} leaves", now_s)
        assert not self.halted, f"I12: entry {name} leaves while halted"
        self._within_limits(order)

    def check_ledger(self, ledger: Account, now_s: float) -> None:
        """Compare with the orders that the venue has.

        One that arrives after it was given up must be known again soon.
        """
        there: Counter[str] = Counter(
            seen.client_order_id
            for seen in ledger.orders.values()
            if seen.client_order_id is not None
        )
        for name, count in there.items():
            assert name in self.submitted, f"I2: {name} is not journaled"
            assert count == 1, f"I1: {name} is {count} orders at the venue"
            assert name in self.sent, f"I3: {name} never left"
            ended = self.books.finished.get(name)
            if ended in NEVER_THERE:
                since_s = self.appeared_s.setdefault(name, now_s)
                late_s = now_s - since_s
                assert late_s < KNOWN_AGAIN_S, f"I4: {name} is {ended}, and the venue has it"
        self.there = set(there)


def _owner_only(actor: Actor, what: str) -> None:
    """Whatever role the console gave somebody: by who they are, or a program in the process."""
    person = actor.kind is ActorKind.PERSON
    assert not person or actor.user_id in OWNERS, f"I12: {what} by {actor.user_id}"

"""The oracle: what must hold at every moment, counted anew from journal and ledger.

Numbers are those of EXECUTION 11. It shares the vocabulary with the engine, not its arithmetic.
"""

from collections import Counter, defaultdict
from decimal import Decimal

from engine import events as e
from engine.alerts import Alert, alerts_of
from engine.fold import apply
from engine.markets.catalogue import catalogue
from engine.orders import Order, OrderKind, OrderPurpose, OrderStatus
from engine.positions import Fill
from engine.reports import VenueOrderStatus
from engine.state import State
from engine.tickets import TicketStatus
from engine.venues.account import Account
from tests.simulation.plant import FailingJournal

ZERO = Decimal(0)
NEVER_THERE = (OrderStatus.REJECTED, OrderStatus.NOT_SENT)
TINY = Decimal("1e-6")


class Oracle:
    """Read along, and object at once."""

    def __init__(self, journal: FailingJournal, holdings: dict[str, Decimal]) -> None:
        self.journal = journal
        self.holdings = holdings
        self.instruments = catalogue("binance")
        self.state = State()
        self.sent: set[str] = set()
        self.submitted: dict[str, Order] = {}
        self.fills: dict[str, Fill] = {}
        self.halts_pressed: set[str] = set()
        self.objection: AssertionError | None = None
        self._alerts: list[Alert] = []
        self._read = 0
        self._filled: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._guards: dict[str, set[Decimal]] = defaultdict(set)
        self._held: dict[str, Decimal] = defaultdict(lambda: ZERO)
        self._finished: dict[str, OrderStatus] = {}
        self._tickets: dict[str, TicketStatus] = {}
        self._of_ticket: Counter[str] = Counter()
        self._of_signal: Counter[str] = Counter()

    def press_halt(self, command_id: str) -> None:
        """Note a stop at the moment it is pressed."""
        self.halts_pressed.add(command_id)

    def release(self, pressed_before: set[str]) -> None:
        """Note a resume that was confirmed: it undoes what was pressed before it was given."""
        self.halts_pressed -= pressed_before

    def on_send(self, order: Order) -> None:
        """Judge a create at the moment it leaves; its task would swallow what is raised here."""
        try:
            self._judge(order)
        except AssertionError as objection:
            self.objection = self.objection or objection

    def _judge(self, order: Order) -> None:
        self.read()
        name = order.client_order_id
        assert name in self.submitted, f"I3: {name} leaves before it is journaled"
        assert name not in self.sent, f"I1: {name} leaves twice"
        self.sent.add(name)
        shown = self.submitted[name]
        terms = (order.symbol, order.side, order.quantity, order.kind, order.price_limit)
        journaled = (shown.symbol, shown.side, shown.quantity, shown.kind, shown.price_limit)
        assert terms == journaled, f"{name} leaves otherwise than it was journaled"
        if order.is_exit:
            return
        assert not self.halts_pressed, f"I12: entry {name} leaves after {self.halts_pressed}"
        assert not self.state.breakers, f"I12: entry {name} leaves past a breaker"
        assert order.key not in self.state.reducing, f"I13: entry {name} leaves in REDUCING"

    def read(self) -> None:
        """Take in every event that is durable by now."""
        while self._read < len(self.journal.events):
            event = self.journal.events[self._read]
            self._read += 1
            before, self.state = self.state, apply(self.state, event)
            self._alerts.extend(alerts_of(before, event, self.state))
            self._take(before, event)

    def _take(self, before: State, event: e.Event) -> None:
        match event:
            case e.OrderSubmitted(order=order):
                self._submit(order)
            case e.FillBooked(fill=fill, fee_base=fee_base):
                assert fill.identity not in self.fills, f"I5: {fill.identity} is booked twice"
                self.fills[fill.identity] = fill
                if fill.client_order_id is not None:
                    self._filled[fill.client_order_id] += fill.quantity
                self._guard(before, fill, fill.side.sign * fill.quantity - fee_base)
            case e.ExitTriggered(key=key, price=price):
                assert price in self._guards[key], f"{key} is closed at {price}, by whose wish?"
            case e.TicketOpened(ticket=ticket):
                self._tickets[ticket.ticket_id] = TicketStatus.OPEN
            case e.TicketEnded(ticket_id=ticket_id, status=status):
                assert self._tickets[ticket_id] is TicketStatus.OPEN, "I16: a ticket ends twice"
                self._tickets[ticket_id] = status
            case _:
                return

    def _guard(self, before: State, fill: Fill, change: Decimal) -> None:
        """Keep the prices at which a position may be closed: those its own entries brought."""
        held = self._held[fill.key]
        now = self._held[fill.key] = held + change
        if held * now <= ZERO or not self._counts(before, fill.key, held):
            self._guards[fill.key] = set()
        order = self.submitted.get(fill.client_order_id or "")
        if order is not None and not order.is_exit and order.side.sign * now > ZERO:
            prices = [order.stop, *(target.price for target in order.targets)]
            self._guards[fill.key] |= {price for price in prices if price is not None}

    def _submit(self, order: Order) -> None:
        name = order.client_order_id
        assert name not in self.submitted, f"I1: {name} is decided twice"
        self.submitted[name] = order
        if order.ticket_id is not None:
            self._of_ticket[order.ticket_id] += 1
            assert self._of_ticket[order.ticket_id] == 1, "I16: a ticket makes two orders"
            assert self._tickets[order.ticket_id] is TicketStatus.APPROVED
        if order.signal_id is not None:
            self._of_signal[order.signal_id] += 1
            assert self._of_signal[order.signal_id] == 1, "I16: a signal makes two orders"
        if not order.is_exit:
            self._entry_within_limits(order)

    def _entry_within_limits(self, order: Order) -> None:
        """I11: with this order, at its worst."""
        state, limits = self.state, self.state.limits
        assert state.stop is None, "an entry is decided while halted"
        assert not state.breakers, "an entry is decided past a breaker"
        assert state.equity is not None
        price = order.price_limit or order.price_arrival or ZERO
        worst = order.quantity * price
        limit = state.equity.equity * limits.order_notional_pct_max / 100
        if order.kind is OrderKind.MARKET or order.side.sign > 0:
            assert worst <= limit, f"I11: {worst} over {limit}"
        waiting = {o.key for o in state.orders.values() if o.purpose is OrderPurpose.ENTRY}
        entries = waiting | {
            key for key, held in self._held.items() if self._counts(state, key, held)
        }
        assert len(entries) <= limits.positions_max, f"I11: {sorted(entries)}"
        unknown = [
            o
            for o in state.orders.values()
            if o.status is OrderStatus.UNKNOWN and o.key == order.key
        ]
        assert not unknown, "an entry is decided beside an unknown order"

    def _counts(self, state: State, key: str, held: Decimal) -> bool:
        """Tell a position from dust: at least a lot, and on spot worth an order."""
        instrument = self.instruments[key]
        lots = abs(held) // instrument.quantity_step * instrument.quantity_step
        if lots == ZERO or ":" in instrument.symbol:
            return lots != ZERO
        return lots * state.positions[key].entry_price >= instrument.notional_min

    def check(self, ledger: Account) -> None:
        """Judge journal and ledger as they stand between two steps."""
        if self.objection is not None:
            raise self.objection
        self.read()
        self._check_alerts()
        self._check_orders()
        self._check_money()
        self._check_ledger(ledger)
        ledger.audit()

    def _check_alerts(self) -> None:
        assert self._alerts == self.journal.alerts, "I18: an alert is missing or too much"

    def _check_orders(self) -> None:
        for name in self.submitted:
            order = self.state.order(name)
            if order is None:
                continue
            assert order.filled == self._filled[name], f"I5: {name}"
            if name in self._finished and order.status is not self._finished[name]:
                raise AssertionError(f"I6: {name} was {self._finished[name]}, is {order.status}")
            if order.is_finished:
                self._finished[name] = order.status

    def _check_money(self) -> None:
        held = {key: quantity for key, quantity in self._held.items() if quantity}
        ours = {key: position.quantity for key, position in self.state.positions.items()}
        assert ours == held, f"I7: {ours} is not {held}"
        reserved: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for order in self.state.orders.values():
            if not order.is_exit:
                price = order.price_limit or order.price_arrival or ZERO
                reserved[order.venue] += order.remaining * price
        for purse, amount in self.state.reserved.items():
            venue = purse.partition(":")[0]
            assert abs(amount.notional - reserved[venue]) < TINY, f"I14: {purse}"
            reserved.pop(venue)
        assert not any(reserved.values()), "I14: an open entry reserves nothing"

    def _check_ledger(self, ledger: Account) -> None:
        there: Counter[str] = Counter()
        for seen in ledger.orders.values():
            if seen.client_order_id is not None:
                there[seen.client_order_id] += 1
                assert seen.client_order_id in self.submitted, "I2: an order is not journaled"
        for name, count in there.items():
            assert count == 1, f"I1: {name} is {count} orders at the venue"
            assert name in self.sent, f"I3: {name} never left"
            ended = self._finished.get(name)
            assert ended not in NEVER_THERE, f"I4: {name} is {ended}, and the venue has it"
        traded = {f"binance:{t.symbol}:{t.trade_id}": t for t in ledger.trades}
        for identity, fill in self.fills.items():
            trade = traded[identity]
            assert (trade.quantity, trade.price, trade.side, trade.fee) == (
                fill.quantity,
                fill.price,
                fill.side,
                fill.fee,
            ), f"I5: {identity} is booked otherwise"
        for currency, amount in self.holdings.items():
            balance = ledger.balances.get(currency)
            total = balance.total if balance is not None else ZERO
            assert total >= amount, f"a holding was sold: {total} {currency} of {amount}"

    def check_rest(self, ledger: Account) -> None:
        """Judge once everything has come to rest: here and there are equal."""
        self.check(ledger)
        assert len(self.fills) == len(ledger.trades), "I5: a trade was never booked"
        open_there = {
            o.client_order_id for o in ledger.orders.values() if o.status is VenueOrderStatus.OPEN
        }
        assert open_there == set(self.state.orders), "here and there, other orders are open"
        cash = self.state.cash["binance:USDT"]
        balance = ledger.balances["USDT"].total
        for key, position in self.state.positions.items():
            symbol = key.partition(":")[2]
            if ":" in symbol:
                assert position.quantity == ledger.positions[symbol].quantity, f"I8: {key}"
                cash -= position.entry_price * position.quantity
            else:
                base = symbol.partition("/")[0]
                ours = ledger.balances[base].total - self.holdings.get(base, ZERO)
                assert position.quantity == ours, f"I8: {key}"
        for swap in ledger.positions.values():
            balance -= swap.entry_price * swap.quantity
            if swap.quantity:
                assert f"binance:{swap.symbol}" in self.state.positions, f"I8: {swap.symbol}"
        assert abs(cash - balance) < TINY, f"I9: {cash} here, {balance} there"

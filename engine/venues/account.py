"""The paper venue's account: the ledger in memory, every change of it, and its invariants.

Changes gather until `change` takes them; the exchange stores them before it answers anybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from engine.copies import copied
from engine.instruments import Instrument
from engine.numbers import ONE, ZERO
from engine.orders import OrderKind
from engine.positions import Liquidity
from engine.reports import VenueOrderStatus
from engine.venues.ledger import (
    Balance,
    Flow,
    FlowKind,
    LedgerChange,
    LedgerHead,
    LedgerSnapshot,
    SwapPosition,
    Trade,
    VenueOrder,
)
from engine.venues.money import fee_of, is_swap, reservation, rounded, rounded_down


@dataclass(slots=True)
class _Touched:
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    balances: dict[str, Balance] = field(default_factory=dict)
    positions: dict[str, SwapPosition] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)


class Account:
    """Hold orders, trades, balances and swap positions; the mappings are for reading only."""

    def __init__(
        self,
        *,
        head: LedgerHead,
        snapshot: LedgerSnapshot,
        instrument: Callable[[str], Instrument],
        fees_in_base: bool,
    ) -> None:
        self._head = head
        self._instrument = instrument
        self._fees_in_base = fees_in_base
        self.orders: dict[str, VenueOrder] = {o.venue_order_id: o for o in snapshot.orders}
        self.open: dict[str, VenueOrder] = {
            o.venue_order_id: o for o in snapshot.orders if o.is_open
        }
        self.trades: list[Trade] = sorted(snapshot.trades, key=lambda trade: trade.sequence)
        self.balances: dict[str, Balance] = {b.currency: b for b in snapshot.balances}
        self.positions: dict[str, SwapPosition] = {p.symbol: p for p in snapshot.positions}
        self.flows: list[Flow] = sorted(snapshot.flows, key=lambda flow: flow.sequence)
        self._by_client_id = {
            o.client_order_id: o.venue_order_id for o in snapshot.orders if o.client_order_id
        }
        self._touched = _Touched()

    @property
    def last_at(self) -> datetime:
        """Give the time of the newest trade, or of the ledger's beginning."""
        return self.trades[-1].at if self.trades else self._head.opened_at

    def next_id(self) -> tuple[str, int]:
        """Give a fresh id, unique over every ledger, and its number."""
        self._head = copied(self._head, sequence=self._head.sequence + 1)
        return f"{self._head.ledger_id}-{self._head.sequence}", self._head.sequence

    def find(self, client_order_id: str) -> VenueOrder | None:
        """Give the newest order of this client id."""
        venue_order_id = self._by_client_id.get(client_order_id)
        return self.orders[venue_order_id] if venue_order_id is not None else None

    def free(self, currency: str) -> Decimal:
        """Give what a new order may use of a currency."""
        balance = self.balances.get(currency)
        return balance.free if balance is not None else ZERO

    def put(self, order: VenueOrder) -> VenueOrder:
        """Keep an order as it is now, with what it reserves."""
        kept = _unreserved(order) if not order.is_open else self._reserving(order)
        self.orders[kept.venue_order_id] = kept
        if kept.is_open:
            self.open[kept.venue_order_id] = kept
        else:
            self.open.pop(kept.venue_order_id, None)
        if kept.client_order_id is not None:
            self._by_client_id[kept.client_order_id] = kept.venue_order_id
        self._touched.orders[kept.venue_order_id] = kept
        self._reserve(kept.reserved_currency)
        return kept

    def execute(
        self,
        order: VenueOrder,
        quantity: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        at: datetime,
    ) -> tuple[VenueOrder, Trade]:
        """Book one execution on an order, its balances and its position."""
        instrument = self._instrument(order.symbol)
        fee = fee_of(
            instrument, order.side, quantity, price, liquidity, fees_in_base=self._fees_in_base
        )
        trade_id, sequence = self.next_id()
        gain = self._book_swap(order, quantity, price, fee.value) if is_swap(instrument) else ZERO
        trade = Trade(
            trade_id=trade_id,
            sequence=sequence,
            venue_order_id=order.venue_order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee.value,
            fee_currency=fee.currency,
            liquidity=liquidity,
            at=at,
            realised_pnl=gain,
        )
        filled = order.filled + quantity
        status = VenueOrderStatus.FILLED if filled == order.quantity else order.status
        done = copied(
            order, filled=filled, cost=order.cost + quantity * price, status=status, updated_at=at
        )
        self.trades.append(trade)
        self._touched.trades.append(trade)
        for currency, amount in trade_amounts(trade, instrument).items():
            self._add(currency, amount)
        done = self.put(done)
        if is_swap(instrument):
            self._reserve(instrument.quote)
            self._insure(instrument.quote, at)
        return done, trade

    def flow(self, currency: str, amount: Decimal, kind: FlowKind, at: datetime) -> None:
        """Bring money in (positive) or take it out without a trade."""
        flow_id, sequence = self.next_id()
        flow = Flow(
            flow_id=flow_id, sequence=sequence, currency=currency, amount=amount, kind=kind, at=at
        )
        self.flows.append(flow)
        self._touched.flows.append(flow)
        self._add(currency, amount)

    def change(self) -> LedgerChange | None:
        """Take what changed since the last time; None when nothing did."""
        touched, self._touched = self._touched, _Touched()
        if not any((touched.orders, touched.trades, touched.balances, touched.flows)):
            return None
        self._check(touched)
        self._head = copied(self._head, revision=self._head.revision + 1)
        return LedgerChange(
            head=self._head,
            orders=tuple(touched.orders.values()),
            trades=tuple(touched.trades),
            balances=tuple(touched.balances.values()),
            positions=tuple(touched.positions.values()),
            flows=tuple(touched.flows),
        )

    def audit(self) -> None:
        """Compare every balance, order and position with the sum of all trades and flows.

        Raises: AssertionError, a bug of ours.
        """
        totals: dict[str, Decimal] = dict.fromkeys(self.balances, ZERO)
        filled: dict[str, Decimal] = dict.fromkeys(self.orders, ZERO)
        held: dict[str, Decimal] = dict.fromkeys(self.positions, ZERO)
        for flow in self.flows:
            totals[flow.currency] += flow.amount
        for trade in self.trades:
            instrument = self._instrument(trade.symbol)
            for currency, amount in trade_amounts(trade, instrument).items():
                totals[currency] += amount
            filled[trade.venue_order_id] += trade.quantity
            if is_swap(instrument):
                held[trade.symbol] += trade.side.sign * trade.quantity
        _same(totals, {c: balance.total for c, balance in self.balances.items()}, "balances")
        _same(filled, {i: order.filled for i, order in self.orders.items()}, "filled quantities")
        _same(held, {s: position.quantity for s, position in self.positions.items()}, "positions")

    def _reserving(self, order: VenueOrder) -> VenueOrder:
        if order.kind is OrderKind.MARKET or order.triggered:
            return _unreserved(order)  # it executes at once and rests nowhere
        price = order.price_limit or order.price_trigger
        assert price is not None, f"{order.venue_order_id} rests without a price"
        bound = reservation(
            order,
            self._instrument(order.symbol),
            self.positions.get(order.symbol),
            price,
            fees_in_base=self._fees_in_base,
        )
        return copied(order, reserved=bound.value, reserved_currency=bound.currency)

    def _reserve(self, currency: str) -> None:
        """Add up anew what a currency has bound, so that it can never drift."""
        if currency == "":
            return
        orders = sum(
            (o.reserved for o in self.open.values() if o.reserved_currency == currency), ZERO
        )
        margins = sum((p.margin for p in self.positions.values() if p.currency == currency), ZERO)
        balance = self.balances.get(currency, Balance(currency=currency, total=ZERO))
        if balance.reserved != orders + margins:
            self._set(copied(balance, reserved=orders + margins))

    def _add(self, currency: str, amount: Decimal) -> None:
        balance = self.balances.get(currency, Balance(currency=currency, total=ZERO))
        self._set(copied(balance, total=balance.total + amount))

    def _set(self, balance: Balance) -> None:
        self.balances[balance.currency] = balance
        self._touched.balances[balance.currency] = balance

    def _insure(self, currency: str, at: datetime) -> None:
        """Let the venue pay what a loss took beyond the margin, as its insurance fund does."""
        free = self.free(currency)
        if free < ZERO:
            self.flow(currency, -free, FlowKind.INSURANCE, at)

    def _book_swap(
        self, order: VenueOrder, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal:
        """Change the position by one execution and give the profit before the fee."""
        instrument = self._instrument(order.symbol)
        before = self.positions.get(order.symbol) or SwapPosition(
            symbol=order.symbol,
            currency=instrument.quote,
            quantity=ZERO,
            entry_price=ZERO,
            leverage=ONE,
            margin=ZERO,
        )
        after, gain = _moved(before, order, quantity, price)
        after = copied(after, realised_pnl=after.realised_pnl + gain, fees=after.fees + fee)
        self.positions[order.symbol] = after
        self._touched.positions[order.symbol] = after
        return gain

    def _check(self, touched: _Touched) -> None:
        for balance in touched.balances.values():
            assert ZERO <= balance.reserved <= balance.total, f"{balance} is overdrawn"
        for order in touched.orders.values():
            assert ZERO <= order.filled <= order.quantity, f"{order.venue_order_id} is overfilled"


def trade_amounts(trade: Trade, instrument: Instrument) -> Mapping[str, Decimal]:
    """Give what a trade adds to each currency's total; negative takes away."""
    amounts: dict[str, Decimal] = {}
    if is_swap(instrument):
        amounts[instrument.quote] = trade.realised_pnl
    else:
        amounts[instrument.base] = trade.side.sign * trade.quantity
        amounts[instrument.quote] = -trade.side.sign * trade.quantity * trade.price
    amounts[trade.fee_currency] = amounts.get(trade.fee_currency, ZERO) - trade.fee
    return amounts


def _moved(
    position: SwapPosition, order: VenueOrder, quantity: Decimal, price: Decimal
) -> tuple[SwapPosition, Decimal]:
    held, signed = position.quantity, order.side.sign * quantity
    closing = min(abs(held), quantity) if held * signed < ZERO else ZERO
    opening = quantity - closing
    direction = 1 if held > ZERO else -1
    gain = rounded((price - position.entry_price) * closing * direction)
    left = held - closing * direction
    margin = rounded_down(position.margin * left / held) if held != ZERO else ZERO
    if opening == ZERO:
        entry = position.entry_price if left != ZERO else ZERO
        return copied(position, quantity=left, entry_price=entry, margin=margin), gain
    total = left + opening * order.side.sign
    cost = position.entry_price * abs(left) + price * opening
    return copied(
        position,
        quantity=total,
        entry_price=cost / abs(total),
        leverage=order.leverage,
        margin=margin + rounded_down(opening * price / order.leverage),
    ), gain


def _unreserved(order: VenueOrder) -> VenueOrder:
    return order if order.reserved == ZERO else copied(order, reserved=ZERO)


def _same(expected: Mapping[str, Decimal], kept: Mapping[str, Decimal], what: str) -> None:
    wrong = {key: (expected.get(key), kept.get(key)) for key in sorted({*expected, *kept})}
    wrong = {key: pair for key, pair in wrong.items() if pair[0] != pair[1]}
    assert not wrong, f"the trades do not add up to the {what}: {wrong}"

"""The ledger of the test exchange: every order, trade, balance and position of both venues."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal

from tests.exchange.orders import (
    BINANCE,
    BYBIT,
    Change,
    Listed,
    Position,
    Reason,
    Refused,
    Status,
    Touch,
    VenueOrder,
    VenueTrade,
    Wanted,
)

ZERO = Decimal(0)
QUOTE = "USDT"
Key = tuple[str, str]


def listings() -> dict[Key, Listed]:
    rows = (
        (BINANCE, "BTC", "0.01", "0.00001", "5", "0.001"),
        (BINANCE, "ETH", "0.01", "0.0001", "5", "0.001"),
        (BINANCE, "DOGE", "0.00001", "1", "1", "0.001"),
        (BYBIT, "BTC", "0.10", "0.001", "5", "0.00055"),
        (BYBIT, "ETH", "0.01", "0.01", "5", "0.00055"),
        (BYBIT, "DOGE", "0.00001", "1", "5", "0.00055"),
    )
    return {
        (venue, f"{base}USDT"): Listed(
            venue=venue,
            symbol=f"{base}USDT",
            base=base,
            tick=Decimal(tick),
            lot=Decimal(lot),
            notional_min=Decimal(least),
            quantity_max=Decimal(9_000_000 if base == "DOGE" else 9000),
            fee_rate=Decimal(fee),
        )
        for venue, base, tick, lot, least, fee in rows
    }


def touches() -> dict[Key, Touch]:
    prices = {"BTC": ("61000", "61001"), "ETH": ("3400", "3401"), "DOGE": ("0.175", "0.17501")}
    return {
        key: Touch(bid=Decimal(bid), ask=Decimal(ask), mark=Decimal(bid))
        for key, listed in listings().items()
        for bid, ask in (prices[listed.base],)
    }


def balances() -> dict[Key, Decimal]:
    return {
        (BINANCE, QUOTE): Decimal(100_000),
        (BINANCE, "BTC"): Decimal(1),
        (BYBIT, QUOTE): Decimal(100_000),
    }


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Ledger:
    """Book what both venues' accounts do; quantities in base currency.

    `requested` counts the creates that were sent, by venue and client id, whether booked or not.
    """

    listed: dict[Key, Listed] = field(default_factory=listings)
    touches: dict[Key, Touch] = field(default_factory=touches)
    totals: dict[Key, Decimal] = field(default_factory=balances)
    positions: dict[Key, Position] = field(default_factory=dict)
    orders: dict[int, VenueOrder] = field(default_factory=dict)
    trades: list[VenueTrade] = field(default_factory=list)
    requested: Counter[Key] = field(default_factory=Counter)
    tell: Callable[[Change], None] = lambda change: None
    before: "Ledger | None" = None
    last_id: int = 1000

    def remember(self) -> None:
        """Keep the state as it was, for the stale reads."""
        self.before = replace(
            self,
            touches=dict(self.touches),
            totals=dict(self.totals),
            positions=dict(self.positions),
            orders=dict(self.orders),
            trades=list(self.trades),
            before=None,
        )

    def place(self, wanted: Wanted) -> VenueOrder:
        """Book an order and match it. Raises: Refused."""
        self._check(wanted)
        self.remember()
        self.last_id += 1
        at = now_ms()
        order = VenueOrder(
            order_id=self.last_id,
            wanted=wanted,
            status=Status.NEW if wanted.trigger is None else Status.WAITING,
            created_ms=at,
            updated_ms=at,
        )
        self.orders[order.order_id] = order
        self.tell(Change(order=order))
        if order.status is Status.NEW:
            self._take(order.order_id)
        return self.orders[order.order_id]

    def cancel(self, order: VenueOrder) -> VenueOrder:
        """Take an order out of the book. Raises: Refused when it is finished."""
        if not self.orders[order.order_id].status.is_open:
            raise Refused(Reason.UNKNOWN_ORDER)
        self.remember()
        return self._finish(order.order_id, Status.CANCELED)

    def fill(self, order_id: int, quantity: Decimal, price: Decimal | None = None) -> None:
        """Fill a resting order in part or whole, as somebody on the other side would."""
        order = self.orders[order_id]
        self.remember()
        at = price or order.wanted.price or self._touch_price(order.wanted)
        self._book(order_id, min(quantity, order.left), at, is_maker=True)

    def price(self, key: Key, touch: Touch) -> None:
        """Move a market: trigger what it triggers, fill what it reaches."""
        self.remember()
        self.touches[key] = touch
        for order in list(self._open(key)):
            if order.status is Status.WAITING and self._is_triggered(order.wanted, touch):
                found = replace(order, status=Status.NEW, updated_ms=now_ms())
                self.orders[order.order_id] = found
                self.tell(Change(order=found))
                self._take(order.order_id)
            elif order.status in (Status.NEW, Status.PARTIAL):
                self._take(order.order_id, is_maker=True)

    def find(
        self, venue: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> VenueOrder:
        """Find the newest order of that id. Raises: Refused."""
        for order in reversed(self.orders.values()):
            if order.wanted.venue != venue:
                continue
            if order.order_id == order_id or (client_id and order.wanted.client_id == client_id):
                return order
        raise Refused(Reason.UNKNOWN_ORDER)

    def locked(self, key: Key) -> Decimal:
        """Reckon what open orders hold of an asset; of a swap account, the margins too."""
        venue, asset = key
        held = ZERO
        for order in self.orders.values():
            if order.wanted.venue == venue and order.status.is_open:
                need_asset, need = self._need(order.wanted, order.left)
                held += need if need_asset == asset else ZERO
        for (of, _), held_position in self.positions.items():
            if (of, QUOTE) == key:
                size = abs(held_position.size) * held_position.entry
                held += size / held_position.leverage
        return held

    def free(self, key: Key) -> Decimal:
        unrealised = sum(
            (self.unrealised(each) for each in self.positions if (each[0], QUOTE) == key), ZERO
        )
        return self.totals.get(key, ZERO) - self.locked(key) + unrealised

    def unrealised(self, key: Key) -> Decimal:
        held = self.positions[key]
        return held.size * (self.touches[key].mark - held.entry)

    def _check(self, wanted: Wanted) -> None:
        listed = self.listed.get((wanted.venue, wanted.symbol))
        if listed is None:
            raise Refused(Reason.SYMBOL)
        if wanted.quantity % listed.lot or not ZERO < wanted.quantity <= listed.quantity_max:
            raise Refused(Reason.LOT)
        for price in (wanted.price, wanted.trigger):
            if price is not None and (price <= 0 or price % listed.tick):
                raise Refused(Reason.TICK)
        price = wanted.price or wanted.trigger or self._touch_price(wanted)
        # neither venue asks a reducing swap order for a least notional
        if not wanted.is_reduce_only and wanted.quantity * price < listed.notional_min:
            raise Refused(Reason.NOTIONAL)
        if wanted.client_id and self._is_duplicate(wanted):
            raise Refused(Reason.DUPLICATE)
        touch = self.touches[wanted.venue, wanted.symbol]
        if wanted.trigger is not None and self._is_triggered(wanted, touch):
            raise Refused(Reason.TRIGGERS_NOW)
        if wanted.is_reduce_only and not self._reducible(wanted):
            raise Refused(Reason.REDUCE_ONLY)
        asset, need = self._need(wanted, wanted.quantity)
        if need > self.free((wanted.venue, asset)):
            raise Refused(Reason.BALANCE)

    def _is_duplicate(self, wanted: Wanted) -> bool:
        """Binance takes an id again once the order that bore it is finished; Bybit never."""
        return any(
            each.wanted.client_id == wanted.client_id
            and each.wanted.venue == wanted.venue
            and (wanted.venue == BYBIT or each.status.is_open)
            for each in self.orders.values()
        )

    def _need(self, wanted: Wanted, quantity: Decimal) -> tuple[str, Decimal]:
        listed = self.listed[wanted.venue, wanted.symbol]
        notional = quantity * (wanted.price or wanted.trigger or self._touch_price(wanted))
        if wanted.venue == BYBIT:
            leverage = self._position((wanted.venue, wanted.symbol)).leverage
            opens = not wanted.is_reduce_only and not self._reducible(wanted)
            return QUOTE, notional / leverage if opens else ZERO
        return (QUOTE, notional) if wanted.is_buy else (listed.base, quantity)

    def _reducible(self, wanted: Wanted) -> Decimal:
        size = self._position((wanted.venue, wanted.symbol)).size
        return abs(size) if size and (size < 0) == wanted.is_buy else ZERO

    def _position(self, key: Key) -> Position:
        return self.positions.get(key, Position())

    def _touch_price(self, wanted: Wanted) -> Decimal:
        touch = self.touches[wanted.venue, wanted.symbol]
        return touch.ask if wanted.is_buy else touch.bid

    def _is_triggered(self, wanted: Wanted, touch: Touch) -> bool:
        assert wanted.trigger is not None
        seen = touch.mark if wanted.venue == BYBIT else self._touch_price(wanted)
        rising = wanted.is_buy if wanted.triggers_rising is None else wanted.triggers_rising
        return seen >= wanted.trigger if rising else seen <= wanted.trigger

    def _open(self, key: Key) -> Iterator[VenueOrder]:
        for order in self.orders.values():
            if (order.wanted.venue, order.wanted.symbol) == key and order.status.is_open:
                yield order

    def _take(self, order_id: int, *, is_maker: bool = False) -> None:
        order = self.orders[order_id]
        wanted, key = order.wanted, (order.wanted.venue, order.wanted.symbol)
        touch, at = self.touches[key], self._touch_price(order.wanted)
        crosses = wanted.price is None or (
            at <= wanted.price if wanted.is_buy else at >= wanted.price
        )
        quantity = order.left if touch.size is None else min(order.left, touch.size)
        if wanted.is_reduce_only:
            quantity = min(quantity, self._reducible(wanted))
        elif wanted.venue == BINANCE and wanted.is_buy and wanted.price is None:
            # a market order takes no more than the account can pay
            funds = self.totals.get((BINANCE, QUOTE), ZERO) / at
            lot = self.listed[key].lot
            quantity = min(quantity, (funds / lot).to_integral_value(ROUND_FLOOR) * lot)
        if crosses and quantity > 0:
            if touch.size is not None:
                self.touches[key] = replace(touch, size=touch.size - quantity)
            price = wanted.price if is_maker and wanted.price is not None else at
            self._book(order_id, quantity, price, is_maker=is_maker)
        left = self.orders[order_id]
        ends = wanted.price is None or wanted.is_immediate or (wanted.is_reduce_only and crosses)
        if left.status.is_open and ends and (crosses or wanted.is_immediate):
            # what a market, immediate or reducing order cannot fill is gone
            self._finish(order_id, Status.EXPIRED)

    def _finish(self, order_id: int, status: Status) -> VenueOrder:
        order = replace(self.orders[order_id], status=status, updated_ms=now_ms())
        self.orders[order_id] = order
        self.tell(Change(order=order))
        return order

    def _book(self, order_id: int, quantity: Decimal, price: Decimal, *, is_maker: bool) -> None:
        before, at = self.orders[order_id], now_ms()
        wanted = before.wanted
        key = (wanted.venue, wanted.symbol)
        listed, cost = self.listed[key], quantity * price
        in_base = wanted.venue == BINANCE and wanted.is_buy
        fee = (quantity if in_base else cost) * listed.fee_rate
        order = replace(
            before,
            filled=before.filled + quantity,
            cost=before.cost + cost,
            fee=before.fee + fee,
            status=Status.FILLED if before.left == quantity else Status.PARTIAL,
            updated_ms=at,
        )
        self.last_id += 1
        trade = VenueTrade(
            trade_id=self.last_id,
            order=order,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=listed.base if in_base else QUOTE,
            is_maker=is_maker,
            at_ms=at,
        )
        self.orders[order_id] = order
        self.trades.append(trade)
        sign = 1 if wanted.is_buy else -1
        if wanted.venue == BINANCE:
            self._add((BINANCE, listed.base), sign * quantity)
            self._add((BINANCE, QUOTE), -sign * cost)
        else:
            self._move(key, sign * quantity, price)
        self._add((wanted.venue, trade.fee_asset), -fee)
        self.tell(Change(order=order, trade=trade))

    def _add(self, key: Key, amount: Decimal) -> None:
        self.totals[key] = self.totals.get(key, ZERO) + amount

    def _move(self, key: Key, change: Decimal, price: Decimal) -> None:
        held = self._position(key)
        size = held.size + change
        closed = ZERO if held.size * change >= 0 else min(abs(held.size), abs(change))
        gain = closed * (price - held.entry) * (1 if held.size > 0 else -1)
        if size == 0:
            entry = ZERO
        elif closed == 0:
            entry = (held.size * held.entry + change * price) / size
        else:
            entry = price if held.size * size < 0 else held.entry
        self.positions[key] = replace(held, size=size, entry=entry, realised=held.realised + gain)
        self._add((key[0], QUOTE), gain)

"""The oracle's own books: positions, cash, fees and results, in fractions, from the fills alone.

It shares the engine's vocabulary and none of its arithmetic (invariants 5 to 9 and 14).
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from engine import events as e
from engine.orders import OrderSide, OrderStatus
from engine.positions import Fill
from engine.reports import VenueOrderStatus
from engine.state import State
from engine.venues.account import Account

TINY = Fraction(1, 10**6)
# What the engine leaves to roundings before it takes the venue's cash over.
CENT = Fraction(1, 100)
CASH = "binance:USDT"


@dataclass(slots=True)
class Holding:
    """A net quantity, what it cost on average, and what was earned since it was last flat.

    `result` is None once the position has turned around in one fill: whose fee it was is a matter
    of taste.
    """

    quantity: Fraction = Fraction(0)
    entry: Fraction = Fraction(0)
    result: Fraction | None = Fraction(0)


class Books:
    """Book every fill again."""

    def __init__(self) -> None:
        self.cash = Fraction(0)
        self.held: dict[str, Holding] = defaultdict(Holding)
        self.fills: dict[str, Fill] = {}
        self.filled: dict[str, Decimal] = defaultdict(Decimal)
        self.finished: dict[str, OrderStatus] = {}
        self.adopted: dict[str, Decimal] = defaultdict(Decimal)
        self.given_up: set[str] = set()

    def take(self, event: e.Event) -> None:
        """Take in one event."""
        match event:
            case e.JournalOpened(cash=cash):
                self.cash = Fraction(cash)
            case e.FillBooked(fill=fill):
                assert fill.identity not in self.fills, f"I5: {fill.identity} is booked twice"
                self.fills[fill.identity] = fill
                if fill.client_order_id is not None:
                    self.filled[fill.client_order_id] += fill.quantity
                elsewhere = fill.client_order_id is None and ":" not in fill.symbol
                assert event.to_holding is elsewhere, f"I7: {fill.identity} on the wrong book"
                if elsewhere:
                    self._book_elsewhere(fill)
                else:
                    self._book(fill)
            case e.CashFlowed(amount=amount):
                self.cash += Fraction(amount)
            case e.PositionAdopted(key=key, quantity=quantity, price=price):
                holding = self.held[key]
                self._move(holding, Fraction(quantity), Fraction(price))
                base = key.partition(":")[2].partition("/")[0]
                self.adopted[base] += quantity
                if holding.quantity == 0:
                    self.held[key] = Holding()
            case e.OrderReappeared(client_order_id=name):
                self.finished.pop(name, None)
            case e.OrderRejected(client_order_id=name, code="not_found"):
                self.given_up.add(name)
            case _:
                return

    def _book_elsewhere(self, fill: Fill) -> None:
        """Somebody else's spot trade moves the cash alone; what it bought is a holding."""
        self.cash -= Fraction(fill.quantity) * fill.side.sign * Fraction(fill.price)
        if fill.fee_currency == fill.symbol.partition("/")[2]:
            self.cash -= Fraction(fill.fee)

    def quantity(self, key: str) -> Fraction:
        """Give what is held; zero for what never was."""
        return self.held[key].quantity if key in self.held else Fraction(0)

    def _book(self, fill: Fill) -> None:
        holding = self.held[fill.key]
        signed = Fraction(fill.quantity) * fill.side.sign
        price, fee = Fraction(fill.price), Fraction(fill.fee)
        base, _, quote = fill.symbol.partition(":")[0].partition("/")
        is_swap = ":" in fill.symbol
        in_base = fill.fee_currency == base
        assert in_base or fill.fee_currency == quote, f"a fee in {fill.fee_currency}"
        if in_base:
            signed -= fee
        earned = self._move(holding, signed, price) - (fee * price if in_base else fee)
        if is_swap:
            self.cash += earned
        else:
            self.cash -= Fraction(fill.quantity) * fill.side.sign * price
            self.cash -= 0 if in_base else fee
        if holding.result is not None:
            holding.result += earned
        if holding.quantity == 0:
            self.held[fill.key] = Holding()

    @staticmethod
    def _move(holding: Holding, signed: Fraction, price: Fraction) -> Fraction:
        """Change a holding by a signed quantity; give what the closed part has earned."""
        before = holding.quantity
        holding.quantity += signed
        if before * signed >= 0:
            cost = abs(before) * holding.entry + abs(signed) * price
            size = abs(before) + abs(signed)
            holding.entry = cost / size if size else Fraction(0)
            return Fraction(0)
        closed = min(abs(before), abs(signed))
        earned = closed * (price - holding.entry) * (1 if before > 0 else -1)
        if abs(signed) > abs(before):
            holding.entry, holding.result = price, None
        return earned

    def check(self, state: State) -> None:
        """Compare State with these books, wherever both have read the same events."""
        held = {k: h.quantity for k, h in self.held.items() if h.quantity}
        ours = {k: Fraction(p.quantity) for k, p in state.positions.items()}
        assert ours == held, f"I7: {ours} is not {held}"
        cash = Fraction(state.cash.get(CASH, Decimal(0)))
        assert abs(cash - self.cash) < TINY, f"I9: cash is {float(cash)}, not {float(self.cash)}"
        for key, position in state.positions.items():
            holding = self.held[key]
            gap = abs(Fraction(position.entry_price) - holding.entry)
            assert gap < TINY, f"I9: {key} entered at {position.entry_price}"
            if holding.result is not None:
                gap = abs(Fraction(position.realised_pnl) - holding.result)
                assert gap < TINY, (
                    f"I9: {key} earned {position.realised_pnl}, not {float(holding.result)}"
                )
        self._check_reserved(state)

    def check_orders(self, state: State, names: list[str]) -> None:
        """Compare what is filled, and see that what is finished stays so."""
        for name in names:
            order = state.order(name)
            if order is None:
                continue
            assert order.filled == self.filled[name], f"I5: {order.short_id}"
            ended = self.finished.get(name)
            if ended is not None:
                assert order.status is ended, f"I6: {name} was {ended}, is {order.status}"
            elif order.is_finished:
                self.finished[name] = order.status

    @staticmethod
    def _check_reserved(state: State) -> None:
        wanted = Fraction(0)
        for order in state.orders.values():
            if not order.is_exit:
                price = order.price_limit or order.price_arrival or Decimal(0)
                wanted += Fraction(order.remaining) * Fraction(price)
        reserved = sum((Fraction(one.notional) for one in state.reserved.values()), Fraction(0))
        assert abs(reserved - wanted) < TINY, f"I14: {float(reserved)} held, {float(wanted)} due"

    def check_ledger(self, ledger: Account, holdings: dict[str, Decimal]) -> None:
        """Compare every fill with the venue's own; see that nobody sold what was there before."""
        traded = {f"binance:{one.symbol}:{one.trade_id}": one for one in ledger.trades}
        for identity, fill in self.fills.items():
            trade = traded[identity]
            there = (trade.quantity, trade.price, trade.side, trade.fee)
            here = (fill.quantity, fill.price, fill.side, fill.fee)
            assert here == there, f"I5: {identity} is booked otherwise"
        for currency, amount in holdings.items():
            balance = ledger.balances.get(currency)
            total = Fraction(balance.total if balance is not None else Decimal(0))
            total += self._sold_late(ledger, currency)
            assert total >= amount - self.adopted[currency], (
                f"I8: a holding was sold: {float(total)} {currency}"
            )

    def _sold_late(self, ledger: Account, currency: str) -> Fraction:
        # The position was sold again once a settle window had passed over this exit; on spot
        # nothing but the venue's receive window keeps one from arriving even later.
        return sum(
            (
                Fraction(trade.quantity)
                for trade in ledger.trades
                if trade.client_order_id in self.given_up
                and trade.side is OrderSide.SELL
                and trade.symbol.partition("/")[0] == currency
                and ":" not in trade.symbol
            ),
            Fraction(0),
        )

    def has_cash(self, ledger: Account) -> bool:
        """Tell whether the cash here is the venue's, but for what waits in open swaps."""
        gap = self._cash_gap(ledger)
        return abs(gap) < CENT

    def _cash_gap(self, ledger: Account) -> Fraction:
        # What was earned and what is still open share out by the order in which fills came, which
        # a late fill changes; their sum does not.
        cash, balance = self.cash, Fraction(ledger.balances["USDT"].total)
        for swap in ledger.positions.values():
            ours = self.held[f"binance:{swap.symbol}"]
            cash -= ours.entry * ours.quantity
            balance -= Fraction(swap.entry_price) * Fraction(swap.quantity)
        return cash - balance

    def has_all(self, ledger: Account) -> bool:
        """Tell whether as many trades are booked as were made at the venue."""
        return len(self.fills) == len(ledger.trades)

    def check_rest(self, state: State, ledger: Account, holdings: dict[str, Decimal]) -> None:
        """See that here and there are equal, once everything has come to rest."""
        assert self.has_all(ledger), "I5: a trade was never booked"
        open_here = set(state.orders)
        theirs = {
            one.client_order_id
            for one in ledger.orders.values()
            if one.status is VenueOrderStatus.OPEN and one.client_order_id is not None
        }
        assert theirs == open_here, f"other orders are open there: {open_here} {theirs}"
        for swap in ledger.positions.values():
            here = self.quantity(f"binance:{swap.symbol}")
            assert here == Fraction(swap.quantity), f"I8: {swap.symbol} {float(here)}"
        for key, holding in self.held.items():
            symbol = key.partition(":")[2]
            if ":" in symbol or not holding.quantity:
                continue
            base = symbol.partition("/")[0]
            kept = max(Decimal(0), holdings.get(base, Decimal(0)) - self.adopted[base])
            there = Fraction(ledger.balances[base].total - kept) + self._sold_late(ledger, base)
            assert there >= holding.quantity, f"I8: {key} {float(holding.quantity)}"
        gap = self._cash_gap(ledger)
        assert abs(gap) < CENT, f"I9: cash differs by {float(gap)}"

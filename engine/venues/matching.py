"""Matching: what becomes of an order against the simulated book, and of resting ones on a quote.

Everything here is synchronous: one request or one quote is worked off whole, then stored.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import OrderKind, OrderSide
from engine.positions import Fill, Liquidity
from engine.quotes import Quote
from engine.reports import FillReported, OrderSeen, VenueOrderStatus
from engine.venues.account import Account
from engine.venues.book import Book, BookShape, book_around, is_triggered
from engine.venues.ledger import SwapPosition, Trade, VenueOrder
from engine.venues.money import closable, is_swap, payable
from engine.venues.terms import PaperSettings

Publish = Callable[[FillReported | OrderSeen], None]
Depth = Callable[[Quote], Decimal]
"""What rests on the best level behind a quote, in quote currency, where the market knows."""


class Matcher:
    """Execute orders of one account; `publish` is told of every fill and change of an order."""

    def __init__(
        self,
        *,
        venue: str,
        account: Account,
        instrument: Callable[[str], Instrument],
        settings: PaperSettings,
        depth: Depth | None,
        publish: Publish,
    ) -> None:
        self._depth = depth
        self._venue = venue
        self._account = account
        self._instrument = instrument
        self._settings = settings
        self._publish = publish
        self._books: dict[str, tuple[tuple[Quote, Instrument, BookShape], Book]] = {}

    def book(self, quote: Quote) -> Book:
        """Give the book behind a quote; the last one of a symbol is kept, orders come in bursts."""
        shape, instrument = self._settings.shape, self._instrument(quote.symbol)
        if self._depth is not None:
            shape = replace(shape, depth_notional=self._depth(quote))
        asked = (quote, instrument, shape)
        known = self._books.get(quote.symbol)
        if known is None or known[0] != asked:
            known = self._books[quote.symbol] = asked, book_around(*asked)
        return known[1]

    def accept(self, order: VenueOrder, quote: Quote | None, at: datetime) -> VenueOrder:
        """Take an admitted order in: execute what executes at once, rest or expire the rest."""
        order = self._keep(order)
        match order.kind:
            case OrderKind.MARKET:
                assert quote is not None, "a market order was admitted without a price"
                return self._take_and_expire(order, quote, at)
            case OrderKind.LIMIT if quote is not None:
                return self._take(order, quote, at)
            case OrderKind.LIMIT | OrderKind.STOP:
                return order

    def end(
        self, order: VenueOrder, status: VenueOrderStatus, reason: str, at: datetime
    ) -> VenueOrder:
        """Take an open order out of its book."""
        return self._keep(replace(order, status=status, reason=reason, updated_at=at))

    def on_quote(self, quote: Quote, at: datetime) -> None:
        """Let a new price fire stops, fill resting limits and liquidate what lost its margin."""
        self._liquidate(quote, at)
        swap = is_swap(self._instrument(quote.symbol))
        book = self.book(quote)
        used = dict.fromkeys(OrderSide, ZERO)
        for order in self._resting(quote.symbol):
            current = self._account.orders[order.venue_order_id]
            if not current.is_open:
                continue  # an execution of this very quote ended it
            if current.kind is OrderKind.STOP and current.price_trigger is not None:
                if is_triggered(quote, current.side, current.price_trigger, is_swap=swap):
                    fired = self._keep(replace(current, triggered=True, updated_at=at))
                    self._take_and_expire(fired, quote, at)
            elif current.price_limit is not None:
                volume = book.traded_through(current.side, current.price_limit)
                used[current.side] += self._make(current, volume - used[current.side], at)

    def seen(self, order: VenueOrder) -> OrderSeen:
        """Show an order the way the venue reports it."""
        return OrderSeen(
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            venue=self._venue,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            status=order.status,
            filled=order.filled,
            price_limit=order.price_limit,
            price_trigger=order.price_trigger,
            reason=order.reason,
        )

    def fill(self, trade: Trade) -> Fill:
        """Show a trade the way the venue reports it."""
        return Fill(
            venue=self._venue,
            symbol=trade.symbol,
            trade_id=trade.trade_id,
            side=trade.side,
            quantity=trade.quantity,
            price=trade.price,
            fee=trade.fee,
            fee_currency=trade.fee_currency,
            at=trade.at,
            client_order_id=trade.client_order_id,
            venue_order_id=trade.venue_order_id,
            liquidity=trade.liquidity,
        )

    def _resting(self, symbol: str) -> list[VenueOrder]:
        """Give the symbol's open orders: stops first, then limits by price, then by age."""
        orders = [order for order in self._account.open.values() if order.symbol == symbol]
        return sorted(
            orders,
            key=lambda order: (
                order.kind is not OrderKind.STOP,
                -order.side.sign * (order.price_limit or ZERO),
            ),
        )

    def _keep(self, order: VenueOrder) -> VenueOrder:
        kept = self._account.put(order)
        self._publish(self.seen(kept))
        return kept

    def _take_and_expire(self, order: VenueOrder, quote: Quote, at: datetime) -> VenueOrder:
        order = self._take(order, quote, at)
        if not order.is_open:
            return order
        return self.end(order, VenueOrderStatus.EXPIRED, "the rest found no price", at)

    def _take(self, order: VenueOrder, quote: Quote, at: datetime) -> VenueOrder:
        """Walk the book; a swap's reduce-only order stops at the position."""
        levels = self.book(quote).walk(order.side, self._wanted(order), order.price_limit)
        for level in levels:
            order, done = self._execute(order, level.quantity, level.price, Liquidity.TAKER, at)
            if done < level.quantity:
                return self.end(order, VenueOrderStatus.EXPIRED, "insufficient balance", at)
        return self._reduced(order, at)

    def _make(self, order: VenueOrder, volume: Decimal, at: datetime) -> Decimal:
        """Fill a resting limit at its price from what traded through it; give what was used."""
        instrument = self._instrument(order.symbol)
        assert order.price_limit is not None
        size = instrument.quantity_rounded(min(self._wanted(order), volume))
        if size <= ZERO:
            return ZERO
        order, done = self._execute(order, size, order.price_limit, Liquidity.MAKER, at)
        if done < size:
            self.end(order, VenueOrderStatus.EXPIRED, "insufficient balance", at)
        else:
            self._reduced(order, at)
        return done

    def _wanted(self, order: VenueOrder) -> Decimal:
        if not order.reduce_only:
            return order.remaining
        held = closable(self._account.positions.get(order.symbol), order.side)
        return min(order.remaining, held)

    def _execute(
        self,
        order: VenueOrder,
        quantity: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        at: datetime,
    ) -> tuple[VenueOrder, Decimal]:
        """Execute as much of one level as the account pays for; give the order and how much."""
        instrument = self._instrument(order.symbol)
        spends_base = order.side is OrderSide.SELL and not is_swap(instrument)
        currency = instrument.base if spends_base else instrument.quote
        size = payable(
            order,
            instrument,
            self._account.positions.get(order.symbol),
            quantity=quantity,
            price=price,
            budget=self._account.free(currency) + order.reserved,
        )
        if size <= ZERO:
            return order, ZERO
        order, trade = self._account.execute(order, size, price, liquidity, at)
        self._publish(FillReported(fill=self.fill(trade)))
        self._publish(self.seen(order))
        return order, size

    def _reduced(self, order: VenueOrder, at: datetime) -> VenueOrder:
        """Expire what reduce-only orders have left once their position is closed."""
        position = self._account.positions.get(order.symbol)
        for other in self._resting(order.symbol):
            if other.reduce_only and closable(position, other.side) == ZERO:
                self.end(other, VenueOrderStatus.EXPIRED, "reduce-only: no position left", at)
        return self._account.orders[order.venue_order_id]

    def _liquidate(self, quote: Quote, at: datetime) -> None:
        position = self._account.positions.get(quote.symbol)
        if position is None or position.quantity == ZERO or not self._is_ruined(position, quote):
            return
        for order in self._resting(quote.symbol):
            self.end(order, VenueOrderStatus.CANCELED, "liquidation", at)
        order = VenueOrder(
            venue_order_id=self._account.next_id()[0],
            client_order_id=None,
            symbol=quote.symbol,
            side=OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY,
            kind=OrderKind.MARKET,
            quantity=abs(position.quantity),
            status=VenueOrderStatus.OPEN,
            accepted_at=at,
            updated_at=at,
            reduce_only=True,
            reason="liquidation",
        )
        self.accept(order, quote, at)

    def _is_ruined(self, position: SwapPosition, quote: Quote) -> bool:
        left = position.margin + (quote.mark - position.entry_price) * position.quantity
        needed = abs(position.quantity) * quote.mark * self._settings.maintenance_share
        return left <= needed

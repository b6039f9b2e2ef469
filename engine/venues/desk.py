"""The paper venue's desk: each request a client can make, worked off on the account."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.ports import Clock, Quotes
from engine.quotes import Quote
from engine.reports import (
    CancelAccepted,
    CancelAnswer,
    CancelUnanswered,
    FillReported,
    LookupAnswer,
    OrderNotSeen,
    OrdersOpen,
    SubmitAccepted,
    SubmitAnswer,
    SubmitRefused,
    VenueOrderStatus,
    VenuePosition,
    VenueSnapshot,
)
from engine.venues.account import Account
from engine.venues.admission import Application, refusal_of
from engine.venues.ledger import FlowKind, LedgerHead, LedgerSnapshot, VenueOrder
from engine.venues.matching import Depth, Matcher, Publish
from engine.venues.money import is_swap
from engine.venues.terms import PaperSettings, RefusalCode


class Desk:
    """Work on one loaded ledger; `publish` hears every fill and change of an order."""

    def __init__(
        self,
        *,
        venue: str,
        quotes: Quotes,
        clock: Clock,
        settings: PaperSettings,
        head: LedgerHead,
        snapshot: LedgerSnapshot,
        depth: Depth | None,
        publish: Publish,
    ) -> None:
        self._venue = venue
        self._quotes = quotes
        self._clock = clock
        self._settings = settings
        self.account = Account(
            head=head,
            snapshot=snapshot,
            instrument=self._instrument,
            fees_in_base=settings.fees_in_base,
        )
        self._last_at = self.account.last_at
        self._matcher = Matcher(
            venue=venue,
            account=self.account,
            instrument=self._instrument,
            settings=settings,
            depth=depth,
            publish=publish,
        )
        for symbol in self.symbols():
            quotes.follow(instrument_key(venue, symbol))

    def symbols(self) -> set[str]:
        """Give the symbols whose prices matter: open orders' and swap positions'."""
        held = {p.symbol for p in self.account.positions.values() if p.quantity != ZERO}
        return held | {order.symbol for order in self.account.open.values()}

    def create(self, order: Order) -> SubmitAnswer:
        """Accept or refuse an order of a client; a known client id answers with its order."""
        known = self.account.find(order.client_order_id)
        if known is not None and (known.is_open or not self._settings.reuses_filled_ids):
            return SubmitAccepted(
                client_order_id=order.client_order_id, venue_order_id=known.venue_order_id
            )
        instrument = self._quotes.instruments().get(order.key)
        if instrument is None:
            return self._unlisted(order)
        self._quotes.follow(order.key)
        reduces = order.purpose is OrderPurpose.EXIT and is_swap(instrument)
        wanted = self._order(order.client_order_id, order, instrument, reduce_only=reduces)
        return self._admit(wanted, instrument, order.client_order_id)

    def create_by_hand(
        self, symbol: str, side: OrderSide, quantity: Decimal, price_limit: Decimal | None
    ) -> SubmitAnswer:
        """Accept an order that somebody makes at the venue itself; it has no client id.

        Raises: ValueError for an unknown symbol.
        """
        if instrument_key(self._venue, symbol) not in self._quotes.instruments():
            raise ValueError(f"{self._venue} has no symbol {symbol}")
        instrument = self._instrument(symbol)
        order = Order(
            client_order_id="",
            venue=self._venue,
            symbol=symbol,
            side=side,
            kind=OrderKind.MARKET if price_limit is None else OrderKind.LIMIT,
            purpose=OrderPurpose.ENTRY,
            quantity=quantity,
            intent="",
            price_limit=price_limit,
        )
        self._quotes.follow(order.key)
        wanted = self._order(None, order, instrument, reduce_only=False)
        return self._admit(wanted, instrument, "")

    def cancel(self, client_order_id: str, venue_order_id: str | None = None) -> CancelAnswer:
        """Cancel an open order; one that has finished is as good as cancelled.

        Without a client id the venue's own names it.
        """
        order = self.account.find(client_order_id)
        if order is None and client_order_id == "" and venue_order_id is not None:
            order = self.account.orders.get(venue_order_id)
        if order is None:
            return CancelUnanswered(client_order_id=client_order_id, text="order not found")
        if order.is_open:
            self._matcher.end(order, VenueOrderStatus.CANCELED, "by request", self._now())
        return CancelAccepted(client_order_id=client_order_id)

    def lookup(self, client_order_id: str) -> LookupAnswer:
        """Search every order there ever was."""
        order = self.account.find(client_order_id)
        if order is None:
            return OrderNotSeen(
                client_order_id=client_order_id, complete=True, text="order not found"
            )
        return self._matcher.seen(order)

    def fills(self, since: datetime) -> tuple[FillReported, ...]:
        """Give all trades since a time, oldest first."""
        found: list[FillReported] = []
        for trade in reversed(self.account.trades):  # the desk's time never goes back
            if trade.at < since:
                break
            found.append(FillReported(fill=self._matcher.fill(trade)))
        return tuple(reversed(found))

    def open_orders(self) -> OrdersOpen:
        """Give open orders of both books."""
        orders = tuple(self._matcher.seen(order) for order in self.account.open.values())
        return OrdersOpen(venue=self._venue, at=self._now(), orders=orders)

    def snapshot(self) -> VenueSnapshot:
        """Give open orders of both books, total balances and swap positions."""
        account = self.account
        standing = self.open_orders()
        return VenueSnapshot(
            venue=self._venue,
            at=standing.at,
            orders=standing.orders,
            balances={b.currency: b.total for b in account.balances.values() if b.total != ZERO},
            positions=tuple(
                VenuePosition(symbol=p.symbol, quantity=p.quantity, entry_price=p.entry_price)
                for p in account.positions.values()
                if p.quantity != ZERO
            ),
            free={b.currency: b.free for b in account.balances.values() if b.total != ZERO},
        )

    def transfer(self, currency: str, amount: Decimal) -> None:
        """Deposit (positive) or withdraw. Raises: ValueError when less is free."""
        if self.account.free(currency) + amount < ZERO:
            raise ValueError(f"less than {-amount} {currency} is free")
        kind = FlowKind.DEPOSIT if amount > ZERO else FlowKind.WITHDRAWAL
        self.account.flow(currency, amount, kind, self._now())

    def open_with(self, cash: Mapping[str, Decimal]) -> None:
        """Credit the starting balances of a new ledger."""
        for currency, amount in cash.items():
            self.account.flow(currency, amount, FlowKind.DEPOSIT, self._now())

    def on_quote(self, quote: Quote) -> None:
        """Match what rests against a new price, if it is one."""
        known = instrument_key(quote.venue, quote.symbol) in self._quotes.instruments()
        if known and quote.symbol in self.symbols() and self._is_fresh(quote):
            self._matcher.on_quote(quote, self._now())

    def sweep(self) -> None:
        """Match everything that rests against the newest prices."""
        latest = self._quotes.latest()
        for symbol in sorted(self.symbols()):
            quote = latest.get(instrument_key(self._venue, symbol))
            if quote is not None:
                self.on_quote(quote)

    def _unlisted(self, order: Order) -> SubmitRefused:
        """Refuse a symbol that is not listed, or not yet: a real market may still be loading."""
        is_loaded = any(key.startswith(f"{self._venue}:") for key in self._quotes.instruments())
        return SubmitRefused(
            client_order_id=order.client_order_id,
            code=RefusalCode.SYMBOL_UNKNOWN if is_loaded else RefusalCode.NO_PRICE,
            text=f"{self._venue} has no symbol {order.symbol}."
            if is_loaded
            else f"{self._venue}'s prices have not been loaded yet.",
        )

    def _admit(
        self, order: VenueOrder, instrument: Instrument, client_order_id: str
    ) -> SubmitAnswer:
        quote = self._quotes.latest().get(instrument_key(self._venue, order.symbol))
        if quote is not None and not self._is_fresh(quote):
            quote = None
        book = self._matcher.book(quote) if quote is not None else None
        application = Application(order=order, instrument=instrument, quote=quote, book=book)
        refusal = refusal_of(application, self.account, fees_in_base=self._settings.fees_in_base)
        if refusal is not None:
            return SubmitRefused(
                client_order_id=client_order_id, code=refusal.code, text=refusal.text
            )
        accepted = self._matcher.accept(order, quote, order.accepted_at)
        return SubmitAccepted(
            client_order_id=client_order_id, venue_order_id=accepted.venue_order_id
        )

    def _order(
        self, client_id: str | None, order: Order, instrument: Instrument, *, reduce_only: bool
    ) -> VenueOrder:
        at = self._now()
        return VenueOrder(
            venue_order_id=self.account.next_id()[0],
            client_order_id=client_id,
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            quantity=order.quantity,
            status=VenueOrderStatus.OPEN,
            accepted_at=at,
            updated_at=at,
            reduce_only=reduce_only,
            price_limit=order.price_limit if order.kind is not OrderKind.STOP else None,
            price_trigger=order.price_trigger if order.kind is OrderKind.STOP else None,
            leverage=order.leverage if is_swap(instrument) else Decimal(1),
        )

    def _instrument(self, symbol: str) -> Instrument:
        return self._quotes.instruments()[instrument_key(self._venue, symbol)]

    def _is_fresh(self, quote: Quote) -> bool:
        age_s_max = self._settings.quote_age_s_max
        return age_s_max is None or quote.age_s(self._clock.now()) <= age_s_max

    def _now(self) -> datetime:
        """Give a time that never goes back, whatever the wall clock does."""
        self._last_at = max(self._last_at, self._clock.now())
        return self._last_at

"""The feed: what the cache holds of an engine - its orders, its quotes, their instruments."""

from collections.abc import Callable, Iterator
from datetime import datetime

from engine import events as e
from engine.events import Event
from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.ports import Clock, Quotes
from engine.quotes import Quote
from engine.state import State
from storage.cache import Cache
from storage.cache_records import INSTRUMENTS_MAX, MarketRecord, Record, order_record

MARKETS_EVERY_S = 600


class Contents:
    """Give what should stand in the cache now: the whole of it, or what may have changed."""

    def __init__(self, *, state: Callable[[], State], quotes: Quotes, clock: Clock) -> None:
        self._state = state
        self._quotes = quotes
        self._clock = clock

    def __call__(self, since: datetime | None) -> Iterator[Record]:
        """Give every open order, those finished since, quotes, and markets; None: all finished."""
        state, now = self._state(), self._clock.now()
        for order in state.orders_finished.values():
            if since is None or order.finished_at is None or order.finished_at >= since:
                yield order_record(order, seq=state.seq, at=now)
        for order in state.orders.values():
            yield order_record(order, seq=state.seq, at=now)
        yield from self._quotes.latest().values()
        yield from self.markets()

    def markets(self) -> Iterator[MarketRecord]:
        """Give the instruments of the symbols that are quoted, venue by venue."""
        known, venues = self._quotes.instruments(), dict[str, list[Instrument]]()
        for key, quote in self._quotes.latest().items():
            instrument = known.get(key)
            if instrument is not None:
                venues.setdefault(quote.venue, []).append(instrument)
        for venue, instruments in venues.items():
            kept = tuple(instruments[:INSTRUMENTS_MAX])
            yield MarketRecord(venue=venue, at=self._clock.now(), instruments=kept)


class CacheFeed:
    """Put each order into the cache when an event about it is durable, and each new quote.

    Fits the engine's listeners: both methods return at once.
    """

    def __init__(self, *, cache: Cache, contents: Contents, clock: Clock) -> None:
        self._cache = cache
        self._contents = contents
        self._clock = clock
        self._seen: set[str] = set()
        self._markets_s = 0.0

    def see(self, event: Event, state: State, _received_s: float) -> None:
        """Put the order of a committed event, as of that event."""
        client_order_id = order_of(event)
        order = None if client_order_id is None else state.order(client_order_id)
        if order is not None:
            self._cache.put(order_record(order, seq=state.seq, at=self._clock.now()))

    def quoted(self, quote: Quote) -> None:
        """Put a quote; with the first one of a symbol, and now and then, all instruments."""
        self._cache.put(quote)
        key, now_s = instrument_key(quote.venue, quote.symbol), self._clock.monotonic()
        if key not in self._seen or now_s - self._markets_s >= MARKETS_EVERY_S:
            self._seen.add(key)
            self._markets_s = now_s
            for market in self._contents.markets():
                self._cache.put(market)


def order_of(event: Event) -> str | None:
    """Name the order that an event is about."""
    match event:
        case e.OrderSubmitted(order=order) | e.OrderRecalled(order=order):
            return order.client_order_id
        case e.FillBooked(fill=fill):
            return fill.client_order_id
        case (
            e.OrderNotSent(client_order_id=name)
            | e.ExitReleased(client_order_id=name)
            | e.OrderAccepted(client_order_id=name)
            | e.OrderRejected(client_order_id=name)
            | e.OrderUnknown(client_order_id=name)
            | e.OrderCancelRequested(client_order_id=name)
            | e.OrderCanceled(client_order_id=name)
            | e.OrderExpired(client_order_id=name)
            | e.OrderReappeared(client_order_id=name)
        ):
            return name
        case _:
            return None

"""A market whose prices are set by hand: the tests' market, and the base of any quiet one."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from engine.candles import CandlePage, Series
from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.ports import Clock
from engine.quotes import Quote

Listener = Callable[[Quote], None]


class ManualMarket:
    """Quote what `set` said last; time plays no part but in a quote's stamp."""

    def __init__(self, *, instruments: Iterable[Instrument], clock: Clock) -> None:
        self._instruments = {_key(instrument): instrument for instrument in instruments}
        self._clock = clock
        self._latest: dict[str, Quote] = {}
        self._followed: set[str] = set()
        self._listeners: list[Listener] = []

    async def start(self) -> None:
        """Do nothing: everything is known already."""

    async def stop(self) -> None:
        """Do nothing: nothing runs."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by `instrument_key`."""
        return self._instruments

    def latest(self) -> Mapping[str, Quote]:
        """Give the newest quote of each symbol by `instrument_key`."""
        return self._latest

    def follow(self, key: str) -> None:
        """Remember that somebody asked for the symbol; quotes come whenever they are set."""
        self._followed.add(key)

    def is_followed(self, key: str) -> bool:
        """Tell whether somebody asked for the symbol."""
        return key in self._followed

    def subscribe(self, listener: Listener) -> None:
        """Call the listener on every quote that is set."""
        self._listeners.append(listener)

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        """Give no candle: nobody trades here."""
        return CandlePage(candles=(), count=count)

    def set(
        self,
        symbol: str,
        bid: Decimal,
        ask: Decimal,
        *,
        mark: Decimal | None = None,
        change_pct: Decimal | None = ZERO,
        venue: str | None = None,
    ) -> Quote:
        """Quote a symbol as of now and tell every subscriber; `mark` is the mid unless given.

        Without `venue` the symbol's only venue is meant. Raises: KeyError for an unknown symbol.
        """
        instrument = self._instrument(symbol, venue)
        quote = Quote(
            venue=instrument.venue,
            symbol=symbol,
            bid=bid,
            ask=ask,
            mark=mark if mark is not None else (bid + ask) / 2,
            at=self._clock.now(),
            change_pct=change_pct,
        )
        self.put(quote)
        return quote

    def put(self, quote: Quote) -> None:
        """Publish a quote as it is, whatever its time says."""
        self._latest[instrument_key(quote.venue, quote.symbol)] = quote
        for listener in tuple(self._listeners):
            listener(quote)

    def replace(self, instrument: Instrument) -> None:
        """Change an instrument's metadata, as a venue does when it delists or halts a symbol."""
        self._instruments[_key(instrument)] = instrument

    def _instrument(self, symbol: str, venue: str | None) -> Instrument:
        found = [
            instrument
            for instrument in self._instruments.values()
            if instrument.symbol == symbol and venue in (None, instrument.venue)
        ]
        if len(found) != 1:
            raise KeyError(f"{symbol} is quoted at {len(found)} venues here; name one.")
        return found[0]


def _key(instrument: Instrument) -> str:
    return instrument_key(instrument.venue, instrument.symbol)

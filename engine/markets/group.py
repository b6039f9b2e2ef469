"""A group of markets: several venues' prices as one."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from engine.candles import CandlePage, Series
from engine.errors import InvalidInput
from engine.instruments import Instrument
from engine.ports import CandleSource, Quotes, VenueUnavailable
from engine.quotes import Quote

ValueT = TypeVar("ValueT")


class Market(Quotes, CandleSource, Protocol):
    """A venue's prices of now, and its candles."""


class MarketGroup:
    """Stand for the markets of several venues, each by its ccxt id."""

    def __init__(self, *, markets: Mapping[str, Market]) -> None:
        self._markets = dict(markets)

    async def start(self) -> None:
        """Start every market, whatever happens to the others.

        Raises: VenueUnavailable naming those that did not answer; the rest run, and a public market
        goes on trying.
        """
        starts = (market.start() for market in self._markets.values())
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        faults = [each for each in outcomes if isinstance(each, BaseException)]
        for fault in faults:
            if not isinstance(fault, VenueUnavailable):
                raise fault
        if faults:
            raise VenueUnavailable(" ".join(str(fault) for fault in faults))

    async def stop(self) -> None:
        """Stop every market."""
        await asyncio.gather(*(market.stop() for market in self._markets.values()))

    def instruments(self) -> Mapping[str, Instrument]:
        """Give every venue's instruments by `instrument_key`."""
        return _Merged({name: market.instruments() for name, market in self._markets.items()})

    def latest(self) -> Mapping[str, Quote]:
        """Give every venue's newest quotes by `instrument_key`."""
        return _Merged({name: market.latest() for name, market in self._markets.items()})

    def follow(self, key: str) -> None:
        """Let the symbol's own venue follow it; a venue that is not here is ignored."""
        market = self._markets.get(key.partition(":")[0])
        if market is not None:
            market.follow(key)

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        """Ask the series' own venue. Raises: VenueUnavailable, InvalidInput."""
        market = self._markets.get(series.venue)
        if market is None:
            raise InvalidInput(f"{series.venue} is none of our venues; VENUES names them.")
        return await market.candles(series, since, count)

    def subscribe(self, listener: Callable[[Quote], None]) -> None:
        """Call the listener on every quote of every venue."""
        for market in self._markets.values():
            market.subscribe(listener)


class _Merged(Mapping[str, ValueT]):
    """Look a key up in the mapping of its venue, without copying thousands of entries."""

    def __init__(self, parts: Mapping[str, Mapping[str, ValueT]]) -> None:
        self._parts = parts

    def __getitem__(self, key: str) -> ValueT:
        return self._parts[key.partition(":")[0]][key]

    def __iter__(self) -> Iterator[str]:
        for part in self._parts.values():
            yield from part

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts.values())

"""The simulated market: plausible prices out of a seed and the wall clock, with no memory.

A price is a function of seed, symbol and time, so a restart after hours simply finds that prices
have moved. The coins share a tide and each has waves of its own; a swap keeps near its spot price.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

from engine.candles import CandlePage, Series
from engine.errors import InvalidInput
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind, Toward
from engine.markets.budget import Sleep
from engine.markets.catalogue import COINS, Coin, catalogue
from engine.markets.noise import ONE, noise
from engine.markets.simulated_candles import simulated_candles
from engine.numbers import BPS, HUNDRED
from engine.ports import Clock
from engine.quotes import Quote

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
# exp() is correctly rounded at any precision, so the path is the same on every platform.
PRECISE = Context(prec=18)
# Weights of the common tide and of the coin's own waves; their squares add up to one.
TIDE, OWN = 8, 6
BASIS_BPS = Decimal(3)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The market around one symbol at one time: mid, spread and how deep the best level is.

    `depth_notional` is in quote currency.
    """

    mid: Decimal
    spread: Decimal
    depth_notional: Decimal


class SimulatedMarket:
    """Quote every symbol of one venue about four times a second."""

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        seed: int = 0,
        interval_s: float = 0.25,
        coins: Iterable[Coin] = COINS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._seed = seed
        self._interval_s = interval_s
        self._sleep = sleep
        self._coins = {coin.base: coin for coin in coins}
        self._instruments = {
            key: each for key, each in catalogue(venue).items() if each.base in self._coins
        }
        self._followed = {
            key: each for key, each in self._instruments.items() if each.kind is InstrumentKind.SPOT
        }
        self._latest: dict[str, Quote] = {}
        self._listeners: list[Callable[[Quote], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Quote everything once, then go on in a task."""
        if self._task is not None:
            return
        self.tick()
        # start and stop are two calls, so this task is held here and cancelled by stop()
        self._task = asyncio.create_task(self._run(), name=f"prices {self._venue}")  # see above

    async def stop(self) -> None:
        """Stop quoting."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by `instrument_key`."""
        return self._instruments

    def latest(self) -> Mapping[str, Quote]:
        """Give the newest quote of each followed symbol by `instrument_key`."""
        return self._latest

    def follow(self, key: str) -> None:
        """Quote this symbol too, at once and from now on; an unknown one is ignored."""
        instrument = self._instruments.get(key)
        if instrument is not None and key not in self._followed:
            self._followed[key] = instrument
            self._publish(self.quote(instrument, self._clock.now()))

    def subscribe(self, listener: Callable[[Quote], None]) -> None:
        """Call the listener on every new quote."""
        self._listeners.append(listener)

    def tick(self) -> None:
        """Quote every followed symbol as of now."""
        now = self._clock.now()
        for instrument in tuple(self._followed.values()):
            self._publish(self.quote(instrument, now))

    def price(self, symbol: str, at: datetime) -> Decimal:
        """Give a symbol's mid at any time, past or future. Raises: KeyError for an unknown one."""
        return self.weather(self._instruments[instrument_key(self._venue, symbol)], at).mid

    def weather(self, instrument: Instrument, at: datetime) -> Weather:
        """Give mid, spread and depth; a lively minute widens the one and thins the other."""
        coin = self._coins[instrument.base]
        mid = self._mid(instrument, at)
        before = self._mid(instrument, at - MINUTE)
        # a minute's typical move is an hour's over the root of sixty, about 7.7
        typical_bps = Decimal(coin.volatility_bps) * 10 / 77
        liveliness = min(Decimal(4), abs(mid - before) / before * BPS / typical_bps)
        spread = mid * coin.spread_bps * (1 + liveliness / 2) / BPS
        depth = coin.depth_notional / (1 + liveliness / 2)
        return Weather(mid=mid, spread=spread, depth_notional=depth)

    def depth(self, quote: Quote) -> Decimal:
        """Give what rests on the best level behind one of our quotes, in quote currency."""
        instrument = self._instruments[instrument_key(quote.venue, quote.symbol)]
        return self.weather(instrument, quote.at).depth_notional

    def quote(self, instrument: Instrument, at: datetime) -> Quote:
        """Give the quote of one symbol at a time."""
        now = self.weather(instrument, at)
        bid = instrument.price_rounded(now.mid - now.spread / 2, Toward.DOWN)
        ask = instrument.price_rounded(now.mid + now.spread / 2, Toward.UP)
        ask = max(ask, bid + instrument.price_tick)
        mark = (bid + ask) / 2
        if instrument.kind is InstrumentKind.SWAP:
            mark = instrument.price_rounded(self._index(instrument, at), Toward.DOWN)
        change = (now.mid / self._mid(instrument, at - DAY) - 1) * HUNDRED
        return Quote(
            venue=self._venue,
            symbol=instrument.symbol,
            bid=bid,
            ask=ask,
            mark=mark,
            at=at,
            change_pct=change.quantize(Decimal("0.01")),
        )

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        """Give candles of the prices that were, or would have been. Raises: InvalidInput."""
        instrument = self._instruments.get(instrument_key(series.venue, series.symbol))
        if instrument is None:
            raise InvalidInput(f"{series.venue} has no {series.symbol} here.")
        return await simulated_candles(
            series,
            since,
            count=count,
            instrument=instrument,
            mid=lambda at: self._mid(instrument, at),
            now=self._clock.now(),
        )

    async def _run(self) -> None:
        while True:
            await self._sleep(self._interval_s)
            self.tick()

    def _publish(self, quote: Quote) -> None:
        self._latest[instrument_key(quote.venue, quote.symbol)] = quote
        for listener in tuple(self._listeners):
            listener(quote)

    def _mid(self, instrument: Instrument, at: datetime) -> Decimal:
        index = self._index(instrument, at)
        if instrument.kind is InstrumentKind.SPOT:
            return index
        # the basis of a swap: its own slow wave of a few basis points
        height = noise(f"{self._seed} basis {instrument.base}", _ms(at), octaves=(4, 5))
        return index * (1 + BASIS_BPS * Decimal(height) / ONE / BPS)

    def _index(self, instrument: Instrument, at: datetime) -> Decimal:
        coin = self._coins[instrument.base]
        time_ms = _ms(at)
        tide = noise(f"{self._seed} tide", time_ms)
        own = noise(f"{self._seed} {coin.base}", time_ms)
        moves = Decimal((TIDE * tide + OWN * own) * coin.volatility_bps) / (10 * ONE * BPS)
        return coin.price * moves.exp(PRECISE)


def _ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)

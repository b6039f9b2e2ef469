"""The public market: real prices of one venue, without an account."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from engine.candles import CandlePage, Series, screened
from engine.errors import InvalidInput
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.markets.budget import Budget, Sleep
from engine.markets.feed import Feed
from engine.markets.listing import Listing, MarketSource
from engine.ports import Clock, VenueUnavailable
from engine.quotes import Quote
from engine.venues.live.market_store import MarketStore

BACKOFF_S_MAX = 30
CHANGES_S = 15.0
_log = logging.getLogger(__name__)


class PublicMarket:
    """Follow one venue's public prices through ccxt by polling.

    `api_url` replaces scheme and host of every address, as `<VENUE>_API_URL` does. The instruments
    come from `metadata`, which others may share, and change when it learns of new ones. A poll asks
    for all followed symbols at once, `interval_s` after the last; failures back off up to 30 s, for
    ever. A quote is as old as its fetch, or as the venue says; nothing refreshes an old one.
    """

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        metadata: MarketStore,
        api_url: str | None = None,
        sandbox: bool = False,
        interval_s: float = 1.0,
        timeout_s: float = 8.0,
        requests_per_s_max: int = 5,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._interval_s = interval_s
        self._sleep = sleep
        budget = Budget(per_second=requests_per_s_max, clock=clock, sleep=sleep)
        self._metadata = metadata
        self._source = MarketSource(venue=venue, api_url=api_url, sandbox=sandbox)
        self._feed = Feed(source=self._source, timeout_s=timeout_s, budget=budget, clock=clock)
        self._instruments: Mapping[str, Instrument] = {}
        self._latest: dict[str, Quote] = {}
        self._followed: dict[str, None] = {}
        self._changes: dict[str, Decimal] = {}
        self._listeners: list[Callable[[Quote], None]] = []
        self._news = asyncio.Event()
        self._known = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._changed_s: float | None = None

    async def start(self) -> None:
        """Load the instruments and begin to poll.

        Raises: VenueUnavailable when the first try fails or takes long; it goes on trying until
        `stop`, so the caller may carry on without this venue's prices.
        """
        if self._tasks:
            return
        fault: VenueUnavailable | None = None
        try:
            self._learn(await self._metadata.first(self._source))
        except VenueUnavailable as silent:
            fault = silent
        # start and stop are two calls, so both tasks are held here and cancelled by stop()
        prices = asyncio.create_task(self._run(), name=f"prices {self._venue}")  # see above
        following = self._metadata.follow(self._source, self._learn)
        symbols = asyncio.create_task(following, name=f"symbols {self._venue}")  # see above
        self._tasks = (prices, symbols)
        if fault is not None:
            raise fault

    async def stop(self) -> None:
        """Stop polling and close the connections."""
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._feed.close()

    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by `instrument_key`; empty until the venue has answered."""
        return self._instruments

    def latest(self) -> Mapping[str, Quote]:
        """Give the newest quote of each followed symbol by `instrument_key`."""
        return self._latest

    def follow(self, key: str) -> None:
        """Poll this symbol too from now on; another venue's is ignored."""
        if key.partition(":")[0] == self._venue and key not in self._followed:
            self._followed[key] = None
            self._news.set()

    def subscribe(self, listener: Callable[[Quote], None]) -> None:
        """Call the listener on every new quote."""
        self._listeners.append(listener)

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        """Fetch candles within the budget that prices share, and not before the venue wants it.

        Raises: VenueUnavailable, InvalidInput.
        """
        if not self._instruments:
            raise VenueUnavailable(f"{self._venue} has not told its symbols yet.")
        if instrument_key(series.venue, series.symbol) not in self._instruments:
            raise InvalidInput(f"{series.venue} has no {series.symbol}.")
        wait_s = self._feed.retry_after_s()
        if wait_s > 0:
            await self._sleep(wait_s)
        count = min(count, self._feed.page_max(series))
        rows = await self._feed.candles(series, since, count)
        return screened(rows, series.timeframe, self._clock.now(), count=count)

    async def _run(self) -> None:
        failures = 0
        await self._known.wait()
        while True:
            try:
                await self._turn()
            except VenueUnavailable as fault:
                failures += 1
                wait_s = max(self._backoff_s(failures), self._feed.retry_after_s())
                _log.warning(
                    "no prices", extra={"venue": self._venue, "fault": str(fault), "wait_s": wait_s}
                )
                await self._sleep(wait_s)
            else:
                failures = 0
                await self._pause()

    async def _turn(self) -> None:
        """Fetch the followed symbols, one kind after the other."""
        now_s = self._clock.monotonic()
        self._news.clear()
        known = [self._instruments[key] for key in self._followed if key in self._instruments]
        for kind in InstrumentKind:
            wanted = [each for each in known if each.kind is kind]
            if wanted:
                for quote in await self._feed.quotes(wanted, self._changes):
                    self._publish(quote)
        spots = [each.symbol for each in known if each.kind is InstrumentKind.SPOT]
        if spots and (self._changed_s is None or now_s - self._changed_s > CHANGES_S):
            self._changed_s = now_s
            self._changes.update(await self._feed.changes(spots))

    def _learn(self, listing: Listing) -> None:
        self._feed.learn(listing)
        self._instruments = listing.instruments
        self._known.set()

    async def _pause(self) -> None:
        """Wait for the next poll; a symbol followed meanwhile is fetched at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s if self._followed else None):
                await self._news.wait()

    def _backoff_s(self, failures: int) -> float:
        """Give the wait after so many failures in a row: doubling, with half of it random."""
        longest_s = min(BACKOFF_S_MAX, self._interval_s * (1 << min(failures, 10)))
        return longest_s * (500 + secrets.randbelow(501)) / 1000

    def _publish(self, quote: Quote) -> None:
        key = instrument_key(quote.venue, quote.symbol)
        before = self._latest.get(key)
        if before is not None and before.at > quote.at:
            return
        self._latest[key] = quote
        for listener in tuple(self._listeners):
            listener(quote)

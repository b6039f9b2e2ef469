"""The chronicle: equity, quotes and candles are kept for later, and never in the way of trading.

The clock's jobs and the engine's events only leave word here. Two tasks write: samples at once, in
one small transaction a minute; candles, tidying and whatever else can wait, one after another.
A sample that cannot be stored is dropped and counted: nobody is woken for it.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from typing import Final

from engine.candles import Series, Timeframe
from engine.equity import Equity
from engine.errors import InvalidInput, JournalError
from engine.events import DayRolled, Event
from engine.identities import instrument_key
from engine.ports import CandleSource, Clock, Quotes, VenueUnavailable
from engine.state import State
from storage.backfill import Backfill
from storage.candles import Candles
from storage.database import Database
from storage.history import EquitySample, QuoteSample
from storage.kept import Kept
from storage.retention import Retention
from storage.samples import Samples
from storage.spans import Span
from storage.timescale import hypertables

QUOTED_MAX: Final = 20
CHARTED_MAX: Final = 10
CHARTED: Final = (Timeframe.M1, Timeframe.M15, Timeframe.H1, Timeframe.D1)
# What a chart shows at first, and how far back a gap of ours is closed by itself.
CANDLES_AT_FIRST: Final = 300
CANDLES_CAUGHT_UP_MAX: Final = 5000
PAGES_AT_ONCE_MAX: Final = 3
GAPS_AT_ONCE_MAX: Final = 10
WAITING_MAX: Final = 500

log = logging.getLogger("quarterdeck.history")


class Chronicle:
    """Keep the history of one account.

    `pulses` are the symbols that are followed whatever is held. `source` None keeps no candles.
    `is_away` tells that the database is known to be away, so that nothing is tried.
    """

    def __init__(
        self,
        *,
        database: Database,
        state: Callable[[], State],
        quotes: Quotes,
        source: CandleSource | None,
        pulses: tuple[str, ...],
        kept: Kept,
        is_away: Callable[[], bool],
        clock: Clock,
        jitter: random.Random,
    ) -> None:
        self._database = database
        self._state = state
        self._quotes = quotes
        self._pulses = pulses
        self._is_away = is_away
        self._clock = clock
        self._samples = Samples(database)
        self._retention = Retention(database, kept)
        self._candles = Candles(database)
        self._backfill: Backfill | None = None
        if source is not None:
            self._backfill = Backfill(
                source=source, candles=self._candles, clock=clock, jitter=jitter
            )
        self._points: deque[EquitySample] = deque(maxlen=WAITING_MAX)
        self._seen: deque[QuoteSample] = deque(maxlen=WAITING_MAX)
        self._last: dict[str, datetime] = {}
        self._sampled = asyncio.Event()
        self._due = asyncio.Event()
        self._wants_pruning = True
        self._was_lost = False
        self._is_prepared = False
        self._refused: set[Series] = set()
        self.dropped = 0

    def see(self, event: Event, state: State, _received: float) -> None:
        """Take note of a day's begin; in the engine's loop, so it only leaves word."""
        if isinstance(event, DayRolled) and state.equity is not None:
            midnight = datetime.combine(event.day, time(), tzinfo=UTC)
            self._points.append(_point(state.equity, midnight, is_roll=True))

    def sample(self) -> None:
        """Take equity and quotes of now; each minute."""
        equity = self._state().equity
        if equity is not None and self._is_new("", equity.at):
            self._points.append(_point(equity, equity.at))
        latest = self._quotes.latest()
        for key in self._followed(QUOTED_MAX):
            quote = latest.get(key)
            if quote is not None and self._is_new(key, quote.at):
                self._seen.append(
                    QuoteSample(
                        venue=quote.venue,
                        symbol=quote.symbol,
                        at=quote.at,
                        bid=quote.bid,
                        ask=quote.ask,
                        mark=quote.mark,
                    )
                )
        self._sampled.set()

    def refresh(self) -> None:
        """Let the candles of what is followed be brought up to now; each minute."""
        self._due.set()

    def prune(self) -> None:
        """Let what is too old be deleted; each hour."""
        self._wants_pruning = True
        self._due.set()

    async def record(self) -> None:
        """Write samples as they come, for ever."""
        while True:
            await self._sampled.wait()
            self._sampled.clear()
            points, quotes = tuple(self._points), tuple(self._seen)
            self._points.clear()
            self._seen.clear()
            await self._store(points, quotes)

    async def _store(
        self, points: tuple[EquitySample, ...], quotes: tuple[QuoteSample, ...]
    ) -> None:
        if not points and not quotes:
            return
        if self._is_away():
            self._drop(len(points) + len(quotes), "the journal waits for the database, too.")
            return
        try:
            await self._samples.store(points, quotes)
        except JournalError as fault:
            self._drop(len(points) + len(quotes), str(fault))
        else:
            if self._was_lost:
                log.warning("samples are stored again; %s were dropped in all", self.dropped)
            self._was_lost = False

    def _drop(self, count: int, why: str) -> None:
        """Count what is lost; the log is told once."""
        self.dropped += count
        if not self._was_lost:
            log.warning("samples are dropped while they cannot be stored: %s", why)
        self._was_lost = True

    async def keep(self) -> None:
        """Bring candles up to date, mend their gaps and tidy up whenever it is due, for ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            if self._is_away():
                continue
            await self._prepare()
            if self._wants_pruning:
                self._wants_pruning = False
                gone = await self._retention.prune(self._clock.now())
                log.info("%s rows of old history were deleted", gone)
                await self._every_series(self._mend)
            await self._every_series(self._catch_up)

    async def _prepare(self) -> None:
        if not self._is_prepared:
            for note in await self._database.write(hypertables):
                log.info("%s", note)
            self._is_prepared = True

    async def _every_series(self, work: Callable[[Backfill, Series], Awaitable[None]]) -> None:
        if self._backfill is None:
            return
        for key in self._followed(CHARTED_MAX):
            venue, _, symbol = key.partition(":")
            for timeframe in CHARTED:
                series = Series(venue=venue, symbol=symbol, timeframe=timeframe)
                if series in self._refused:
                    continue
                try:
                    await work(self._backfill, series)
                except InvalidInput as fault:
                    self._refused.add(series)
                    log.info("no candles of %s: %s", series, fault)
                except VenueUnavailable as fault:
                    log.info("no candles of %s for now: %s", series, fault)
                    # The venue's other symbols would fare no better; the next minute tries again.
                    break

    async def _catch_up(self, backfill: Backfill, series: Series) -> None:
        bounds = await self._bounds(backfill, series, CANDLES_AT_FIRST)
        if bounds.begin < bounds.end:
            await backfill.fill(series, bounds, pages_max=PAGES_AT_ONCE_MAX)

    async def _mend(self, backfill: Backfill, series: Series) -> None:
        length = series.timeframe.length
        now = self._clock.now()
        bounds = backfill.bounds(series, now - CANDLES_CAUGHT_UP_MAX * length)
        await backfill.mend(series, bounds, asks_max=GAPS_AT_ONCE_MAX)

    async def _bounds(self, backfill: Backfill, series: Series, count: int) -> Span:
        """Give what is to be fetched: from the last candle on, or a chart's worth."""
        length = series.timeframe.length
        now = self._clock.now()
        known = await self._candles.reach(series)
        if known is not None and known.end > now - CANDLES_CAUGHT_UP_MAX * length:
            return backfill.bounds(series, known.end)
        return backfill.bounds(series, now - count * length)

    def _followed(self, count_max: int) -> tuple[str, ...]:
        """Name what is held, what is ordered and what is followed anyway, in this order."""
        state = self._state()
        ordered = (instrument_key(each.venue, each.symbol) for each in state.orders.values())
        return tuple(dict.fromkeys((*state.positions, *ordered, *self._pulses)))[:count_max]

    def _is_new(self, key: str, at: datetime) -> bool:
        """Tell whether something was measured since it was sampled last."""
        if self._last.get(key) == at:
            return False
        if len(self._last) > WAITING_MAX:
            self._last.clear()
        self._last[key] = at
        return True


def _point(equity: Equity, at: datetime, *, is_roll: bool = False) -> EquitySample:
    return EquitySample(
        at=at,
        equity=equity.equity,
        cash=equity.cash,
        unrealised_pnl=equity.unrealised_pnl,
        gross=equity.gross,
        high_water=equity.high_water,
        is_roll=is_roll,
    )

"""Backfill: candles are fetched page by page until a stretch is known, however often it is cut off.

What is stored notes how far it reaches in the same transaction, so whoever is killed goes on there.
A gap is asked for by itself, together with the candle before it: an answer that holds this candle
but none of the gap's shows that the venue has none. One without any row shows nothing by itself and
counts as half a proof; so does one with a bad row. An error is never a proof.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from engine.candles import Candle, CandlePage, Fault, Series, missing
from engine.markets.budget import Sleep
from engine.ports import CandleSource, Clock, VenueUnavailable
from storage.candles import Candles, Known
from storage.spans import Span, cut, within

ATTEMPTS_MAX = 6
BACKOFF_S = 0.5
BACKOFF_S_MAX = 30
ROWS_WANTED_MAX = 1000
ASKS_FOR_GAPS_MAX = 100

Told = Callable[[int, int], None]
log = logging.getLogger("storage.backfill")


def _untold(_done: int, _whole: int) -> None:
    """Tell nobody."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Count what a run did: requests, candles stored, rows refused by reason, and gaps' slots.

    `empty` counts candles that the venue has shown not to have.
    """

    asked: int = 0
    stored: int = 0
    empty: int = 0
    refused: Counter[Fault] = field(default_factory=Counter)


class Backfill:
    """Fetch candles of one source into the store; one request at a time.

    `jitter` spreads what is asked again.
    """

    def __init__(
        self,
        *,
        source: CandleSource,
        candles: Candles,
        clock: Clock,
        jitter: random.Random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._source = source
        self._candles = candles
        self._clock = clock
        self._jitter = jitter
        self._sleep = sleep

    def bounds(self, series: Series, since: datetime, until: datetime | None = None) -> Span:
        """Give the stretch of finished candles that begin within [since, until)."""
        final = series.timeframe.final_until(self._clock.now())
        end = final if until is None else min(series.timeframe.ceil(until), final)
        begin = series.timeframe.ceil(since)
        return Span(begin=begin, end=max(begin, end))

    async def fill(
        self,
        series: Series,
        bounds: Span,
        *,
        pages_max: int | None = None,
        told: Told = _untold,
    ) -> Tally:
        """Fetch what is not covered yet, oldest first, in at most `pages_max` answers.

        Raises: VenueUnavailable after six tries in a row, InvalidInput, JournalError.
        """
        tally, length = Tally(), series.timeframe.length
        whole = (bounds.end - bounds.begin) // length
        while pages_max is None or tally.asked < pages_max:
            covered = await self._candles.known(series, Known.COVERED, bounds)
            open_ = cut([bounds], covered)
            done = whole - sum((span.end - span.begin) // length for span in open_)
            told(done, whole)
            if not open_:
                break
            await self._fill_first(series, open_[0], tally)
        return tally

    async def _fill_first(self, series: Series, span: Span, tally: Tally) -> None:
        """Fetch a page from the begin of a stretch on, and store how far it reaches."""
        length = series.timeframe.length
        count = min((span.end - span.begin) // length, ROWS_WANTED_MAX)
        page = await self._asked(series, span.begin, count, tally)
        if page.reach is None or page.reach <= span.begin:
            # Nothing at all: many a venue has nothing there, and many a broken one says so.
            page = await self._asked(series, span.begin, count, tally)
        end = page.reach
        if end is None or end <= span.begin:
            end = span.begin + length * page.count
        reached = Span(begin=span.begin, end=min(end, span.end))
        await self._store(series, page, reached, tally)

    async def mend(
        self, series: Series, bounds: Span, *, asks_max: int = ASKS_FOR_GAPS_MAX
    ) -> Tally:
        """Ask for the gaps of what is covered, until they are filled or known to be empty.

        Raises: as `fill`.
        """
        tally = Tally()
        doubted = await self._candles.known(series, Known.DOUBTED, bounds)
        for gap in await self._candles.gaps(series, bounds):
            at = gap.begin
            while at < gap.end and tally.asked < asks_max:
                at = await self._mend_from(series, Span(begin=at, end=gap.end), doubted, tally)
        return tally

    async def _mend_from(
        self, series: Series, gap: Span, doubted: list[Span], tally: Tally
    ) -> datetime:
        """Ask for a gap from its begin on; give up to where it is settled."""
        length = series.timeframe.length
        anchor = gap.begin - length
        count = min((gap.end - anchor) // length + 1, ROWS_WANTED_MAX)
        page = await self._asked(series, anchor, count, tally)
        end = page.reach
        if end is None or end <= gap.begin:
            end = max(anchor + length * page.count, gap.begin + length)
        settled = Span(begin=gap.begin, end=min(end, gap.end))
        kept = await self._store(series, page, settled, tally)
        begins = [candle.opened_at for candle in kept]
        lacking = [
            Span(begin=begin, end=end)
            for begin, end in missing(begins, settled.begin, settled.end, series.timeframe)
        ]
        if page.reach is None or page.refused:
            proven = [part for span in lacking for part in within(doubted, span)]
        else:
            proven = lacking
        await self._candles.note(series, Known.EMPTY, proven)
        await self._candles.note(series, Known.DOUBTED, cut(lacking, proven))
        tally.empty += sum((span.end - span.begin) // length for span in proven)
        return settled.end

    async def _store(
        self, series: Series, page: CandlePage, span: Span, tally: Tally
    ) -> list[Candle]:
        kept = [each for each in page.candles if span.begin <= each.opened_at < span.end]
        await self._candles.put(series, kept, span)
        tally.stored += len(kept)
        return kept

    async def _asked(self, series: Series, since: datetime, count: int, tally: Tally) -> CandlePage:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            tally.asked += 1
            try:
                page = await self._source.candles(series, since, count)
            except VenueUnavailable as fault:
                if attempt == ATTEMPTS_MAX:
                    raise
                wait_s = min(BACKOFF_S_MAX, BACKOFF_S * 2**attempt) * self._jitter.uniform(0.5, 1)
                log.info("%s is asked again in %.1f s: %s", series, wait_s, fault)
                await self._sleep(wait_s)
            else:
                tally.refused.update(page.refused)
                return page
        raise AssertionError("the last attempt returns or raises")


def told_refused(refused: Iterable[tuple[Fault, int]]) -> str:
    """Say in words what was refused, such as `2 doubled, 1 not a number`."""
    return ", ".join(f"{count} {fault.value}" for fault, count in refused)

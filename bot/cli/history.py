"""`quarterdeck history backfill|gaps|export`."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, Protocol, assert_never

from bot.cli.arguments import demo_database_url
from bot.cli.history_arguments import HistoryArguments
from bot.cli.journal import journal_url
from bot.cli.progress import Bar
from bot.cli.reading import settings_of
from bot.cli.refusal import CommandRefused
from bot.cli.whole_file import written_whole
from bot.clock import SystemClock
from bot.demo import VENUE, seed_of
from bot.kill_switch import Say
from bot.markets import market_store, shelf_of
from engine.candles import Candle, Series, timeframe_of
from engine.errors import InvalidInput, JournalLocked
from engine.instruments import symbol_named
from engine.markets.public import PublicMarket
from engine.markets.simulated import SimulatedMarket
from engine.ports import CandleSource, Quotes, VenueUnavailable
from storage.backfill import Backfill, Tally
from storage.candles import Candles, Known
from storage.database import Database
from storage.history import History
from storage.spans import Span

DONE: Final = 0
NOT_DONE: Final = 1
GAPS_TOLD_MAX: Final = 10
HEADER: Final = "opened_at,open,high,low,close,volume"


class Market(Quotes, CandleSource, Protocol):
    """What knows symbols, and gives their candles."""


async def work_on_history(arguments: HistoryArguments, environ: Mapping[str, str], say: Say) -> int:
    """Do what the shell asked for, and give the exit code.

    Raises: CommandRefused, SettingsError, EnvironmentFileError, JournalError.
    """
    url = journal_url(arguments, environ)
    try:
        match arguments.action:
            case "backfill":
                market = await _market(arguments, environ)
                return await backfill(arguments, url, market, say)
            case "gaps":
                return await gaps(url, say)
            case "export":
                return await export(arguments, url, say)
            case _:
                assert_never(arguments.action)
    except InvalidInput as fault:
        raise CommandRefused(str(fault)) from fault


async def _market(arguments: HistoryArguments, environ: Mapping[str, str]) -> Market:
    """Give where the candles come from: the demo's own prices, or a venue."""
    clock = SystemClock()
    if arguments.demo:
        try:
            seed = await seed_of(demo_database_url(arguments.folder))
        except JournalLocked as fault:
            raise _in_use(fault) from fault
        return SimulatedMarket(venue=VENUE, clock=clock, seed=seed)
    settings = settings_of(environ, arguments.env_file, for_command="journal")
    addresses = {venue.venue: venue.api_url for venue in settings.venues}
    return PublicMarket(
        venue=arguments.venue,
        clock=clock,
        metadata=market_store(clock, shelf_of(settings)),
        api_url=addresses.get(arguments.venue),
    )


async def backfill(arguments: HistoryArguments, url: str, market: Market, say: Say) -> int:
    """Fetch what is not there yet, then ask for the gaps.

    Raises: CommandRefused, InvalidInput, JournalError.
    """
    async with _opened(url) as database, _started(market):
        series = Series(
            venue=arguments.venue,
            symbol=_symbol(arguments, market),
            timeframe=timeframe_of(arguments.timeframe),
        )
        candles = Candles(database)
        work = Backfill(
            source=market,
            candles=candles,
            clock=SystemClock(),
            # Its number gives each process dice of its own; they only spread what is tried again.
            jitter=random.Random(os.getpid()),  # noqa: S311 - see above
        )
        bounds = work.bounds(series, arguments.since, arguments.until)
        if bounds.begin >= bounds.end:
            raise CommandRefused(
                f"No candle of {series.timeframe.value} begins and ends between these times."
            )
        bar = Bar("candles", say)
        try:
            filled = await work.fill(series, bounds, told=bar.told)
            mended = await work.mend(series, bounds)
        except VenueUnavailable as fault:
            say(f"{fault} What came is kept: run it again to go on.")
            return NOT_DONE
        except asyncio.CancelledError:
            say("Interrupted. What came is kept: run it again to go on.")
            raise
        return _told(series, bounds, (filled, mended), await candles.gaps(series, bounds), say)


def _symbol(arguments: HistoryArguments, market: Market) -> str:
    """Find the symbol that was meant, as `BTCUSDT` for `BTC/USDT`."""
    every = market.instruments().values()
    names = [each.symbol for each in every if each.venue == arguments.venue]
    return symbol_named(arguments.symbol, names, quote="USDT") or arguments.symbol


def _told(
    series: Series, bounds: Span, tallies: tuple[Tally, Tally], left: list[Span], say: Say
) -> int:
    filled, mended = tallies
    say(
        f"{series}, {_time(bounds.begin)} to {_time(bounds.end)} UTC: "
        f"{filled.stored + mended.stored:,} candles stored in "
        f"{filled.asked + mended.asked:,} requests."
    )
    if mended.empty:
        say(f"The venue has none for {mended.empty:,} more; it is not asked for them again.")
    for fault, count in (filled.refused + mended.refused).items():
        say(f"Refused: {count:,} {'row' if count == 1 else 'rows'}, {fault.value}.")
    if left:
        say(f"{_gaps_told(series, left)} Run it again to ask for them once more.")
    return DONE


def _gaps_told(series: Series, gaps: list[Span]) -> str:
    missing = sum((gap.end - gap.begin) // series.timeframe.length for gap in gaps)
    first = ", ".join(f"{_time(gap.begin)} to {_time(gap.end)}" for gap in gaps[:GAPS_TOLD_MAX])
    more = f" and {len(gaps) - GAPS_TOLD_MAX} more" if len(gaps) > GAPS_TOLD_MAX else ""
    return f"{missing:,} missing: {first}{more}."


async def gaps(url: str, say: Say) -> int:
    """Say for every line of candles what is covered and what is missing. Raises: JournalError."""
    database = Database(url, is_reader=True)
    try:
        await database.open()
        candles = Candles(database)
        lines = await candles.series()
        for series in lines:
            whole = await _whole(candles, series)
            covered = await candles.known(series, Known.COVERED, whole)
            left = await candles.gaps(series, whole)
            stretches = ", ".join(f"{_time(s.begin)} to {_time(s.end)}" for s in covered)
            say(f"{series}: {stretches} UTC. {_gaps_told(series, left) if left else 'Whole.'}")
        if not lines:
            say("No candles here yet. quarterdeck history backfill --help")
    finally:
        await database.close()
    return DONE


async def _whole(candles: Candles, series: Series) -> Span:
    last = await candles.reach(series)
    length = series.timeframe.length
    end = SystemClock().now() if last is None else last.end
    return Span(begin=series.timeframe.floor(end - timedelta(days=36500)), end=end + length)


async def export(arguments: HistoryArguments, url: str, say: Say) -> int:
    """Print candles as CSV; a file is written whole or not at all. Raises: JournalError."""
    series = Series(
        venue=arguments.venue, symbol=arguments.symbol, timeframe=timeframe_of(arguments.timeframe)
    )
    database = Database(url, is_reader=True)
    count = 0
    try:
        await database.open()
        until = arguments.until or SystemClock().now()
        found = History(database).every_candle(series, arguments.since, until)
        if arguments.output is None:
            # A reader that has read enough, as `head` does, is no fault.
            with suppress(BrokenPipeError):
                sys.stdout.write(f"{HEADER}\n")
                async for candle in found:
                    sys.stdout.write(_line(candle))
            return DONE
        with written_whole(arguments.output) as file:
            file.write(f"{HEADER}\n".encode())
            async for candle in found:
                file.write(_line(candle).encode())
                count += 1
    finally:
        await database.close()
    say(f"{count:,} candles of {series} written to {arguments.output}.")
    return DONE


def _line(candle: Candle) -> str:
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return ",".join([f"{candle.opened_at:%Y-%m-%dT%H:%M:%SZ}", *map(str, numbers)]) + "\n"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        await database.open()
    except JournalLocked as fault:
        raise _in_use(fault) from fault
    try:
        yield database
    finally:
        await database.close()


def _in_use(fault: JournalLocked) -> CommandRefused:
    return CommandRefused(
        f"{str(fault).rstrip('.')}. A console keeps the candles of what it follows by itself; for "
        "more, stop it first, or keep the journal on Postgres, where both can work."
    )


@asynccontextmanager
async def _started(market: Market) -> AsyncIterator[None]:
    try:
        await market.start()
    except VenueUnavailable as fault:
        await market.stop()
        raise CommandRefused(str(fault)) from fault
    try:
        yield
    finally:
        await market.stop()

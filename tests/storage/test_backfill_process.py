"""The real command in a process of its own, killed in the middle and run again."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.candles import Series, Timeframe
from storage.candles import Candles
from storage.database import Database
from storage.history import History
from storage.spans import Span
from tests.exchange.binance import LocalBinance
from tests.exchange.klines import Klines, millis

BEGIN = datetime(2024, 2, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = BEGIN + 800 * MINUTE
SERIES = Series(venue="binance", symbol="BTC/USDT", timeframe=Timeframe.M1)
PAGE = 50


@pytest.fixture
async def exchange() -> AsyncIterator[LocalBinance]:
    async with LocalBinance() as served:
        served.klines = Klines(begin=BEGIN - MINUTE, end=END + MINUTE, limit=PAGE)
        yield served


async def backfill(exchange: LocalBinance, url: str, *more: str) -> Process:
    times = ("--from", f"{BEGIN:%Y-%m-%dT%H:%M}", "--to", f"{END:%Y-%m-%dT%H:%M}")
    line = ("history", "backfill", "binance", "BTCUSDT", "1m", *times)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *line, *more,
        env={"BINANCE_API_URL": exchange.url, "DATABASE_URL": url, "PATH": os.environ["PATH"]},
        # A folder without a .env.
        stdout=PIPE, stderr=PIPE, cwd=Path(__file__).parent,
    )  # fmt: skip


async def ended(process: Process) -> tuple[int, str]:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode() + err.decode()


async def test_what_is_killed_goes_on_where_it_was_and_nothing_is_missing_or_doubled(
    exchange: LocalBinance, url: str
) -> None:
    # Given a venue with holes, faults on the way, and a process that is killed on its eighth page.
    klines = exchange.klines
    assert klines is not None
    klines.lack(*(BEGIN + n * MINUTE for n in (0, 99, 100, 101, 640)))
    exchange.fail("klines", "", "", "truncated", "", "", "", "", "", "stall")
    process = await backfill(exchange, url)
    async with asyncio.timeout(60):
        await exchange.stalled.wait()
    process.send_signal(signal.SIGKILL)
    assert (await ended(process))[0] == -signal.SIGKILL
    database = Database(url)
    await database.open()
    stored = await Candles(database).reach(SERIES)
    await database.close()
    # When the same is asked for once more.
    klines.asked.clear()
    code, said = await ended(await backfill(exchange, url))
    # Then it went on behind what was stored, and in the end every candle is there once.
    assert code == 0, said
    assert stored is not None
    assert stored.begin == BEGIN
    assert klines.asked[0][0] == millis(stored.end)
    assert f"{800 - 5:,}" not in said, "only the rest was fetched"
    assert "The venue has none for 5 more" in said
    await database.open()
    found = [
        candle.opened_at async for candle in History(database).every_candle(SERIES, BEGIN, END)
    ]
    assert found == list(klines.begins("1m", BEGIN, END))
    assert await Candles(database).gaps(SERIES, Span(begin=BEGIN, end=END)) == []
    await database.close()
    # And a third time there is nothing to ask.
    klines.asked.clear()
    code, said = await ended(await backfill(exchange, url))
    assert (code, klines.asked) == (0, [])
    assert "0 candles stored in 0 requests" in said


async def test_a_venue_that_does_not_answer_is_told_in_a_sentence(
    exchange: LocalBinance, sqlite_url: str
) -> None:
    exchange.fail("exchangeInfo", "500")
    code, said = await ended(await backfill(exchange, sqlite_url))
    assert (code, said) == (2, "binance is not reachable, or is out of service.\n")


async def test_a_file_that_a_console_uses_is_left_to_it(
    exchange: LocalBinance, sqlite_url: str
) -> None:
    database = Database(sqlite_url)
    await database.open()
    code, said = await ended(await backfill(exchange, sqlite_url))
    await database.close()
    assert code == 2
    assert "A console keeps the candles of what it follows by itself" in said
    assert said.count("\n") == 1

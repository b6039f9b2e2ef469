"""Another process loads a venue's markets as this one would, knows no key, and leaves nothing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.markets import apart
from engine.markets.apart import load_apart, load_in_thread, unpacked
from engine.markets.listing import Listing, MarketSource
from engine.markets.loading import LoadFailed
from tests.exchange.binance import LocalBinance

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
async def exchange() -> AsyncIterator[LocalBinance]:
    async with LocalBinance() as served:
        yield served


def source_of(exchange: LocalBinance) -> MarketSource:
    return MarketSource(venue="binance", api_url=exchange.url)


def shown(listing: Listing) -> str:
    """Write all that a listing holds; by text, as equal values may be of different types."""
    instruments = sorted(listing.instruments.items())
    return repr((listing.loaded_at, listing.missing, listing.markets, instruments))


async def test_it_lists_what_this_process_would(exchange: LocalBinance) -> None:
    there = await load_apart(source_of(exchange), AT, 30)
    here = await load_in_thread(source_of(exchange), AT, 30)

    assert shown(there.listing) == shown(here.listing)
    assert there.pack == here.pack
    again = await unpacked(source_of(exchange), there.pack.splitlines(keepends=True))
    assert shown(again) == shown(here.listing)


async def test_what_the_venue_said_comes_back_as_it_was_said(exchange: LocalBinance) -> None:
    exchange.fail("exchangeInfo", "429")

    with pytest.raises(LoadFailed, match="binance asks us to slow down") as caught:
        await load_apart(source_of(exchange), AT, 30)

    assert caught.value.retry_after_s == 7


async def test_who_gives_up_leaves_no_process_behind(exchange: LocalBinance) -> None:
    exchange.fail("exchangeInfo", "stall")
    loading = asyncio.create_task(load_apart(source_of(exchange), AT, 60))
    async with asyncio.timeout(30):
        await exchange.stalled.wait()
    assert loaders(exchange)

    loading.cancel()
    await asyncio.gather(loading, return_exceptions=True)

    assert not loaders(exchange)


async def test_without_a_process_it_loads_all_the_same(
    exchange: LocalBinance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    loaded = await load_apart(source_of(exchange), AT, 30)

    assert "binance:BTC/USDT" in loaded.listing.instruments


def test_the_other_process_is_told_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BINANCE_API_SECRET", "TELEGRAM_BOT_TOKEN", "DATABASE_URL", "SECRET_KEY"):
        monkeypatch.setenv(name, "a-secret")

    assert "a-secret" not in apart._environment().values()


def loaders(exchange: LocalBinance) -> list[str]:
    """Find the processes that load from this exchange."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "engine.markets.apart" in command and exchange.url in command:
            found.append(command)
    return found

"""The doctor's look at the venues: reachable, in time with us, and quoting."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from bot.cli.findings import Finding, fail, ok, warn
from bot.clock import SystemClock
from bot.markets import market_store
from bot.venue_settings import VenueSettings
from engine.errors import InvalidInput
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.markets.asking import PARSING
from engine.markets.public import PublicMarket
from engine.numbers import plain
from engine.ports import Clock, VenueUnavailable
from engine.quotes import Quote
from engine.venues.ccxt_library import client_class, fault_classes, rebased

LOAD_S: Final = 30.0
QUOTE_S: Final = 10.0
TIME_S: Final = 8.0
SKEW_MS_WARN: Final = 1000
# Signed requests are refused by most venues beyond this, and quotes count as stale.
SKEW_MS_MAX: Final = 5000

log = logging.getLogger(__name__)


async def check_venue(venue: VenueSettings, currency: str) -> list[Finding]:
    """Load a venue's instruments, compare its clock with ours, and wait for one quote."""
    subject = f"venue {venue.venue}"
    clock = SystemClock()
    market = PublicMarket(
        venue=venue.venue,
        clock=clock,
        metadata=market_store(clock, start_wait_s=LOAD_S),
        api_url=venue.api_url,
        sandbox=venue.sandbox,
    )
    try:
        async with asyncio.timeout(LOAD_S):
            await market.start()
        found = [await _skew(venue, clock), await _quote(market, subject, venue.venue, currency)]
    except (VenueUnavailable, TimeoutError) as fault:
        text = str(fault) or f"{venue.venue} did not answer within {LOAD_S:.0f} s."
        return [
            fail(
                subject,
                f"{text} Check the network and {venue.venue.upper()}_API_URL, or take "
                f"{venue.venue} out of VENUES.",
            )
        ]
    except InvalidInput as fault:
        return [fail(subject, str(fault))]
    finally:
        await market.stop()
    count = len(market.instruments())
    return [ok(subject, f"It answers, with {count:,} instruments."), *found]


async def _quote(market: PublicMarket, subject: str, venue: str, currency: str) -> Finding:
    key = _key_of(market.instruments(), venue, currency)
    if key is None:
        return warn(
            subject, f"It lists nothing against {currency}: is PAPER_BALANCE in the right currency?"
        )
    came = asyncio.Event()
    quotes: list[Quote] = []

    def hear(quote: Quote) -> None:
        quotes.append(quote)
        came.set()

    market.subscribe(hear)
    market.follow(key)
    symbol = key.partition(":")[2]
    try:
        async with asyncio.timeout(QUOTE_S):
            await came.wait()
    except TimeoutError:
        return fail(subject, f"No quote of {symbol} came within {QUOTE_S:.0f} s: try again later.")
    return ok(subject, f"{symbol} is {plain(quotes[0].bid)} to {plain(quotes[0].ask)}.")


def _key_of(instruments: Mapping[str, Instrument], venue: str, currency: str) -> str | None:
    """Choose what to ask a quote of: bitcoin, or else the first spot pair there is."""
    wanted = instrument_key(venue, f"BTC/{currency}")
    if wanted in instruments:
        return wanted
    for key, instrument in instruments.items():
        is_spot = instrument.kind is InstrumentKind.SPOT
        if is_spot and instrument.active and instrument.quote == currency:
            return key
    return None


async def _skew(venue: VenueSettings, clock: Clock) -> Finding:
    """Compare the venue's clock with ours, at the middle of the question."""
    subject = f"clock {venue.venue}"
    client = client_class(venue.venue)({"timeout": int(TIME_S * 1000), "timeout_on_exit": 0})
    if venue.api_url is not None:
        client.urls["api"] = rebased(client.urls["api"], venue.api_url)
    try:
        if not client.has.get("fetchTime"):
            return ok(subject, "The venue does not tell its time; nothing was compared.")
        before = clock.now().timestamp()
        async with asyncio.timeout(TIME_S + 1):
            told_ms = int(await client.fetch_time())
        ours_ms = int((before + clock.now().timestamp()) * 500)
    except (fault_classes().BaseError, TimeoutError, *PARSING) as fault:
        log.debug("no time from %s", venue.venue, exc_info=fault)
        return warn(subject, "The venue did not tell its time; nothing was compared.")
    finally:
        await client.close()
    skew_ms = ours_ms - told_ms
    words = f"Our clock is {abs(skew_ms)} ms {'ahead of' if skew_ms > 0 else 'behind'} the venue's"
    if abs(skew_ms) > SKEW_MS_MAX:
        return fail(subject, f"{words}: set it right, for example by timedatectl set-ntp true.")
    if abs(skew_ms) > SKEW_MS_WARN:
        return warn(subject, f"{words}: let the system keep its time by NTP.")
    return ok(subject, f"{words}.")

"""The doctor's look at a live account: its key's rights, its money, its clock and its stream."""

import asyncio
import random
from typing import Final

from bot.cli.findings import Finding, fail, ok, warn
from bot.cli.refusal import CommandRefused
from bot.clock import SystemClock
from bot.live import live_account, withdrawal_refusal
from bot.markets import market_store
from bot.venue_settings import VenueSettings
from engine.numbers import ZERO, plain
from engine.ports import VenueUnavailable
from engine.runtime import SUBMIT_TIMEOUT_S
from engine.venues.live.venue import LiveVenue

ACCOUNT_S: Final = 40.0
# A stream that is refused ends at once; one that is quiet for so long stands.
STREAM_S: Final = 5.0


async def check_account(settings: VenueSettings, currency: str) -> list[Finding]:
    """Open a live account as `run` does, look at it, and close it; nothing is ordered."""
    subject = f"account {settings.venue}"
    try:
        account = live_account(settings)
    except CommandRefused as fault:
        return [fail(subject, str(fault))]
    clock = SystemClock()
    venue = LiveVenue(
        account,
        clock=clock,
        jitter=random.Random(),  # noqa: S311 - it spreads load, it guards nothing
        timeout_s=SUBMIT_TIMEOUT_S,
        metadata=market_store(clock, start_wait_s=ACCOUNT_S),
        symbols=tuple,
    )
    try:
        async with asyncio.timeout(ACCOUNT_S):
            await venue.start()
            return [
                await _rights(venue, subject),
                await _money(venue, subject, currency),
                *_least(venue, subject, currency),
                await _stream(venue, subject, is_wanted=account.streams),
            ]
    except VenueUnavailable as fault:
        return [fail(subject, f"{str(fault).rstrip('.')}: is the key right, and of this venue?")]
    except TimeoutError:
        return [fail(subject, f"It did not answer within {ACCOUNT_S:.0f} s.")]
    finally:
        await venue.stop()


async def _rights(venue: LiveVenue, subject: str) -> Finding:
    rights = await venue.permissions()
    if rights.can_withdraw:
        return fail(subject, withdrawal_refusal(venue.name))
    if rights.can_trade is False:
        return fail(subject, f"Its key may not trade: give it that right at {venue.name}.")
    if rights.can_withdraw is None:
        return warn(
            subject,
            f"{venue.name} does not tell what its key may do: see there that it may trade, and may "
            "not withdraw.",
        )
    return ok(subject, "Its key may trade, and may not withdraw.")


async def _money(venue: LiveVenue, subject: str, currency: str) -> Finding:
    held = (await venue.balances()).get(currency, ZERO)
    if held <= ZERO:
        return warn(subject, f"It holds no {currency}: nothing can be bought.")
    return ok(subject, f"It holds {plain(held)} {currency}.")


def _least(venue: LiveVenue, subject: str, currency: str) -> list[Finding]:
    """Say what the smallest order of bitcoin is worth, where that is listed."""
    return [
        ok(
            subject,
            f"The least order of {each.symbol} is {plain(each.notional_min or ZERO)} {currency} "
            f"and {plain(each.quantity_min)} {each.base}.",
        )
        for each in venue.instruments.values()
        if each.base == "BTC" and each.quote == currency
    ]


async def _stream(venue: LiveVenue, subject: str, *, is_wanted: bool) -> Finding:
    if not is_wanted:
        return warn(subject, "Streams are off: orders are polled. Set its _WS_URL, too.")
    try:
        async with asyncio.timeout(STREAM_S):
            async for _ in venue.reports():
                break
    except TimeoutError:
        return ok(subject, "Its stream of orders stands.")
    except VenueUnavailable as fault:
        return warn(subject, f"{str(fault).rstrip('.')}: orders are polled meanwhile.")
    return ok(subject, "Its stream of orders speaks.")

"""The market store: each venue's markets, loaded once for everybody in this process who asks."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.markets.budget import Sleep
from engine.markets.listing import Listing, MarketSource
from engine.markets.loading import Load, load_in_thread
from engine.ports import Clock, VenueUnavailable

AGE_S_MAX = 86_400
# so that many consoles, and many venues of one, do not all ask in the same minute
EARLIER_S_MAX = 7_200
# after a load that failed, or lacked a kind of market
AGAIN_S = 300
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Kept:
    listing: Listing | None = None
    due_s: float = 0.0
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)


class MarketStore:
    """Give listings: from memory while they are fresh, from the venue when they are due.

    A listing is due a day after it was made, or up to two hours earlier. One that is due serves on
    while the venue does not answer.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        jitter: random.Random,
        timeout_s: float = 8.0,
        load: Load = load_in_thread,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._timeout_s = timeout_s
        self._load = load
        self._sleep = sleep
        self._kept: dict[MarketSource, _Kept] = {}

    async def listing(self, source: MarketSource) -> Listing:
        """Give the markets of a source. Raises: VenueUnavailable when there are none to give."""
        kept = self._kept.setdefault(source, _Kept())
        async with kept.loading:
            if kept.listing is None or self._clock.monotonic() >= kept.due_s:
                await self._refresh(source, kept)
            assert kept.listing is not None, "a refresh that ends without a fault leaves a listing"
            return kept.listing

    async def follow(self, source: MarketSource, tell: Callable[[Listing], None]) -> None:
        """Tell each new listing of a source, for ever, beginning with the first there is."""
        told: Listing | None = None
        while True:
            try:
                listing = await self.listing(source)
            except VenueUnavailable as fault:
                wait_s = max(AGAIN_S / 10, getattr(fault, "retry_after_s", 0))
                _log.warning("no markets", extra={"venue": source.venue, "fault": str(fault)})
            else:
                if listing is not told:
                    told = listing
                    tell(listing)
                wait_s = max(1.0, self._kept[source].due_s - self._clock.monotonic())
            await self._sleep(wait_s)

    async def _refresh(self, source: MarketSource, kept: _Kept) -> None:
        try:
            found = await self._load(source, self._clock, self._timeout_s)
        except VenueUnavailable as fault:
            if kept.listing is None:
                raise
            _log.warning("no new markets", extra={"venue": source.venue, "fault": str(fault)})
            kept.due_s = self._clock.monotonic() + AGAIN_S
            return
        if kept.listing is None or not found.is_partial:
            kept.listing = found
        wait_s = AGAIN_S if found.is_partial else AGE_S_MAX - self._jitter.random() * EARLIER_S_MAX
        kept.due_s = self._clock.monotonic() + wait_s

"""The market store: each venue's markets, loaded once for everybody in this process who asks."""

import asyncio
import hashlib
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from engine.markets.apart import Load, Loaded, load_apart, unpacked
from engine.markets.budget import Sleep
from engine.markets.listing import Listing, MarketSource
from engine.markets.loading import LoadFailed
from engine.markets.packing import FORMAT, PackUnreadable
from engine.ports import Clock, VenueUnavailable
from engine.venues.ccxt_library import version

AGE_S_MAX: Final = 86_400
# The first start loads for two seconds or three.
START_WAIT_S: Final = 4.0
# So that many consoles, and many venues of one, do not all ask in the same minute.
EARLIER_S_MAX: Final = 7_200
# What is older than a day serves only while the venue does not answer, and for so long.
SHELF_AGE_S_MAX: Final = 7 * 86_400
# After a load that failed while there was something to go on with, or lacked a kind of market.
AGAIN_S: Final = 300
BACKOFF_S: Final = 1
BACKOFF_S_MAX: Final = 30
# Each is a process for a second.
LOADS_MAX: Final = 2
_log = logging.getLogger(__name__)


class Shelf(Protocol):
    """Where a pack lies between two runs; losing it is never wrong."""

    async def read(self, name: str) -> bytes | None:
        """Give what was written last; None where there is none, or it cannot be had soon."""
        ...

    async def write(self, name: str, content: bytes, *, keep_s: int) -> None:
        """Put content in place of what was there, whole or not at all; may be lost."""
        ...


@dataclass(slots=True, kw_only=True)
class _Kept:
    listing: Listing | None = None
    due_s: float = 0
    wanted_s: float | None = None
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)


class MarketStore:
    """Give listings: from memory or the shelf while they are fresh, or else from the venue.

    A start waits `start_wait_s` for the first of them, counted from when it was first wanted: a
    venue that is silent delays nobody's stop button.

    A listing is due a day after it was made, or up to two hours earlier. One that is due serves on
    while the venue does not answer, from the shelf for a week at most.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        jitter: random.Random,
        timeout_s: float = 8,
        start_wait_s: float = START_WAIT_S,
        shelf: Shelf | None = None,
        load: Load = load_apart,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._timeout_s = timeout_s
        self._start_wait_s = start_wait_s
        self._shelf = shelf
        self._load = load
        self._sleep = sleep
        self._kept: dict[MarketSource, _Kept] = {}
        self._preparing: set[asyncio.Task[Listing]] = set()
        self._loads = asyncio.Semaphore(LOADS_MAX)

    async def listing(self, source: MarketSource) -> Listing:
        """Give the markets of a source. Raises: VenueUnavailable when there are none to give."""
        kept = self._kept.setdefault(source, _Kept())
        async with kept.loading:
            if kept.listing is None:
                await self._take_down(source, kept)
            if kept.listing is None or self._clock.monotonic() >= kept.due_s:
                await self._refresh(source, kept)
            assert kept.listing is not None, "a refresh that ends without a fault leaves a listing"
            return kept.listing

    async def first(self, source: MarketSource) -> Listing:
        """Give the markets of a source to whoever starts, and cannot wait for long.

        Raises: VenueUnavailable when there are none, or none yet; what loads goes on loading.
        """
        kept = self._wanted(source)
        if kept.listing is not None:
            return kept.listing
        assert kept.wanted_s is not None, "it is wanted now"
        left_s = kept.wanted_s + self._start_wait_s - self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0, left_s)):
                return await asyncio.shield(self._begun(source))
        except TimeoutError:
            text = f"{source.venue} has not told its symbols yet; it is waited for."
            raise VenueUnavailable(text) from None

    def prepare(self, sources: Iterable[MarketSource]) -> None:
        """Begin to load what will be asked for; who asks waits for the rest, and hears a fault."""
        for source in sources:
            self._wanted(source)
            self._begun(source)

    def _wanted(self, source: MarketSource) -> _Kept:
        kept = self._kept.setdefault(source, _Kept())
        if kept.wanted_s is None:
            kept.wanted_s = self._clock.monotonic()
        return kept

    def _begun(self, source: MarketSource) -> asyncio.Task[Listing]:
        # No TaskGroup: it ends by itself, and its outcome is taken by who asks.
        task = asyncio.create_task(self.listing(source), name=f"markets {source.venue}")
        self._preparing.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Listing]) -> None:
        self._preparing.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            _log.info("no markets at the start", extra={"fault": str(fault)})

    async def follow(self, source: MarketSource, tell: Callable[[Listing], None]) -> None:
        """Tell each new listing of a source, for ever, beginning with the first there is."""
        told: Listing | None = None
        failures = 0
        while True:
            try:
                listing = await self.listing(source)
            except VenueUnavailable as fault:
                failures += 1
                wait_s = self._backoff_s(failures, fault)
                _log.warning("no markets", extra={"venue": source.venue, "fault": str(fault)})
            else:
                failures = 0
                if listing is not told:
                    told = listing
                    tell(listing)
                wait_s = max(1, self._kept[source].due_s - self._clock.monotonic())
            await self._sleep(wait_s)

    async def _refresh(self, source: MarketSource, kept: _Kept) -> None:
        try:
            async with self._loads:
                found = await self._load(source, self._clock.now(), self._timeout_s)
        except VenueUnavailable as fault:
            if kept.listing is None:
                raise
            _log.warning("no new markets", extra={"venue": source.venue, "fault": str(fault)})
            kept.due_s = self._clock.monotonic() + AGAIN_S
            return
        if kept.listing is None or not found.listing.is_partial:
            kept.listing = found.listing
        kept.due_s = self._due_s(found.listing)
        if not found.listing.is_partial:
            await self._put_up(source, found)

    def _due_s(self, listing: Listing) -> float:
        if listing.is_partial:
            return self._clock.monotonic() + AGAIN_S
        age_s = (self._clock.now() - listing.loaded_at).total_seconds()
        earlier_s = self._jitter.random() * EARLIER_S_MAX
        return self._clock.monotonic() + AGE_S_MAX - earlier_s - age_s

    async def _take_down(self, source: MarketSource, kept: _Kept) -> None:
        """Take what the shelf has, if it is of use; what is unreadable is as if it were not."""
        content = None if self._shelf is None else await self._shelf.read(_name(source))
        if content is None:
            return
        try:
            listing = await unpacked(source, content.splitlines(keepends=True))
        except PackUnreadable as fault:
            _log.warning(
                "stored markets are of no use", extra={"venue": source.venue, "fault": str(fault)}
            )
            return
        if not _is_of_use(listing, self._clock.now()):
            return
        kept.listing, kept.due_s = listing, self._due_s(listing)

    async def _put_up(self, source: MarketSource, found: Loaded) -> None:
        if self._shelf is not None:
            await self._shelf.write(_name(source), found.pack, keep_s=SHELF_AGE_S_MAX)

    def _backoff_s(self, failures: int, fault: VenueUnavailable) -> float:
        longest_s = min(BACKOFF_S_MAX, BACKOFF_S << min(failures - 1, 10))
        asked_s = fault.retry_after_s if isinstance(fault, LoadFailed) else 0
        return max(asked_s, longest_s * (1 + self._jitter.random()) / 2)


def _is_of_use(listing: Listing, now: datetime) -> bool:
    """Tell whether a stored listing may serve: not from the future, and not from long ago."""
    return 0 <= (now - listing.loaded_at).total_seconds() < SHELF_AGE_S_MAX


def _name(source: MarketSource) -> str:
    """Name a pack by all that must be the same for it to be of use."""
    parts = (source.venue, source.api_url, source.sandbox, FORMAT, version())
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
    return f"markets-{source.venue}-{digest}"

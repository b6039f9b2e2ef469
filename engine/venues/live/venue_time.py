"""Time at a venue: how far its clock is ahead of ours; most refuse what is old, or early."""

import asyncio
import logging
from typing import Final

from engine.markets.budget import Sleep
from engine.ports import Clock, VenueUnavailable
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call
from engine.venues.live.clients import Clients
from engine.venues.live.line import Line
from engine.venues.live.parsing import EPOCH

COMPARE_EVERY_S: Final = 300
COMPARE_AGAIN_S: Final = 5  # while the venue has not told its time
log = logging.getLogger("engine.venues.live")


class VenueTime:
    """Compare a venue's clock with ours, and stamp requests by it."""

    def __init__(
        self, *, clients: Clients, line: Line, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._clients = clients
        self._line = line
        self._clock = clock
        self._sleep = sleep

    async def compare(self) -> None:
        """Measure how far the venue's clock is ahead; where it does not tell, nothing changes."""
        if not self._clients.data.has.get("fetchTime"):
            return
        begun = self._clock.now()
        begun_s = self._clock.monotonic()
        outcome = await self._line.outcome(
            self._clients.data, Call(method="fetch_time"), Priority.CANCEL
        )
        if not isinstance(outcome, int):
            return
        way_ms = round((self._clock.monotonic() - begun_s) * 1000) // 2
        here_ms = int((begun - EPOCH).total_seconds() * 1000) + way_ms
        skew_ms = outcome - here_ms
        self._line.pulse.clock_skew_ms = skew_ms
        self._clients.keep_time(skew_ms)

    async def keep(self) -> None:
        """Compare again and again, for ever; soon, as long as it has never told."""
        while True:
            is_known = self._line.pulse.clock_skew_ms is not None
            await self._sleep(COMPARE_EVERY_S if is_known else COMPARE_AGAIN_S)
            try:
                await self.compare()
            except VenueUnavailable as fault:
                log.info("the clock of %s was not read: %s", self._line.venue, fault)

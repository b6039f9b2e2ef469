"""The dead man's switch: a venue's own timer that cancels every order unless it is put off.

It knows no difference between orders, so it runs only while entries of ours rest at the venue and
nothing else does: a stop that it cancelled would leave a position alone. ccxt calls it
`cancelAllOrdersAfter`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from engine.markets.budget import Sleep
from engine.ports import Clock, VenueUnavailable
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call

ANSWERS: Final[Mapping[str, tuple[str | int, ...]]] = {
    "okx": ("data", 0, "triggerTime"),
    "kraken": ("result", "triggerTime"),
    "htx": ("data", "triggerTime"),
}
"""The venues that have one, and where their answer says when it will fire. Bybit's fires when a
stream is lost and needs enabling there: it is none of these."""

SECONDS_MIN: Final = 10
SECONDS_MAX: Final = 120
"""What okx takes; kraken and htx take it, too."""

LOOK_EVERY_S: Final = 1.0
RELEASE_S: Final = 2.0
CLOSE_S: Final = 5.0

Ask = Callable[[Call, Priority], Awaitable[Any]]
log = logging.getLogger("engine.venues.live")


class DeadMan:
    """Keep a venue's timer running as long as it `is_wanted`, and stop it otherwise.

    It is put off each third of its `seconds`. What may run is stopped: an answer that was lost is
    no proof that it does not, and a process that died may have left one.
    """

    def __init__(
        self,
        *,
        venue: str,
        seconds: int,
        ask: Ask,
        is_wanted: Callable[[], bool],
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.seconds = seconds
        self.is_armed = False
        self._venue = venue
        self._ask = ask
        self._is_wanted = is_wanted
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._may_run_until_s = clock.monotonic() + seconds
        self._put_off_at_s: float | None = None

    @property
    def may_run(self) -> bool:
        """Tell whether the venue may count down, for all that is known here."""
        return self.is_armed or self._clock.monotonic() < self._may_run_until_s

    async def keep(self) -> None:
        """Look each second whether it should run, and see to it, for ever."""
        while True:
            await self.look()
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Put it off when that is due, or stop it; a silent venue is asked again at the next."""
        try:
            async with self._turn:
                if self._is_wanted():
                    if self._is_due():
                        await self._arm()
                elif self.may_run:
                    await self._disarm()
        except VenueUnavailable as fault:
            log.warning("the dead man's switch of %s: %s", self._venue, fault)

    async def release(self, patience_s: float = RELEASE_S) -> None:
        """Stop it before something comes to rest that it must not cancel.

        Who waits for that waits no longer than this; it is stopped by the next look then.
        """
        if not self.may_run:
            return
        try:
            async with asyncio.timeout(patience_s), self._turn:
                await self._disarm()
        except (VenueUnavailable, TimeoutError) as fault:
            log.warning("the dead man's switch of %s may still run: %s", self._venue, fault)

    def _is_due(self) -> bool:
        since = self._put_off_at_s
        return since is None or (self._clock.monotonic() - since) * 3 >= self.seconds

    async def _arm(self) -> None:
        # The venue counts from when it hears of it, and the answer may be lost.
        self._may_run_until_s = float("inf")
        try:
            await self._set(self.seconds)
        finally:
            self._may_run_until_s = self._clock.monotonic() + self.seconds
        if not self.is_armed:
            log.info("the dead man's switch of %s runs: %s s", self._venue, self.seconds)
        self.is_armed, self._put_off_at_s = True, self._clock.monotonic()

    async def _disarm(self) -> None:
        self._put_off_at_s = None
        await self._set(0)
        if self.is_armed:
            log.info("the dead man's switch of %s is stopped", self._venue)
        self.is_armed, self._may_run_until_s = False, self._clock.monotonic()

    async def _set(self, seconds: int) -> None:
        """Tell the venue. Raises: VenueUnavailable when it does not say that it took it."""
        call = Call(method="cancel_all_orders_after", args=(seconds * 1000,))
        found = await self._ask(call, Priority.CANCEL)
        for key in ANSWERS[self._venue]:
            try:
                found = found[key]
            except (TypeError, KeyError, IndexError):
                raise VenueUnavailable(f"{self._venue} did not say that it took it") from None

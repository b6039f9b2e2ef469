"""A live account with the venue's own timer beside it, where that is configured."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.orders import Order, OrderKind
from engine.ports import Gate, VenueUnavailable
from engine.reports import SubmitAnswer
from engine.venues.live.account import LiveAccount
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call
from engine.venues.live.dead_man import CLOSE_S, DeadMan
from engine.venues.live.venue import LiveVenue
from engine.venues.live.vitals import VenueVitals


class TimedVenue(LiveVenue):
    """Trade an account; with `dead_man_s` its venue cancels our entries when nobody is here.

    `only_entries` tells whether entries of ours rest there, and nothing else: only then it runs.
    """

    def __init__(
        self,
        account: LiveAccount,
        *,
        dead_man_s: int | None = None,
        only_entries: Callable[[], bool] = lambda: False,
        **parts: Any,
    ) -> None:
        """Wire the parts of a `LiveVenue`, named as there."""
        super().__init__(account, **parts)
        self._keeping: asyncio.Task[None] | None = None
        self._dead_man = (
            DeadMan(
                venue=account.venue,
                seconds=dead_man_s,
                ask=self._asked,
                is_wanted=only_entries,
                clock=self._clock,
            )
            if dead_man_s is not None
            else None
        )

    async def _asked(self, call: Call, priority: Priority) -> Any:
        if not self._clients.is_ready:
            raise VenueUnavailable(f"{self.name} has not told its symbols yet")
        return await self._line.answer(self._clients.emergency, call, priority)

    @property
    def vitals(self) -> VenueVitals:
        """Show how the account is doing, and its timer."""
        found, timer = super().vitals, self._dead_man
        if timer is None:
            return found
        return replace(found, dead_man_s=timer.seconds, is_dead_man_armed=timer.is_armed)

    async def start(self) -> None:
        """Open the account; a timer that a dead process left is stopped where it must not run."""
        await super().start()
        if self._dead_man is not None:
            # start and stop are two calls, so this task is held here and cancelled by stop()
            keeping = asyncio.create_task(self._dead_man.keep(), name=f"dead man {self.name}")
            self._keeping = keeping  # see above

    async def stop(self) -> None:
        """Stop the timer: an end in good order is none that it is for."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        if self._dead_man is not None:
            await self._dead_man.release(CLOSE_S)
        await super().stop()

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create; before a stop comes to rest the timer is stopped, for two seconds."""
        if self._dead_man is not None and order.is_exit and order.kind is not OrderKind.MARKET:
            await self._dead_man.release()
        return await super().submit(order, gate)

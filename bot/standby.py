"""The standby: a process that waits until it may be the active one.

It polls no chat, takes no signal and trades nothing. It follows the journal and the market, so that
a takeover begins from warm State and known instruments.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from bot.assembly import Assembly
from bot.web import Readiness
from engine.errors import JournalError, JournalLocked, JournalUnavailable
from engine.ports import VenueUnavailable
from storage.follower import Follower

LOOK_S: Final = 1.0
FOLLOW_S: Final = 1.0

log = logging.getLogger("quarterdeck.standby")


class Standby:
    """Take the account's lease at once, or as soon as its holder lets go of it."""

    def __init__(self, assembly: Assembly, jitter: random.Random) -> None:
        self._assembly = assembly
        self._jitter = jitter
        self._why: str | None = None
        self.has_waited = False

    @property
    def readiness(self) -> Readiness | None:
        """Say for whom this process waits; None when it does not."""
        if self._why is None:
            return None
        return Readiness(active=False, reason=f"standby: {self._why}")

    async def wait(self, stopping: asyncio.Event, *, begins: Callable[[], Awaitable[None]]) -> bool:
        """Wait for the lease; False when asked to stop before. `begins` is run if it must wait.

        Raises: JournalError when the first try fails for another reason than its holder.
        """
        try:
            await self._assembly.lease.take()
        except JournalLocked as locked:
            self._note(locked)
        else:
            return True
        self.has_waited = True
        await begins()
        follower = Follower(self._assembly.plan.database_url)
        # No TaskGroup: it ends with the wait, however that ends.
        beside = asyncio.create_task(self._beside(follower), name="standby")
        try:
            return await self._taken(stopping)
        finally:
            self._why = None
            beside.cancel()
            await asyncio.wait([beside])
            if follower.newest is not None:
                self._assembly.journal.begin_from(follower.newest)
            await follower.close()

    async def _taken(self, stopping: asyncio.Event) -> bool:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S * self._jitter.uniform(0.8, 1.0)):
                    await stopping.wait()
            if stopping.is_set():
                return False
            try:
                await self._assembly.lease.take()
            except (JournalLocked, JournalUnavailable) as fault:
                self._note(fault)
            else:
                log.info("this process takes over", extra={"token": self._assembly.lease.token})
                return True

    def _note(self, fault: JournalError) -> None:
        if self._why != str(fault):
            log.info("standing by: %s", fault)
        self._why = str(fault)

    async def _beside(self, follower: Follower) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(follower))
            group.create_task(self._watch_market())

    async def _follow(self, follower: Follower) -> None:
        """Read the journal for ever; what fails is tried again, and said once."""
        said = ""
        while True:
            try:
                await follower.follow()
                said = ""
            except (JournalError, TimeoutError) as fault:
                if said != str(fault):
                    log.warning("the journal cannot be followed: %s", fault)
                said = str(fault)
            await asyncio.sleep(FOLLOW_S * self._jitter.uniform(0.8, 1.2))

    async def _watch_market(self) -> None:
        """Load the instruments now: it takes seconds, which a takeover has not."""
        try:
            await self._assembly.market.start()
        except VenueUnavailable as fault:
            log.warning("the market is not there yet: %s", fault)

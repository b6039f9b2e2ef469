"""A budget of requests: so many a second and no more, in the order of asking."""

import asyncio
from collections.abc import Awaitable, Callable

from engine.ports import Clock

Sleep = Callable[[float], Awaitable[None]]
"""How to wait some seconds; a test with a virtual clock gives its own."""


class Budget:
    """Space requests evenly; whoever comes too early waits."""

    def __init__(
        self,
        *,
        per_second: int,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._gap_s = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next_s = clock.monotonic()

    async def take(self) -> None:
        """Wait for the next free place and use it up."""
        now_s = self._clock.monotonic()
        place_s = max(now_s, self._next_s)
        self._next_s = place_s + self._gap_s
        if place_s > now_s:
            await self._sleep(place_s - now_s)

"""Endings: how a task that talks to Redis is brought to its end."""

import asyncio
from typing import Final

AGAIN_S: Final = 0.1


async def ended(task: "asyncio.Task[None] | None") -> None:
    """Cancel a task until it has ended.

    Once is not enough: redis-py sends through `asyncio.wait_for`, which on Python 3.11 swallows a
    cancellation that comes in the moment in which the sending ends.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_S)

"""Away: what goes on, and what is said, while the database does not answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from bot.views.board import Fault
from engine.errors import EngineStopped, JournalError
from engine.loop import Loop
from engine.ports import Clock

log = logging.getLogger("quarterdeck")

RESTART_S: Final = 1.0
NOTED_EVERY_S: Final = 60.0


def journal_fault(loop: Loop, clock: Clock, away_since_s: float | None) -> Fault | None:
    """Give what the board says while nothing can be written, since the earlier of the two moments.

    The engine knows it once it has something to write; `away_since_s` is when an update could not
    be stored, on the monotonic clock.
    """
    since_s = [each for each in (loop.journal_down_since_s, away_since_s) if each is not None]
    if not since_s:
        return None
    return Fault(
        at=clock.now() - timedelta(seconds=clock.monotonic() - min(since_s)),
        text="Database away",
        stops_entries=True,
        halted=loop.stop_latched,
    )


async def kept(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep a part of the console going: its fault is logged, and it is begun again.

    That the database is away is said once a minute, however often it is tried.
    """
    clock_s = asyncio.get_running_loop().time
    quiet_until_s = 0.0
    while True:
        try:
            await run()
        except EngineStopped:
            log.warning("the engine has stopped; %s waits for the end", name)
        except JournalError as fault:
            if clock_s() >= quiet_until_s:
                quiet_until_s = clock_s() + NOTED_EVERY_S
                log.warning("%s waits for the database: %s", name, fault)
        except Exception:  # task boundary: one part's fault must not silence the others
            log.exception("%s broke and is started again", name)
        await asyncio.sleep(RESTART_S)

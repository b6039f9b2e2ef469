"""A story: the same few minutes of trading each time, so that it can be cut off at every point."""

import asyncio
from pathlib import Path

from engine.confirming import ConfirmMode, ConfirmPolicy
from tests.simulation.outside import OWNER, TRADER
from tests.simulation.session import Session

FIRST_LIFE = 1


class Story(Session):
    """Buy with a ticket and without, rest a limit, be stopped out in part, stop, and flatten."""

    def __init__(self, folder: Path, *, seed: int = 7, dies_at: int | None = None) -> None:
        super().__init__(seed, folder)
        self.confirm = ConfirmPolicy(mode=ConfirmMode.RISKY)
        self.dies_at = lambda _dice: dies_at if self.lives == FIRST_LIFE else None

    async def say(self, user_id: int, text: str, wait_s: float = 1.0) -> None:
        """Write as a person, and wait."""
        self.outside.telegram.say(user_id, text)
        await self.pass_time(wait_s)

    async def tap(self, user_id: int, label: str, wait_s: float = 1.5) -> None:
        """Tap the newest button with this label, twice, as thumbs do; none may be there."""
        found = [one for one in self.outside.telegram.buttons(user_id) if one[1].startswith(label)]
        for message, _, data in found[-1:]:
            for _ in range(2):
                self.outside.telegram.tap(user_id, message, data)
        await self.pass_time(wait_s)

    async def tell(self) -> None:
        """Live through it all, and come to rest."""
        await self.outside.start()
        self.outside.telegram.say(OWNER, "/start")
        self.outside.telegram.say(TRADER, "/start")
        await self.open()
        await self.pass_time(0.5)
        await self.say(OWNER, "/buy btc 150 usdt sl 2% tp 4%")
        await self.say(TRADER, "/buy sol 900 usdt sl 1%")
        await self.tap(TRADER, "Confirm")
        await self.say(OWNER, "/buy eth 100 usdt at 3300")
        self.outside.move("SOL/USDT", 0.98)
        await self.pass_time(1.0)
        await self.say(OWNER, "/buy btc perp 120 usdt short 3x")
        await self.say(OWNER, "/stop")
        await self.tap(OWNER, "Flatten", wait_s=6.0)
        await self.rest()


async def told(folder: Path, dies_at: int | None) -> Story:
    """Tell the story to a process that dies at a point of it."""
    story = Story(folder, dies_at=dies_at)
    try:
        await story.tell()
        await story.close()
        story.check_faults()
    except (Exception, asyncio.CancelledError) as fault:
        fault.add_note(f"{story.outside.trace.story()}\nIt died at point {dies_at}.")
        raise
    return story

"""Append to a journal until somebody kills the process: `python -m tests.storage.appender URL`."""

import asyncio
import sys

from storage.database import Database
from storage.journal import SqlJournal
from tests.storage.story import Story


async def append_for_ever(url: str) -> None:
    journal = SqlJournal(Database(url))
    state = await journal.open()
    story = Story(seed=state.seq + 1, state=state)
    while True:
        before = story.state
        steps = [story.step() for _ in range(1 + story.random.randrange(4))]
        await journal.append(steps, before, story.state)
        sys.stdout.write(f"{story.state.seq}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(append_for_ever(sys.argv[1]))

"""Lines: one queue for each person, so that what one person sends is handled in order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from bot.access import Person
from bot.incoming import Incoming

WAITING_MAX: Final = 20

Work = Callable[[Incoming, Person], Awaitable[None]]


class Lines:
    """Run each person's updates one after another, and different persons' side by side.

    There are as many lines as operators act at a time, at most one each. `work` must not raise.
    """

    def __init__(
        self, *, group: asyncio.TaskGroup, work: Work, waiting_max: int = WAITING_MAX
    ) -> None:
        self._group = group
        self._work = work
        self._waiting_max = waiting_max
        self._queues: dict[int, asyncio.Queue[tuple[Incoming, Person]]] = {}

    @property
    def depth(self) -> int:
        """Give how many updates wait."""
        return sum(queue.qsize() for queue in self._queues.values())

    def put(self, update: Incoming, person: Person) -> bool:
        """Line an update up; False when the person's line is full."""
        queue = self._queues.get(person.user_id)
        if queue is None:
            queue = self._queues[person.user_id] = asyncio.Queue(self._waiting_max)
            queue.put_nowait((update, person))
            self._group.create_task(self._serve(person.user_id, queue), name="line")
            return True
        if queue.full():
            return False
        queue.put_nowait((update, person))
        return True

    async def _serve(self, user_id: int, queue: asyncio.Queue[tuple[Incoming, Person]]) -> None:
        while not queue.empty():
            await self._work(*queue.get_nowait())
        # Nothing is awaited since the line was seen empty, so nobody can have joined it.
        del self._queues[user_id]

"""Outgoing: the outbox as the sender works on it; it waits for the database where it must."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from engine.errors import JournalError
from engine.ports import Clock
from storage.outbox import Outbox, OutboxRow

log = logging.getLogger(__name__)

T = TypeVar("T")
Key = tuple[int, str]
Rows = tuple[OutboxRow, ...]
ENDED_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a card is edited, and how long a failed alert waits; in seconds."""

    edit_every_s: float = 1.0
    idle_s: float = 1.0
    retry_s: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)

    def retry_after_s(self, failures: int) -> float:
        """Give the wait after so many failures in a row, 1 or more; it goes on for ever."""
        return self.retry_s[min(failures, len(self.retry_s)) - 1]


async def patiently(ask: Callable[[], Awaitable[T]], idle_s: float) -> T:
    """Ask the database until it answers: without it nobody knows what was told already."""
    is_noted = False
    while True:
        try:
            return await ask()
        except JournalError as fault:
            if not is_noted:
                log.warning("the database does not answer", extra={"reason": str(fault)})
            is_noted = True
            await asyncio.sleep(idle_s)


class Outgoing:
    """Hand out alerts, and remember what became of them; no method raises a JournalError."""

    def __init__(self, *, outbox: Outbox, clock: Clock, pace: Pace) -> None:
        self._outbox = outbox
        self._clock = clock
        self._pace = pace
        self._ended: OrderedDict[int, None] = OrderedDict()
        self._failures: dict[Key, int] = {}
        self._until: dict[int, datetime] = {}
        self._looked_at = clock.now()

    @property
    def changed(self) -> asyncio.Event:
        """Give what is set when there may be something new."""
        return self._outbox.changed

    async def recover(self) -> None:
        """Make due again what was in flight when the process died."""
        repeats = await patiently(self._outbox.recover, self._pace.idle_s)
        if repeats:
            log.warning("sends were in flight when the process died", extra={"count": repeats})

    async def due(self, limit: int) -> Sequence[OutboxRow]:
        """Give what may be sent now, the most urgent first.

        The database was read a moment ago; what was told in between is left out.
        """
        self._looked_at = self._clock.now()
        ask = partial(self._outbox.due, limit, self._looked_at)
        rows = await patiently(ask, self._pace.idle_s)
        return [row for row in rows if row.row_id not in self._ended]

    def room_in(self, chat_id: int, most: int) -> int:
        """Give how many subjects of a chat may be told at once: `most`, but of one that could not
        be reached none while it is left alone, and then the oldest alone until it answers.
        """
        until = self._until.get(chat_id)
        if until is None:
            return most
        # As of the look that found what is due: the oldest is not among it a moment too early.
        # A clock that was set back must not leave the chat alone for longer than any wait is.
        longest = timedelta(seconds=2 * self._pace.retry_s[-1])
        return 0 if self._looked_at < until <= self._looked_at + longest else 1

    async def begin(self, rows: Rows) -> None:
        """Say that these are about to be sent; a crash from now on makes them repeats."""
        ask = partial(self._outbox.sending, [row.row_id for row in rows])
        await patiently(ask, self._pace.idle_s)

    async def sent(self, rows: Rows) -> None:
        """Say that these were told."""
        now = self._clock.now()
        for row in rows:
            self._end(row)
            await patiently(partial(self._outbox.sent, row.row_id, now), self._pace.idle_s)
        chat_id = rows[-1].chat_id
        if chat_id in self._until:
            # First all that waited is made due together; only then is there room for it.
            await patiently(partial(self._outbox.hurry, chat_id, now), self._pace.idle_s)
            self._until.pop(chat_id, None)

    async def drop(self, rows: Rows, reason: str) -> None:
        """Give these up, for a reason that is kept."""
        last = rows[-1]
        log.info(
            "alert dropped",
            extra={"chat_id": last.chat_id, "subject": last.subject, "reason": reason},
        )
        for row in rows:
            self._end(row)
            await patiently(partial(self._outbox.dropped, row.row_id, reason), self._pace.idle_s)

    async def retry(self, rows: Rows, reason: str, *, whole_chat: bool = True) -> None:
        """Let these wait; longer each time, and never for the last time.

        What waits because the whole chat cannot be reached waits for one moment together, so that
        it goes out in order when the chat can be reached again.
        """
        key = (rows[-1].chat_id, rows[-1].subject)
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        wait_s = self._pace.retry_after_s(failures)
        log.info(
            "alert waits",
            extra={"chat_id": key[0], "subject": key[1], "reason": reason, "retry_s": wait_s},
        )
        now = self._clock.now()
        not_before = now + timedelta(seconds=wait_s)
        if whole_chat:
            until = self._until.get(key[0])
            not_before = until if until is not None and until > now else not_before
            self._until[key[0]] = not_before
        for row in rows:
            ask = partial(self._outbox.retry, row.row_id, not_before, reason)
            await patiently(ask, self._pace.idle_s)

    def _end(self, row: OutboxRow) -> None:
        self._failures.pop((row.chat_id, row.subject), None)
        self._ended[row.row_id] = None
        while len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)

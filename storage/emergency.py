"""The journal with an emergency file beside it: when it is away, a flatten is recorded there.

    on the journal -> begin -> on the file -> merged -> on the journal

What is recorded are events as the journal holds them, decided upon the State it had. Once it is
back they are appended to it, in order and in few transactions, and the file is cleared. Each page
names the chain's head before and after it, so whatever a crash leaves is merged once: the journal
holds a page's last hash, or it ends where the page begins.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from engine.commands import ENGINE, NoteEmergency
from engine.errors import (
    AppendUncertain,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    JournalUnavailable,
)
from engine.events import Event, OrderSubmitted
from engine.orders import Order
from engine.ports import Clock, Known, Step
from engine.state import State
from engine.tickets import Ticket
from storage.chain import Head
from storage.emergency_file import EmergencyFile, Record
from storage.emergency_merge import Placed, placed
from storage.journal import SqlJournal
from storage.patience import OutOfPatience, Patience
from storage.writer import InlineWriter, ThreadWriter, Writer

AGAIN_S = 0.5
AGAIN_MAX_S = 5.0
FILE_S = 5.0

R = TypeVar("R")
log = logging.getLogger("storage.emergency")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Some steps and the States before and after them."""

    steps: tuple[Step, ...]
    before: State
    after: State


class EmergencyJournal:
    """Keep a journal, and a file for a flatten while it is away.

    Implements `engine.ports.Journal` and `engine.emergency.Emergency`. `merged` is called with what
    is to be noted once the journal holds what the file held.
    """

    def __init__(self, inner: SqlJournal, file: EmergencyFile | None, clock: Clock) -> None:
        self._inner = inner
        self._file = file
        self._clock = clock
        self._writer: Writer | None = None
        self.merged: Callable[[NoteEmergency], None] = _nobody
        self._pages: list[_Page] | None = None
        self._head = Head()
        self._since: datetime | None = None
        self._patience = Patience()
        self._merging: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._fault: JournalError | None = None

    @property
    def is_on(self) -> bool:
        """Tell whether what is decided goes to the file."""
        return self._pages is not None

    @property
    def file(self) -> EmergencyFile | None:
        """Give the file; None where there is no place for one."""
        return self._file

    def hurry(self, *, is_wanted: bool) -> None:
        """Say whether a flatten waits; then the journal is waited for two seconds at most."""
        self._patience.hurry(is_wanted=is_wanted)

    async def open(self) -> State:
        """Open the journal, and merge what a process recorded that ended before it could.

        Raises: JournalLocked, JournalCorrupt, JournalUnavailable.
        """
        state = await self._patiently(self._inner.open())
        if self._file is None or self.is_on:
            return state
        try:
            record = await self._on_file(self._file.read)
        except JournalUnavailable as fault:
            log.critical("what may have been recorded cannot be read: %s", fault)
            return state
        return state if record is None else await self._take_up(record, state)

    async def _take_up(self, record: Record, state: State) -> State:
        """Bring a record that was left into the journal."""
        assert self._file is not None, "a record without a file"
        head = self._inner.last_head
        known = await self._inner.hashes([page.after.seq for page in record.pages])
        try:
            found = await placed(record, state, head, known, self._inner)
        except JournalCorrupt as fault:
            log.critical("what was recorded does not fit the journal: %s", fault)
            found = Placed(steps=(), is_ours=False)
        if found.steps:
            after = found.steps[-1].states[-1]
            log.warning("%s events are merged from %s", len(found.steps), self._file.path)
            await self._inner.append(found.steps, state, after)
            state = after
        try:
            if record.is_damaged or not found.is_ours:
                kept = await self._on_file(self._file.set_aside)
                log.critical("not all of the emergency file could be read: it is kept as %s", kept)
            else:
                await self._on_file(self._file.clear)
        except JournalUnavailable as fault:
            # What stands there is in the journal, and known to be when it is read again.
            log.warning("the emergency file is not cleared: %s", fault)
        if found.steps:
            self.merged(self._note(record.since, record.events, "start"))
        return state

    async def close(self) -> None:
        """Let go of the file; what is not merged yet is merged at the next start."""
        merging, self._merging = self._merging, None
        if merging is not None:
            merging.cancel()
            await asyncio.wait([merging])
        if self._file is not None:
            self._file.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.stop(FILE_S)

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Store the steps, in the journal or in the file.

        Raises: JournalUnavailable, AppendUncertain, JournalLocked, JournalCorrupt.
        """
        if self._fault is not None:
            raise self._fault
        if self._pages is None:
            self._head = self._inner.last_head
            try:
                await self._patiently(self._inner.append(steps, before, after))
            except OutOfPatience as fault:
                raise AppendUncertain(str(fault)) from fault
            return
        async with self._writing:
            if self.is_on:
                await self._record(steps, before, after)
                return
        # The last of it was merged while this waited.
        await self._inner.append(steps, before, after)

    async def begin(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Go by the file from now on. Raises: JournalUnavailable."""
        file = self._file
        if file is None:
            raise JournalUnavailable("There is no emergency file.")
        assert self._pages is None, "it has begun already"
        journal_id = before.journal.journal_id if before.journal is not None else ""
        self._since = self._clock.now()
        if not steps:
            # Else it is where their append began: it may have ended since.
            self._head = self._inner.last_head
        await self._on_file(lambda: file.begin(journal_id, self._clock.now()))
        self._pages = []
        try:
            if steps:
                await self._record(steps, before, after)
        except JournalUnavailable:
            self._pages = None
            raise
        log.critical("the journal is away: a flatten is recorded in %s", file.path)
        # No TaskGroup: it begins here and ends with the emergency.
        self._merging = asyncio.create_task(self._merge(), name="emergency")

    async def _record(self, steps: Sequence[Step], before: State, after: State) -> None:
        file, pages = self._file, self._pages
        assert file is not None, "recorded without a file"
        assert pages is not None, "recorded before it began"
        events = [step.events for step in steps]
        head = self._head
        self._head = await self._on_file(lambda: file.write(events, head))
        pages.append(_Page(steps=tuple(steps), before=before, after=after))

    async def _merge(self) -> None:
        """Bring what was recorded into the journal as soon as it is back."""
        wait_s = AGAIN_S
        while self._pages is not None:
            await asyncio.sleep(wait_s)
            wait_s = min(AGAIN_MAX_S, wait_s * 2)
            try:
                if await self._caught_up():
                    await self._end()
            except (JournalUnavailable, AppendUncertain) as fault:
                log.info("the journal is still away: %s", fault)
            except JournalError as fault:
                # Another process has taken over: its journal has its own word on what we sent.
                log.critical("what was recorded cannot be merged here: %s", fault)
                self._fault = fault
                return
            except Exception:  # task boundary: a bug in merging must not end it
                log.exception("what was recorded could not be merged; it is tried again")

    async def _caught_up(self) -> bool:
        """Append what is recorded and not journaled; True when nothing was added meanwhile."""
        pages = self._pages
        assert pages is not None, "nothing to merge"
        await self._patience.settled()
        state = await self._inner.open()
        position = _position(pages, state)
        if position is None:
            raise JournalLocked("Another process wrote the journal while it was away from here.")
        rest = pages[position:]
        if rest:
            steps = [step for page in rest for step in page.steps]
            await self._inner.append(steps, rest[0].before, rest[-1].after)
        return len(pages) == position + len(rest)

    async def _end(self) -> None:
        async with self._writing:
            pages, file = self._pages, self._file
            assert pages is not None, "ended twice"
            assert file is not None, "it went by a file"
            if self._inner.last_head != self._head:
                return  # more was recorded while this waited
            try:
                await self._on_file(file.clear)
            except JournalUnavailable as fault:
                # What stands there is in the journal, and known to be when it is read again.
                log.warning("the emergency file is not cleared: %s", fault)
            self._pages = None
        log.warning("the journal is back: all that was recorded is in it")
        events = tuple(e for page in pages for step in page.steps for e in step.events)
        self.merged(self._note(self._since or self._clock.now(), events, "merge"))

    def _note(self, since: datetime, events: Sequence[Event], how: str) -> NoteEmergency:
        sent = [e.order.client_order_id for e in events if isinstance(e, OrderSubmitted)]
        return NoteEmergency(
            command_id=f"emergency:{how}:{since.isoformat()}",
            actor=ENGINE,
            at=self._clock.now(),
            since=since,
            events=len(events),
            orders=tuple(sent),
        )

    async def find_command(self, command_id: str) -> Sequence[Event]:
        """Give the events of a command; while the journal is away those recorded beside it."""
        if self._pages is None:
            return await self._patiently(self._inner.find_command(command_id))
        recorded = (event for page in self._pages for step in page.steps for event in step.events)
        return tuple(event for event in recorded if event.command_id == command_id)

    async def find_order(self, client_order_id: str) -> Order | None:
        """Give an order of any age; while the journal is away those of State are all."""
        if self._pages is None:
            return await self._patiently(self._inner.find_order(client_order_id))
        return None

    async def find_ticket(self, ticket_id: str) -> Ticket | None:
        """Give a ticket of any age; while the journal is away those of State are all."""
        if self._pages is None:
            return await self._patiently(self._inner.find_ticket(ticket_id))
        return None

    async def known(self, commands: Collection[str], fills: Collection[str]) -> Known:
        """Give what was consumed and booked; while the journal is away State's window is all."""
        if self._pages is None:
            return await self._patiently(self._inner.known(commands, fills))
        return Known()

    async def _patiently(self, work: Coroutine[Any, Any, R]) -> R:
        """Wait for the journal; not for long once a flatten waits. Raises: OutOfPatience."""
        return await (work if self._file is None else self._patience.wait(work))

    async def _on_file(self, work: Callable[[], R]) -> R:
        """Run on the file's own thread, and give up after some seconds."""
        is_inline = self._file is not None and self._file.is_inline
        if self._writer is None:
            self._writer = InlineWriter() if is_inline else ThreadWriter("emergency")
        try:
            async with asyncio.timeout(None if is_inline else FILE_S):
                return await self._writer.run(work)
        except TimeoutError as fault:
            raise JournalUnavailable("The emergency file's disk does not answer.") from fault


def _position(pages: Sequence[_Page], state: State) -> int | None:
    """Give the number of pages that the journal holds; None when it holds something else."""
    for number, page in enumerate(pages):
        if page.before.seq == state.seq:
            return number if page.before == state else None
    if not pages or pages[-1].after == state:
        return len(pages)
    return None


def _nobody(_: NoteEmergency) -> None:
    """Tell nobody."""

"""Intake: how an update comes in. Stored first, STOP before everything, each person in order.

    poll -> STOP latched -> stored -> (confirmed by the next poll) -> handled -> marked handled

A kill at any point loses nothing: what was not stored comes again from Telegram, what was not
marked is taken up at the next start, and the engine knows a command that it has seen.

While the store is away people are answered all the same: what needs the journal is refused by the
engine, what needs only memory is shown, STOP stops. Telegram keeps a STOP until it is journaled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Final

from telegram import Update

from bot.access import Access, Person, Strangers
from bot.attempts import DeliveryError
from bot.backlog import Backlog
from bot.console import Console, Desk, Unsettled
from bot.incoming import STALE_AFTER, Incoming, incoming, payload_of, update_from
from bot.lines import Lines
from bot.poller import Poller
from bot.stops import Stops
from bot.unstored import Fate, Unstored
from engine.commands import Actor, ActorKind, NoteStranger
from engine.errors import EngineError, EngineStopped, JournalError, QueueFull
from engine.ports import Clock
from storage.updates import StoredUpdate, Updates

log = logging.getLogger(__name__)

STORE_PAUSE_S: Final = 1.0
STORE_S: Final = 10.0
# Somebody waits for an answer; a write that takes longer goes on, and is found once it is done.
STORE_BATCH_S: Final = 3.0
BUSY_MAX: Final = 100
CATCH_UP_S: Final = 5.0
REFUSALS: Final = (EngineStopped, QueueFull, JournalError, DeliveryError)


class Intake:
    """Take updates in, from the poller or from the webhook, and see each of them through."""

    def __init__(
        self,
        *,
        poller: Poller,
        store: Updates,
        access: Access,
        console: Console,
        desk: Desk,
        clock: Clock,
        strangers: Strangers | None = None,
        heard: Callable[[int], Awaitable[None]] | None = None,
        bot_name: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._poller = poller
        self._store = store
        self._access = access
        self._console = console
        self._desk = desk
        self._clock = clock
        self._strangers = strangers or Strangers()
        self._heard = heard
        self._bot_name = bot_name
        self._stops = Stops(
            console=console, desk=desk, clock=clock, spawn=self._spawn, done=self._done
        )
        self._backlog = Backlog()
        self._unstored = Unstored()
        self.away_since_s: float | None = None
        self._group: asyncio.TaskGroup | None = None
        self._lines: Lines | None = None
        self._busy = asyncio.Semaphore(BUSY_MAX)
        self._caught_up = asyncio.Event()

    @property
    def depth(self) -> int:
        """Give how many updates wait to be handled."""
        return self._lines.depth if self._lines is not None else 0

    async def run(self) -> None:
        """Take up what an earlier process left, then poll for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._lines = Lines(group=group, work=self._work)
            await self._take_up()
            await self._poll()

    async def catch_up(self) -> None:
        """Wait until everything has come in that was sent while nobody listened, for 5 s at most.

        A STOP may be among it, and a program's first entry must not get ahead of that.
        """
        try:
            async with asyncio.timeout(CATCH_UP_S):
                await self._caught_up.wait()
        except TimeoutError:
            log.warning("telegram is slow to give what was sent meanwhile; it is not waited for")

    async def _take_up(self) -> None:
        """Handle what was stored and never finished."""
        for each in await self._left_over():
            try:
                update = incoming(update_from(each.payload), each.received_at)
            except (ValueError, KeyError, TypeError, AttributeError):
                log.exception("a stored update is unreadable", extra={"update_id": each.update_id})
                await self._done([each.update_id])
                continue
            if not await self._dispatch(update, is_backlog=False):
                await self._done([each.update_id])
        await self._settle_backlog()

    async def _left_over(self) -> Sequence[StoredUpdate]:
        while True:
            try:
                async with asyncio.timeout(STORE_S):
                    return await self._store.unhandled()
            except (JournalError, TimeoutError) as fault:
                log.warning("stored updates cannot be read", extra={"reason": str(fault)})
                await asyncio.sleep(STORE_PAUSE_S)

    async def _poll(self) -> None:
        # Without an offset the first answer confirms nothing: ids can begin anew after a week of
        # silence, and an offset from before would throw the new ones away.
        offset: int | None = None
        is_backlog = True
        while True:
            is_away = self.away_since_s is not None
            batch = await self._poller.batch(offset, wait=not is_backlog, far=is_away)
            if batch.silence_s > STALE_AFTER.total_seconds():
                is_backlog = True
                self._backlog.down_since = self._clock.now() - timedelta(seconds=batch.silence_s)
            if batch.updates:
                stored = await self.receive(
                    batch.updates, is_backlog=is_backlog, may_be_known=offset is None
                )
                update_ids = [update.update_id for update in batch.updates]
                if stored:
                    offset = max(update_ids) + 1
                else:
                    await asyncio.sleep(STORE_PAUSE_S)
                    if offset is not None:
                        offset = self._unstored.offset(update_ids)
                    continue
            if is_backlog and not batch.updates:
                is_backlog = False
                self._caught_up.set()
            await self._settle_backlog()
            await self._done(self._unstored.owed())

    async def receive(
        self, updates: Sequence[Update], *, is_backlog: bool = False, may_be_known: bool = False
    ) -> bool:
        """Take a batch in; False when it could not be stored, so that some may have to come again.

        `is_backlog` when nobody listened while it was sent; `may_be_known` when an earlier process
        may have seen it, so that even a STOP in it waits for the store to tell.
        """
        now = self._clock.now()
        batch = [incoming(update, now) for update in updates]
        if not may_be_known:
            self._latch(batch)
        try:
            async with asyncio.timeout(STORE_BATCH_S):
                new = await self._store.store(
                    [(each.update_id, now, payload_of(each.update)) for each in batch]
                )
        except (JournalError, TimeoutError) as fault:
            if self.away_since_s is None:
                self.away_since_s = self._clock.monotonic()
                log.warning("updates cannot be stored", extra={"reason": str(fault)})
            # Nobody can tell whether a stop in it is an old one: then it counts.
            self._latch(batch)
            if not may_be_known:
                self._take_unstored(batch, is_backlog=is_backlog)
            return False
        self.away_since_s = None
        settled: list[int] = []
        for each in batch:
            fate = self._unstored.claimed(each.update_id)
            if self._stops.is_latched(each.update_id):
                self._stops.stored(each.update_id)
            elif fate is Fate.DONE:
                settled.append(each.update_id)
            elif fate is Fate.IN_HAND:
                continue  # its line marks it
            elif (each.update_id in new or fate is Fate.WAITS) and not await self._dispatch(
                each, is_backlog=is_backlog
            ):
                settled.append(each.update_id)
        settled += [each.update_id for each in self._unstored.unheard() if not self._stranger(each)]
        # Once for the batch: what nobody answers must not keep the next batch waiting.
        await self._done(settled)
        return True

    def _take_unstored(self, batch: Sequence[Incoming], *, is_backlog: bool) -> None:
        """Answer at once what cannot be stored; what is old waits until it can."""
        now = self._clock.now()
        for each in batch:
            person = self._access.person(each.user_id, each.chat_id)
            if self._unstored.is_known(each.update_id):
                continue
            if self._stops.is_latched(each.update_id):
                self._unstored.take(each.update_id)
            elif person is None:
                self._unstored.hear_later(each)
            elif each.is_for_another(self._bot_name()):
                self._unstored.settle(each.update_id)
            elif self._is_old(each, now, is_backlog=is_backlog):
                self._unstored.wait(each.update_id)
            else:
                self._unstored.take(each.update_id)
                self._line_up(each, person)

    @staticmethod
    def _is_old(update: Incoming, now: datetime, *, is_backlog: bool) -> bool:
        return update.age(now) > STALE_AFTER or (is_backlog and update.is_old_tap(now))

    def _latch(self, batch: Sequence[Incoming]) -> None:
        """Look for STOP before anything else is done, and latch it."""
        for each in batch:
            person = self._access.person(each.user_id, each.chat_id)
            if person is not None and each.is_stop:
                self._stops.latch(each, person)

    async def _dispatch(self, update: Incoming, *, is_backlog: bool) -> bool:
        """Send an update its way: strangers are counted, STOP jumps the line, old ones wait.

        False when nothing is left to do about it but to mark it as handled.
        """
        person = self._access.person(update.user_id, update.chat_id)
        if person is None:
            return self._stranger(update)
        if update.is_for_another(self._bot_name()):
            return False
        is_old = self._is_old(update, self._clock.now(), is_backlog=is_backlog)
        if update.is_stop:
            if is_old:
                self._backlog.carried_out(
                    person.chat_id, update.update_id, self._desk.described(update)
                )
            self._stops.latch(update, person)
            self._stops.stored(update.update_id)
        elif is_old and not await self._was_run(update):
            await self._carry_out_old(update, person)
        else:
            self._line_up(update, person)
        return True

    def _line_up(self, update: Incoming, person: Person) -> None:
        assert self._lines is not None, "the intake is not running"
        if not self._lines.put(update, person):
            self._spawn(self._refuse_busy(update, person))

    def _stranger(self, update: Incoming) -> bool:
        """Answer nothing; have the owners told when a notice is due, and give whether it is."""
        now = self._clock.now()
        due = None if update.user_id is None else self._strangers.count(update.user_id, now)
        if update.user_id is None or due is None:
            return False
        note = NoteStranger(
            command_id=f"tgu:{update.update_id}",
            actor=Actor(kind=ActorKind.ENGINE),
            at=now,
            user_id=update.user_id,
            messages=due,
        )
        self._spawn(self._note(note, update))
        return True

    async def _note(self, note: NoteStranger, update: Incoming) -> None:
        try:
            await self._console.send(note)
        except EngineError as fault:
            log.warning("stranger not noted", extra={"reason": str(fault)})
        await self._done([update.update_id])

    async def _was_run(self, update: Incoming) -> bool:
        try:
            return await self._desk.was_run(update)
        except JournalError as fault:
            log.warning("journal not asked", extra={"reason": str(fault)})
            return False

    async def _carry_out_old(self, update: Incoming, person: Person) -> None:
        try:
            done = await self._desk.carry_out_old(update, person)
        except (EngineError, DeliveryError) as fault:
            log.warning("old update not run", extra={"fault": str(fault)})
            done = None
        except Exception:  # task boundary: an old update must not end the intake
            log.exception("old update failed", extra={"command_id": update.command_id})
            done = None
        if done is None:
            line = self._desk.described(update)
            self._backlog.set_aside(person.chat_id, update.update_id, line)
        else:
            self._backlog.carried_out(person.chat_id, update.update_id, done)

    async def _settle_backlog(self) -> None:
        """Tell each chat what was set aside; what cannot be told stays for the next start."""
        await self._done(await self._backlog.told(self._console, self._clock.now()))

    async def _work(self, update: Incoming, person: Person) -> None:
        """See one update through; the boundary that nothing a handler raises gets past."""
        try:
            if self._heard is not None and update.chat_id is not None:
                await self._heard(update.chat_id)
            await self._desk.handle(update, person)
        except Unsettled as unsettled:
            self._stops.done_once(unsettled.receipt, update.update_id)
            return
        except REFUSALS as fault:
            log.warning("not handled", extra={"command_id": update.command_id, "fault": str(fault)})
            await self._desk.failed(update, person, fault)
        except Exception as fault:  # task boundary: the person is told, the line goes on
            log.exception("handler failed", extra={"command_id": update.command_id})
            await self._desk.failed(update, person, fault)
        await self._done([update.update_id])

    async def _refuse_busy(self, update: Incoming, person: Person) -> None:
        async with self._busy:
            try:
                await self._desk.refuse_busy(update, person)
            except DeliveryError as fault:
                log.warning("busy not told", extra={"fault": str(fault)})
            except Exception:  # task boundary: there is nobody left to tell
                log.exception("busy not told", extra={"command_id": update.command_id})
        await self._done([update.update_id])

    async def _done(self, update_ids: Sequence[int]) -> None:
        stored = self._unstored.done(update_ids)
        if not stored:
            return
        try:
            async with asyncio.timeout(STORE_S):
                await self._store.handled(stored)
        except (JournalError, TimeoutError) as fault:
            # If it ends before, the next process handles it once more and the engine knows it.
            self._unstored.owe(stored)
            log.warning("update not marked", extra={"reason": str(fault)})

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        assert self._group is not None, "the intake is not running"
        self._group.create_task(work)

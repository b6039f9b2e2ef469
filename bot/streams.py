"""Streams: signals in from other machines, and every event out to them, over Redis."""

import asyncio
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.secret import Secret
from bot.views.board import Fault
from engine.execution import ExecutionEngine
from engine.ports import Clock
from storage.database import Database
from storage.endings import ended
from storage.streams_consumer import Intake, SignalConsumer
from storage.streams_events import EventPublisher
from storage.streams_journal import StoredEvents
from storage.streams_link import StreamLink
from storage.streams_records import EVENTS, SIGNALS, StreamNames
from storage.streams_signals import Market, judged

if TYPE_CHECKING:
    from storage.streams_wire import StreamWire

BEHIND_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFigures:
    """Measure the streams; None where a stream is off, or nothing is known yet."""

    is_well: bool | None
    events_behind: int | None
    signals_pending: int | None
    signals_consumed: int
    signals_repeated: int
    signals_rejected: int


class Streams:
    """Run the streams that are switched on, each in a task of its own."""

    def __init__(
        self, *, publisher: EventPublisher | None = None, consumer: SignalConsumer | None = None
    ) -> None:
        self._publisher = publisher
        self._consumer = consumer
        self._publishing: asyncio.Task[None] | None = None
        self._consuming: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish; signals are not taken yet."""
        if self._publisher is not None and self._publishing is None:
            # No TaskGroup: it begins in `start` and ends in `stop`, two calls.
            self._publishing = asyncio.create_task(self._publisher.run(), name="stream of events")

    def take_signals(self) -> None:
        """Begin to consume signals: once everything is heard that people sent before."""
        if self._consumer is not None and self._consuming is None:
            # No TaskGroup: as above.
            self._consuming = asyncio.create_task(self._consumer.run(), name="stream of signals")

    async def leave_signals(self) -> None:
        """Take no more signals; one that is with the engine stays unsettled, and comes again."""
        task, self._consuming = self._consuming, None
        await ended(task)
        if self._consumer is not None:
            await self._consumer.end()

    async def stop(self) -> None:
        """End; what the journal got last goes out if Redis takes it at once."""
        await self.leave_signals()
        task, self._publishing = self._publishing, None
        await ended(task)
        # A standby, or a process that was refused, has published nothing and knows no journal.
        if self._publisher is not None and task is not None:
            await self._publisher.end()

    def fault(self) -> Fault | None:
        """Give what the board says of a stream in trouble, or far behind."""
        parts = (
            (EVENTS, self._publisher),
            (SIGNALS, self._consumer),
        )
        for what, part in parts:
            trouble = None if part is None else part.link.trouble
            if trouble is not None:
                return Fault(at=trouble.since, text=f"The stream of {what} waits for Redis")
        if self._publisher is not None and (self._publisher.behind or 0) > BEHIND_MAX:
            text = f"The stream of events is {self._publisher.behind:,} events behind"
            return Fault(at=self._publisher.clock.now(), text=text)
        return None

    def figures(self) -> StreamFigures:
        """Measure."""
        publisher, consumer = self._publisher, self._consumer
        links = [part.link for part in (publisher, consumer) if part is not None]
        tally = None if consumer is None else consumer.tally
        return StreamFigures(
            is_well=all(link.trouble is None for link in links) if links else None,
            events_behind=None if publisher is None else publisher.behind,
            signals_pending=None if tally is None else tally.pending,
            signals_consumed=0 if tally is None else tally.consumed,
            signals_repeated=0 if tally is None else tally.repeated,
            signals_rejected=0 if tally is None else tally.rejected,
        )


def streams_of(
    url: Secret | None,
    on: tuple[str, ...],
    *,
    engine: ExecutionEngine,
    database: Database,
    clock: Clock,
    jitter: random.Random,
) -> Streams:
    """Make the streams that are switched on; none without an address."""
    if url is None or not on:
        return Streams()

    def names() -> StreamNames:
        journal = engine.state.journal
        assert journal is not None, "streams begin after the engine"
        return StreamNames(journal_id=journal.journal_id)

    async def dial() -> "StreamWire":
        # redis-py costs 50 to 80 ms, which nobody on the loop waits for.
        return await asyncio.to_thread(_new_wire, url.reveal())

    def link(what: str) -> StreamLink:
        return StreamLink(what=what, dial=dial, clock=clock, jitter=jitter)

    publisher = consumer = None
    if EVENTS in on:
        publisher = EventPublisher(
            link=link("events wait in the journal"),
            journal=StoredEvents(database),
            clock=clock,
            names=names,
            last=lambda: engine.state.seq,
        )
        engine.loop.subscribe(publisher.see)
    if SIGNALS in on:
        consumer = SignalConsumer(
            # One name per life: what a dead one left is told from what a living one holds.
            name=f"engine-{os.getpid()}-{jitter.randrange(1 << 32):08x}",
            link=link("signals wait in Redis"),
            intake=_intake(engine, clock),
            clock=clock,
            names=names,
        )
    return Streams(publisher=publisher, consumer=consumer)


def _intake(engine: ExecutionEngine, clock: Clock) -> Intake:
    market = Market(
        accounts=engine.settings.accounts,
        currency=engine.settings.currency,
        instruments=engine.quotes.instruments,
    )

    async def is_consumed(command_id: str) -> bool:
        return command_id in (await engine.journal.known({command_id}, ())).commands

    return Intake(
        judge=lambda entry: judged(entry, market, clock.now()),
        submit=engine.send,
        is_consumed=is_consumed,
    )


def _new_wire(url: str) -> "StreamWire":
    from storage.streams_wire import StreamWire  # noqa: PLC0415 - see `dial`

    return StreamWire(url)

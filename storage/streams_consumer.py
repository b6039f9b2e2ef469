"""Signals in: a task that reads a consumer group and gives each signal to the engine, once.

    Redis -> judged -> SubmitSignal -> receipt, durable in the journal -> XACK

Redis delivers at least once, and the journal makes it once: a command id that was consumed gives
its first outcome. So an entry is settled only after its receipt, and a crash in between costs no
more than a second look. What is no signal is set aside with a reason, and settled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from engine.commands import SubmitSignal
from engine.errors import EngineStopped, JournalError, QueueFull
from engine.events import OrderDenied
from engine.ports import Clock
from engine.receipts import Receipt
from storage.cache_faults import CacheAway, CacheFault, CacheRefused, GroupGone
from storage.streams_link import StreamLink
from storage.streams_records import InEntry, Refusal, StreamNames, Wish
from storage.types import time_text

if TYPE_CHECKING:
    from storage.streams_wire import StreamWire

# So many are with the engine at a time; the rest waits in Redis.
IN_FLIGHT_MAX: Final = 16
RECLAIM_IDLE_S: Final = 5
RECLAIM_EVERY_S: Final = 2
TIDY_EVERY_S: Final = 60
DELIVERIES_MAX: Final = 5
REJOIN_S: Final = 0.1
SHOWN_BYTES_MAX: Final = 2_048
NOTED_EVERY_S: Final = 60
# What the engine denies because of the signal itself, and would deny on any account.
SENSELESS: Final = frozenset({"symbol", "stop_side", "target_side", "price_tick", "short_spot"})

T = TypeVar("T")
log = logging.getLogger("storage.streams")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Say who judges an entry, who consumes a command, and who knows what was consumed."""

    judge: Callable[[InEntry], Wish | Refusal]
    submit: Callable[[SubmitSignal], Awaitable[Receipt]]
    is_consumed: Callable[[str], Awaitable[bool]]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Count, since the start, what became of entries; `pending` is delivered and not settled."""

    consumed: int = 0
    repeated: int = 0
    rejected: int = 0
    pending: int = 0


class SignalConsumer:
    """Consume one journal's stream of signals under a name of its own."""

    def __init__(
        self,
        *,
        name: str,
        link: StreamLink,
        intake: Intake,
        clock: Clock,
        names: Callable[[], StreamNames],
    ) -> None:
        self.tally = Tally()
        self._name = name
        self._link = link
        self._intake = intake
        self._clock = clock
        self._names = names
        self._has_joined = False
        # What a fault left with us comes before anything newer.
        self._owes = True
        self._reclaim_s = self._tidy_s = 0.0
        self._noted_s: float | None = None
        self._is_held_noted = False

    @property
    def link(self) -> StreamLink:
        """Give the way to Redis, which knows what is wrong with it."""
        return self._link

    async def run(self) -> None:
        """Consume until cancelled, or until the engine has stopped."""
        while True:
            try:
                await self._turn()
            except EngineStopped:
                log.info("the engine has stopped; signals wait in Redis")
                return
            except GroupGone:
                # A flushed Redis is well: the group is made anew.
                self._forget()
                await asyncio.sleep(REJOIN_S)
            except CacheFault as fault:
                self._forget()
                await self._link.back_off(fault)
            except Exception as bug:  # task boundary: a library's bug must not end the stream
                if self._link.trouble is None:
                    log.exception("the stream of signals broke and is started again")
                self._forget()
                await self._link.back_off(CacheAway(f"the stream broke ({type(bug).__name__})"))

    async def end(self) -> None:
        """Let go; what is unsettled stays with Redis, for whoever comes next."""
        await self._link.close()

    def _forget(self) -> None:
        self._has_joined, self._owes = False, True

    async def _turn(self) -> None:
        """Take some entries and settle them. Raises: CacheFault, EngineStopped."""
        wire, signals = await self._link.wire(), self._names().signals
        if not self._has_joined:
            await wire.join(signals)
            self._has_joined = True
        entries = await self._entries(wire, signals)
        if entries:
            await self._consume(wire, entries)
        elif self._clock.monotonic() >= self._tidy_s:
            self._tidy_s = self._clock.monotonic() + TIDY_EVERY_S
            await wire.tidy(signals, self._name)
        self._link.answered()

    async def _entries(self, wire: "StreamWire", signals: str) -> list[InEntry]:
        """Give what comes next: what we owe, what others left lying, what is new."""
        if self._owes:
            owed = await wire.owed(signals, self._name, IN_FLIGHT_MAX)
            if owed:
                return owed
            self._owes = False
        now_s = self._clock.monotonic()
        if now_s >= self._reclaim_s:
            self.tally.pending = await wire.pending(signals)
            left = await wire.reclaim(
                signals, self._name, idle_s=RECLAIM_IDLE_S, count_max=IN_FLIGHT_MAX
            )
            if left:
                return left
            self._reclaim_s = now_s + RECLAIM_EVERY_S
        return await wire.read(signals, self._name, IN_FLIGHT_MAX)

    async def _consume(self, wire: "StreamWire", entries: Sequence[InEntry]) -> None:
        """Settle entries: in order where they are about one symbol, beside each other otherwise."""
        self.tally.pending = max(self.tally.pending, len(entries))
        lanes: dict[str, list[Wish]] = {}
        for entry in entries:
            found = await self._judged(entry)
            match found:
                case Refusal():
                    await self._set_aside(wire, found)
                case Wish():
                    lanes.setdefault(found.lane, []).append(found)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._lane(wire, lane)) for lane in lanes.values()]
        for fault in [task.result() for task in tasks]:
            if fault is not None:
                raise fault
        self.tally.pending = max(0, self.tally.pending - len(entries))

    async def _judged(self, entry: InEntry) -> Wish | Refusal:
        found = self._intake.judge(entry)
        if isinstance(found, Refusal) or entry.deliveries <= DELIVERIES_MAX:
            return found
        # Perhaps it was consumed each time and never settled: then it is a repeat, and no poison.
        if await self._is_consumed(found.command.command_id):
            return found
        reason = f"Delivered {entry.deliveries} times, and each time nobody came to its end."
        return Refusal(entry=entry, reason=reason)

    async def _lane(
        self, wire: "StreamWire", wishes: Sequence[Wish]
    ) -> CacheFault | EngineStopped | None:
        """Submit and settle wishes one after the other; a fault leaves the rest unsettled."""
        for wish in wishes:
            try:
                await self._settle(wire, wish, await self._submitted(wish.command))
            except (CacheFault, EngineStopped) as fault:
                return fault
        return None

    async def _settle(self, wire: "StreamWire", wish: Wish, receipt: Receipt) -> None:
        if receipt.is_repeat:
            self.tally.repeated += 1
        else:
            self.tally.consumed += 1
        sentences = [
            breach.sentence
            for event in receipt.events
            if isinstance(event, OrderDenied)
            for breach in event.breaches
            if breach.rule in SENSELESS
        ]
        if sentences:
            await self._set_aside(wire, Refusal(entry=wish.entry, reason="; ".join(sentences)))
        else:
            await wire.settle(self._names().signals, wish.entry.entry_id)

    async def _submitted(self, command: SubmitSignal) -> Receipt:
        """Give the engine a command until the journal has it; meanwhile nothing else is taken.

        Raises: EngineStopped.
        """
        return await self._until_taken(lambda: self._intake.submit(command))

    async def _is_consumed(self, command_id: str) -> bool:
        return await self._until_taken(lambda: self._intake.is_consumed(command_id))

    async def _until_taken(self, ask: Callable[[], Awaitable[T]]) -> T:
        tries = 0
        while True:
            try:
                answer = await ask()
            except (JournalError, QueueFull) as fault:
                tries = min(tries + 1, 10)
                if not self._is_held_noted:
                    self._is_held_noted = True
                    log.warning("signals are held until they can be consumed: %s", fault)
                await self._link.pause(tries)
            else:
                self._is_held_noted = False
                return answer

    async def _set_aside(self, wire: "StreamWire", refusal: Refusal) -> None:
        """Keep an entry that is not obeyed, with the reason, and settle it.

        A full Redis takes no reason: the entry is left, comes again, and keeps nobody waiting.
        Raises: CacheFault.
        """
        entry, names = refusal.entry, self._names()
        fields: dict[str, bytes | str | int] = {
            "id": entry.entry_id,
            "at": time_text(self._clock.now()),
            "reason": refusal.reason,
            "deliveries": entry.deliveries,
            "entry": _shown(entry),
        }
        try:
            await wire.set_aside(names.signals, names.rejected, entry.entry_id, fields)
        except GroupGone:
            raise
        except CacheRefused as fault:
            self._note("a signal cannot be set aside (%s)", fault, entry)
        else:
            self.tally.rejected += 1
            self._note("a signal was set aside: %s", refusal.reason, entry)

    def _note(self, sentence: str, why: object, entry: InEntry) -> None:
        """Log a sentence, once a minute at most: a flood of poison must be no flood of lines."""
        now_s = self._clock.monotonic()
        if self._noted_s is None or now_s >= self._noted_s + NOTED_EVERY_S:
            self._noted_s = now_s
            log.warning(
                sentence,
                why,
                extra={"entry": entry.entry_id, "rejected": self.tally.rejected},
            )


def _shown(entry: InEntry) -> bytes:
    """Write an entry's fields as JSON, cut short."""
    fields = {
        name[:SHOWN_BYTES_MAX].decode(errors="replace"): value[:SHOWN_BYTES_MAX].decode(
            errors="replace"
        )
        for name, value in list(entry.fields.items())[:8]
    }
    return msgspec.json.encode(fields)[:SHOWN_BYTES_MAX]

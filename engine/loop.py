"""The loop: one inbox, one writer, one journal.

    message -> decide -> events -> journal.append -> apply -> dispatch -> receipt

Waiting messages are decided one upon the other and share one transaction. Nothing is dispatched
before that transaction is durable. The loop awaits its inbox and its journal, nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine import commands as c
from engine.alerts import Alert, alerts_of
from engine.context import Context
from engine.copies import copied
from engine.decide import Message, decided
from engine.detour import Detour
from engine.emergency import Emergency
from engine.errors import (
    AppendUncertain,
    EngineStopped,
    JournalError,
    JournalLocked,
    JournalUnavailable,
)
from engine.events import Event
from engine.gathering import Gathering
from engine.inbox import HALTS, Entry, Inbox, fail, is_tightening, worth_keeping
from engine.orders import Order
from engine.ports import Clock, Journal, Known, Quotes, Step
from engine.protection import StopRest
from engine.receipts import Receipt
from engine.risk_limits import TradingState
from engine.scopes import Scope
from engine.state import COMMANDS_TAIL, FILLS_TAIL, State

BATCH_MAX = 256
RETRY_S = 0.5
assert min(COMMANDS_TAIL, FILLS_TAIL) > BATCH_MAX, "a batch must fit into State's window"

log = logging.getLogger("engine.loop")

Listener = Callable[[Event, State, float], None]
"""Told of an event, State after its batch, and when its message came in (monotonic seconds)."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A decided message, with its receipt-to-be; `states` holds State after each of its events.

    Who is told of an event sees State as of that event: by the end of a large batch what it
    concerns may have left State's window already.
    """

    entry: Entry
    events: tuple[Event, ...]
    state: State
    states: tuple[State, ...] = ()
    is_repeat: bool = False


class Loop:
    """Decide, journal, apply and dispatch, one batch after the other."""

    def __init__(
        self,
        *,
        journal: Journal,
        quotes: Quotes,
        clock: Clock,
        inbox_max: int,
        settle_s: int,
        settle_by_venue: Mapping[str, int] | None = None,
        rests: Mapping[str, StopRest] | None = None,
        emergency: Emergency | None = None,
    ) -> None:
        """Wire the loop; `settle_s` is the window before "found nowhere" counts.

        With an `emergency` a flatten goes on while the journal is away.
        """
        self.state = State()
        self.inbox = Inbox(inbox_max)
        self.stop_latched = False
        self.breaker_latched = False
        self.fault: BaseException | None = None
        self.journal_down_since_s: float | None = None
        self._journal = journal
        self._detour = Detour(emergency)
        self._clock = clock
        self.gathering = Gathering(
            journal=journal,
            quotes=quotes,
            clock=clock,
            settle_s=settle_s,
            settle_by_venue=settle_by_venue or {},
            rests=rests or {},
        )
        self._listeners: list[Listener] = []
        self._batch: list[Entry] = []
        self._halts_waiting = self._trips_waiting = 0
        self._scopes_waiting: list[Scope] = []
        self._closed = True

    def subscribe(self, listener: Listener) -> None:
        """Call the listener with every committed event, in order; it must return at once."""
        self._listeners.append(listener)

    async def open(self) -> None:
        """Take the journal and fold it. Raises: JournalError."""
        self.state = await self._journal.open()
        self._detour.follow(self.state)
        self._follow_state()
        self._closed = False

    @property
    def is_latched(self) -> bool:
        """Tell whether entries are withheld, by a stop or a breaker, journaled or not."""
        return self.stop_latched or self.breaker_latched

    @property
    def is_stop_waiting(self) -> bool:
        """Tell whether a stop or a trip is latched that the journal has not taken yet."""
        return self._halts_waiting + self._trips_waiting > 0

    def is_latched_for(self, order: Order) -> bool:
        """Tell whether a scope of the order is to be held back that the journal has not yet."""
        of = order.venue, order.symbol, order.strategy
        return any(scope.covers(*of) for scope in self._scopes_waiting)

    @property
    def in_emergency(self) -> bool:
        """Tell whether a flatten goes on without a journal."""
        return self._detour.is_on

    def post(self, message: Message) -> None:
        """Leave a message without waiting for its receipt. Raises: EngineStopped, QueueFull."""
        self._put(message, None)

    def send(self, message: Message) -> asyncio.Future[Receipt]:
        """Leave a message; the future gives its receipt once it is durable.

        Raises: EngineStopped, QueueFull; the future raises JournalUnavailable.
        """
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._put(message, future)
        return future

    def _put(self, message: Message, future: asyncio.Future[Receipt] | None) -> None:
        if self._closed:
            raise EngineStopped("The engine is not running.")
        if isinstance(message, HALTS):
            self.stop_latched = True
            self._halts_waiting += 1
            if isinstance(message, c.Flatten):
                self._detour.count_flattens(1)
        if isinstance(message, c.TripBreaker):
            self.breaker_latched = True
            self._trips_waiting += 1
        if is_tightening(message):
            self._scopes_waiting.append(message.scope)
        self.inbox.put(Entry(message, future, self._clock.monotonic()))

    async def run(self) -> None:
        """Work until cancelled. A bug of ours latches the stop, fails every waiter and escapes."""
        try:
            while True:
                await self.turn()
                # What this batch set in motion leaves before the next one is decided, so that it
                # does not grow old behind a long inbox where the journal makes nobody wait.
                await asyncio.sleep(0)
        except BaseException as fault:
            self.close(fault)
            raise

    async def turn(self) -> None:
        """Take one batch, commit it, dispatch it."""
        batch = self._batch = self._detour.worked_on(await self.inbox.take(BATCH_MAX), self.state)
        before = self.state
        try:
            outcomes, steps, after = await self._decided(batch, before)
            if steps:
                await self._commit(steps, before, after)
                if not self.in_emergency:
                    self.journal_down_since_s = None
        except JournalUnavailable as fault:
            await self._wait_for_journal(batch, fault)
            return
        self.state = after
        self._detour.follow(after)
        for entry in batch:
            if isinstance(entry.message, HALTS):
                self._halts_waiting -= 1
                if isinstance(entry.message, c.Flatten):
                    self._detour.count_flattens(-1)
            elif isinstance(entry.message, c.TripBreaker):
                self._trips_waiting -= 1
            elif is_tightening(entry.message):
                self._scopes_waiting.remove(entry.message.scope)
        self._follow_state()
        for outcome in outcomes:
            self._tell(outcome)
        self._batch = []

    def close(self, fault: BaseException | None = None) -> None:
        """Refuse everything from now on; who waits is told that the engine stopped."""
        if fault is not None and not isinstance(fault, asyncio.CancelledError):
            self.fault = fault
            self.stop_latched = True
        self._closed = True
        waiting = [*self._batch, *self.inbox.drain(), *self._detour.drain()]
        self._batch = []
        self._halts_waiting = self._trips_waiting = 0
        self._scopes_waiting = []
        why = f"The engine has stopped: {self.fault}." if self.fault else "The engine has stopped."
        fail(waiting, fault if isinstance(fault, JournalError) else EngineStopped(why))

    async def _decided(
        self, batch: Sequence[Entry], state: State
    ) -> tuple[list[_Outcome], list[Step], State]:
        outcomes: list[_Outcome] = []
        steps: list[Step] = []
        stored = await self.gathering.stored([entry.message for entry in batch], state)
        for entry in batch:
            earlier = await self._earlier(entry.message, state, stored, outcomes)
            if earlier is not None:
                outcomes.append(_Outcome(entry, earlier, state, is_repeat=True))
                continue
            turn = decided(state, entry.message, await self._context(entry.message, state, stored))
            events, states = tuple(turn.events), tuple(turn.states)
            alerts: list[Alert] = []
            for event, following in zip(events, states, strict=True):
                alerts.extend(alerts_of(state, event, following))
                state = following
            if events:
                steps.append(Step(events=events, alerts=tuple(alerts), states=states))
            outcomes.append(_Outcome(entry, events, state, states))
        return outcomes, steps, state

    async def _commit(self, steps: list[Step], before: State, after: State) -> None:
        """Append; an append of unknown outcome is settled by reading the journal again.

        Raises: JournalUnavailable when it did not happen, JournalLocked, JournalCorrupt.
        """
        try:
            await self._journal.append(steps, before, after)
        except AppendUncertain as fault:
            log.warning("the journal is read again: %s", fault)
            stored = await self._read_again(steps, before, after)
            if stored.seq == before.seq:
                raise JournalUnavailable("The append did not happen.") from fault
            if stored != after:
                raise JournalLocked("Another process wrote the journal.") from fault

    async def _read_again(self, steps: list[Step], before: State, after: State) -> State:
        while True:
            try:
                return await self._journal.open()
            except (JournalUnavailable, AppendUncertain) as fault:
                self._note_down()
                if await self._detour.begin(steps, before, after):
                    return after
                self._refuse_waiting(self.inbox.drain(), JournalUnavailable(str(fault)))
                await asyncio.sleep(RETRY_S)

    def _note_down(self) -> None:
        if self.journal_down_since_s is None:
            self.journal_down_since_s = self._clock.monotonic()

    async def _wait_for_journal(self, batch: Sequence[Entry], fault: JournalUnavailable) -> None:
        """Keep stops and what venues said once only; refuse every other command that waits."""
        if self.journal_down_since_s is None:
            log.warning("the journal cannot be used: %s", fault)
        self._note_down()
        self._refuse_waiting([*batch, *self.inbox.drain()], fault)
        self._batch = []
        if not await self._detour.begin([], self.state, self.state):
            await asyncio.sleep(RETRY_S)

    def _refuse_waiting(self, waiting: Sequence[Entry], fault: JournalUnavailable) -> None:
        """Refuse what nobody has decided yet, but for what is worth keeping."""
        kept = worth_keeping(waiting)
        keeping = {id(entry) for entry in kept}
        fail([entry for entry in waiting if id(entry) not in keeping], fault)
        self.inbox.put_back(kept)

    def _follow_state(self) -> None:
        """Hold what State holds, unless a stop or a trip waits to be decided.

        A stop that comes again after it was resumed from, such as an update that is handled once
        more after a crash, is a repeat and must lock nobody out.
        """
        if not self._halts_waiting:
            self.stop_latched = self.state.stop is not None
        if not self._trips_waiting:
            self.breaker_latched = self.state.trading_unstopped is not TradingState.ACTIVE

    def _tell(self, outcome: _Outcome) -> None:
        if not outcome.is_repeat:
            for event, state in zip(outcome.events, outcome.states, strict=True):
                for listener in self._listeners:
                    listener(event, state, outcome.entry.received_s)
        future = outcome.entry.future
        if future is not None and not future.done():
            message = outcome.entry.message
            command_id = message.command_id if isinstance(message, c.CommandBase) else ""
            future.set_result(
                Receipt(
                    command_id=command_id,
                    events=outcome.events,
                    state=outcome.state,
                    is_repeat=outcome.is_repeat,
                )
            )

    async def _earlier(
        self, message: Message, state: State, stored: Known, outcomes: list[_Outcome]
    ) -> tuple[Event, ...] | None:
        """Give the events of the first time, if this command was consumed before."""
        if not isinstance(message, c.CommandBase):
            return None
        command_id = message.command_id
        if command_id not in state.commands_known and command_id not in stored.commands:
            return None
        for outcome in outcomes:
            first = outcome.entry.message
            if isinstance(first, c.CommandBase) and first.command_id == command_id:
                return outcome.events
        found = tuple(await self._journal.find_command(command_id))
        # Without the journal nobody can say what came of it; it came, and is not done again.
        return found if found or self.in_emergency else None

    async def _context(self, message: Message, state: State, stored: Known) -> Context:
        context = await self.gathering.context(message, state, stored)
        scopes = tuple(self._scopes_waiting)
        armed, halted = state.armed, self.is_latched
        return copied(context, armed=armed, stop_latched=halted, scopes_latched=scopes)

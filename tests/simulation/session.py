"""A session: one account through faults, crashes and whatever its operators and the market do."""

import asyncio
import logging
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.telegram_api import TelegramUnreachable
from engine import commands as c
from engine import events as e
from engine.commands import Actor, ActorKind, Role
from engine.confirming import Confirmation, ConfirmMode, ConfirmPolicy, Measure, Tier
from engine.errors import EngineStopped, JournalUnavailable
from engine.execution import ExecutionEngine
from engine.orders import OrderStatus
from engine.receipts import Receipt
from engine.risk_limits import TradingState
from engine.state import State
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation
from storage.codec import state_hash
from storage.database import Database
from storage.journal import SqlJournal
from tests.simulation.acts import ACTS
from tests.simulation.life import Life
from tests.simulation.oracle import Oracle
from tests.simulation.outside import OWNER, TRADER, Outside
from tests.simulation.process import Process
from tests.simulation.telegram import HANG_S

STEPS = 50
REST_S = 260.0  # from everything's recovery to rest: the settle window, and every backoff
ANSWER_S = 8.0  # a journal that fails now and then is tried again each half second
CANCEL_EVERY_S = 60
TRIED_AGAIN_S = 45.0  # the longest pause of a stop that is tried again
BOOKS_S = 150.0  # two looks at all that a venue shows, and a difference in cash that must settle
TELL_S = 150.0  # the longest pause between two tries to reach a chat, and its queue
LIFE_POINTS = 2500
LINE = (
    FaultKind.DROPPED,
    FaultKind.SWALLOWED,
    FaultKind.LOST,
    FaultKind.HANGING,
    FaultKind.LATE,
)
RATES = (
    *((operation, kind, 25) for operation in Operation for kind in LINE if operation != "stream"),
    (Operation.SUBMIT, FaultKind.REFUSED, 40),
    (Operation.CANCEL, FaultKind.NOT_FOUND, 80),
    (Operation.LOOKUP, FaultKind.INCOMPLETE, 80),
    (Operation.LOOKUP, FaultKind.STALE, 40),
    (Operation.FILLS, FaultKind.STALE, 150),
    (Operation.SNAPSHOT, FaultKind.STALE, 100),
    (Operation.STREAM, FaultKind.DROPPED, 200),
    (Operation.STREAM, FaultKind.DUPLICATED, 150),
    (Operation.STREAM, FaultKind.REORDERED, 150),
)
PERSON = Actor(kind=ActorKind.PERSON, user_id=OWNER, role=Role.OWNER, chat_id=OWNER)
# What the product may log as an error: an answer of the venue that is no answer.
EXPECTED_ERRORS = ("submit of", "an answer of", "could not be read")


TYPES = Tier(measure=Measure.NOTIONAL, confirmation=Confirmation.TYPED, over=Decimal(200))
BY_TWO = Tier(measure=Measure.NOTIONAL, confirmation=Confirmation.SECOND_PERSON, over=Decimal(500))
POLICIES = (
    ConfirmPolicy(mode=ConfirmMode.RISKY),
    ConfirmPolicy(mode=ConfirmMode.NEVER),
    ConfirmPolicy(mode=ConfirmMode.RISKY, tiers=(TYPES, BY_TWO)),
)


class Session:
    """Hold the world, the oracle, and the process of the moment."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.outside = Outside(seed, folder)
        self.dice = self.outside.dice("session")
        self.confirm = self.dice.choice(POLICIES)
        self.oracle = Oracle(self.outside)
        self.process: Process | None = None
        self.pending: dict[str, c.Command] = {}
        self.given = 0
        self.lives = self.points_passed = 0
        self.stops_given: list[c.Halt | c.Flatten] = []
        self.pressed_s: dict[str, float] = {}
        self.faults: list[BaseException] = []
        self.dies_at: Callable[[random.Random], int | None] = _sometimes

    @property
    def engine(self) -> ExecutionEngine:
        assert self.process is not None, "nobody lives"
        return self.process.engine

    @property
    def state(self) -> State:
        """Give State as the journal has it: that of the process may be gone with it."""
        return self.oracle.state

    @property
    def lives_now(self) -> bool:
        """Tell whether a process serves."""
        return self.process is not None and not self.process.life.is_over

    async def open(self) -> None:
        """Begin a process, again and again until one serves."""
        while True:
            self.lives += 1
            life = Life(
                number=self.lives,
                trace=self.outside.trace,
                outside=self.outside.context,
                dies_at=self.dies_at(self.dice),
            )
            self.outside.trace.note("STARTS", f"life {self.lives}")
            process = Process(self.outside, life, self.confirm)
            try:
                await process.begin()
            except (JournalUnavailable, TelegramUnreachable) as fault:
                self.outside.trace.note("FAILS", f"to start: {type(fault).__name__}")
                life.over.set()
            if not life.is_over:
                break
            await process.bury()
            await asyncio.sleep(1)
            self.outside.quote()
        self.process = process
        pending, self.pending = self.pending, {}
        for command in pending.values():
            self.give(command)

    async def reopen(self) -> None:
        """Bury a dead process and begin the next one, soon or after a while."""
        assert self.process is not None, "nobody died"
        process, self.process = self.process, None
        await process.bury()
        self.pressed_s.clear()
        self.oracle.sends.forget_unheard()
        down_s = self.dice.choice([0.0, 0.2, 1.0, 5.0, 40.0])
        while down_s > 0:
            await asyncio.sleep(min(0.5, down_s))
            down_s -= 0.5
            self.outside.quote()
            self.oracle.check(None)
        await self.open()

    async def crash(self) -> None:
        """Die without a word, now."""
        if self.lives_now:
            assert self.process is not None, "nobody lives"
            self.process.life.end("kill")
        await self.reopen()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with fresh prices; twice a second everything is judged."""
        now = self.outside.clock.monotonic
        until = now() + seconds
        while (left := until - now()) > 1e-6:
            assert self.process is not None, "nobody lives"
            with suppress(TimeoutError):
                async with asyncio.timeout(min(0.5, left)):
                    await self.process.life.over.wait()
            if self.process.life.is_over:
                await self.reopen()
            self.outside.quote()
            self.judge()

    def check_faults(self) -> None:
        """Raise what broke in a task that nobody waits for."""
        if self.faults:
            raise self.faults[0]

    def judge(self) -> None:
        """Let the oracle object, or somebody who broke."""
        self.check_faults()
        fault = self.engine.loop.fault
        alive = self.lives_now and self.engine.is_running
        assert alive or not self.lives_now, f"the engine stopped: {fault!r}"
        self.oracle.check(self.engine.state if alive else None)
        now = self.outside.clock.monotonic()
        for name, since in self.pressed_s.items():
            if self.outside.disk.is_down:
                self.pressed_s[name] = now
            elif name in self.pending:
                assert now - since < ANSWER_S, f"the stop {name} is not answered"

    def named(self, wanted: type[c.CommandBase], actor: Actor = PERSON, **fields: Any) -> Any:
        """Make a command with a name of its own."""
        self.given += 1
        at = self.outside.clock.now()
        return wanted(command_id=f"sim:{self.given}", actor=actor, at=at, **fields)

    def give(self, command: Any) -> None:
        """Give a command without waiting; what a crash leaves unanswered is given again."""
        self.pending[command.command_id] = command
        self.outside.trace.note("GIVES", f"{command.command_id} {type(command).__name__}")
        if not self.lives_now:
            return
        assert self.process is not None, "nobody lives"
        if isinstance(command, c.Halt | c.Flatten):
            self.pressed_s[command.command_id] = self.outside.clock.monotonic()
            self.stops_given.append(command)
            self.oracle.on_stop(command.command_id)
        if isinstance(command, c.SetTradingState) and command.trading is not TradingState.ACTIVE:
            now_s = self.outside.clock.monotonic()
            self.oracle.sends.holds.say(command.command_id, command.scope, now_s)
        self.process.life.begin(self._given(command))

    async def _given(self, command: Any) -> None:
        try:
            await self._answered(command)
        except asyncio.CancelledError:
            raise
        except BaseException as fault:  # task boundary: the session raises it at its next step
            self.faults.append(fault)

    async def _answered(self, command: Any) -> None:
        engine, name = self.engine, command.command_id
        try:
            receipt: Receipt
            if isinstance(command, c.Halt):
                halting = engine.latch_stop(command)
                assert engine.loop.is_latched, "a stop does not latch at once"
                receipt = await halting
            elif isinstance(command, c.SubmitSignal):
                receipt = await engine.send(command)
            else:
                receipt = await engine.loop.send(command)
        except (JournalUnavailable, EngineStopped) as fault:
            if isinstance(fault, JournalUnavailable):
                assert not isinstance(command, c.Halt | c.Flatten), "a stop is refused"
                found = [event for event in self.oracle.events if event.command_id == name]
                assert not found, f"{name} was answered 'nothing was done', and {found}"
                self.pending.pop(name, None)
            return
        self.pending.pop(name, None)
        stored = [event for event in self.oracle.events if event.command_id == name]
        told = [event for event in receipt.events if event.command_id == name]
        # While the journal is away a repeat is known, and what came of it cannot be read.
        unread = receipt.is_repeat and not told
        assert stored == told or unread, f"I16: {name} was decided twice"

    async def act(self) -> None:
        """Do one random thing, and let a while pass."""
        is_held = self.state.trading is not TradingState.ACTIVE or self.state.breakers
        if is_held and self.dice.random() < 0.7:
            self.resume()
        names, weights = tuple(ACTS), tuple(weight for _, weight in ACTS.values())
        (name,) = self.dice.choices(names, weights)
        await ACTS[name][0](self)
        await self.pass_time(self.dice.choice([0, 0.01, 0.05, 0.2, 0.6, 2, 5]))

    def resume(self) -> None:
        """Re-arm whatever has tripped, and resume."""
        if self.state.breakers:
            self.give(self.named(c.RearmBreaker))
        for held in self.state.restrictions.values():
            active = TradingState.ACTIVE
            self.give(self.named(c.SetTradingState, scope=held.scope, trading=active))
        self.give(self.named(c.Resume))

    async def rest(self) -> None:
        """Let everything go well, cancel what rests, and judge what is left."""
        self.outside.calm()
        self.outside.trace.note("CALM", "everything goes well from now on")
        await self.pass_time(5)
        for second in range(int(REST_S)):
            if second % CANCEL_EVERY_S == 0:
                # What a slow chat was still to bring may have brought another entry.
                self.give(self.named(c.CancelEntries))
            await self.pass_time(1)
            if self._is_at_rest():
                break
        else:
            orders = [(o.short_id, o.status) for o in self.state.orders.values()]
            raise AssertionError(
                f"I15: not at rest after {REST_S} s: {orders}, {self.state.flattening}"
            )
        for _ in range(int(TRIED_AGAIN_S)):
            await self.pass_time(1)
            if self._beyond_its_stop() is None:
                break
        for _ in range(int(BOOKS_S)):
            # What the stream kept back, of a trade that nobody here asked for, the books tell.
            ledger = self.outside.venue.ledger
            if self.oracle.books.has_all(ledger) and self.oracle.books.has_cash(ledger):
                break
            await self.pass_time(1)
        await self._until_told()
        assert self._beyond_its_stop() is None, self._beyond_its_stop()
        for _ in range(int(HANG_S)):
            # A request for updates that hangs brings a stop no sooner than the next one.
            if not self._lost_stops():
                break
            await self.pass_time(1)
        assert not self._lost_stops(), f"the stop {self._lost_stops()[0]} was lost"
        for _ in range(int(TRIED_AGAIN_S)):
            # What a slow chat brought meanwhile, such as a close, may be on its way this moment.
            if self._is_at_rest():
                break
            await self.pass_time(1)
        await self._until_told()
        halted = self.state.trading is not TradingState.ACTIVE
        assert self.engine.loop.is_latched == halted, "latched otherwise than State says"
        self.oracle.check_rest(self.engine.state)

    async def _until_told(self) -> None:
        for _ in range(int(TELL_S)):
            if not self.oracle.hearing.duties:
                break
            await self.pass_time(1)

    def _is_at_rest(self) -> bool:
        resting = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
        orders = self.state.orders.values()
        only_exits = all(o.is_exit and o.status in resting for o in orders)
        return only_exits and self.state.flattening is None and not self.pending

    def _beyond_its_stop(self) -> str | None:
        """Name a position that is left beyond its own stop, dust aside."""
        for key, position in self.state.positions.items():
            quote = self.outside.market.latest()[key]
            price = quote.mark if ":" in position.symbol else quote.bid
            lots = abs(position.quantity) // Decimal("0.001") * Decimal("0.001")
            if position.stop is not None and lots * price > 12:
                beyond = (price - position.stop) * (1 if position.is_long else -1) <= 0
                if beyond:
                    return f"{key} is left at {price}, beyond its stop {position.stop}"
        return None

    def _lost_stops(self) -> list[str]:
        """Name the stops that operators sent and that nobody has taken, whatever died between."""
        sent = [
            f"tg:{message.chat_id}:{message.message_id}"
            for message in self.outside.telegram.world.messages.values()
            if message.sender_id in self.outside.telegram.trusted
            and message.formatted.text.startswith("/stop")
        ]
        return [name for name in sent if name not in self.oracle.sends.consumed]

    async def close(self) -> None:
        """Stop in good order, and verify the journal as `quarterdeck journal verify` does."""
        assert self.process is not None, "nobody lives"
        self.points_passed = self.process.life.points
        await self.process.end()
        await self._verify()
        self.oracle.check(None)
        assert isinstance(self.oracle.events[-1], e.EngineEnded), "the end is not journaled"
        await self.outside.stop()
        self.oracle.close()

    async def _verify(self) -> None:
        database = Database(self.outside.disk.url, inline=True)
        journal = SqlJournal(database)
        verified = await journal.verify()
        assert verified.is_sound, f"I10: {verified.faults}"
        await journal.rebuild()
        again = await journal.verify()
        assert again == verified, f"I10: rebuilt tables differ: {again.faults}"
        await database.close()
        self.oracle.read()
        assert verified.state_hash == state_hash(self.oracle.state), "I10: another State"


def _sometimes(dice: random.Random) -> int | None:
    return dice.randrange(1, LIFE_POINTS) if dice.random() < 0.6 else None


class _Errors(logging.Handler):
    """Turn what the product logs as an error into a fault of the session."""

    def __init__(self, faults: list[BaseException]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        cause = record.exc_info[1] if record.exc_info else None
        ours = record.name.startswith(("engine", "storage", "bot", "quarterdeck"))
        if ours and cause is not None and not any(words in text for words in EXPECTED_ERRORS):
            fault = AssertionError(f"logged as an error: {text}")
            fault.__cause__ = cause
            self._faults.append(fault)


def _seeded_faults(made: Session) -> None:
    """Choose how unlucky this session is."""
    dice, outside = made.dice, made.outside
    outside.faults.rates = tuple(
        FaultRate(
            operation=operation,
            fault=Fault(kind=kind, delay_s=dice.choice([0.3, 2.0, 7.0])),
            per_mille=rate,
        )
        for operation, kind, rate in RATES
    )
    outside.line_faults.waits = dice.choice([0.0, 0.05, 0.2])
    outside.line_faults.garbage = dice.choice([0.0, 0.01, 0.05])
    outside.line_faults.cut_pages = dice.choice([0.0, 0.1])
    outside.disk.fail_share = dice.choice([0.0, 0.005, 0.03])
    outside.telegram.fail_share = dice.choice([0.0, 0.02, 0.1])


async def live(
    seed: int, folder: Path, begun: Callable[[Session], None] = lambda _: None
) -> Session:
    """Live one session of this seed, and end at rest; who waits for `begun` can follow it."""
    made = Session(seed, folder)
    begun(made)
    errors = _Errors(made.faults)
    logging.getLogger().addHandler(errors)
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: made.faults.append(
            context.get("exception") or RuntimeError(str(context))
        )
    )
    try:
        await made.outside.start()
        for user_id in (OWNER, TRADER):
            made.outside.telegram.say(user_id, "/start")
        _seeded_faults(made)
        await made.open()
        for _ in range(STEPS):
            await made.act()
        await made.rest()
        made.dies_at = lambda _dice: None
        await made.crash()
        await made.rest()
        await made.close()
        made.check_faults()
    except BaseException as fault:
        fault.add_note(f"{made.outside.trace.story()}\n{REPLAY.format(seed=seed)}")
        raise
    finally:
        logging.getLogger().removeHandler(errors)
    return made


REPLAY = "Replay it with: make simulate SEEDS={seed}"


def folder_for_runs() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for a session's database, in memory where the machine has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return tempfile.TemporaryDirectory(
        prefix="quarterdeck-", dir=memory if memory.is_dir() else None
    )

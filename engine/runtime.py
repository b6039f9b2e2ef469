"""Runtime: an engine put together from its parts; started, stopped, spoken to."""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine import commands as c
from engine.calls import CallTally
from engine.confirming import ConfirmPolicy
from engine.days import MIDNIGHT
from engine.dispatch import Dispatcher
from engine.emergency import Emergency
from engine.errors import EngineError, JournalMismatch
from engine.identities import instrument_key
from engine.instruments import symbol_named
from engine.lease import Undisputed
from engine.loop import Loop
from engine.performance import Performance
from engine.ports import Clock, Journal, Lease, Quotes, Venue, VenueUnavailable
from engine.protection import StopRest
from engine.quotes import Quote
from engine.receipts import Receipt
from engine.risk_limits import RiskLimits
from engine.scaling import ScalingPolicy
from engine.state import State

SUBMIT_TIMEOUT_S = 5.0
log = logging.getLogger("engine.runtime")


class ExecutionMode(StrEnum):
    """Simulated or real money."""

    PAPER = "paper"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Configure an engine. `journal_id` is used only when the journal is new; it is random.

    `rests` says where stops rest, by `rest_place`; elsewhere the engine watches them.
    """

    journal_id: str
    mode: ExecutionMode = ExecutionMode.PAPER
    accounts: tuple[str, ...] = ("binance",)
    market: str = "simulated"
    currency: str = "USDT"
    cash: Decimal = Decimal(10000)
    limits: RiskLimits = field(default_factory=RiskLimits)
    confirm: ConfirmPolicy = field(default_factory=ConfirmPolicy)
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()
    order_timeout_s: int = 300
    submit_timeout_s: float = SUBMIT_TIMEOUT_S
    settle_s: int = 60
    settle_by_venue: Mapping[str, int] = field(default_factory=dict)
    rests: Mapping[str, StopRest] = field(default_factory=dict)
    first_price_s: float = 3.0
    inbox_max: int = 10_000
    version: str = "0"
    owners: tuple[int, ...] = ()


class Runtime:
    """Run the loop, the venues' monitors and the watch."""

    def __init__(
        self,
        *,
        journal: Journal,
        venues: Mapping[str, Venue],
        quotes: Quotes,
        clock: Clock,
        settings: EngineSettings,
        jitter: random.Random,
        lease: Lease | None = None,
        emergency: Emergency | None = None,
    ) -> None:
        """Wire the parts; nothing runs before `start`. Without a `lease` it is alone.

        With an `emergency` a flatten goes on while the journal is away.
        """
        self.quotes = quotes
        self.settings = settings
        self.clock = clock
        self.loop = Loop(
            journal=journal,
            quotes=quotes,
            clock=clock,
            inbox_max=settings.inbox_max,
            settle_s=settings.settle_s,
            settle_by_venue=settings.settle_by_venue,
            rests=settings.rests,
            emergency=emergency,
        )
        self.performance = Performance(clock.monotonic)
        self.dispatcher = Dispatcher(
            loop=self.loop,
            venues=venues,
            quotes=quotes,
            clock=clock,
            lease=lease or Undisputed(),
            timeout_s=settings.submit_timeout_s,
            jitter=jitter,
            sent=self.performance.sent,
        )
        self.journal = journal
        self.started_at_seq = 0
        self._main: asyncio.Task[None] | None = None
        self._noted: list[c.NoteEmergency] = []
        self._awaited: dict[str, asyncio.Event] = {}
        quotes.subscribe(self._quoted)
        self.loop.subscribe(self.performance.see)
        quotes.subscribe(self.performance.quoted)

    @property
    def state(self) -> State:
        """Give State as of the last commit."""
        return self.loop.state

    @property
    def is_running(self) -> bool:
        """Tell whether messages are being worked on."""
        return self._main is not None and not self._main.done()

    async def start(self) -> None:
        """Replay the journal, ask the venues about what is open, and begin.

        Raises: JournalMismatch when the journal belongs to another mode or other accounts,
        JournalLocked, JournalCorrupt.
        """
        await self.loop.open()
        self._check_identity()
        try:
            await self.quotes.start()
        except VenueUnavailable as fault:
            log.warning("the market is not there yet: %s", fault)
        # start and stop are two calls, so the group of tasks lives in a task of its own
        self._main = asyncio.create_task(self.dispatcher.run(), name="engine")  # see above
        self._main.add_done_callback(self._ended)
        try:
            await self._begin()
        except BaseException:
            await self._end_tasks()
            raise

    async def _begin(self) -> None:
        """Journal the start and take up what the last process left."""
        settings = self.settings
        now = self.clock.now()
        self.started_at_seq = self.state.seq
        await self.send(
            c.StartEngine(
                command_id=f"start:{self.state.seq}",
                actor=c.ENGINE,
                at=now,
                journal_id=settings.journal_id,
                epoch=1,
                mode=settings.mode.value,
                accounts=settings.accounts,
                market=settings.market,
                currency=settings.currency,
                cash=settings.cash,
                limits=settings.limits,
                day_starts=settings.day_starts,
                cash_currencies=settings.cash_currencies,
                confirm=settings.confirm,
                scaling=settings.scaling,
                order_timeout_s=settings.order_timeout_s,
                owners=settings.owners,
                version=settings.version,
            )
        )
        for note in self._noted:
            self.loop.post(note)
        await self.dispatcher.recover()

    def note_emergency(self, note: c.NoteEmergency) -> None:
        """Have noted that a record was merged, once the engine runs."""
        if self.is_running:
            self.loop.post(note)
        else:
            self._noted.append(note)

    async def stop(self) -> None:
        """End in good order: journal the end, then stop every task."""
        if self._main is None:
            return
        if self.is_running:
            command_id = f"stop:{self.state.seq}"
            command = c.StopEngine(command_id=command_id, actor=c.ENGINE, at=self.clock.now())
            try:
                async with asyncio.timeout(self.settings.submit_timeout_s):
                    await self.send(command)
            except (EngineError, TimeoutError) as fault:
                log.warning("the end was not journaled: %s", fault)
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        main, self._main = self._main, None
        if main is not None:
            main.cancel()
            await asyncio.wait([main])
        self.loop.close()
        await self.quotes.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Log a fault that ended the engine."""
        if not task.cancelled() and task.exception() is not None:
            log.critical("the engine stopped, with trading halted", exc_info=task.exception())

    async def wait_ended(self) -> BaseException | None:
        """Wait until the engine stops by itself, and give the fault that stopped it."""
        if self._main is not None:
            await asyncio.wait([self._main])
        return self.loop.fault

    async def send(self, command: c.Command) -> Receipt:
        """Leave a command, and give its receipt once it is durable.

        A signal on a symbol that nobody has followed yet waits a moment for its first price.
        Raises: EngineStopped, QueueFull, JournalUnavailable; nothing was done then.
        """
        if isinstance(command, c.SubmitSignal):
            await self._priced(command)
        return await self.loop.send(command)

    async def _priced(self, command: c.SubmitSignal) -> None:
        """Follow the signal's symbol, and wait, bounded, until it has a price."""
        key = self._key_of(command)
        if key is None or key in self.quotes.latest():
            return
        priced = self._awaited.setdefault(key, asyncio.Event())
        self.quotes.follow(key)
        try:
            async with asyncio.timeout(self.settings.first_price_s):
                if key not in self.quotes.latest():
                    await priced.wait()
        except TimeoutError:
            # The rule on the price's age denies it, and says so.
            log.info("no first price of %s in time", key)

    def _key_of(self, command: c.SubmitSignal) -> str | None:
        """Find the instrument of a signal; all of a venue's are searched as the last resort."""
        instruments = self.quotes.instruments()
        key = instrument_key(command.venue, command.signal.symbol)
        if key in instruments:
            return key
        symbols = [i.symbol for i in instruments.values() if i.venue == command.venue]
        symbol = symbol_named(command.signal.symbol, symbols, quote=self.settings.currency)
        return None if symbol is None else instrument_key(command.venue, symbol)

    def _quoted(self, quote: Quote) -> None:
        priced = self._awaited.pop(instrument_key(quote.venue, quote.symbol), None)
        if priced is not None:
            priced.set()

    def latch_stop(self, command: c.Halt | c.SetTradingState) -> asyncio.Future[Receipt]:
        """Stop: latched in memory when this returns, journaled when the future is done."""
        if isinstance(command, c.SetTradingState):
            return self.loop.send(command)
        self.loop.stop_latched = True
        return self.loop.send(command)

    def calls(self) -> dict[str, CallTally]:
        """Give by venue how its calls went lately."""
        return self.loop.gathering.tallies(self.state)

    def ask(self, client_order_id: str) -> None:
        """Ask the venue about an order now."""
        self.dispatcher.ask(client_order_id)

    def _check_identity(self) -> None:
        journal = self.state.journal
        if journal is None:
            return
        settings = self.settings
        if journal.mode != settings.mode:
            raise JournalMismatch(
                f"This journal belongs to {journal.mode} mode; {settings.mode} needs its own: "
                "set DATABASE_URL to another file."
            )
        if set(journal.accounts) != set(settings.accounts):
            raise JournalMismatch(
                f"This journal belongs to {', '.join(journal.accounts)}, not to "
                f"{', '.join(settings.accounts)}: set VENUES back, or DATABASE_URL to another file."
            )
        if journal.market != settings.market:
            raise JournalMismatch(
                f"This journal's prices are {journal.market}, not {settings.market}: "
                "set DATABASE_URL to another file."
            )
        if journal.currency != settings.currency:
            raise JournalMismatch(
                f"This journal is kept in {journal.currency}, not in {settings.currency}."
            )

"""The app: the composition root of a running console, and its lifecycle."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial

from telegram import Bot

from bot.access import Access
from bot.alerts import Alerts
from bot.assembly import Assembly
from bot.away import journal_fault, kept
from bot.beside import Beside
from bot.blocked_chats import BlockedChats
from bot.board import Board
from bot.chat_order import ChatOrder
from bot.delivery import Delivery
from bot.gauges import Gauges
from bot.handlers.reception import desk_of
from bot.intake import Intake
from bot.menus import Menus
from bot.metrics import Latency, Metrics
from bot.pings import Pings
from bot.plans import ChatPlan, Ways
from bot.poller import Poller
from bot.pruning import Pruning
from bot.side_door import SideDoor, database_file, door_path
from bot.standby import Standby
from bot.telegram_api import TelegramUnreachable, check_token, take_updates
from bot.tellings.book import Tellings
from bot.tellings.telling import Desk as TellingDesk
from bot.version import VERSION
from bot.views.board import Fault
from bot.views.health import VenueHealth, health_of
from bot.web import Readiness, Web
from engine.events import Event
from engine.risk_limits import TradingState
from engine.state import State

log = logging.getLogger("quarterdeck")


class App:
    """Run one account's console: engine, chat, alerts, schedule, HTTP and the shell's door."""

    def __init__(self, assembly: Assembly, plan: ChatPlan, ways: Ways | None = None) -> None:
        ways = ways or Ways()
        self.assembly = assembly
        self.plan = plan
        self.metrics = Metrics()
        self._ways = ways
        self._bot: Bot = ways.bot(plan.token, plan.api_url)
        self._standby = Standby(assembly, ways.jitter)
        self._access = Access(plan.operators)
        self._bot_name: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._silent_since: dict[str, datetime] = {}
        engine = assembly.engine
        self._gauges = Gauges(self.metrics, assembly)
        self._delivery = Delivery(
            bot=self._bot,
            clock=assembly.clock,
            count_flood=self.metrics.count_telegram_429,
            jitter=ways.jitter,
        )
        self._menus = Menus(bot=self._bot, operators=self._access.operators)
        self._blocked = BlockedChats(
            outbox=assembly.outbox, notes=assembly.notes, state=self._state, clock=assembly.clock
        )
        self._order = ChatOrder()
        telling_desk = self._telling_desk()
        self._alerts = self._alerts_on(telling_desk)
        self._board = Board(
            desk=telling_desk, delivery=self._delivery, blocked=self._blocked, fault=self._fault
        )
        self._beside = Beside(engine.loop, telling_desk, self._delivery)
        self._pings = Pings(
            outbox=assembly.outbox, cards=assembly.cards, state=self._state, clock=assembly.clock
        )
        self._intake = self._intake_of()
        self._schedule = ways.schedule(
            enqueue=engine.loop.post,
            state=self._state,
            chain_head=lambda: assembly.journal.last_hash,
            refresh_boards=self._board.refresh,
            history=assembly.chronicle,
            clock=assembly.clock,
        )
        self._door = self._door_of()
        self._web = self._web_of()
        engine.loop.subscribe(self._see)

    def _telling_desk(self) -> TellingDesk:
        return TellingDesk(
            state=self._state,
            quotes=self.assembly.engine.quotes,
            queries=self.assembly.queries,
            cards=self.assembly.cards,
            notes=self.assembly.notes,
            role_of=self._access.operators.get,
            health=self._health,
            clock=self.assembly.clock,
            tz=self.plan.tz,
        )

    def _alerts_on(self, desk: TellingDesk) -> Alerts:
        return Alerts(
            outbox=self.assembly.outbox,
            cards=self.assembly.cards,
            blocked=self._blocked,
            tellings=Tellings(desk),
            delivery=self._delivery,
            state=self._state,
            role_of=self._access.operators.get,
            clock=self.assembly.clock,
            order=self._order,
            observe_delay=partial(self.metrics.observe_latency, Latency.ALERT_DELAY),
        )

    def _intake_of(self) -> Intake:
        assembly = self.assembly
        desk = desk_of(
            console=assembly.engine,
            sender=self._delivery,
            clock=assembly.clock,
            tz=self.plan.tz,
            cards=assembly.cards,
            notes=assembly.notes,
            draw=self._ways.draw,
            secret_key=self.plan.secret_key,
            queries=assembly.queries,
            menus=self._menus,
            health=self._health,
            fault=self._fault,
            version=VERSION,
            order=self._order,
        )
        return Intake(
            poller=Poller(bot=self._bot, clock=assembly.clock, jitter=self._ways.jitter),
            store=assembly.updates,
            access=self._access,
            console=assembly.engine,
            desk=desk,
            clock=assembly.clock,
            heard=self._blocked.heard_from,
            bot_name=lambda: self._bot_name,
        )

    def _door_of(self) -> SideDoor | None:
        if not self._ways.has_door:
            return None
        assembly, url = self.assembly, self.assembly.plan.database_url
        # Whoever holds a server's lease is the one; a file's lock nobody could have lost.
        takes_over = database_file(url) is None
        return SideDoor(door_path(url), assembly.engine, assembly.clock, takes_over=takes_over)

    def _web_of(self) -> Web | None:
        if self.plan.port is None:
            return None
        return Web(
            port=self.plan.port,
            ready=self._ready,
            metrics=self._gauges.render,
            metrics_token=self.plan.metrics_token,
        )

    async def stand_by(self, stopping: asyncio.Event) -> bool:
        """Wait until this process may be the active one; False when asked to stop before that.

        The token is checked and the web answers meanwhile.
        Raises: TokenRefused, JournalError, PortTaken; nothing runs then.
        """
        taken = False
        try:
            taken = await self._standby.wait(stopping, begins=self._begin_standby)
        finally:
            if not taken:
                await self.stop()
        return taken

    async def _begin_standby(self) -> None:
        if self._web is not None:
            await self._web.start()
        unreachable = await self._telegram_missing()
        if unreachable is not None:
            log.warning("the standby could not check its token: %s", unreachable)

    async def start(self) -> None:
        """Check the token, open the journal, then serve.

        Raises: TokenRefused, TelegramUnreachable, JournalError, PortTaken; nothing runs then.
        """
        # Who takes over has checked it, and goes on without the chat: somebody must trade.
        takes_over, unreachable = self._standby.has_waited, None
        try:
            if not takes_over:
                unreachable = await self._telegram_missing()
            await self.assembly.start()
            self._check_worth(unreachable)
            self._follow_a_pulse()
            if self._web is not None:
                await self._web.start()
            if self._door is not None:
                await self._door.start()
        except BaseException:
            await self.stop()
            raise
        if unreachable is not None:
            # Something is open: its stops are watched now, and the chat comes when it can.
            log.warning("the chat waits: %s", unreachable)
        self._schedule.start()
        work: Iterable[tuple[str, Callable[[], Awaitable[None]]]] = (
            ("intake", self._intake.run),
            ("alerts", self._alerts.run),
            ("board", self._board.run),
            ("pings", self._pings.run),
            ("beside", self._beside.run),
            ("menus", self._menus.run),
            ("gauges", self._gauges.run),
            ("pruning", Pruning(self.assembly).run),
            ("samples", self.assembly.chronicle.record),
            ("history", self.assembly.chronicle.keep),
        )
        for name, run in work:
            # No TaskGroup: they begin in `start` and end in `stop`, each kept going by itself.
            self._tasks.append(asyncio.create_task(kept(name, run), name=name))
        await self._intake.catch_up()
        self.assembly.streams.take_signals()

    async def _telegram_missing(self) -> TelegramUnreachable | None:
        """Make sure of the token, and that updates can be polled; give what is in the way.

        Raises: TokenRefused.
        """
        try:
            self._bot_name = (await check_token(self._bot)).username
            await take_updates(self._bot)
        except TelegramUnreachable as fault:
            return fault
        return None

    def _check_worth(self, unreachable: TelegramUnreachable | None) -> None:
        """Go on without the chat only where something is open that must be watched."""
        state = self._state()
        if unreachable is not None and not state.positions and not state.orders:
            raise unreachable

    def _follow_a_pulse(self) -> None:
        """Follow one price of each venue: the board is fresh before anybody has asked for one."""
        for key in self.assembly.plan.pulses:
            self.assembly.market.follow(key)

    async def run(self, stopping: asyncio.Event) -> BaseException | None:
        """Serve until asked to stop, or until the engine or the lease is lost: then give why."""
        # No TaskGroup: the first of the three to end decides, and the others are cancelled.
        engine_ended = asyncio.create_task(self.assembly.engine.wait_ended())
        # No TaskGroup: as above.
        lease_lost = asyncio.create_task(self.assembly.lease.wait_lost())
        # No TaskGroup: as above.
        asked = asyncio.create_task(stopping.wait())
        waited = (engine_ended, lease_lost, asked)
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        fault: BaseException | None = None
        if not asked.done():
            fault = lease_lost.result() if lease_lost.done() else engine_ended.result()
        for task in waited:
            task.cancel()
        await self.stop()
        return fault

    async def stop(self) -> None:
        """Stop in order: no new updates, then the engine, then what speaks."""
        self._schedule.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._door is not None:
            await self._door.stop()
        if self._web is not None:
            await self._web.stop()
        await self.assembly.stop()
        await self._beside.stop()
        await self._bot.shutdown()

    def _state(self) -> State:
        return self.assembly.engine.state

    def _health(self) -> tuple[VenueHealth, ...]:
        quotes = self.assembly.engine.quotes
        return health_of(
            self._state(),
            quotes.latest(),
            quotes.instruments(),
            self.assembly.clock.now(),
            silent_since=self._silent_since,
            vitals=self.assembly.vitals(),
        )

    def _fault(self) -> Fault | None:
        loop, clock = self.assembly.engine.loop, self.assembly.clock
        return journal_fault(loop, clock, self._intake.away_since_s) or self.assembly.fault()

    def _see(self, _event: Event, state: State, _received: float) -> None:
        """Remember since when a venue is silent, which State does not keep."""
        now = self.assembly.clock.now()
        self._silent_since = {
            venue: self._silent_since.get(venue, now) for venue in state.venues_silent
        }

    def _ready(self) -> Readiness:
        engine = self.assembly.engine
        if self._standby.readiness is not None:
            return self._standby.readiness
        if not engine.is_running:
            return Readiness(active=False, reason="the engine does not run")
        if engine.loop.journal_down_since_s is not None:
            return Readiness(active=False, reason="the journal cannot be written")
        if not self.assembly.lease.is_held():
            return Readiness(active=False, reason="the lease cannot be renewed")
        halted = engine.state.trading is not TradingState.ACTIVE
        return Readiness(active=True, reason="halted" if halted else "trading")

"""The process: the console as its composition root builds it, on a simulated world."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, timedelta
from decimal import Decimal

from bot.app import App
from bot.assembly import Account, AccountPlan, Depth, Parts, assembled
from bot.plans import ChatPlan, Ways
from bot.schedule import Schedule
from bot.secret import Secret
from bot.settings import OperatorSetting
from engine.breaker_limits import BreakerLimits
from engine.commands import Role
from engine.confirming import ConfirmPolicy
from engine.execution import ExecutionEngine
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.ports import Clock, Quotes
from engine.risk_limits import RiskLimits
from storage.database import Database
from tests.simulation.disk import SimulatedDatabase, SimulatedEmergency
from tests.simulation.life import Life
from tests.simulation.line import Line
from tests.simulation.outside import OWNER, OWNERS, PARTNER, TRADER, VIEWER, Outside
from tests.simulation.telegram import TOKEN

OPERATORS = tuple(
    OperatorSetting(user_id=user_id, role=role)
    for user_id, role in (
        (OWNER, Role.OWNER),
        (PARTNER, Role.OWNER),
        (TRADER, Role.TRADER),
        (VIEWER, Role.VIEWER),
    )
)
LIMITS = RiskLimits(
    order_notional_pct_max=Decimal(12),
    positions_max=4,
    duplicate_window_s=2,
    daily_loss_pct_max=Decimal("0.8"),
    drawdown_pct_max=Decimal("1.5"),
    # So small that a session's bad luck trips each of them now and then.
    breakers=BreakerLimits(
        losses_max=3,
        failures_max=4,
        reject_orders_min=5,
        reject_pct_max=Decimal(40),
        unknown_orders_max=2,
        mismatch_s_max=20,
        stale_s_max=8,
        venue_errors_window_s=20,
        venue_errors_pct_max=Decimal(60),
        slippage_pct_max=Decimal("0.3"),
        slippage_pct_warn=Decimal("0.1"),
        slippage_orders_min=2,
        cooldown_s=20,
    ),
)
# Few, so that most starts fold a tail upon a snapshot, and some sessions see several.
SNAPSHOT_EVERY = 25


class VirtualSchedule(Schedule):
    """Run the schedule's jobs by the virtual clock; APScheduler asks the machine's."""

    def start(self) -> None:
        self.catch_up()
        # No TaskGroup: it begins in `start` and ends in `stop`, as the scheduler does.
        self._ticking = asyncio.create_task(self._follow(), name="schedule")

    def stop(self) -> None:
        ticking: asyncio.Task[None] | None = getattr(self, "_ticking", None)
        if ticking is not None:
            ticking.cancel()

    async def _follow(self) -> None:
        tick, last = 0, self._clock.now()
        while True:
            await asyncio.sleep(1.0)
            tick, now = tick + 1, self._clock.now()
            self.sweep()
            if tick % 30 == 0:
                self.refresh_boards()
            if now.minute != last.minute:
                self.sample_equity()
                self.keep_samples()
                self.keep_candles()
            if now.hour != last.hour:
                self.tidy_history()
            if now.date() > last.date():
                self.roll_day()
            report = last.replace(hour=0, minute=0, second=10, microsecond=0)
            for at in (report, report + timedelta(days=1)):
                if last < at <= now:
                    self.report_day()
            last = now


class Process:
    """One process with its App; `life` ends it."""

    def __init__(self, outside: Outside, life: Life, confirm: ConfirmPolicy) -> None:
        self.life = life
        self._outside = outside
        self._database: Database | None = None
        self.line = Line(
            venue=outside.venue,
            life=life,
            trace=outside.trace,
            faults=outside.line_faults,
            dice=outside.dice(f"line {life.number}"),
            on_send=outside.on_send,
        )
        self.view = ManualMarket(instruments=catalogue("binance").values(), clock=outside.clock)
        for quote in outside.market.latest().values():
            self.view.put(quote)
        plan = AccountPlan(
            database_url=outside.disk.url,
            accounts=("binance",),
            market="simulated",
            currency="USDT",
            cash=Decimal(10000),
            limits=LIMITS,
            confirm=confirm,
            owners=OWNERS,
        )
        parts = Parts(
            database=self._opened,
            accounts=self._accounts,
            name=lambda: f"{outside.seed:016x}",
            jitter=outside.dice(f"engine {life.number}"),
            snapshot_every=SNAPSHOT_EVERY,
            emergency=lambda path: SimulatedEmergency(path, disk=outside.disk, life=life),
        )
        ways = Ways(
            bot=outside.telegram.bot(life),
            schedule=VirtualSchedule,
            has_door=False,
            jitter=outside.dice(f"chat {life.number}"),
        )
        chat = ChatPlan(
            token=Secret(TOKEN),
            api_url="http://127.0.0.1",
            operators=OPERATORS,
            port=None,
            metrics_token=None,
            tz=UTC,
        )
        self.app = App(assembled(plan, self.view, outside.clock, parts=parts), chat, ways)

    def _opened(self, url: str) -> Database:
        self._database = SimulatedDatabase(url, disk=self._outside.disk, life=self.life)
        return self._database

    def _accounts(
        self,
        _plan: AccountPlan,
        _quotes: Quotes,
        _clock: Clock,
        _database: Database,
        _depth: Depth | None,
    ) -> Mapping[str, Account]:
        return {"binance": self.line}

    @property
    def engine(self) -> ExecutionEngine:
        return self.app.assembly.engine

    async def begin(self) -> None:
        """Start; returns when it serves or has died. Raises what keeps it from starting."""
        starting = self.life.begin(self.app.start())
        died = asyncio.create_task(self.life.over.wait())
        await asyncio.wait({starting, died}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if self.life.is_over:
            return
        starting.result()
        self._outside.view = self.view

    async def end(self) -> None:
        """Stop in good order, as on SIGTERM; what is left running is a leak."""
        await self.life.begin(self.app.stop())
        await asyncio.sleep(0)
        assert not self.life.left(), f"left running: {self.life.left()}"

    async def bury(self) -> None:
        """Clear away a process that has died."""
        self._outside.view = None
        await self.life.bury()
        self.line.cut()
        if self._database is not None:
            await self._database.close()

"""A voyage: one console that lives for months of virtual time, as an ordinary desk would use it.

It is a session of the simulation with other habits: trades every few minutes, people now and then,
few faults, a restart each week and a crash now and then. No oracle reads along, since an oracle
remembers everything; the books are compared with the venue's once, at the end.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import commands as c
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import EngineStopped, JournalUnavailable
from engine.orders import Order
from engine.state import State
from engine.venues.faults import Fault, FaultRate
from storage.codec import Codec, state_hash
from storage.database import Database
from storage.journal import SqlJournal
from tests.engine.world import signal
from tests.simulation.acts import ACTS, STRATEGY, Act
from tests.simulation.oracle import READ, Oracle
from tests.simulation.oracle_books import Books
from tests.simulation.outside import HOLDINGS, OWNER, PARTNER, SYMBOLS, TRADER, VIEWER
from tests.simulation.session import RATES, REST_S, Session

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
QUOTE_S = 4.0
RESTART_HOURS = 7 * 24.0
CRASH_HOURS = 40.0
CRASH_SPREAD = (0.5, 1.5)
PAUSE_S = (60.0, 360.0)
QUIET_S = 60.0
# The simulator's own memory: enough for whoever taps an old button, and no more.
SHOWN_MAX = 300
LINES_MAX = 500
STOPS_MAX = 20
RATE_SHARE = 12  # of the rates that random sessions suffer, this fraction
WALK = 0.0004  # of a price, each round of quotes
PULL = 0.002  # of the way back to where it began
WEIGHTS: Mapping[str, float] = {
    "write": 1.5, "chat": 4, "confirm": 4, "tap": 4, "approve": 2, "close": 5, "cancel": 2,
    "stop": 0.1, "flatten": 0.1, "resume": 0.2, "stop_again": 0.05, "move": 0.3, "schedule": 0.1,
    "disk_away": 0.05, "venue_away": 0.1, "telegram_away": 0.1, "stale_prices": 0.1,
    "trade_elsewhere": 0.05, "straddle": 0.5, "redeliver": 0.2,
}  # fmt: skip
WISHES = 24.0


class Bystander(Oracle):
    """Stand where an oracle stands, and remember nothing."""

    def on_stop(self, command_id: str) -> None:
        """Look away."""

    def on_send(self, order: Order) -> None:
        """Look away."""

    def read(self) -> None:
        """Look away."""

    def check(self, live: State | None) -> None:
        """Look away."""


class Voyage(Session):
    """Live on, and on: a restart each `restart_hours`, a crash each `crash_hours` on average."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        *,
        restart_hours: float = RESTART_HOURS,
        crash_hours: float = CRASH_HOURS,
    ) -> None:
        super().__init__(seed, folder)
        self.confirm = ConfirmPolicy(mode=ConfirmMode.RISKY)
        self.oracle = Bystander(self.outside)
        self.dies_at = lambda _dice: None
        self.wishes = self.crashes = self.restarts = 0
        self._walk = self.outside.dice("walk")
        self._restart_every_s = self._next_restart_s = restart_hours * HOUR_S
        self._crash_every_s = crash_hours * HOUR_S
        self._next_crash_s = self._crash_every_s * self.dice.uniform(*CRASH_SPREAD)

    @property
    def state(self) -> State:
        """Give the live State: nobody folds the journal beside it."""
        return self.engine.state

    @property
    def now_s(self) -> float:
        """Give the virtual time."""
        return self.outside.clock.monotonic()

    async def embark(self) -> None:
        """Open the world, say who is there, and begin the first process."""
        await self.outside.start()
        for user_id in (OWNER, PARTNER, TRADER, VIEWER):
            self.outside.telegram.say(user_id, "/start")
        self.outside.faults.rates = tuple(
            FaultRate(
                operation=operation,
                fault=Fault(kind=kind, delay_s=2.0),
                per_mille=max(1, rate // RATE_SHARE),
            )
            for operation, kind, rate in RATES
        )
        self._misfortune()
        await self.open()

    def _misfortune(self) -> None:
        outside = self.outside
        outside.line_faults.waits, outside.line_faults.garbage = 0.01, 0.001
        outside.disk.fail_share, outside.telegram.fail_share = 0.0002, 0.003

    async def sail(self, seconds: float) -> None:
        """Trade, talk, fail and come back for this long; then stand still for a minute."""
        until_s = self.now_s + seconds - QUIET_S
        while self.now_s < until_s:
            await self.turn()
            await self.pass_time(min(self.dice.uniform(*PAUSE_S), max(1.0, until_s - self.now_s)))
            await self._die_or_rest()
            self.trim()
        await self.pass_time(QUIET_S)
        self.trim()

    async def turn(self) -> None:
        """Do one thing: mostly, a strategy wishes for a trade."""
        if self.state.trading.severity and self.dice.random() < 0.7:
            self.resume()
        names = ["wish", *WEIGHTS]
        (name,) = self.dice.choices(names, [WISHES, *WEIGHTS.values()])
        act: Act = ACTS[name][0]
        if name == "wish":
            self._wish()
        else:
            await act(self)

    def _wish(self) -> None:
        """Wish for a small trade, as a strategy that has to live on its fees does."""
        dice, self.wishes = self.dice, self.wishes + 1
        symbol = dice.choice(list(SYMBOLS))
        price = self.outside.prices[symbol]
        action = dice.choice(["buy", "short" if ":" in symbol else "buy", "sell"])
        fields: dict[str, Any] = {}
        if action != "sell":
            fields = {"notional": str(round(dice.uniform(12, 90), 2)), "stop_loss_pct": "1"}
            if dice.random() < 0.5:
                fields["price_limit"] = str(round(price * dice.uniform(0.997, 1.003), 1))
        made = signal(symbol, action, **fields)
        self.give(self.named(c.SubmitSignal, STRATEGY, signal=made, venue="binance"))

    async def _die_or_rest(self) -> None:
        if self.now_s >= self._next_restart_s:
            self._next_restart_s += self._restart_every_s
            self.restarts += 1
            await self.restart()
        elif self.now_s >= self._next_crash_s:
            wait_s = self._crash_every_s * self.dice.uniform(*CRASH_SPREAD)
            self._next_crash_s = self.now_s + wait_s
            self.crashes += 1
            await self.crash()

    async def restart(self) -> None:
        """Stop in good order, which leaves no task behind, and begin again."""
        process, self.process = self.process, None
        assert process is not None, "nobody lives"
        await process.end()
        self.outside.view = None
        process.line.cut()
        await self.open()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with fresh prices."""
        until_s = self.now_s + seconds
        while (left_s := until_s - self.now_s) > 1e-6:
            assert self.process is not None, "nobody lives"
            with suppress(TimeoutError):
                await self._lived(min(QUOTE_S, left_s))
            if self.process.life.is_over:
                await self.reopen()
            self._drift()
            self.outside.quote()
            self.judge()

    async def _lived(self, seconds: float) -> None:
        assert self.process is not None, "nobody lives"
        async with asyncio.timeout(seconds):
            await self.process.life.over.wait()

    def _drift(self) -> None:
        for symbol, begun in SYMBOLS.items():
            price = self.outside.prices[symbol]
            price *= 1 + self._walk.gauss(0, WALK) + PULL * (begun - price) / begun
            self.outside.prices[symbol] = min(max(price, begun * 0.7), begun * 1.4)

    def judge(self) -> None:
        """Raise what broke: in a task that nobody waits for, or in the engine."""
        self.check_faults()
        alive = self.lives_now and self.engine.is_running
        assert alive or not self.lives_now, f"the engine stopped: {self.engine.loop.fault!r}"

    async def _answered(self, command: Any) -> None:
        engine = self.engine
        is_signal = isinstance(command, c.SubmitSignal)
        try:
            await (engine.send(command) if is_signal else engine.loop.send(command))
        except EngineStopped:
            return  # given again to the next process
        except JournalUnavailable:
            assert not isinstance(command, c.Halt | c.Flatten), "a stop is refused"
        self.pending.pop(command.command_id, None)

    def trim(self) -> None:
        """Let the simulator forget, so that what grows is the product's."""
        telegram, world = self.outside.telegram, self.outside.telegram.world
        telegram.shown.clear()
        del self.outside.trace.lines[:-LINES_MAX]
        del self.stops_given[:-STOPS_MAX]
        pinned = {one for ids in world.pinned.values() for one in ids}
        for message_id in list(world.messages)[: max(0, len(world.messages) - SHOWN_MAX)]:
            if message_id not in pinned:
                del world.messages[message_id]
                world.former.pop(message_id, None)
                # The archive is a database in memory here, which no count of objects sees.
                world.archive.drop("message", message_id)
        if self.process is not None:
            life = self.process.life
            life._tasks[:] = life.left()

    async def land(self) -> None:
        """Let everything go well, stop in good order, and compare the books with the venue's."""
        self.outside.calm()
        for _ in range(int(REST_S)):
            self.give(self.named(c.CancelEntries))
            await self.pass_time(10)
            if self._is_at_rest():
                break
        else:
            raise AssertionError("not at rest")
        await self.pass_time(130)  # two comparisons of the books
        process = self.process
        assert process is not None, "nobody lives"
        await process.end()
        state = process.engine.state
        database = Database(self.outside.disk.url, inline=True)
        verified = await SqlJournal(database).verify()
        await database.close()
        assert verified.is_sound, f"the journal is not sound: {verified.faults}"
        assert verified.state_hash == state_hash(state), "the journal gives another State"
        self._compare(state)
        await self.outside.stop()

    def _compare(self, state: State) -> None:
        books, codec, ledger = Books(), Codec(), self.outside.venue.ledger
        file = sqlite3.connect(self.outside.disk.file)
        for row in file.execute(READ, (0,)):
            books.take(codec.decode(*row))
        file.close()
        books.check(state)
        books.check_orders(state, list(state.orders_finished))
        books.check_ledger(ledger, dict(HOLDINGS))
        books.check_rest(state, ledger, dict(HOLDINGS))
        ledger.audit()

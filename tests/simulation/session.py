"""A session: one account through faults, crashes and whatever its operators and the market do."""

import asyncio
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine import EngineSettings, ExecutionEngine
from engine import commands as c
from engine import events as e
from engine.errors import EngineStopped, JournalUnavailable
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import OrderStatus
from engine.receipts import Receipt
from engine.risk_limits import ConfirmMode, ConfirmPolicy, RiskLimits, TradingState
from engine.signals import Target
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation, PaperFaults
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings
from tests.engine.world import OWNER, TRADER, signal
from tests.simulation.oracle import Oracle
from tests.simulation.plant import FailingJournal, TappedVenue
from tests.simulation.virtual_time import VirtualClock

SYMBOLS = {
    "BTC/USDT": 61240.0,
    "ETH/USDT": 3396.0,
    "SOL/USDT": 150.0,
    "BTC/USDT:USDT": 61232.0,
    "SOL/USDT:USDT": 150.0,
}
HOLDINGS = {"BTC": Decimal("0.5"), "ETH": Decimal(3)}
STEPS = 90
SETTLE_S = 20
REST_S = 150.0  # from the venue's recovery to rest: the settle window, and every backoff
ANSWER_S = 8.0  # a journal that fails now and then is tried again each half second
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
    (Operation.FILLS, FaultKind.STALE, 150),
    (Operation.STREAM, FaultKind.DROPPED, 200),
    (Operation.STREAM, FaultKind.DUPLICATED, 150),
    (Operation.STREAM, FaultKind.REORDERED, 150),
)


class Session:
    """Hold what outlives a crash, and the engine of the moment."""

    def __init__(self, seed: int, journal: FailingJournal | None = None) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.clock = VirtualClock()
        self.journal = journal or FailingJournal(random.Random(seed + 1))
        self.store = MemoryLedgerStore()
        self.faults = PaperFaults(seed=seed)
        self.fees_in_base = self.dice.random() < 0.5
        self.confirm = self.dice.choice([ConfirmMode.RISKY, ConfirmMode.NEVER])
        self.oracle = Oracle(self.journal, HOLDINGS)
        self.prices = dict(SYMBOLS)
        self.pending: dict[str, c.Command] = {}
        self.doing: set[asyncio.Task[None]] = set()
        self.given = 0
        self.stops_given: list[c.Halt | c.Flatten] = []
        self.pressed_s: dict[str, float] = {}
        self.market: ManualMarket
        self.venue: PaperVenue
        self.engine: ExecutionEngine

    async def open(self) -> None:
        """Begin a process: on a new line to the same venue, with the same journal."""
        instruments = catalogue("binance").values()
        self.market = ManualMarket(instruments=instruments, clock=self.clock)
        self.quote()
        self.venue = PaperVenue(
            name="binance",
            quotes=self.market,
            clock=self.clock,
            store=self.store,
            cash={"USDT": Decimal(10000), **HOLDINGS},
            settings=PaperSettings(latency_s=0.05, seed=self.seed, fees_in_base=self.fees_in_base),
            faults=self.faults,
        )
        await self.venue.start()
        self.engine = ExecutionEngine(
            journal=self.journal,
            venues={"binance": TappedVenue(self.venue, self.oracle.on_send)},
            quotes=self.market,
            clock=self.clock,
            settings=EngineSettings(
                journal_id="simulated",
                confirm=ConfirmPolicy(mode=self.confirm),
                limits=RiskLimits(
                    order_notional_pct_max=Decimal(12), positions_max=4, duplicate_window_s=2
                ),
                settle_s=SETTLE_S,
                version="simulation",
            ),
            jitter=random.Random(self.seed),
        )
        while True:
            try:
                await self.engine.start()
                break
            except JournalUnavailable:
                await asyncio.sleep(1)
        pending, self.pending = self.pending, {}
        for command in pending.values():
            self.give(command)

    async def crash(self) -> None:
        """Die without a word; what was stored of the chat is given again by the next process."""
        main = self.engine._main
        assert main is not None
        main.cancel()
        await asyncio.wait([main])
        for task in self.doing:
            task.cancel()
        await asyncio.gather(*self.doing, return_exceptions=True)
        await self.venue.stop()
        await self.open()

    def quote(self) -> None:
        """Quote every symbol as of now."""
        for symbol, price in self.prices.items():
            tick = Decimal("0.01")
            mid = Decimal(str(price)).quantize(tick)
            self.market.set(symbol, mid - tick, mid + tick)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with fresh prices; every half second the books are checked."""
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 1e-6:
            await asyncio.sleep(min(0.5, left))
            self.quote()
            assert self.engine.is_running, f"the engine stopped: {self.engine.loop.fault!r}"
            self.oracle.check(self.venue.ledger)
            self._check_answers()

    def _check_answers(self) -> None:
        """A stop is answered soon, whatever hangs, unless the journal is away."""
        now = self.clock.monotonic()
        for name, since in self.pressed_s.items():
            if self.journal.is_down:
                self.pressed_s[name] = now
            elif name in self.pending:
                assert now - since < ANSWER_S, f"the stop {name} is not answered"

    def named(self, wanted: type[c.CommandBase], actor: c.Actor = OWNER, **fields: Any) -> Any:
        self.given += 1
        return wanted(command_id=f"sim:{self.given}", actor=actor, at=self.clock.now(), **fields)

    def give(self, command: Any) -> None:
        """Give a command without waiting; what a crash leaves unanswered is given again."""
        self.pending[command.command_id] = command
        pressed_before = set(self.oracle.halts_pressed)
        if isinstance(command, c.Halt | c.Flatten):
            self.pressed_s[command.command_id] = self.clock.monotonic()
            self.stops_given.append(command)
            self.oracle.press_halt(command.command_id)
        answer: Any
        if isinstance(command, c.Halt):
            answer = self.engine.latch_stop(command)
            assert self.engine.loop.is_latched, "a stop does not latch at once"
        elif isinstance(command, c.SubmitSignal):
            answer = self.engine.send(command)
        else:
            answer = self.engine.loop.send(command)
        task = asyncio.create_task(self._answered(command, answer, pressed_before))
        self.doing.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.doing.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a command failed", "exception": fault}
            )
            raise fault

    async def _answered(self, command: Any, answer: Any, pressed_before: set[str]) -> None:
        name = command.command_id
        try:
            receipt: Receipt = await answer
        except (JournalUnavailable, EngineStopped) as fault:
            if isinstance(fault, JournalUnavailable):
                assert not isinstance(command, c.Halt | c.Flatten), "a stop is refused"
                found = [event for event in self.journal.events if event.command_id == name]
                assert not found, f"{name} was answered 'nothing was done', and {found}"
                self.pending.pop(name, None)
            return
        self.pending.pop(name, None)
        stored = [event for event in self.journal.events if event.command_id == name]
        assert stored == [x for x in receipt.events if x.command_id == name], f"{name} twice"
        if any(isinstance(event, e.TradingResumed) for event in receipt.events):
            self.oracle.release(pressed_before)
        elif receipt.is_repeat and self.engine.state.stop is None:
            self.oracle.release({name})

    async def act(self) -> None:
        """Do one random thing."""
        dice, state = self.dice, self.engine.state
        positions, orders = list(state.positions.values()), list(state.orders)
        tickets = list(state.tickets)
        if state.trading is not TradingState.ACTIVE and dice.random() < 0.4:
            self.resume()
        match dice.randrange(26):
            case 0 | 1 | 2 | 3 | 4 | 5:
                self.wish()
            case 6 | 7 if positions:
                share = Decimal(dice.choice(["0.3", "0.5", "0.97", "1"]))
                position = dice.choice(positions)
                for _ in range(dice.choice([1, 1, 2])):
                    self.give(
                        self.named(
                            c.ClosePosition, position_id=position.position_id, fraction=share
                        )
                    )
            case 8 | 9 if orders:
                self.give(self.named(c.CancelOrder, client_order_id=dice.choice(orders)))
            case 10 | 11 | 12 if tickets:
                ticket_id = dice.choice(tickets)
                actor = dice.choice([OWNER, TRADER])
                tap = self.named(c.ApproveTicket, actor, ticket_id=ticket_id)
                again = self.named(c.ApproveTicket, ticket_id=ticket_id)
                for command in (tap, replace(tap), again):
                    self.give(command)
            case 13 if dice.random() < 0.4:
                self.give(self.named(c.Halt))
            case 14 | 15:
                self.resume()
                if dice.random() < 0.2:
                    self.give(self.named(c.Halt))
            case 13:
                self.wish()
                if dice.random() < 0.5:
                    await asyncio.sleep(dice.choice([0, 0, 0.02, 0.06]))
                self.give(self.named(c.Halt))
            case 16 if dice.random() < 0.15:
                self.give(self.named(c.Flatten))
            case 17 | 18:
                symbol = dice.choice(list(SYMBOLS))
                self.prices[symbol] *= dice.choice([0.95, 0.98, 0.99, 1.01, 1.02, 1.05])
                self.prices[symbol] = min(
                    max(self.prices[symbol], SYMBOLS[symbol] * 0.7), SYMBOLS[symbol] * 1.4
                )
                self.quote()
            case 19:
                kind = dice.choice([c.Sweep, c.SampleEquity, c.RollDay, c.CancelEntries])
                self.give(self.named(kind, c.SCHEDULE))
            case 20 if dice.random() < 0.5:
                await self.crash()
            case 21:
                self.journal.is_down = True
                await self.pass_time(dice.uniform(0.2, 4))
                if dice.random() < 0.3:
                    self.give(self.named(c.Halt))
                self.wish()
                await self.pass_time(dice.uniform(0.2, 2))
                self.journal.is_down = False
            case 23 if dice.random() < 0.3:
                self.clock.jump(dice.choice([-3, 3, -40, 20]))
            case 25 if self.stops_given:
                self.give(dice.choice(self.stops_given))  # handled once more
            case 24:
                await self.straddle()
            case 22 if dice.random() < 0.5:
                self.faults.go_down()
                await self.pass_time(dice.uniform(0.5, 12))
                self.faults.come_up()
            case _:
                pass
        await self.pass_time(dice.choice([0, 0.01, 0.05, 0.2, 0.6, 2, 5]))

    def resume(self) -> None:
        """Re-arm whatever has tripped, and resume."""
        if self.engine.state.breakers:
            self.give(self.named(c.RearmBreaker))
        self.give(self.named(c.Resume))

    def wish(self) -> None:
        """Wish for a trade: any symbol, side, size, limit and protection."""
        dice = self.dice
        symbol = dice.choice(list(SYMBOLS))
        price = self.prices[symbol]
        swap = ":" in symbol
        action = dice.choice(["buy", "buy", "short" if swap else "buy", "sell"])
        fields: dict[str, Any] = {"notional": str(round(dice.uniform(3, 1300), 2))}
        if action == "sell" and dice.random() < 0.5:
            fields = {}
        if dice.random() < 0.4:
            fields["price_limit"] = str(round(price * dice.uniform(0.985, 1.015), 1))
        if action != "sell" and dice.random() < 0.6:
            fields["stop_loss_pct"] = dice.choice(["0.5", "1", "3"])
        if action != "sell" and dice.random() < 0.4:
            near, far = Target(percent=Decimal("0.5")), Target(percent=Decimal(2))
            half = Decimal("0.5")
            ladder = (replace(near, fraction=half), replace(far, fraction=half))
            fields["targets"] = dice.choice([(near,), ladder])
        if swap and dice.random() < 0.3:
            fields["leverage"] = "3"
        made = signal(symbol, action, **fields)
        actor = dice.choice([OWNER, TRADER])
        for _ in range(dice.choice([1, 1, 1, 2])):
            self.give(self.named(c.SubmitSignal, actor, signal=made, venue="binance"))

    async def straddle(self) -> None:
        """Bid below a swap's price, sell it short, each with a stop, and let the price fall."""
        symbol = self.dice.choice([symbol for symbol in SYMBOLS if ":" in symbol])
        bid = str(round(self.prices[symbol] * 0.995, 1))
        bought: dict[str, Any] = {"price_limit": bid, "notional": "70"}
        for action, fields in (("buy", bought), ("short", {"notional": "190"})):
            made = signal(symbol, action, stop_loss_pct="3", **fields)
            self.give(self.named(c.SubmitSignal, signal=made, venue="binance"))
        await self.pass_time(self.dice.uniform(0.1, 2))
        self.prices[symbol] *= self.dice.choice([0.99, 0.99, 1.01])
        self.quote()

    async def rest(self) -> None:
        """Let everything go well, cancel what rests, and judge what is left."""
        self.faults.calm()
        self.faults.come_up()
        self.journal.fail_share, self.journal.is_down = 0.0, False
        await self.pass_time(5)
        self.give(self.named(c.CancelEntries))
        resting = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
        state = self.engine.state
        for _ in range(int(REST_S)):
            await self.pass_time(1)
            state = self.engine.state
            only_exits = all(o.is_exit and o.status in resting for o in state.orders.values())
            if only_exits and state.flattening is None and not self.doing:
                break
        else:
            raise AssertionError(
                f"I15: not at rest after {REST_S} s: flatten {state.flattening}, "
                f"{[(o.key, o.status, o.purpose) for o in state.orders.values()]}, {self.doing}"
            )
        for monitor in self.engine.dispatcher._monitors.values():
            await monitor.books()
        await self.pass_time(45)  # the longest pause of a stop that is tried again
        self._check_stops()
        halted = self.engine.state.trading is not TradingState.ACTIVE
        assert self.engine.loop.is_latched == halted, "latched otherwise than State says"
        self.oracle.check_rest(self.venue.ledger)
        assert self.oracle.state == self.engine.state, "I10: the events do not give the live State"

    def _check_stops(self) -> None:
        """No position is left beyond its own stop, dust aside."""
        for key, position in self.engine.state.positions.items():
            quote = self.market.latest()[key]
            swap = ":" in position.symbol
            price = quote.mark if swap else quote.bid
            lots = abs(position.quantity) // Decimal("0.001") * Decimal("0.001")
            if position.stop is not None and lots * price > 12:
                beyond = (price - position.stop) * (1 if position.is_long else -1) <= 0
                assert not beyond, f"{key} is left at {price}, beyond its stop {position.stop}"


async def session(seed: int) -> Session:
    """Live one session of this seed, and end at rest."""
    made = Session(seed)
    faults: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: faults.append(context.get("exception") or RuntimeError(str(context)))
    )
    made.faults.rates = tuple(
        FaultRate(
            operation=operation,
            fault=Fault(kind=kind, delay_s=made.dice.choice([0.3, 2.0, 7.0])),
            per_mille=rate,
        )
        for operation, kind, rate in RATES
    )
    made.journal.fail_share = made.dice.choice([0.0, 0.02, 0.1])
    await made.open()
    for _ in range(STEPS):
        await made.act()
        if faults:
            raise faults[0]
    await made.rest()
    await made.crash()
    await made.rest()
    if faults:
        raise faults[0]
    await made.engine.stop()
    await made.venue.stop()
    return made

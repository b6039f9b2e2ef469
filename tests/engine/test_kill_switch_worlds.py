"""The kill switch in random worlds: two venues, other hands, faults, partial fills, and crashes.

Each world runs in virtual time. Positions, long and short, stand at two venues; somebody trades
by hand; a flatten is pressed, and processes die at random steps of it while a venue lies, refuses,
hangs, or is down. In the end both venues are flat, each exit reached its venue once, nothing was
flipped, and "flat" was never said of a venue that was not.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import EngineSettings, ExecutionEngine
from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.markets.catalogue import catalogue
from engine.markets.group import MarketGroup
from engine.markets.manual import ManualMarket
from engine.orders import OrderSide
from engine.risk_limits import RiskLimits
from engine.state import State
from engine.venues.faults import POSSIBLE, Fault, FaultKind, Operation
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.live.resting import rests_at
from engine.venues.paper import PaperVenue
from tests.engine.dying import DyingJournal, DyingVenue, Process
from tests.engine.world import OWNER, signal
from tests.simulation.virtual_time import VirtualClock, run

VENUES = ("binance", "kraken")
PRICES = {
    "BTC/USDT": "61240",
    "ETH/USDT": "3396",
    "SOL/USDT": "149.90",
    "BTC/USDT:USDT": "61232.4",
    "ETH/USDT:USDT": "3395.5",
    "SOL/USDT:USDT": "149.9",
}
SIZES = {"BTC/USDT": "0.01", "ETH/USDT": "0.2", "BTC/USDT:USDT": "0.01", "SOL/USDT:USDT": "4"}
BY_HAND = {"ETH/USDT:USDT": Decimal("0.3")}
THIN = Decimal(120)
DEEP = Decimal(50_000)
LIMITS = RiskLimits(
    order_notional_pct_max=Decimal(50),
    duplicate_window_s=0,
    gross_pct_max=Decimal(500),
    net_pct_max=Decimal(500),
    coin_pct_max=Decimal(500),
)
OPEN_S, FLAT_S, DOWN_S = 5, 900, 60

FAULTS = sorted(
    (operation, kind)
    for operation, kinds in POSSIBLE.items()
    for kind in kinds
    if kind is not FaultKind.LATE
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Say what stands at one venue before the flatten, and what goes wrong there during it."""

    held: dict[str, str]
    dust: bool = False
    resting: bool = False
    by_hand: str = ""
    by_hand_late: bool = False
    by_hand_unseen: bool = False
    lies_once: bool = False
    faults: tuple[tuple[Operation, FaultKind], ...] = ()
    is_down: bool = False


@dataclass(kw_only=True)
class Ground:
    """Hold what outlives a process: venues, market, journal and time; `depth` is the books'."""

    clock: VirtualClock
    markets: dict[str, ManualMarket]
    venues: dict[str, PaperVenue]
    journal: DyingJournal
    rests: bool
    depth: Decimal = DEEP
    lies: list[str] = field(default_factory=list)
    given: int = 0

    def quote(self) -> None:
        for market in self.markets.values():
            for symbol, mid in PRICES.items():
                market.set(symbol, Decimal(mid) - Decimal("0.05"), Decimal(mid) + Decimal("0.05"))

    def is_flat(self, name: str) -> bool:
        """Look into a venue's ledger: no order, no swap, no coin beyond dust."""
        ledger = self.venues[name].ledger
        owned = {b.currency: b.total for b in ledger.balances.values() if b.total}
        worth = {
            currency: total * Decimal(PRICES[f"{currency}/USDT"])
            for currency, total in owned.items()
            if currency != "USDT"
        }
        swaps = any(position.quantity for position in ledger.positions.values())
        return not ledger.open and not swaps and all(each < 5 for each in worth.values())

    def heard(self, event: e.Event, _state: State, _received_s: float) -> None:
        if isinstance(event, e.FlattenVerified) and not self.is_flat(event.venue):
            self.lies.append(f"{event.venue} is called flat, and is not")

    async def tick(self) -> None:
        while True:
            self.quote()
            await asyncio.sleep(1)


@asynccontextmanager
async def ground(*, rests: bool) -> AsyncIterator[Ground]:
    clock = VirtualClock()
    markets = {
        name: ManualMarket(instruments=catalogue(name).values(), clock=clock) for name in VENUES
    }
    made = Ground(
        clock=clock, markets=markets, venues={}, journal=DyingJournal(Process()), rests=rests
    )
    made.quote()
    for name in VENUES:
        made.venues[name] = PaperVenue(
            name=name,
            quotes=markets[name],
            clock=clock,
            store=MemoryLedgerStore(),
            cash={"USDT": Decimal(10000)},
            depth=lambda _quote: made.depth,
        )
        await made.venues[name].start()
    ticking = asyncio.create_task(made.tick())
    try:
        yield made
    finally:
        ticking.cancel()
        for venue in made.venues.values():
            await venue.stop()


@asynccontextmanager
async def process(at: Ground, dying: Process) -> AsyncIterator[ExecutionEngine]:
    """Run one process of the console on the ground."""
    at.journal.process = dying
    engine = ExecutionEngine(
        journal=at.journal,
        venues={name: DyingVenue(venue, dying) for name, venue in at.venues.items()},
        quotes=MarketGroup(markets=at.markets),
        clock=at.clock,
        settings=EngineSettings(
            journal_id="testjournal",
            accounts=VENUES,
            confirm=ConfirmPolicy(mode=ConfirmMode.NEVER),
            limits=LIMITS,
            submit_timeout_s=3,
            rests=rests_at(VENUES) if at.rests else {},
        ),
        jitter=random.Random(1),
    )
    engine.loop.subscribe(at.heard)
    await engine.start()
    try:
        yield engine
    finally:
        if dying.steps_left is not None:
            dying.crashed.set()  # its end in good order is no step of a dead process
        await engine.stop()


async def until(condition: Any, seconds: float, what: str) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody signals what a test looks at
            await asyncio.sleep(0.05)
    assert condition(), what


async def furnish(at: Ground, engine: ExecutionEngine, wanted: dict[str, Wanted]) -> None:
    """Open what stands before the flatten."""
    for venue, wish in wanted.items():
        for symbol, action in wish.held.items():
            await wished(at, engine, venue, symbol, action, quantity=SIZES[symbol], stop_loss_pct=2)
        if wish.dust:
            await wished(at, engine, venue, "SOL/USDT", "buy", quantity="1")
            await wished(at, engine, venue, "SOL/USDT", "sell", quantity="0.98")
        if wish.resting:
            await wished(at, engine, venue, "BTC/USDT", "buy", quantity="0.002", price_limit=50000)
        if wish.by_hand and not wish.by_hand_late:
            await hand(at, venue, wish)
    await asyncio.sleep(OPEN_S)


async def wished(
    at: Ground, engine: ExecutionEngine, venue: str, symbol: str, action: str, **fields: Any
) -> None:
    at.given += 1
    await engine.send(
        c.SubmitSignal(
            command_id=f"test:{at.given}",
            actor=OWNER,
            at=at.clock.now(),
            signal=signal(symbol, action, **fields),
            venue=venue,
        )
    )
    await asyncio.sleep(1)


async def hand(at: Ground, venue: str, wish: Wanted) -> None:
    """Trade at a venue itself; unseen, neither its stream nor its fills show it for a while."""
    if wish.lies_once:
        at.venues[venue].faults.script(Operation.SNAPSHOT, Fault(kind=FaultKind.STALE))
    if wish.by_hand_unseen:
        at.venues[venue].faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 3)
        at.venues[venue].faults.script(Operation.FILLS, *[Fault(kind=FaultKind.STALE)] * 6)
    for symbol, quantity in BY_HAND.items():
        await at.venues[venue].trade_by_hand(symbol, OrderSide(wish.by_hand), quantity)


def flatten(at: Ground) -> c.Flatten:
    at.given += 1
    return c.Flatten(command_id=f"test:{at.given}", actor=OWNER, at=at.clock.now())


def has_ended(engine: ExecutionEngine) -> bool:
    found = engine.state.flatten
    return found is not None and found.ended_at is not None


async def live_and_die(at: Ground, engine: ExecutionEngine, dying: Process) -> None:
    """Let a process flatten until it is done or dies."""
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(dying.crashed.wait())]
    if engine.state.flatten is None:
        tasks.append(asyncio.create_task(engine.send(flatten(at))))
    tasks.append(asyncio.create_task(until(lambda: has_ended(engine), FLAT_S, "it ends")))
    await asyncio.wait({tasks[0], tasks[-1]}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def assert_flat(at: Ground) -> None:
    for name, venue in at.venues.items():
        ledger = venue.ledger
        assert at.is_flat(name), name
        names = Counter(o.client_order_id for o in ledger.orders.values() if o.client_order_id)
        assert max(names.values(), default=1) == 1
        paths: dict[str, list[Decimal]] = {}
        for trade in ledger.trades:
            path = paths.setdefault(trade.symbol, [Decimal(0)])
            path.append(path[-1] + trade.quantity * trade.side.sign)
        for symbol, path in paths.items():
            assert min(path) >= 0 or max(path) <= 0, f"{name}:{symbol} was flipped: {path}"
    assert not at.lies, at.lies


async def story(
    wanted: dict[str, Wanted], deaths: list[tuple[int, bool]], *, rests: bool, thin: bool
) -> None:
    async with ground(rests=rests) as at:
        first = Process()
        async with process(at, first) as engine:
            await furnish(at, engine, wanted)
        at.depth = THIN if thin else DEEP
        for name, wish in wanted.items():
            for operation, kind in wish.faults:
                at.venues[name].faults.script(operation, Fault(kind=kind))
            if wish.is_down:
                at.venues[name].faults.go_down()
        for steps, is_done in deaths:
            dying = Process()
            dying.is_done = is_done
            async with process(at, dying) as engine:
                dying.steps_left = steps
                await live_and_die(at, engine, dying)
        async with process(at, Process()) as engine:
            giving = None
            if engine.state.flatten is None:
                giving = asyncio.create_task(engine.send(flatten(at)))
            for name, wish in wanted.items():
                if wish.by_hand and wish.by_hand_late and not has_ended(engine):
                    await hand(at, name, wish)
            if giving is not None:
                await giving
            if any(wish.is_down for wish in wanted.values()):
                await assert_the_other_is_closed(at, engine, wanted)
            await until(lambda: has_ended(engine), FLAT_S, "it ends")
            late = any(wish.by_hand_late for wish in wanted.values())
            if late and not all(at.is_flat(name) for name in VENUES):
                # a hand came after its venue was seen flat: it is closed by the next
                await engine.send(flatten(at))
                await asyncio.sleep(2)
                await until(lambda: has_ended(engine), FLAT_S, "it ends")
            assert_flat(at)
            assert engine.state.stop is not None


async def assert_the_other_is_closed(
    at: Ground, engine: ExecutionEngine, wanted: dict[str, Wanted]
) -> None:
    """See that a venue that is down does not stop the other, and is never called flat."""
    up = [name for name, wish in wanted.items() if not wish.is_down]
    with suppress(TimeoutError):
        await until(lambda: all(at.is_flat(name) for name in up), FLAT_S, "the other is closed")
    assert all(at.is_flat(name) for name in up), "one venue down stops the other"
    await asyncio.sleep(DOWN_S)
    down = [name for name, wish in wanted.items() if wish.is_down]
    run_ = engine.state.flatten
    assert run_ is not None
    assert run_.ended_at is None, "flat is said with a venue down"
    assert not set(down) & set(run_.verified)
    assert run_.still_open, "nobody is told what is open"
    for name in down:
        at.venues[name].faults.come_up()


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Wanted]:
    down = draw(st.sampled_from([*VENUES, "", "", ""]))
    made = {}
    for name in VENUES:
        held = {}
        for symbol in draw(st.lists(st.sampled_from(sorted(SIZES)), unique=True, max_size=3)):
            sides = ["buy", "short"] if ":" in symbol else ["buy"]
            held[symbol] = draw(st.sampled_from(sides))
        made[name] = Wanted(
            held=held,
            dust=draw(st.booleans()),
            resting=draw(st.booleans()),
            by_hand=draw(st.sampled_from(["", "buy", "sell"])),
            by_hand_late=draw(st.booleans()),
            by_hand_unseen=draw(st.booleans()),
            lies_once=draw(st.booleans()),
            faults=tuple(draw(st.lists(st.sampled_from(FAULTS), max_size=4))),
            is_down=name == down,
        )
    return made


DEATHS = st.lists(st.tuples(st.integers(0, 25), st.booleans()), max_size=3)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=wishes(), deaths=DEATHS, rests=st.booleans(), thin=st.booleans())
def test_whatever_fails_and_however_often_it_dies_a_flatten_ends_flat(
    wanted: dict[str, Wanted], deaths: list[tuple[int, bool]], rests: bool, thin: bool
) -> None:
    run(story(wanted, deaths, rests=rests, thin=thin))


@pytest.mark.parametrize("lies_once", [False, True])
@pytest.mark.parametrize("side", OrderSide)
def test_what_a_hand_opens_unseen_while_the_venues_are_asked_is_never_called_flat(
    side: OrderSide, lies_once: bool
) -> None:
    hidden = Wanted(
        held={}, by_hand=side, by_hand_late=True, by_hand_unseen=True, lies_once=lies_once
    )
    wanted = {"binance": hidden, "kraken": Wanted(held={"BTC/USDT": "buy"})}
    run(story(wanted, [], rests=False, thin=False))


def test_the_worlds_hold_what_they_say() -> None:
    async def look() -> None:
        async with ground(rests=True) as at, process(at, Process()) as engine:
            wanted = {
                "binance": Wanted(held={"BTC/USDT": "buy"}, dust=True, resting=True),
                "kraken": Wanted(held={"BTC/USDT:USDT": "short"}, by_hand="sell"),
            }
            await furnish(at, engine, wanted)
            held = {key: p.quantity for key, p in engine.state.positions.items()}
            assert held == {
                "binance:BTC/USDT": Decimal("0.01"),
                "binance:SOL/USDT": Decimal("0.02"),
                "kraken:BTC/USDT:USDT": Decimal("-0.01"),
                "kraken:ETH/USDT:USDT": Decimal("-0.3"),
            }
            assert len(at.venues["binance"].ledger.open) == 2  # an entry, and a stop

    run(look())

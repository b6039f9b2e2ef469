"""A small world for engine tests: a market set by hand, a paper venue, a journal in memory."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.clock import SystemClock
from engine import EngineSettings, ExecutionEngine, TradingSignal
from engine import commands as c
from engine.commands import Actor, ActorKind, Role
from engine.journal_memory import MemoryJournal
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.ports import Lease, Venue
from engine.receipts import Receipt
from engine.venues.faults import FaultRate
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from storage.emergency import EmergencyJournal

OWNER = Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER, chat_id=4242)
TRADER = Actor(kind=ActorKind.PERSON, user_id=77, role=Role.TRADER, chat_id=77)


def signal(symbol: str = "BTC/USDT", action: str = "buy", **fields: Any) -> TradingSignal:
    """Wish for a trade in few words."""
    return TradingSignal(symbol=symbol, action=action, **fields)  # type: ignore[arg-type]


@dataclass
class World:
    """Hold the parts of one engine, and give commands unique names."""

    engine: ExecutionEngine
    venue: PaperVenue
    market: ManualMarket
    journal: MemoryJournal
    store: MemoryLedgerStore
    settings: EngineSettings
    given: int = field(default=0)

    def set(self, symbol: str, mid: str, spread: str = "0.1") -> None:
        """Quote a symbol around a mid."""
        half = Decimal(spread) / 2
        self.market.set(symbol, Decimal(mid) - half, Decimal(mid) + half)

    def named(self, wanted: type[c.CommandBase], actor: Actor = OWNER, **fields: Any) -> Any:
        """Make a command with a new name."""
        self.given += 1
        name = fields.pop("command_id", f"test:{self.given}")
        return wanted(command_id=name, actor=actor, at=self.engine.clock.now(), **fields)

    async def give(
        self, wanted: type[c.CommandBase], actor: Actor = OWNER, **fields: Any
    ) -> Receipt:
        """Give a command and wait for its receipt."""
        return await self.engine.send(self.named(wanted, actor, **fields))

    async def buy(self, symbol: str = "BTC/USDT", **fields: Any) -> Receipt:
        """Submit a buy as the owner."""
        return await self.give(c.SubmitSignal, signal=signal(symbol, **fields), venue="binance")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait, bounded, until something is so."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - nobody signals what a test looks at
                await asyncio.sleep(0.005)


@asynccontextmanager
async def world(
    *,
    journal: MemoryJournal | None = None,
    store: MemoryLedgerStore | None = None,
    rates: tuple[FaultRate, ...] = (),
    **settings: Any,
) -> AsyncIterator[World]:
    """Run an engine on paper, prices set by hand: BTC 61,240, ETH 3,396, SOL 149.90.

    `settings` are the engine's, `lease` and `emergency` if it has them, and what the venue is
    reached `through`; `rates` what goes wrong at the venue.
    """
    clock = SystemClock()
    market = ManualMarket(instruments=catalogue("binance").values(), clock=clock)
    journal = journal or MemoryJournal()
    store = store or MemoryLedgerStore()
    venue = PaperVenue(
        name="binance",
        quotes=market,
        clock=clock,
        store=store,
        cash={"USDT": Decimal(10000)},
    )
    lease: Lease | None = settings.pop("lease", None)
    emergency: EmergencyJournal | None = settings.pop("emergency", None)
    through: Callable[[Venue], Venue] = settings.pop("through", lambda venue: venue)
    configured = EngineSettings(journal_id="testjournal", **settings)
    engine = ExecutionEngine(
        journal=journal,
        venues={"binance": through(venue)},
        quotes=market,
        clock=clock,
        settings=configured,
        jitter=random.Random(1),
        lease=lease,
        emergency=emergency,
    )
    if emergency is not None:
        emergency.merged = engine.note_emergency
    made = World(engine, venue, market, journal, store, configured)
    made.set("BTC/USDT", "61240")
    made.set("ETH/USDT", "3396")
    made.set("SOL/USDT", "149.90", "0.02")
    made.set("BTC/USDT:USDT", "61232.4", "0.2")
    await venue.start()
    venue.faults.rates = rates
    await engine.start()
    try:
        yield made
    finally:
        await engine.stop()
        await venue.stop()

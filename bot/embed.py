"""Embedding: one call that gives a program an engine on paper.

engine = paper_engine()
await engine.start()
result = await engine.execute_signal(TradingSignal(...), "binance")
await engine.stop()
"""

import random
import secrets
from decimal import Decimal

from bot.clock import SystemClock
from bot.version import VERSION
from engine.confirming import ConfirmPolicy
from engine.execution import ExecutionEngine
from engine.journal_memory import MemoryJournal
from engine.markets.simulated import SimulatedMarket
from engine.numbers import positive
from engine.ports import Clock, Journal, Quotes
from engine.risk_limits import RiskLimits
from engine.runtime import EngineSettings
from engine.venues.ledger import LedgerStore, MemoryLedgerStore
from engine.venues.paper import PaperVenue
from storage.database import Database
from storage.journal import SqlJournal
from storage.paper_ledger import SqlLedgerStore

MEMORY = "memory"
CURRENCY = "USDT"


class PaperEngine(ExecutionEngine):
    """An engine that brings its paper venue, and its database if it has one, along."""

    def __init__(
        self,
        *,
        journal: Journal,
        venue: PaperVenue,
        quotes: Quotes,
        clock: Clock,
        settings: EngineSettings,
        database: Database | None,
    ) -> None:
        super().__init__(
            journal=journal,
            venues={venue.name: venue},
            quotes=quotes,
            clock=clock,
            settings=settings,
            jitter=random.Random(),  # noqa: S311 - it spreads load, it guards nothing
        )
        self.venue = venue
        self._database = database

    async def start(self) -> None:
        """Open the database, the venue, then the engine. Raises: JournalError."""
        if self._database is not None:
            await self._database.open()
        await self.venue.start()
        await super().start()

    async def stop(self) -> None:
        """Stop the engine, the venue, then the database."""
        await super().stop()
        await self.venue.stop()
        if self._database is not None:
            await self._database.close()


def paper_engine(
    journal: str = MEMORY,
    *,
    venue: str = "binance",
    cash: Decimal | float | str = 10_000,
    seed: int = 0,
    quotes: Quotes | None = None,
    limits: RiskLimits | None = None,
    confirm: ConfirmPolicy | None = None,
    order_timeout_s: int = 300,
) -> PaperEngine:
    """Build an engine on the paper venue; `start` it, and `stop` it in the end.

    `journal` is `memory` or an address such as `sqlite:///paper.db`; `cash` is in USDT and counts
    only for a new journal. Without `quotes` the market is simulated from `seed`.

    Raises: InvalidInput for an amount that is not above zero.
    """
    clock = SystemClock()
    market = quotes or SimulatedMarket(venue=venue, clock=clock, seed=seed)
    amount = positive(cash, "The cash")
    database = None if journal == MEMORY else Database(journal)
    store: LedgerStore = MemoryLedgerStore()
    kept: Journal = MemoryJournal()
    if database is not None:
        store, kept = SqlLedgerStore(database, venue), SqlJournal(database)
    return PaperEngine(
        journal=kept,
        venue=PaperVenue(
            name=venue, quotes=market, clock=clock, store=store, cash={CURRENCY: amount}
        ),
        quotes=market,
        clock=clock,
        settings=EngineSettings(
            journal_id=secrets.token_hex(8),
            accounts=(venue,),
            market="simulated" if quotes is None else "given",
            currency=CURRENCY,
            cash=amount,
            limits=limits or RiskLimits(),
            confirm=confirm or ConfirmPolicy(),
            order_timeout_s=order_timeout_s,
            version=VERSION,
        ),
        database=database,
    )

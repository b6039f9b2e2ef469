"""Assembly: an engine with its storage, market and venues, wired from settings."""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol, runtime_checkable

from bot.caching import cache_fault, fed_cache
from bot.chronicle import Chronicle
from bot.clock import SystemClock
from bot.drills import Drill, scripted
from bot.emergency import emergency_path
from bot.secret import Secret
from bot.streams import Streams, streams_of
from bot.version import VERSION
from bot.views.board import Fault
from engine.confirming import ConfirmPolicy
from engine.days import MIDNIGHT
from engine.execution import ExecutionEngine
from engine.identities import instrument_key
from engine.ports import CandleSource, Clock, Quotes, Venue
from engine.quotes import Quote
from engine.risk_limits import RiskLimits
from engine.runtime import SUBMIT_TIMEOUT_S, EngineSettings, ExecutionMode
from engine.scaling import ScalingPolicy
from engine.venues.live.resting import rests_at
from engine.venues.live.settling import settle_by_venue
from engine.venues.live.vitals import VenueVitals
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings
from storage.cache import Cache
from storage.cards import Cards
from storage.database import Database
from storage.emergency import EmergencyJournal
from storage.emergency_file import EmergencyFile
from storage.journal import SqlJournal
from storage.kept import Kept
from storage.lease import AccountLease, lease_of
from storage.notes import Notes
from storage.outbox import Outbox
from storage.paper_ledger import SqlLedgerStore
from storage.queries import Queries
from storage.snapshots import EVENTS_BETWEEN
from storage.updates import Updates

Depth = Callable[[Quote], Decimal]
PAPER_LATENCY_S = 0.05
# A paper venue that still traded on a minute-old price would flatter every strategy.
PAPER_QUOTE_AGE_S_MAX = Decimal(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """Say what to assemble: where it is stored, which accounts, whose prices, which limits.

    `market` names the prices in the journal, for example `simulated` or `public`; a journal keeps
    to it for ever. `emergency_file` is given where it shall not lie beside the database. `drills`
    is the script of faults of each paper venue. At the venues `stops_watched` names no stop rests,
    elsewhere each that can. Without `redis_url` the cache lives in the process,
    and no `streams` are served.
    """

    database_url: str
    accounts: tuple[str, ...]
    market: str
    currency: str
    cash: Decimal
    limits: RiskLimits
    confirm: ConfirmPolicy
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    owners: tuple[int, ...] = ()
    mode: ExecutionMode = ExecutionMode.PAPER
    drills: tuple[Drill, ...] = ()
    stops_watched: tuple[str, ...] = ()
    redis_url: Secret | None = None
    streams: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()
    emergency_file: Path | None = None

    @property
    def pulses(self) -> tuple[str, ...]:
        """Name the symbols that are followed whatever is held: one of each venue."""
        return tuple(instrument_key(account, f"BTC/{self.currency}") for account in self.accounts)


class Account(Venue, Protocol):
    """A venue that is opened before the engine starts, and closed after it has stopped."""

    async def start(self) -> None:
        """Open the account."""
        ...

    async def stop(self) -> None:
        """Close the account."""
        ...


@runtime_checkable
class Watched(Protocol):
    """An account that a network lies before, and that knows how it is doing."""

    @property
    def vitals(self) -> VenueVitals:
        """Show how the account is doing."""
        ...


Opening = Callable[[AccountPlan, Quotes, Clock, Database, Depth | None], Mapping[str, Account]]
"""Makes the accounts of a plan, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an assembly is made from; a simulation brings its own disk, venues and dice.

    `name` draws a new journal's id, `jitter` spreads what is tried again, `snapshot_every` is the
    number of events between two snapshots of State.
    """

    database: Callable[[str], Database] = Database
    accounts: Opening = field(default_factory=lambda: paper_venues)
    name: Callable[[], str] = field(default=lambda: secrets.token_hex(8))
    jitter: random.Random = field(default_factory=random.Random)
    snapshot_every: int = EVENTS_BETWEEN
    emergency: Callable[[Path], EmergencyFile] = EmergencyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Hold the parts of one account; `start` and `stop` run them in order."""

    plan: AccountPlan
    clock: Clock
    database: Database
    lease: AccountLease
    journal: SqlJournal
    emergency: EmergencyJournal
    outbox: Outbox
    cards: Cards
    notes: Notes
    updates: Updates
    queries: Queries
    market: Quotes
    venues: Mapping[str, Account]
    engine: ExecutionEngine
    cache: Cache
    streams: Streams
    chronicle: Chronicle

    async def start(self) -> None:
        """Take the lease, which opens the database, then open the venues and the engine.

        Raises: JournalLocked while another process is active, JournalError when the journal cannot
        be used; nothing runs then.
        """
        started = False
        try:
            await self.lease.take()
            # All at once: one that is silent delays the others by nothing.
            starts = (venue.start() for venue in self.venues.values())
            for outcome in await asyncio.gather(*starts, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
            await self.cache.start()
            await self.engine.start()
            self.streams.start()
            started = True
        finally:
            if not started:
                await self.stop()

    def vitals(self) -> Mapping[str, VenueVitals]:
        """Give how each live account is doing, by name; a paper venue lies behind no network."""
        return {
            name: venue.vitals for name, venue in self.venues.items() if isinstance(venue, Watched)
        }

    def fault(self) -> Fault | None:
        """Give what is wrong beside the engine, for the board: with the cache, or a stream."""
        return cache_fault(self.cache) or self.streams.fault()

    async def stop(self) -> None:
        """Stop engine, venues, cache, streams and database, in this order; signals end first.

        Only then may another process be active.
        """
        await self.streams.leave_signals()
        await self.engine.stop()
        await self.emergency.close()
        for venue in self.venues.values():
            await venue.stop()
        # A standby that is asked to end has followed the market without an engine.
        await self.market.stop()
        await self.cache.stop()
        await self.streams.stop()
        try:
            await self.database.close()
        finally:
            await self.lease.release()


def assembled(
    plan: AccountPlan,
    market: Quotes,
    clock: Clock | None = None,
    *,
    depth: Depth | None = None,
    candles: CandleSource | None = None,
    parts: Parts | None = None,
) -> Assembly:
    """Wire an account, on paper unless `parts` bring others; nothing is opened yet.

    `depth` gives what rests on a quote's best level, in quote currency, where the market knows it;
    without `candles` none are kept.
    """
    clock, parts = clock or SystemClock(), parts or Parts()
    database = parts.database(plan.database_url)
    lease = lease_of(plan.database_url, database, clock, parts.jitter)
    outbox = Outbox(database)
    journal = SqlJournal(database, outbox=outbox, snapshot_every=parts.snapshot_every)
    path = emergency_path(plan.database_url, plan.emergency_file)
    emergency = EmergencyJournal(journal, parts.emergency(path) if path else None, clock)
    venues = parts.accounts(plan, market, clock, database, depth)
    engine = ExecutionEngine(
        journal=emergency,
        venues=venues,
        quotes=market,
        clock=clock,
        settings=_settings(plan, parts.name()),
        jitter=parts.jitter,
        lease=lease,
        emergency=emergency,
    )
    emergency.merged = engine.note_emergency
    return Assembly(
        plan=plan,
        clock=clock,
        database=database,
        lease=lease,
        journal=journal,
        emergency=emergency,
        outbox=outbox,
        cards=Cards(database),
        notes=Notes(database),
        updates=Updates(database),
        queries=Queries(database),
        market=market,
        venues=venues,
        engine=engine,
        cache=fed_cache(plan.redis_url, engine=engine, clock=clock, jitter=parts.jitter),
        streams=streams_of(
            plan.redis_url,
            plan.streams,
            engine=engine,
            database=database,
            clock=clock,
            jitter=parts.jitter,
        ),
        chronicle=_chronicle(plan, engine, database, candles, clock=clock, jitter=parts.jitter),
    )


def _settings(plan: AccountPlan, journal_id: str) -> EngineSettings:
    return EngineSettings(
        journal_id=journal_id,
        mode=plan.mode,
        accounts=plan.accounts,
        market=plan.market,
        currency=plan.currency,
        cash=plan.cash,
        limits=plan.limits,
        confirm=plan.confirm,
        scaling=plan.scaling,
        owners=plan.owners,
        day_starts=plan.day_starts,
        cash_currencies=plan.cash_currencies,
        version=VERSION,
        settle_by_venue=_windows(plan),
        rests=rests_at(each for each in plan.accounts if each not in plan.stops_watched),
    )


def _windows(plan: AccountPlan) -> Mapping[str, int]:
    """Give how long each live venue may take to show an order that arrived late."""
    if plan.mode is not ExecutionMode.LIVE:
        return {}
    return settle_by_venue(plan.accounts, submit_timeout_s=SUBMIT_TIMEOUT_S)


def _chronicle(
    plan: AccountPlan,
    engine: ExecutionEngine,
    database: Database,
    candles: CandleSource | None,
    *,
    clock: Clock,
    jitter: random.Random,
) -> Chronicle:
    chronicle = Chronicle(
        database=database,
        state=lambda: engine.state,
        quotes=engine.quotes,
        source=candles,
        pulses=plan.pulses,
        kept=plan.kept,
        is_away=lambda: engine.loop.journal_down_since_s is not None,
        clock=clock,
        jitter=jitter,
    )
    engine.loop.subscribe(chronicle.see)
    return chronicle


def paper_venues(
    plan: AccountPlan, market: Quotes, clock: Clock, database: Database, depth: Depth | None
) -> Mapping[str, Account]:
    """Make a paper venue for each account; each keeps a ledger of its own."""
    return {
        account: PaperVenue(
            name=account,
            quotes=market,
            clock=clock,
            store=SqlLedgerStore(database, account),
            cash={plan.currency: plan.cash},
            settings=PaperSettings(
                latency_s=PAPER_LATENCY_S,
                seed=secrets.randbits(31),
                quote_age_s_max=PAPER_QUOTE_AGE_S_MAX,
            ),
            depth=depth,
            faults=scripted(plan.drills, seed=secrets.randbits(31)) if plan.drills else None,
        )
        for account in plan.accounts
    }

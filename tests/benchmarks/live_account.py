"""A live account as `run` has it, embedded: engine, journal and adapter, and a venue beside it."""

import random
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import aiohttp

from bot.assembly import Account, AccountPlan, Assembly, Depth, Parts, assembled
from bot.clock import SystemClock
from bot.markets import market_store
from engine import ExecutionEngine
from engine import commands as c
from engine.commands import Actor, ActorKind, Role
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.ports import Clock, Quotes
from engine.runtime import SUBMIT_TIMEOUT_S, ExecutionMode
from engine.venues.live.account import LiveAccount
from engine.venues.live.venue import LiveVenue
from storage.database import Database
from tests.benchmarks.account import NEVER, WIDE
from tests.benchmarks.children import Child, child
from tests.benchmarks.live_exchange import RICH
from tests.exchange.spot import KEY, SECRET

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
BID, ASK = Decimal(61000), Decimal(61001)
OWNER = Actor(kind=ActorKind.PERSON, user_id=1, role=Role.OWNER)
# Nobody renews the quotes, so they must not grow stale while the run lasts.
PATIENT = replace(WIDE, quote_age_s_max=3600)
ANSWER_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Say when creates and cancels reached the exchange, by client order id, monotonic."""

    created: Mapping[str, float]
    cancelled: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoom:
    """Hold an armed engine, its venue's adapter, and the exchange that both speak to.

    `url_beside` is where the same server has another account.
    """

    assembly: Assembly
    venue: LiveVenue
    url: str
    url_beside: str

    @property
    def engine(self) -> ExecutionEngine:
        return self.assembly.engine

    async def arrivals(self) -> Arrivals:
        """Ask the exchange what came when, to either account."""
        ours, beside = await _arrivals(self.url), await _arrivals(self.url_beside)
        return Arrivals(
            created=ours["created"] | beside["created"],
            cancelled=ours["cancelled"] | beside["cancelled"],
        )


async def _arrivals(url: str) -> dict[str, dict[str, float]]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{url}/bench/arrivals") as response,
    ):
        found: dict[str, dict[str, float]] = await response.json()
        return found


@asynccontextmanager
async def live_exchange(folder: Path, *, markets: int = 0) -> AsyncIterator[Child]:
    """Run the test exchange; its word: REST, streams, and REST of the account beside it."""
    async with child("live_exchange", folder, MARKETS=str(markets)) as made:
        yield made


@asynccontextmanager
async def live_room(folder: Path, venue: str) -> AsyncIterator[LiveRoom]:
    """Trade live, armed, journaled to SQLite with outbox and lease, streams on."""
    async with live_exchange(folder) as exchange:
        url, ws_url, url_beside = exchange.word.split()
        account = LiveAccount(
            venue=venue, api_key=KEY, api_secret=SECRET, api_url=url, ws_url=ws_url
        )
        clock = SystemClock()
        adapter = LiveVenue(
            account,
            clock=clock,
            jitter=random.Random(1),
            timeout_s=SUBMIT_TIMEOUT_S,
            metadata=market_store(clock),
            symbols=lambda: (SPOT if venue == "binance" else SWAP,),
        )

        def opened(
            plan: AccountPlan, market: Quotes, clock: Clock, database: Database, depth: Depth | None
        ) -> Mapping[str, Account]:
            del plan, market, clock, database, depth
            return {venue: adapter}

        assembly = assembled(
            _plan(folder, venue), _market(venue, clock), clock, parts=Parts(accounts=opened)
        )
        await assembly.start()
        try:
            room = LiveRoom(assembly=assembly, venue=adapter, url=url, url_beside=url_beside)
            await _arm(room.engine)
            yield room
        finally:
            await assembly.stop()


def _plan(folder: Path, venue: str) -> AccountPlan:
    return AccountPlan(
        database_url=f"sqlite:///{folder / 'live.db'}",
        accounts=(venue,),
        market="given",
        currency="USDT",
        cash=RICH,
        limits=PATIENT,
        confirm=NEVER,
        mode=ExecutionMode.LIVE,
    )


def _market(venue: str, clock: Clock) -> ManualMarket:
    market = ManualMarket(instruments=catalogue(venue).values(), clock=clock)
    for symbol in (SPOT, SWAP):
        market.set(symbol, BID, ASK)
    return market


async def _arm(engine: ExecutionEngine) -> None:
    await engine.send(
        c.ArmLive(
            command_id=f"arm {secrets.token_hex(4)}",
            actor=OWNER,
            at=engine.clock.now(),
            session=engine.state.session,
        )
    )
    assert engine.state.armed, "an owner has armed it"

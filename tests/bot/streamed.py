"""An account on paper whose streams run over a real Redis, and the machine at their other end.

Run as a program with a folder and an address, it is an account that dies at its first signal.
"""

import asyncio
import json
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.assembly import AccountPlan, Assembly, assembled
from bot.clock import SystemClock
from bot.secret import Secret
from bot.streams import streams_of
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.markets.simulated import SimulatedMarket
from engine.risk_limits import RiskLimits
from engine.state import State
from storage.chain import StoredEvent, stored_events
from storage.codec import Codec
from storage.streams_consumer import SignalConsumer
from storage.streams_records import STREAMS, StreamNames
from tests.storage.redis_server import RedisServer

BUY = {"symbol": "BTC/USDT", "action": "buy", "quantity": "0.001", "strategy": "remote"}
LIMITS = RiskLimits(duplicate_window_s=0)


def plan_of(folder: Path, redis_url: str | None, on: tuple[str, ...] = STREAMS) -> AccountPlan:
    return AccountPlan(
        database_url=f"sqlite:///{folder / 'journal.db'}",
        accounts=("binance",),
        market="simulated:7",
        currency="USDT",
        cash=Decimal(10000),
        limits=LIMITS,
        confirm=ConfirmPolicy(mode=ConfirmMode.NEVER),
        redis_url=None if redis_url is None else Secret(redis_url),
        streams=on,
    )


@asynccontextmanager
async def account(
    folder: Path, redis_url: str | None, on: tuple[str, ...] = STREAMS
) -> AsyncIterator[Assembly]:
    """Run an account; it takes signals as soon as it has started."""
    clock = SystemClock()
    market = SimulatedMarket(venue="binance", clock=clock, seed=7, interval_s=0.02)
    assembly = assembled(plan_of(folder, redis_url, on), market, clock)
    await assembly.start()
    assembly.streams.take_signals()
    try:
        yield assembly
    finally:
        await assembly.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Another machine: it knows the address of Redis and the journal's id, and nothing else."""

    client: Any
    names: StreamNames

    def send(self, wish: Mapping[str, object], **changes: object) -> str:
        """Send a signal, and give its entry's id."""
        payload = json.dumps({**wish, **changes})
        return self.add({"version": "1", "signal": payload})

    def add(self, fields: Mapping[str, str | bytes], entry_id: str = "*") -> str:
        """Add an entry of any kind."""
        given: Any = self.client.xadd(self.names.signals, dict(fields), id=entry_id)
        return str(given.decode())

    def events(self) -> list[dict[str, str]]:
        """Give every event of the stream, with its entry's id."""
        found: Any = self.client.xrange(self.names.events)
        return [
            {"id": entry_id.decode()}
            | {name.decode(): value.decode() for name, value in fields.items()}
            for entry_id, fields in found
        ]

    def rejected(self) -> list[dict[str, str]]:
        """Give what was set aside."""
        found: Any = self.client.xrange(self.names.rejected)
        return [
            {name.decode(): value.decode() for name, value in fields.items()} for _, fields in found
        ]

    def pending(self) -> int:
        """Count what was delivered and not settled."""
        found: Any = self.client.xpending(self.names.signals, "engine")
        return int(found["pending"])

    def unread(self) -> int:
        """Count what nobody was given."""
        groups: Any = self.client.xinfo_groups(self.names.signals)
        last = groups[0]["last-delivered-id"].decode()
        found: Any = self.client.xrange(self.names.signals, min=f"({last}")
        return len(found)

    def is_settled(self) -> bool:
        """Tell whether everything was read and settled."""
        return self.has_group() and self.unread() == 0 and self.pending() == 0

    def has_group(self) -> bool:
        """Tell whether the engine has joined."""
        name = self.names.signals
        return bool(self.client.exists(name)) and bool(self.client.xinfo_groups(name))


def remote_to(server: RedisServer, assembly: Assembly) -> Remote:
    journal = assembly.engine.state.journal
    assert journal is not None
    return Remote(client=server.client, names=StreamNames(journal_id=journal.journal_id))


def second_consumer(assembly: Assembly, server: RedisServer, name: str) -> SignalConsumer:
    """Make a consumer of the account's signals beside its own, or in place of it."""
    made = streams_of(
        Secret(server.url),
        ("signals",),
        engine=assembly.engine,
        database=assembly.database,
        clock=assembly.clock,
        jitter=random.Random(name),
    )._consumer
    assert made is not None
    return made


async def journaled(assembly: Assembly, *kinds: type[e.Event]) -> list[StoredEvent]:
    """Give the journal's events of some kinds, or all, as they are stored."""
    rows = await assembly.database.read(lambda connection: list(stored_events(connection, Codec())))
    return [each for each in rows if not kinds or isinstance(each.event, kinds)]


def dying_at(kind: type[e.Event]) -> Callable[[e.Event, State, float], None]:
    """Give a listener that ends the process at an event: journaled, and nobody told."""

    def die(event: e.Event, _state: State, _received_s: float) -> None:
        if isinstance(event, kind):
            os.kill(os.getpid(), signal.SIGKILL)

    return die


async def _child(folder: Path, redis_url: str) -> None:
    """Run an account that dies the moment its first signal is in the journal."""
    clock = SystemClock()
    market = SimulatedMarket(venue="binance", clock=clock, seed=7, interval_s=0.02)
    assembly = assembled(plan_of(folder, redis_url), market, clock)
    assembly.engine.loop.subscribe(dying_at(e.SignalReceived))
    await assembly.start()
    journal = assembly.engine.state.journal
    assert journal is not None
    (folder / "journal_id").write_text(journal.journal_id)
    assembly.streams.take_signals()
    await asyncio.sleep(60)


if __name__ == "__main__":
    logging.basicConfig()
    asyncio.run(_child(Path(sys.argv[1]), sys.argv[2]))

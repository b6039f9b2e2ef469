"""Two real processes on one account: a real Postgres, a real Redis, one chat, one exchange."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from bot.sandbox import SeenMessage
from tests.storage.postgres_server import PostgresServer
from tests.storage.redis_server import RedisServer
from tests.system.console import METRICS_TOKEN, ConsoleProcess, Phone, until
from tests.system.house import House, house

# What is promised: the lease's six seconds, a look each second, and the rest for a slow machine.
TAKEOVER_S = 10.0
READY_S = 60.0
TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(slots=True, kw_only=True)
class Pair:
    """Hold both processes, and what was wished for through the chat."""

    house: House
    url: str
    postgres: PostgresServer
    one: ConsoleProcess
    two: ConsoleProcess
    wishes: list[str] = field(default_factory=list)

    @property
    def owner(self) -> Phone:
        return self.house.owner

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Look into the database from outside."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def token(self) -> int:
        """Give how often the account was taken."""
        return int(self.ask("SELECT token FROM lease")[0][0])

    async def until_taken(self, token: int) -> None:
        """Wait until the account was taken so often, as long as is promised at most."""
        await until(lambda: self.token() == token, "nobody took over", TAKEOVER_S)

    async def begin(self, process: ConsoleProcess) -> None:
        """Start a process that has to wait."""
        said = process.log.count("standing by")
        await process.spawn()
        await until(lambda: process.log.count("standing by") > said, "it does not wait", READY_S)

    async def answer(self, process: ConsoleProcess, path: str) -> tuple[int, str]:
        """Ask a process over HTTP."""
        port = re.findall(r"web listening.*port=(\d+)", process.log)[-1]
        address = f"http://127.0.0.1:{port}{path}"
        token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.get(address, headers=token) as response,
        ):
            return response.status, await response.text()

    async def until_ready(self, process: ConsoleProcess) -> None:
        """Wait until a process says that it is the active one."""
        async with asyncio.timeout(READY_S):
            while (await self.answer(process, "/readyz"))[0] != 200:  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.05)

    def wish(self) -> tuple[str, str]:
        """Give a new wish: the order as it is typed, and its quantity, which no other has."""
        quantity = Decimal("0.001") + Decimal("0.0001") * len(self.wishes)
        self.wishes.append(short(str(quantity)))
        return f"/buy btc {self.wishes[-1]}", self.wishes[-1]

    async def buy(self) -> SeenMessage:
        """Wish, and see it bought."""
        text, quantity = self.wish()
        await self.owner.say(text)
        return await self.bought(quantity)

    async def bought(self, quantity: str) -> SeenMessage:
        """Wait for the card that says that so much was bought."""
        return await self.owner.sandbox.wait_for_message(
            lambda one: one.from_bot and f"Bought {quantity} BTC" in one.text,
            chat_id=self.owner.user_id,
            timeout_s=READY_S,
        )

    async def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the journal's events, of some kinds or all."""
        ended = await self.one.shell("journal", "export")
        assert ended.code == 0, ended.err
        found = [json.loads(line) for line in ended.out.splitlines()]
        return [each for each in found if not kinds or each["kind"] in kinds]

    async def agreed(self, *, unanswered: int = 0) -> None:
        """See that journal, venue and chat tell the same: each wish was carried out once.

        Of so many nobody can tell yet; they were carried out once at most.
        """
        verified = await self.one.shell("journal", "verify")
        assert (verified.code, verified.err) == (0, ""), verified.out + verified.err
        submitted = [each["order"] for each in await self.events("OrderSubmitted")]
        quantities = [short(each["quantity"]) for each in submitted]
        assert len(quantities) == len(set(quantities)), "a wish led to two orders"
        assert set(quantities) <= set(self.wishes)
        names = [json.loads(row[0])["client_order_id"] for row in self.documents("paper_orders")]
        assert len(names) == len(set(names)), "the venue got an order twice"
        assert set(names) <= {each["client_order_id"] for each in submitted}
        trades = [json.loads(row[0])["client_order_id"] for row in self.documents("paper_trades")]
        assert sorted(trades) == sorted(names)
        assert len(self.wishes) - len(names) <= unanswered, "a wish was not carried out"
        told = [one for one in await self.owner.history() if "Bought" in one.text]
        for quantity in self.wishes:
            cards = [one for one in told if f"Bought {quantity} BTC" in one.text]
            once = [one for one in cards if "repeat" not in one.text]
            assert len(once) <= 1, f"told twice: {[one.text for one in cards]}"
        for each in submitted:
            if each["client_order_id"] in trades:
                await self.bought(short(each["quantity"]))

    def documents(self, table: str) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT document FROM {table}")  # noqa: S608 - a name of ours


def short(quantity: str) -> str:
    """Write an amount as a card shows it."""
    return f"{Decimal(quantity).normalize():f}"


def pause(process: ConsoleProcess) -> None:
    """Let a process stand still, as a machine that is put to sleep does."""
    assert process.process is not None
    process.process.send_signal(signal.SIGSTOP)


def resume(process: ConsoleProcess) -> None:
    assert process.process is not None
    process.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def pair(
    folder: Path, postgres: PostgresServer, redis: RedisServer | None = None, **more: str
) -> AsyncIterator[Pair]:
    """Start both processes: `one` is active, `two` waits."""
    url = postgres.url(postgres.fresh())
    settings: dict[str, Any] = {"CONFIRM": "never", "DATABASE_URL": url, "PORT": "0", **more}
    settings["METRICS_TOKEN"] = METRICS_TOKEN
    if redis is not None:
        settings |= {"REDIS_URL": redis.url, "STREAMS": "signals,events"}
    for name in ("one", "two"):
        (folder / name).mkdir()
    async with house(folder / "one", **settings) as at:
        two = ConsoleProcess(folder=folder / "two", env=dict(at.console.env))
        made = Pair(house=at, url=url, postgres=postgres, one=at.console, two=two)
        try:
            await at.bind(at.owner)
            await made.begin(two)
            yield made
        finally:
            await two.gone()

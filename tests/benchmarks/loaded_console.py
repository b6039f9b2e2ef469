"""The console under load: the product's own app, but for its prices, which come over a socket.

As a process it is `run` with a market that follows the quote stream:

    python -m tests.benchmarks.loaded_console
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from bot.app import App
from bot.assembly import assembled
from bot.cli.arguments import ENV_FILE
from bot.cli.reading import settings_of
from bot.clock import SystemClock, local_zone
from bot.log import install
from bot.plans import ChatPlan
from bot.running import account_plan
from bot.sandbox import Person, Sandbox
from engine.identities import instrument_key
from engine.markets.catalogue import catalogue
from engine.markets.feed import quote_of
from engine.markets.manual import ManualMarket
from tests.benchmarks.account import VENUE
from tests.benchmarks.paper_account import PATIENT, SYMBOLS
from tests.benchmarks.quote_stream import tickers
from tests.system.console import START_S, environment

# Cancels and lookups never arrive, so that they hang until their time is up, again and again.
FAULTS = ",".join(["cancel:swallowed*1000", "lookup:swallowed*1000"] * 5)


class StreamMarket(ManualMarket):
    """Publish what the stream says, as ccxt and the product's own parser read it."""

    def __init__(self, address: str) -> None:
        super().__init__(instruments=catalogue(VENUE).values(), clock=SystemClock())
        self._address = address
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for symbol in SYMBOLS:
            self.set(symbol, Decimal("99.99"), Decimal("100.01"))
        # No TaskGroup: start and stop are two calls.
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self) -> None:
        clock, instruments = SystemClock(), self.instruments()
        async for symbol, ticker in tickers(self._address):
            instrument = instruments[instrument_key(VENUE, symbol)]
            quote = quote_of(instrument, ticker, at=clock.now(), mark=None, change_pct=None)
            if quote is not None:
                self.put(quote)


async def serve() -> None:
    """Run the app until a signal ends it."""
    settings = settings_of(os.environ, ENV_FILE, for_command="run")
    install(secrets=settings.secrets, level=logging.INFO)
    assert settings.telegram_token is not None
    plan = replace(account_plan(settings), limits=PATIENT)
    chat = ChatPlan(
        token=settings.telegram_token,
        api_url=settings.telegram_api_url,
        operators=settings.operators,
        port=None,
        metrics_token=None,
        tz=local_zone(),
    )
    app = App(assembled(plan, StreamMarket(os.environ["QUOTES"])), chat)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await app.start()
    await app.run(stopping)


@dataclass(slots=True, kw_only=True)
class LoadedConsole:
    """What a benchmark holds of it."""

    sandbox: Sandbox
    process: Process | None


@asynccontextmanager
async def loaded_console(
    folder: Path, *, owners: Iterable[int], people: Iterable[Person], quotes: str
) -> AsyncIterator[LoadedConsole]:
    """Put the console up on a local Telegram of its own, until the end of the block."""
    async with Sandbox(people=people) as sandbox:
        env = environment(
            folder,
            TELEGRAM_BOT_TOKEN=sandbox.token,
            TELEGRAM_API_URL=sandbox.url,
            OPERATORS=",".join(f"{each}:owner" for each in owners),
            CONFIRM="never",
            PAPER_BALANCE="1000000 USDT",
            PAPER_FAULTS=FAULTS,
            QUOTES=quotes,
        )
        with (folder / "log.txt").open("ab") as log:
            process = await create_subprocess_exec(
                sys.executable, "-m", "tests.benchmarks.loaded_console",
                cwd=folder, env=env, stdin=DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            try:
                await sandbox.wait_for_call("getUpdates", timeout_s=START_S)
            except AssertionError as fault:
                words = (folder / "log.txt").read_text(encoding="utf-8")[-800:]
                raise AssertionError(f"the loaded console does not poll: {words}") from fault
            yield LoadedConsole(sandbox=sandbox, process=process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


if __name__ == "__main__":
    asyncio.run(serve())

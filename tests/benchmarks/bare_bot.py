"""The bare bot as a process: python-telegram-bot on a local Bot API of its own."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import Person, Sandbox
from tests.system.console import START_S, environment

NAME = "bare python-telegram-bot"


@dataclass(slots=True, kw_only=True)
class BareBot:
    """What a benchmark holds of it; not started until `start`."""

    sandbox: Sandbox
    folder: Path
    settings: dict[str, str]
    process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it asks for updates."""
        with (self.folder / "bare-log.txt").open("ab") as log:
            self.process = await create_subprocess_exec(
                sys.executable, "-m", "tests.benchmarks.baselines.bare_telegram",
                cwd=self.folder, env=environment(self.folder, **self.settings),
                stdin=DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            await self.sandbox.wait_for_call("getUpdates", timeout_s=START_S)
        except AssertionError as fault:
            log_text = (self.folder / "bare-log.txt").read_text(encoding="utf-8")
            raise AssertionError(f"the bare bot does not poll: {log_text[-800:]}") from fault

    async def gone(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def bare_bot(
    folder: Path,
    *,
    operators: Iterable[int],
    watcher: int,
    people: Iterable[Person],
    started: bool = True,
    **settings: str,
) -> AsyncIterator[BareBot]:
    """Put the bare bot up until the end of the block."""
    async with Sandbox(people=people) as sandbox:
        made = BareBot(
            sandbox=sandbox,
            folder=folder,
            settings={
                "TELEGRAM_BOT_TOKEN": sandbox.token,
                "TELEGRAM_API_URL": sandbox.url,
                "OPERATORS": ",".join(str(each) for each in operators),
                "WATCHER": str(watcher),
                **settings,
            },
        )
        try:
            if started:
                await made.start()
            yield made
        finally:
            # The Bot API ends after it; a poll that waits would hold it up otherwise.
            await asyncio.shield(made.gone())

"""The real process, as an operator's host runs it, and the people who talk to it."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox import Person, Sandbox, SeenAnswer, SeenMessage

ROOT = Path(__file__).parents[2]
OWNER, OWNER_TOO, TRADER, VIEWER, STRANGER = 4242, 4343, 77, 99, 555019283
OPERATORS = f"{OWNER}:owner,{OWNER_TOO}:owner,{TRADER}:trader,{VIEWER}:viewer"
PEOPLE = tuple(
    Person(id=user_id, name=name, started=True)
    for user_id, name in (
        (OWNER, "Olivia"), (OWNER_TOO, "Otto"), (TRADER, "Tom"), (VIEWER, "Vera"),
        (STRANGER, "Sam"),
    )
)  # fmt: skip
METRICS_TOKEN = "let-the-scraper-in-please"
START_S, END_S, WAIT_S = 60.0, 20.0, 30.0
TURN_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        return self.err.splitlines()


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Give a process its settings and nothing of ours, so that it is the same everywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "TZ": "UTC",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # A warning in the real process is an error of ours as it is everywhere in the tests.
        "PYTHONWARNINGS": "default",
        **settings,
    }


async def quarterdeck(
    *arguments: str, folder: Path, env: Mapping[str, str], timeout_s: float = START_S
) -> Ended:
    """Run a command of the shell to its end."""
    process = await create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments,
        cwd=folder, env=env, stdin=DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(code=process.returncode, out=out.decode(), err=err.decode())


@dataclass(slots=True, kw_only=True)
class ConsoleProcess:
    """`quarterdeck run` or `demo` in a folder; started, killed and started again on one journal.

    What it says stands in `log` and `out`, of all its lives.
    """

    folder: Path
    env: dict[str, str]
    arguments: tuple[str, ...] = ("run",)
    database: str = "quarterdeck-paper.db"
    process: Process | None = None
    lives: int = 0

    @property
    def journal(self) -> Path:
        return self.folder / self.database

    @property
    def log(self) -> str:
        return self._read("log.txt")

    @property
    def out(self) -> str:
        return self._read("out.txt")

    def _read(self, name: str) -> str:
        file = self.folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""

    async def spawn(self) -> None:
        """Start the process and do not wait for it."""
        assert self.process is None or self.process.returncode is not None
        self.lives += 1
        with (
            (self.folder / "log.txt").open("ab") as log,
            (self.folder / "out.txt").open("ab") as out,
        ):
            self.process = await create_subprocess_exec(
                sys.executable, "-m", "bot", *self.arguments,
                cwd=self.folder, env=self.env, stdin=DEVNULL, stdout=out, stderr=log,
            )  # fmt: skip

    async def start(self, sandbox: Sandbox) -> None:
        """Start, and wait until it listens to its chats."""
        asked = [each.number for each in await sandbox.calls("getUpdates")]
        await self.spawn()
        await self.until_asked(sandbox, after=max(asked, default=0))

    async def until_asked(self, sandbox: Sandbox, *, after: int = 0) -> None:
        """Wait until the process asks for updates. Fails with its words if it ends instead."""
        assert self.process is not None
        asking = asyncio.create_task(
            sandbox.wait_for_call("getUpdates", after=after, timeout_s=START_S)
        )
        ending = asyncio.create_task(self.process.wait())
        await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not asking.done():
            asking.cancel()
            raise AssertionError(f"it ended with {self.process.returncode}: {self.log[-2000:]}")
        asking.result()

    async def kill(self) -> None:
        """End it as a power cut does."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """Ask it to end, and give its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process = self.process
        assert process is not None
        if process.returncode is None:
            process.send_signal(number)
        try:
            async with asyncio.timeout(END_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"it did not end in {END_S} s: {self.log[-2000:]}") from None

    async def gone(self) -> None:
        """See that nothing is left of it, however a test ended."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def shell(self, *arguments: str) -> Ended:
        """Run another command of the shell with the same settings."""
        return await quarterdeck(*arguments, folder=self.folder, env=self.env)

    async def events(self, *kinds: str) -> list[dict[str, object]]:
        """Give the journal's events as the export prints them, of some kinds or all."""
        ended = await self.shell("journal", "export", "--database", f"sqlite:///{self.journal}")
        assert ended.code == 0, ended.err
        found = [json.loads(line) for line in ended.out.splitlines()]
        return [each for each in found if not kinds or each["kind"] in kinds]

    async def verified(self) -> str:
        """Give what `journal verify` says of a sound journal."""
        ended = await self.shell("journal", "verify", "--database", f"sqlite:///{self.journal}")
        assert (ended.code, ended.err) == (0, ""), ended.out + ended.err
        return ended.out

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Look into the database as it stands, beside the running process."""
        connection = sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    async def until_logged(self, words: str) -> None:
        """Wait until the log says something."""
        await until(lambda: words in self.log, f"the log never said {words!r}")


async def until(fits: Callable[[], bool], otherwise: str, timeout_s: float = WAIT_S) -> None:
    """Wait, bounded, for what no message and no call announces."""
    try:
        async with asyncio.timeout(timeout_s):
            while not fits():  # noqa: ASYNC110 - what changes is another process
                await asyncio.sleep(TURN_S)
    except TimeoutError:
        raise AssertionError(otherwise) from None


@dataclass(slots=True, kw_only=True)
class Phone:
    """One person's phone: what was said and seen since `seen`."""

    sandbox: Sandbox
    user_id: int
    seen: int = field(default=0)

    async def say(self, text: str) -> int:
        """Write, and look at what comes after it."""
        self.seen = await self.sandbox.say(self.user_id, text)
        return self.seen

    async def tap(self, label: str) -> int:
        """Tap a key of the keyboard."""
        self.seen = await self.sandbox.tap_key(self.user_id, label)
        return self.seen

    async def see(self, part: str, *, timeout_s: float = WAIT_S) -> SeenMessage:
        """Wait for a message of the bot with a text in it, newer than what was said last."""
        return await self.sandbox.wait_for_text(
            part, chat_id=self.user_id, after=self.seen, timeout_s=timeout_s
        )

    async def ask(self, text: str, part: str) -> SeenMessage:
        """Write and wait for the answer with `part` in it."""
        await self.say(text)
        return await self.see(part)

    async def see_in(self, message_id: int, part: str) -> SeenMessage:
        """Wait until one message says something."""
        return await self.sandbox.wait_for_message(
            lambda one: one.message_id == message_id and part in one.text,
            chat_id=self.user_id,
            timeout_s=WAIT_S,
        )

    async def press(self, message: SeenMessage, label: str) -> str:
        """Press a button of a message; give the query's id."""
        return await self.sandbox.press(self.user_id, message.message_id, label, gone_ok=True)

    async def pressed(self, message: SeenMessage, label: str) -> SeenAnswer:
        """Press a button and wait for the answer of the tap."""
        query = await self.press(message, label)
        return await self.sandbox.wait_for_answer(query, timeout_s=WAIT_S)

    async def forge(self, message_id: int, callback_data: str) -> SeenAnswer:
        """Send callback data that no button carries."""
        query = await self.sandbox.press(
            self.user_id, message_id, callback_data=callback_data, gone_ok=True
        )
        return await self.sandbox.wait_for_answer(query, timeout_s=WAIT_S)

    async def ticket(self, text: str) -> SeenMessage:
        """Ask for a ticket and give its card."""
        await self.say(text)
        return await self.sandbox.wait_for_message(
            lambda one: one.message_id > self.seen and one.has_button("Confirm"),
            chat_id=self.user_id,
            timeout_s=WAIT_S,
        )

    async def history(self, after: int = 0) -> list[SeenMessage]:
        """Give what the bot wrote here, oldest first."""
        found = await self.sandbox.messages(self.user_id, deleted=True)
        return [one for one in found if one.from_bot and one.message_id > after]


def ticket_id(card: SeenMessage) -> str:
    """Give the full id that a ticket's Confirm carries."""
    return card.callback_data("Confirm").split("|")[-1]


def short_id(card: SeenMessage, letter: str = "T") -> str:
    """Give the id that a person reads on a card."""
    found = re.findall(rf"{letter}-[0-9A-Z]{{4}}", card.text)
    assert found, card.text
    return str(found[0])

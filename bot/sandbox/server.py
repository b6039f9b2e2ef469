"""The sandbox as a server in this process."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sandbox.bot_api import BotApi
from bot.sandbox.calls import Calls
from bot.sandbox.chats import DEFAULT_PEOPLE, BotIdentity, Group, Person
from bot.sandbox.control import Control
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Clock
from bot.sandbox.gate import add_headers, gate
from bot.sandbox.limits import Rates
from bot.sandbox.site import Site
from bot.sandbox.verbs import Verbs
from bot.sandbox.webhook import deliver_for_ever
from bot.sandbox.wire import Json
from bot.sandbox.world import World

DEFAULT_TOKEN = "424242424:SANDBOX-token-that-opens-nothing-else"  # noqa: S105 - opens only this
BODY_BYTES_MAX = 60 * 1024 * 1024
SHUTDOWN_S = 2.0


class Sandbox(Verbs):
    """A Bot API server and a chat page on `host`:`port`; port 0 takes a free one.

    With `folder` the chats outlive the process. `rates` enforces Telegram's limits. Raises on
    start: OSError where the port is taken, sqlite3.DatabaseError where the folder's file is held
    by another sandbox or damaged.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        bot_name: str = "Quarterdeck",
        bot_username: str = "quarterdeck_sandbox_bot",
        people: Iterable[Person] = DEFAULT_PEOPLE,
        groups: Iterable[Group] = (),
        folder: Path | None = None,
        rates: Rates | None = None,
        extra_hosts: Iterable[str] = (),
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self.host = host
        self.port = port
        self.identity = BotIdentity(token=token, name=bot_name, username=bot_username)
        self._people = tuple(people)
        self._groups = tuple(groups)
        self._folder = folder
        self._rates = rates
        self._extra_hosts = frozenset(extra_hosts)
        self._clock = clock
        self._monotonic = monotonic
        self._world: World | None = None
        self._control: Control | None = None
        self._runner: web.AppRunner | None = None
        self._webhook: asyncio.Task[None] | None = None

    @property
    def token(self) -> str:
        """Give the bot's token."""
        return self.identity.token

    @property
    def url(self) -> str:
        """Give the address of page and Bot API, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Open the folder and the port. Raises: OSError, sqlite3.DatabaseError."""
        faults, calls = Faults(), Calls()
        world = World(
            identity=self.identity,
            people=self._people,
            groups=self._groups,
            folder=self._folder,
            rates=self._rates,
            clock=self._clock,
            monotonic=self._monotonic,
        )
        control = Control(world, faults, calls)
        app = web.Application(middlewares=[gate(self._extra_hosts)], client_max_size=BODY_BYTES_MAX)
        app.on_response_prepare.append(add_headers)
        app.add_routes([*BotApi(world, faults, calls).routes(), *Site(world, control).routes()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        try:
            await site.start()
        except OSError:
            world.close()
            await runner.cleanup()
            raise
        self.port = int(runner.addresses[0][1])
        self._world, self._control, self._runner = world, control, runner
        # No TaskGroup: start and stop may run in different tasks, as test fixtures do.
        self._webhook = asyncio.create_task(deliver_for_ever(world), name="sandbox webhook")

    async def stop(self) -> None:
        """Cut every connection and close the port."""
        if self._world is None or self._runner is None or self._webhook is None:
            return
        self._webhook.cancel()
        with suppress(asyncio.CancelledError):
            await self._webhook
        self._world.closing.set()
        self._world.updates.interrupt()
        self._world.feed.close()
        await self._runner.cleanup()
        self._world.close()
        self._world = self._control = self._runner = self._webhook = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def perform(self, verb: str, body: Json) -> Json:
        """Do what the verb says, here. Raises: ActRefused."""
        if self._control is None:
            raise RuntimeError("the sandbox is not running")
        return await self._control.perform(verb, body)

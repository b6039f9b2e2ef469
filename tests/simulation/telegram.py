"""Telegram: the sandbox's world behind a line that fails; the process speaks through the real
python-telegram-bot, whose requests end here instead of at a socket.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from telegram import Bot
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.sandbox.acts import ActRefused, press, say
from bot.sandbox.bot_api import BAD_GATEWAY_PAGE, GARBAGE
from bot.sandbox.chats import BotIdentity, Group, Message, Person
from bot.sandbox.limits import Rates
from bot.sandbox.methods import LIMITED, METHODS
from bot.sandbox.parameters import Parameters
from bot.sandbox.queries import Queries
from bot.sandbox.refusals import Refusal, method_not_found, too_many_requests
from bot.sandbox.updates import kinds_from
from bot.sandbox.world import World
from bot.secret import Secret
from tests.simulation.life import Life
from tests.simulation.trace import Trace
from tests.simulation.virtual_time import VirtualClock

TOKEN = "700700700:simulated-token-of-no-value"
SHOWING = frozenset({"sendmessage", "editmessagetext"})
FAULTS = ("flood", "internal", "gateway", "hang", "before", "after", "garbage")
HANG_S = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a chat was made to show, when, and whether it came as a message of its own."""

    at_s: float
    chat_id: int
    message_id: int
    text: str
    is_new: bool
    is_silent: bool


class Telegram:
    """Keep the chats, and decide how each request goes."""

    def __init__(
        self,
        *,
        people: tuple[Person, ...],
        groups: tuple[Group, ...],
        clock: VirtualClock,
        trace: Trace,
        dice: random.Random,
    ) -> None:
        self.fail_share = 0.0
        self.is_down = False
        self.shown: list[Shown] = []
        self.doubtful = 0
        self.asked_s: dict[int, float] = {}
        self.trusted = frozenset[int]()
        self.on_stop: Callable[[str], None] = lambda _command_id: None
        self._clock = clock
        self._trace = trace
        self._dice = dice
        self.world = World(
            identity=BotIdentity(token=TOKEN, name="Quarterdeck", username="quarterdeck_bot"),
            people=people,
            groups=groups,
            folder=None,
            rates=Rates(),
            clock=lambda: clock.now().timestamp(),
            monotonic=clock.monotonic,
        )
        self.world.queries = Queries(draw=lambda: dice.getrandbits(60))

    def come_back(self) -> None:
        """Answer again."""
        self.is_down = False

    def bot(self, life: Life) -> Callable[[Secret, str], Bot]:
        """Give what makes the client of one process."""

        def made(token: Secret, _url: str) -> Bot:
            return Bot(
                token.reveal(),
                base_url="http://127.0.0.1/bot",
                base_file_url="http://127.0.0.1/file/bot",
                request=SimulatedRequest(self, life),
                get_updates_request=SimulatedRequest(self, life),
            )

        return made

    def say(self, user_id: int, text: str, *, chat_id: int | None = None) -> Message | None:
        """Write as a person; None when their phone would not let them."""
        self._trace.note("SAYS", f"{user_id} {text}")
        self.asked_s[chat_id or user_id] = self._clock.monotonic()
        with suppress(ActRefused):
            return say(self.world, user_id, text, chat_id=chat_id)
        return None

    def tap(self, user_id: int, message: Message, data: str) -> str | None:
        """Tap a button as a person; give the query's id, None when the message has gone."""
        self._trace.note("TAPS", f"{user_id} {data} on {message.message_id}")
        self.asked_s[message.chat_id] = self._clock.monotonic()
        with suppress(ActRefused):
            return press(
                self.world, user_id, message.message_id, callback_data=data, gone_ok=True
            ).id
        return None

    def buttons(self, chat_id: int) -> list[tuple[Message, str, str]]:
        """Give every button of a chat, oldest first: its message, label and data."""
        return [
            (message, str(button["text"]), str(button["callback_data"]))
            for message in self.world.chat_messages(chat_id)
            for row in (message.inline or {}).get("inline_keyboard", [])
            for button in row
            if "callback_data" in button
        ]

    async def serve(self, name: str, given: Parameters) -> tuple[int, bytes]:
        """Answer one request, or let it fail as networks do."""
        fault = self._fault(name)
        await asyncio.sleep(self._dice.choice((0.01, 0.03, 0.08)))
        if self.is_down or fault == "before":
            raise _cut(aiohttp.ConnectionTimeoutError("connection refused"))
        match fault:
            case "flood":
                refusal = too_many_requests(self._dice.choice((1, 3, 8)))
                return refusal.code, _body(refusal.body())
            case "internal":
                return 500, _body({"ok": False, "error_code": 500, "description": "Internal"})
            case "gateway":
                return 502, BAD_GATEWAY_PAGE.encode()
            case "hang":
                await asyncio.sleep(HANG_S)
            case _:
                pass
        try:
            answer = await self._execute(name, given)
        except Refusal as refused:
            return refused.code, _body(refused.body())
        if fault in ("after", "garbage") or self.is_down:
            self.doubtful += name == "sendmessage"
            if fault == "garbage":
                return 200, GARBAGE
            raise _cut(aiohttp.ServerDisconnectedError("connection reset"))
        return 200, _body({"ok": True, "result": answer})

    def _fault(self, name: str) -> str | None:
        if self.fail_share and self._dice.random() < self.fail_share:
            fault = self._dice.choice(FAULTS)
            # A hung send may arrive after its sender has given up, and is tried again meanwhile.
            self.doubtful += fault == "hang" and name == "sendmessage"
            return fault
        return None

    async def _execute(self, name: str, given: Parameters) -> Any:
        if name == "getupdates":
            return await self._poll(given)
        action = METHODS.get(name)
        if action is None:
            raise method_not_found()
        chat_id = given.integer("chat_id")
        if name in LIMITED:
            self.world.limits.check(chat_id, self._clock.monotonic())
        answer: Any = action(self.world, given)
        if name in SHOWING and isinstance(answer, dict):
            self._show(answer, given, is_new=name == "sendmessage")
        return answer

    async def _poll(self, given: Parameters) -> Any:
        updates = await self.world.updates.poll(
            offset=given.integer("offset") or 0,
            limit=given.integer("limit") or 100,
            timeout_s=float(given.text("timeout") or 0),
            kinds=kinds_from(given.structure("allowed_updates")),
        )
        if updates:
            self._trace.note("polls", f"{[one['update_id'] for one in updates]}")
        return updates

    def hand_out(self, payload: bytes) -> None:
        """Tell of each stop that has just reached a process."""
        if not payload.startswith(b'{"ok": true'):
            return
        for update in json.loads(payload)["result"]:
            message = update.get("message")
            if message is None or message["from"]["id"] not in self.trusted:
                continue
            if message.get("text") in ("/stop", "/stop nonsense"):
                self.on_stop(f"tg:{message['chat']['id']}:{message['message_id']}")

    def _show(self, answer: dict[str, Any], given: Parameters, *, is_new: bool) -> None:
        shown = Shown(
            at_s=self._clock.monotonic(),
            chat_id=answer["chat"]["id"],
            message_id=answer["message_id"],
            text=answer.get("text", ""),
            is_new=is_new,
            is_silent=given.flag("disable_notification"),
        )
        self.shown.append(shown)
        word = "SHOWS" if is_new else "EDITS"
        line = " / ".join(shown.text.split("\n"))
        self._trace.note(word, f"{shown.chat_id} #{shown.message_id} {line}")


class SimulatedRequest(BaseRequest):
    """Hand a request over to the simulated Telegram."""

    def __init__(self, telegram: Telegram, life: Life) -> None:
        self._telegram = telegram
        self._life = life

    @property
    def read_timeout(self) -> float:
        return 10.0

    async def initialize(self) -> None:
        """Do nothing: there is no pool."""

    async def shutdown(self) -> None:
        """Do nothing: there is no pool."""

    async def do_request(  # noqa: PLR0917 - the library's own signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = None,
        write_timeout: Any = None,
        connect_timeout: Any = None,
        pool_timeout: Any = None,
    ) -> tuple[int, bytes]:
        name = url.rpartition("/")[2].lower()
        values = dict(request_data.parameters) if request_data is not None else {}
        patience_s = self.read_timeout + float(str(values.get("timeout", 0)))
        try:
            async with asyncio.timeout(patience_s):
                code, payload = await self._life.ask(
                    name, self._telegram.serve(name, Parameters(values=values))
                )
        except TimeoutError as fault:
            raise TimedOut from fault
        if name == "getupdates" and values.get("offset"):
            self._telegram.hand_out(payload)
        return code, payload


def _cut(cause: aiohttp.ClientError) -> NetworkError:
    fault = NetworkError(str(cause))
    fault.__cause__ = cause
    return fault


def _body(answer: Any) -> bytes:
    return json.dumps(answer).encode()

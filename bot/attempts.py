"""Attempts: one request to Telegram, tried in its turn until it is answered or hopeless.

DeliveryError
├── ChatBlocked         the person blocked the bot, or the chat is gone; do not try again
├── RefusedByTelegram   our request was wrong; a bug of ours, trying again changes nothing
└── Undelivered         no usable answer after every attempt; try again later
"""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.lanes import Lanes, LanesFull, Turn
from bot.telegram_http import NEVER_SENT
from engine.alerts import Lane

log = logging.getLogger(__name__)

T = TypeVar("T")
Call = Callable[[int, bool], Awaitable[T]]
"""One request: it is given the chat's present id, and whether an earlier try may have arrived."""

JITTER: Final = 0.2
MOVED_MAX: Final = 1_000
CHAT_GONE: Final = (
    "chat not found",
    "peer_id_invalid",
    "not enough rights to send",
    "user_id_invalid",
)


class DeliveryError(Exception):
    """Stand at the root of what can keep a message from its chat."""


class ChatBlocked(DeliveryError):
    """Say that this chat takes no messages of ours."""


class RefusedByTelegram(DeliveryError):
    """Say that Telegram turned a request down as wrong; the text is its reason."""


class Undelivered(DeliveryError):
    """Say that Telegram gave no usable answer; `maybe_sent` when a try may have arrived."""

    def __init__(self, reason: str, *, maybe_sent: bool = False) -> None:
        super().__init__(reason)
        self.maybe_sent = maybe_sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often Telegram is asked before a message counts as undelivered."""

    call_s: float = 10.0
    answer_s: float = 5.0
    upload_s: float = 40.0
    attempts_max: int = 4
    floods_max: int = 5
    flood_s_max: float = 60.0
    backoff_s: float = 0.5
    backoff_s_max: float = 8.0


class Attempts:
    """Run requests in their lanes; a 429 pauses its chat alone.

    `count_flood` is called for each 429; `jitter` spreads what is tried again.
    """

    def __init__(
        self,
        *,
        lanes: Lanes,
        patience: Patience,
        count_flood: Callable[[], None],
        jitter: random.Random,
    ) -> None:
        self._jitter = jitter
        self._lanes = lanes
        self._patience = patience
        self._count_flood = count_flood
        self._moved: OrderedDict[int, int] = OrderedDict()

    async def run(
        self,
        chat_id: int,
        lane: Lane,
        call: "Call[T]",
        *,
        turn: Turn | None = None,
        timeout_s: float | None = None,
    ) -> T:
        """Try a request until it succeeds; a `turn` that is held already serves the first try.

        Raises: ChatBlocked, RefusedByTelegram, Undelivered.
        """
        floods = failures = 0
        maybe_sent = False
        while True:
            chat = self._moved.get(chat_id, chat_id)
            if self._lanes.paused_s(chat) > self._patience.flood_s_max:
                raise Undelivered("Telegram wants silence in this chat", maybe_sent=maybe_sent)
            try:
                if turn is None or not turn.is_held:
                    turn = await self._lanes.turn(chat, lane)
                return await self._once(chat, turn, call, maybe_sent, timeout_s)
            except LanesFull as full:
                raise Undelivered(str(full), maybe_sent=maybe_sent) from full
            except RetryAfter as flood:
                floods += 1
                if floods > self._patience.floods_max:
                    raise Undelivered(str(flood), maybe_sent=maybe_sent) from flood
            except ChatMigrated as moved:
                floods += 1
                self._move(chat_id, moved.new_chat_id)
                if floods > self._patience.floods_max:
                    raise Undelivered(str(moved), maybe_sent=maybe_sent) from moved
            except Forbidden as blocked:
                raise ChatBlocked(str(blocked)) from blocked
            except BadRequest as refusal:
                if any(reason in str(refusal).lower() for reason in CHAT_GONE):
                    raise ChatBlocked(str(refusal)) from refusal
                raise RefusedByTelegram(str(refusal)) from refusal
            except (TelegramError, TimeoutError) as fault:
                failures += 1
                maybe_sent = maybe_sent or not isinstance(fault.__cause__, NEVER_SENT)
                reason = str(fault) or "no answer in time"
                log.info(
                    "telegram did not answer",
                    extra={"chat_id": chat, "attempt": failures, "reason": reason},
                )
                if failures >= self._patience.attempts_max:
                    raise Undelivered(reason, maybe_sent=maybe_sent) from fault
                await asyncio.sleep(self._backoff_s(failures))

    async def _once(
        self, chat: int, turn: Turn, call: "Call[T]", maybe_sent: bool, timeout_s: float | None
    ) -> T:
        with turn:
            try:
                async with asyncio.timeout(timeout_s or self._patience.call_s):
                    return await call(chat, maybe_sent)
            except RetryAfter as flood:
                # Inside the turn, so that nobody else of this chat is let out in between.
                pause_s = seconds_of(flood)
                self._lanes.pause(chat, pause_s + self._spread_s(1.0))
                self._count_flood()
                log.warning("telegram wants a pause", extra={"chat_id": chat, "pause_s": pause_s})
                raise

    def _backoff_s(self, failures: int) -> float:
        wait_s = min(self._patience.backoff_s_max, self._patience.backoff_s * (1 << (failures - 1)))
        return wait_s + self._spread_s(wait_s)

    def _spread_s(self, wait_s: float) -> float:
        return wait_s * JITTER * self._jitter.random()

    def _move(self, chat_id: int, new_chat_id: int) -> None:
        log.warning("group moved", extra={"chat_id": chat_id, "new_chat_id": new_chat_id})
        self._moved[chat_id] = new_chat_id
        while len(self._moved) > MOVED_MAX:
            self._moved.popitem(last=False)


def seconds_of(flood: RetryAfter) -> float:
    """Give the pause that a 429 asks for, in seconds."""
    # Its declared type is int until a later release; what is told depends on PTB_TIMEDELTA.
    pause: object = flood.retry_after
    return pause.total_seconds() if isinstance(pause, timedelta) else float(str(pause))

"""The poller: updates from Telegram in small batches, asked for again for ever."""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from telegram import Bot, Update
from telegram.error import Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.attempts import seconds_of
from engine.ports import Clock

log = logging.getLogger(__name__)

# Only what is served, and what tells that a stranger is about.
KINDS: Final = ("message", "edited_message", "callback_query", "my_chat_member")


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPatience:
    """How Telegram is asked; `limit` is small, since parsing a batch holds the event loop up.

    `limit_max` is Telegram's own: as far as one can look without confirming anything.
    """

    limit: int = 20
    limit_max: int = 100
    wait_s: int = 25
    read_s: float = 10.0
    backoff_s: float = 0.5
    backoff_s_max: float = 30.0
    conflict_s: float = 1.0
    conflict_s_max: float = 8.0


@dataclass(slots=True, kw_only=True)
class PollHealth:
    """Say how polling goes: `has_conflict` while another process polls with the same token."""

    answered_at: datetime | None = None
    has_conflict: bool = False
    token_refused: bool = False
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold what one answer brought, and for how long there had been none."""

    updates: Sequence[Update]
    silence_s: float


class Poller:
    """Ask until Telegram answers; no fault ends it, and each fault is said once while it lasts."""

    def __init__(
        self,
        *,
        bot: Bot,
        clock: Clock,
        patience: PollPatience | None = None,
        health: PollHealth | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._bot = bot
        self._jitter = jitter or random.Random()  # noqa: S311 - it spreads load, it guards nothing
        self._clock = clock
        self._patience = patience or PollPatience()
        self.health = health or PollHealth()
        self._answered_s = clock.monotonic()

    async def batch(self, offset: int | None, *, wait: bool, far: bool = False) -> Batch:
        """Confirm what lies before `offset` and give what follows; without `wait`, at once.

        `far` gives as much as Telegram shows at a time, where a STOP may stand behind what waits.
        """
        wait_s = self._patience.wait_s if wait else 0
        while True:
            try:
                # The library's own timeouts come first; this one holds where they do not.
                async with asyncio.timeout(wait_s + 2 * self._patience.read_s):
                    updates = await self._bot.get_updates(
                        offset=offset,
                        limit=self._patience.limit_max if far else self._patience.limit,
                        timeout=wait_s,
                        read_timeout=self._patience.read_s,
                        allowed_updates=KINDS,
                    )
            except (TelegramError, TimeoutError) as fault:
                await asyncio.sleep(self._pause_s(fault))
            else:
                return self._answered(updates)

    def _answered(self, updates: Sequence[Update]) -> Batch:
        now_s = self._clock.monotonic()
        silence_s, self._answered_s = now_s - self._answered_s, now_s
        if self.health.failures:
            log.info("telegram answers again", extra={"failures": self.health.failures})
        self.health.answered_at = self._clock.now()
        self.health.has_conflict = self.health.token_refused = False
        self.health.failures = 0
        return Batch(updates=updates, silence_s=silence_s)

    def _pause_s(self, fault: TelegramError | TimeoutError) -> float:
        """Note a fault and say how long to wait before asking again."""
        health, patience = self.health, self._patience
        health.failures += 1
        growing_s = patience.backoff_s * float(2 ** min(health.failures - 1, 10))
        pause_s = min(patience.backoff_s_max, growing_s)
        match fault:
            case RetryAfter():
                pause_s = seconds_of(fault)
            case Conflict():
                # Telegram lets the one go on that asked last, so two who ask in a rush starve both.
                growing_s = patience.conflict_s * float(2 ** min(health.failures - 1, 10))
                pause_s = min(patience.conflict_s_max, growing_s)
                if not health.has_conflict:
                    log.error("another process polls with this token; it is asked for again")
                health.has_conflict = True
            case InvalidToken() | Forbidden():
                # The fault's own text repeats the token.
                pause_s = patience.backoff_s_max
                if not health.token_refused:
                    log.critical("telegram no longer accepts the token; the chat is deaf")
                health.token_refused = True
            case _:
                if health.failures == 1:
                    log.warning("telegram does not answer", extra={"fault": type(fault).__name__})
        return pause_s * self._jitter.uniform(0.8, 1.2)

"""Plans: how the chat is reached, by whom, and what a simulation puts in its place."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from telegram import Bot

from bot.schedule import Schedule
from bot.secret import Secret
from bot.settings import OperatorSetting
from bot.telegram_api import telegram_bot


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPlan:
    """Say how the chat is reached and by whom, and which HTTP port is served.

    `port` None serves no HTTP. `tz` is the zone in which cards show times. Without `secret_key`
    nobody can have a second factor.
    """

    token: Secret
    api_url: str
    operators: tuple[OperatorSetting, ...]
    port: int | None
    metrics_token: Secret | None
    tz: tzinfo
    secret_key: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How the console reaches the world: Telegram's client, the clock's jobs, the shell's door.

    A simulation brings its own; `jitter` spreads what is asked of Telegram again, `draw` gives the
    bytes of a second factor's secret.
    """

    bot: Callable[[Secret, str], Bot] = telegram_bot
    schedule: type[Schedule] = Schedule
    has_door: bool = True
    jitter: random.Random = field(default_factory=random.Random)
    draw: Callable[[int], bytes] = secrets.token_bytes

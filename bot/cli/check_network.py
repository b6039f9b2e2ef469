"""The doctor's look at what is reached over a wire: Telegram, Redis, our own port."""

import asyncio
import errno
import socket
from typing import Final

from redis import RedisError
from redis.asyncio import Redis
from telegram.error import TelegramError

from bot.cli.findings import Finding, fail, ok, warn
from bot.secret import Secret
from bot.settings import TELEGRAM_API_URL, Settings
from bot.telegram_api import TelegramFault, check_token, telegram_bot

ANSWER_S: Final = 5.0


async def check_telegram(settings: Settings) -> list[Finding]:
    """Ask who the bot is, and whether a webhook takes its updates away."""
    if settings.telegram_token is None:
        return [fail("telegram", "TELEGRAM_BOT_TOKEN is not set.")]
    bot = telegram_bot(settings.telegram_token, settings.telegram_api_url)
    where = "" if settings.telegram_api_url == TELEGRAM_API_URL else " at TELEGRAM_API_URL"
    try:
        user = await check_token(bot)
        found = [ok("telegram", f"The bot is @{user.username}{where}.")]
        async with asyncio.timeout(ANSWER_S):
            webhook = await bot.get_webhook_info()
    except TelegramFault as fault:
        return [fail("telegram", str(fault))]
    except (TelegramError, TimeoutError) as fault:
        return [warn("telegram", f"It did not answer a second question ({type(fault).__name__}).")]
    finally:
        await bot.shutdown()
    if webhook.url:
        found.append(
            fail(
                "telegram",
                "A webhook is set, so Telegram gives run no updates. If no other program uses this "
                "bot, take it away: open <address of the Bot API>/bot<token>/deleteWebhook once.",
            )
        )
    return found


async def check_redis(url: Secret | None) -> list[Finding]:
    """Ping Redis, if it is used."""
    if url is None:
        return [ok("redis", "Not used; what it would cache is kept in the process.")]
    client = Redis.from_url(url.reveal(), socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S)
    try:
        async with asyncio.timeout(ANSWER_S * 2), client:
            await client.ping()
    except (RedisError, OSError, TimeoutError) as fault:
        return [
            fail(
                "redis",
                f"It does not answer ({type(fault).__name__}): check REDIS_URL, or leave it out.",
            )
        ]
    return [ok("redis", "It answers.")]


async def check_port(port: int | None, *, is_running: bool) -> list[Finding]:
    """Try to listen; a console that runs already holds its own port."""
    if port is None:
        return [ok("port", "PORT is not set: no HTTP is served.")]
    if port == 0:
        return [ok("port", "PORT is 0: the system chooses one.")]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - where run will listen
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE and is_running:
                return [ok("port", f"{port} is taken, as it should be while the console runs.")]
            why = "taken" if fault.errno == errno.EADDRINUSE else "not allowed to us"
            return [
                fail(
                    "port",
                    f"{port} is {why}: set PORT to a free one, or stop the program that listens "
                    "there.",
                )
            ]
    return [ok("port", f"{port} is free.")]

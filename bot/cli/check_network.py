"""The doctor's look at what is reached over a wire: Telegram, Redis, our own port."""

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from telegram.error import TelegramError

from bot.cli.findings import Finding, fail, ok, warn
from bot.secret import Secret
from bot.settings import TELEGRAM_API_URL, Settings
from bot.telegram_api import TelegramFault, check_token, telegram_bot
from storage.cache_faults import CacheFault
from storage.cache_records import Entry
from storage.cache_wire import ANSWER_S as CACHE_ANSWER_S
from storage.cache_wire import RedisWire

ANSWER_S: Final = 5.0
PROBE: Final = Entry(name="quarterdeck:doctor", payload=b"well", ttl_s=10)
PROBES: Final = 5
STREAMS_VERSION_MIN: Final = (6, 2)


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


async def check_redis(url: Secret | None, streams: Sequence[str] = ()) -> list[Finding]:
    """Write to Redis and read it back, if it is used; see whether it is quick, and fit for streams.

    `streams` names those that are switched on.
    """
    if url is None:
        return [ok("redis", "Not used; what it would cache is kept in the process.")]
    try:
        async with asyncio.timeout(ANSWER_S * 2):
            spent_s, facts = await _redis_probed(url, asks=bool(streams))
    except (CacheFault, TimeoutError) as fault:
        why = str(fault) or "Redis does not answer in time"
        return [fail("redis", f"{why}: check REDIS_URL, or leave it out; run works without it.")]
    found = _fit_for_streams(facts) if streams else []
    spent_ms = round(spent_s * 1000, 1)
    if spent_s > CACHE_ANSWER_S:
        return [
            warn(
                "redis",
                f"It answers in {spent_ms} ms, and run gives it up after "
                f"{CACHE_ANSWER_S * 1000:.0f} ms: use one that is nearer.",
            ),
            *found,
        ]
    return [ok("redis", f"It takes values in and gives them out, in {spent_ms} ms."), *found]


def _fit_for_streams(facts: Mapping[str, str]) -> list[Finding]:
    """Judge what Redis tells of itself, where signals or events run over it."""
    version = facts.get("redis_version", "")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers and numbers < STREAMS_VERSION_MIN:
        return [fail("redis", f"STREAMS needs Redis 6.2 or newer, and this is {version}.")]
    policy = facts.get("maxmemory_policy", "")
    if facts.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
        return [
            warn(
                "redis",
                f"When it is full it throws streams away (maxmemory-policy {policy}): set "
                "noeviction or a volatile policy.",
            )
        ]
    return [ok("redis", f"Streams can run over it (Redis {version}).")]


async def _redis_probed(url: Secret, *, asks: bool) -> tuple[float, Mapping[str, str]]:
    """Give the quickest of a few round trips in seconds, and what Redis tells if it is asked.

    Raises: CacheFault.
    """
    wire = RedisWire(url.reveal(), answer_s=ANSWER_S)
    now_s = asyncio.get_running_loop().time
    spent_s: list[float] = []
    try:
        await wire.write([PROBE])
        for _ in range(PROBES):
            begun_s = now_s()
            await wire.read(PROBE.name)
            spent_s.append(now_s() - begun_s)
        facts = await wire.facts() if asks else {}
    finally:
        await wire.close()
    return min(spent_s), facts


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

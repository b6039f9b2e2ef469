"""The Bot API's client: made once, with its timeouts; and the check that its token is accepted.

TelegramFault
├── TokenRefused           Telegram does not know the token; a person must correct it
└── TelegramUnreachable    no answer at the address; the network, or the address, is wrong
"""

import asyncio
import logging
import os
import ssl
from typing import Final

from httpx import create_ssl_context
from telegram import Bot, User
from telegram.error import InvalidToken, TelegramError

from bot.secret import Secret
from bot.telegram_http import TelegramHttp

CONNECT_S: Final = 5.0
READ_S: Final = 10.0
CHECK_S: Final = 15.0
CONNECTIONS_MAX: Final = 8


class TelegramFault(Exception):
    """Stand at the root of what can be wrong with the way to Telegram."""


class TokenRefused(TelegramFault):
    """Say that Telegram does not accept the token."""


class TelegramUnreachable(TelegramFault):
    """Say that nobody answers as a Bot API at the address."""


def telegram_bot(token: Secret, url: str) -> Bot:
    """Make a client for the Bot API at `url`; updates come over a connection of their own.

    It is to be closed by `shutdown()`. Nothing is asked yet.
    """
    # At INFO httpx writes every address, and the token is part of it.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # python-telegram-bot warns at every 429 unless told that its pauses are read as timedelta.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    base = url.rstrip("/")
    # One for both: to read the certificates takes 12 ms and 1 MB each time.
    certificates = create_ssl_context()
    return Bot(
        token.reveal(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=_request(CONNECTIONS_MAX, certificates),
        get_updates_request=_request(1, certificates),
    )


def _request(connections: int, certificates: ssl.SSLContext) -> TelegramHttp:
    return TelegramHttp(
        connections=connections, connect_s=CONNECT_S, read_s=READ_S, certificates=certificates
    )


async def take_updates(bot: Bot) -> None:
    """Take a webhook away that an earlier life of this bot left: with one set, nothing is polled.

    What waits at Telegram is kept; a pending STOP is among it. Raises: TelegramUnreachable.
    """
    try:
        async with asyncio.timeout(CHECK_S):
            await bot.delete_webhook(drop_pending_updates=False)
    except (TelegramError, TimeoutError) as fault:
        raise TelegramUnreachable(
            f"Telegram does not take a webhook away ({type(fault).__name__}). Try again shortly."
        ) from fault


async def check_token(bot: Bot) -> User:
    """Open the client and ask who it is. Raises: TokenRefused, TelegramUnreachable."""
    try:
        async with asyncio.timeout(CHECK_S):
            await bot.initialize()
            return await bot.get_me()
    except InvalidToken:
        # The library's own sentence repeats the token, so it must not travel on.
        raise TokenRefused(
            "Telegram does not accept TELEGRAM_BOT_TOKEN. Copy it again from @BotFather."
        ) from None
    except (TelegramError, TimeoutError) as fault:
        reason = type(fault).__name__
        raise TelegramUnreachable(
            f"Telegram does not answer ({reason}). Check the network, and TELEGRAM_API_URL if it "
            "is set."
        ) from fault

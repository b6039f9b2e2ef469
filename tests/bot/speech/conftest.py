from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.buckets import Rate, Rates
from bot.clock import SystemClock
from bot.delivery import Delivery, Patience
from bot.sandbox.chats import Group, Person
from bot.sandbox.server import Sandbox

OWNER = 4242
TRADER = 77
GROUP = -100500

SWIFT = Rates(
    overall=Rate(size=100, window_s=0.01),
    chat=Rate(size=100, window_s=0.01),
    group=Rate(size=100, window_s=0.01),
)
# Swift to ask again, yet it gives a call its time: on a busy machine half a second is soon gone.
HASTY = Patience(attempts_max=3, floods_max=3, backoff_s=0.01, backoff_s_max=0.05)


@pytest.fixture
async def phones() -> AsyncIterator[Sandbox]:
    people = [
        Person(id=OWNER, name="Olga", started=True),
        Person(id=TRADER, name="Tom", started=True),
    ]
    groups = [Group(id=GROUP, title="Desk", member_ids=(OWNER, TRADER))]
    async with Sandbox(people=people, groups=groups) as sandbox:
        yield sandbox


@asynccontextmanager
async def client_of(sandbox: Sandbox) -> AsyncIterator[Bot]:
    """Give the real python-telegram-bot client, talking to the sandbox over HTTP."""
    bot = Bot(
        sandbox.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=HTTPXRequest(connection_pool_size=8),
        get_updates_request=HTTPXRequest(connection_pool_size=1),
    )
    async with bot:
        yield bot


@pytest.fixture
async def bot(phones: Sandbox) -> AsyncIterator[Bot]:
    async with client_of(phones) as client:
        yield client


@pytest.fixture
def delivery(bot: Bot) -> Delivery:
    return Delivery(bot=bot, clock=SystemClock(), rates=SWIFT, patience=HASTY)

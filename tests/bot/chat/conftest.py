from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.bot.chat.world import GROUPS, PEOPLE, ChatWorld, console


@pytest.fixture(autouse=True)
def _timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    # python-telegram-bot warns at every 429 until its future type of retry_after is chosen.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(people=PEOPLE, groups=GROUPS) as running:
        yield running


@pytest.fixture
async def world(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[ChatWorld]:
    async with console(tmp_path, sandbox) as running:
        yield running

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest
from selenium.webdriver import Chrome
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.sandbox import Group, Person, Sandbox
from tests.bot.sandbox.browsing import CHROMIUM, DRIVER, Page, start_browser

OWNER, TRADER, STRANGER, SILENT = 4242, 77, 555019283, 31
DESK, WATCHED = -100, -200


def client(sandbox: Sandbox, token: str | None = None) -> Bot:
    """Make the real python-telegram-bot client for a sandbox."""
    return Bot(
        token or sandbox.token,
        base_url=f"{sandbox.url}/bot",
        base_file_url=f"{sandbox.url}/file/bot",
        request=HTTPXRequest(connection_pool_size=16, read_timeout=10),
        get_updates_request=HTTPXRequest(connection_pool_size=4, read_timeout=10),
    )


def png(width: int, height: int, shade: int = 120) -> bytes:
    """Draw a grey picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = (b"\0" + bytes([shade]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PEOPLE = (
    Person(id=OWNER, name="Olivia", username="owner_olivia", started=True),
    Person(id=TRADER, name="Tom", started=True),
    Person(id=STRANGER, name="Stranger", started=True),
    Person(id=SILENT, name="Never wrote"),
)
GROUPS = (
    Group(id=DESK, title="Desk", member_ids=(OWNER, TRADER), bot_is_admin=True),
    Group(id=WATCHED, title="Watched", member_ids=(OWNER,)),
)


@pytest.fixture(autouse=True)
def _timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    # python-telegram-bot warns at every 429 until its future type of retry_after is chosen.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(people=PEOPLE, groups=GROUPS) as running:
        yield running


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with client(sandbox) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver on this machine")
    driver = start_browser()
    yield driver
    driver.quit()


@pytest.fixture
async def page(browser: Chrome, sandbox: Sandbox) -> AsyncIterator[Page]:
    page = Page(browser, sandbox.url)
    await page.complaints()
    yield page
    assert await page.complaints() == []
    await asyncio.to_thread(browser.get, "about:blank")

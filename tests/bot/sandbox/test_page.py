"""The chat page in a real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
)

from bot.sandbox import Sandbox
from tests.bot.sandbox.conftest import DESK, OWNER, PEOPLE, SILENT, TRADER, client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
WAIT_S = 15
PANEL = (
    "💵 <b>LIVE</b> ⏳ <b>Buy 0.00407 BTC?</b>\n\n"
    "<code>Cost        249.26 USDT\n"
    "Stop     60,015.20    −5.49\n"
    "Target   63,689.60    +9.45</code>\n"
    "<blockquote>Risk <b>5.49 USDT</b></blockquote>\n"
    "Until <b>14:33:05</b> · <code>T-7K4M</code>"
)
CONFIRM = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton("Confirm LIVE buy", callback_data="t:ok", style="success")],
        [
            InlineKeyboardButton("Edit size", callback_data="t:edit"),
            InlineKeyboardButton("Cancel", callback_data="t:no"),
        ],
    ]
)
KEYS = ReplyKeyboardMarkup(
    [[KeyboardButton("Status")], [KeyboardButton("⛔ STOP", style="danger")]], is_persistent=True
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no Chromium with its driver on this machine"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--window-size=360,800",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    # Chromium's window is never narrower than 500 pixels; a phone is.
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True},
    )
    yield driver
    driver.quit()


class Page:
    """The page as a finger and an eye have it; every call runs beside the sandbox's loop."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self._browser = browser
        self._url = url

    async def open(self, person: int, chat: int = 0) -> None:
        await asyncio.to_thread(self._browser.get, "about:blank")
        await asyncio.to_thread(self._browser.get, f"{self._url}/#{person}/{chat}")
        await self.see("#status", "bot")

    async def see(self, selector: str, text: str) -> WebElement:
        """Wait until an element that fits shows a text."""

        def find(driver: webdriver.Chrome) -> WebElement | None:
            for element in driver.find_elements(By.CSS_SELECTOR, selector):
                try:
                    if text in element.text and element.is_displayed():
                        return element
                except StaleElementReferenceException:
                    continue
            return None

        wait = WebDriverWait(self._browser, WAIT_S, poll_frequency=0.02)
        found = await asyncio.to_thread(
            lambda: wait.until(find, f"{selector} never showed {text!r}")
        )
        assert found is not None
        return found

    async def gone(self, selector: str) -> None:
        """Wait until nothing that fits is shown."""

        def hidden(driver: webdriver.Chrome) -> bool:
            shown = driver.find_elements(By.CSS_SELECTOR, selector)
            return not any(one.is_displayed() for one in shown)

        wait = WebDriverWait(self._browser, WAIT_S, poll_frequency=0.02)
        await asyncio.to_thread(lambda: wait.until(hidden, f"{selector} is still shown"))

    async def tap(self, selector: str, text: str = "") -> None:
        await asyncio.to_thread((await self.see(selector, text)).click)

    async def write(self, text: str) -> None:
        await asyncio.to_thread((await self.see("#text", "")).send_keys, text)

    async def run(self, script: str) -> object:
        answer: object = await asyncio.to_thread(self._browser.execute_script, script)
        return answer

    async def texts(self, selector: str) -> list[str]:
        script = f"return [...document.querySelectorAll('{selector}')].map(e => e.innerText)"
        found = await self.run(script)
        assert isinstance(found, list)
        return found

    async def complaints(self) -> list[str]:
        log = await asyncio.to_thread(self._browser.get_log, "browser")
        return [one["message"] for one in log if one["level"] == "SEVERE"]


@pytest.fixture
async def page(browser: webdriver.Chrome, sandbox: Sandbox) -> AsyncIterator[Page]:
    page = Page(browser, sandbox.url)
    await page.complaints()
    yield page
    assert await page.complaints() == []
    await asyncio.to_thread(browser.get, "about:blank")


async def test_a_person_writes_presses_and_sees_the_edit_live(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    # given a phone and a bot that answers
    await page.open(OWNER)
    await page.write("/buy btc 250 usdt\n")
    (update,) = await bot.get_updates(timeout=10)
    assert update.message is not None
    assert update.message.text == "/buy btc 250 usdt"
    sent = await bot.send_message(OWNER, PANEL, parse_mode="HTML", reply_markup=CONFIRM)

    # when the button is tapped, it waits for the answer
    await page.tap(".row button.success", "Confirm LIVE buy")
    (update,) = await bot.get_updates(offset=update.update_id + 1, timeout=10)
    assert update.callback_query is not None
    assert await page.run("return document.querySelectorAll('[aria-busy=true]').length") == 1

    # then the answer and the edit show without a reload
    await update.callback_query.answer("On its way")
    await page.see("#toast", "On its way")
    await bot.edit_message_text("✅ <b>Confirmed</b>", OWNER, sent.message_id, parse_mode="HTML")
    await page.see(".bubble", "Confirmed")
    assert await page.texts(".buttons") == []
    assert "edited" in (await page.texts(".theirs .meta"))[-1]


async def test_a_panel_keeps_its_27_columns_on_360_pixels(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    await bot.send_message(OWNER, PANEL, parse_mode="HTML", reply_markup=CONFIRM)
    await page.see(".panel", "Target")

    assert await page.run("return innerWidth") == 360
    tops = "[...document.querySelector('.panel').getClientRects()].map(r => Math.round(r.top))"
    assert await page.run(f"return new Set({tops}).size") == 3
    assert await page.run(
        "const p = document.querySelector('.panel').getBoundingClientRect();"
        "const b = document.querySelector('.bubble').getBoundingClientRect();"
        "return p.left >= b.left && p.right <= b.right"
    )
    assert await page.run(
        "return document.documentElement.scrollWidth === 360"
        " && document.querySelector('#scroll').scrollWidth <= 360"
    )
    assert (await page.texts(".panel"))[0].split("\n")[1] == "Stop     60,015.20    −5.49"


async def test_an_alert_is_a_window_with_one_button(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    query = await sandbox.press(OWNER, sent.message_id, "Confirm")
    await bot.answer_callback_query(query, "Already used. This tap did nothing.", show_alert=True)
    await page.see("#alert[open] p", "Already used")
    await page.tap("#alert button", "OK")
    assert await page.run("return document.querySelector('#alert').open") is False


async def test_the_pinned_bar_shows_the_first_line_as_it_is_now(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    board = await bot.send_message(OWNER, "ACTIVE at 14:32\nEquity 10,000")
    await bot.pin_chat_message(OWNER, board.message_id)
    await page.see("#pinned-line", "ACTIVE at 14:32")
    await bot.edit_message_text("HALTED at 14:40\nEquity 9,990", OWNER, board.message_id)
    await page.see("#pinned-line", "HALTED at 14:40")
    assert await page.texts("#pinned-line") == ["HALTED at 14:40"]
    await bot.delete_message(OWNER, board.message_id)
    await page.gone("#pinned")


async def test_the_keyboard_sends_its_text_and_the_menu_its_command(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    await page.open(OWNER)
    await bot.set_my_commands([BotCommand("status", "The board"), BotCommand("stop", "Halt")])
    await bot.send_message(OWNER, "Ready", reply_markup=KEYS)
    await page.tap("#keys button.danger", "STOP")
    await sandbox.wait_for_message(lambda one: one.text == "⛔ STOP")
    await page.see("#menu-key", "/")
    await page.write("/st")
    assert [one.split()[0] for one in await page.texts("#menu button")] == ["/status", "/stop"]
    await page.tap("#menu button", "/stop")
    await sandbox.wait_for_message(lambda one: one.text == "/stop")


async def test_a_new_chat_is_begun_by_one_tap(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await page.open(SILENT)
    await page.tap("#start", "Start")
    (update,) = await bot.get_updates(timeout=10)
    assert update.message is not None
    assert update.message.text == "/start"
    await page.gone("#start")
    await bot.send_message(SILENT, "Ready")
    await page.see(".bubble", "Ready")


async def test_silent_messages_do_not_ring(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    await bot.send_message(OWNER, "quiet", disable_notification=True)
    await page.see(".bubble", "quiet")
    assert await page.run("return document.querySelectorAll('.rings').length") == 0
    await bot.send_message(OWNER, "loud")
    await page.see(".rings .bubble", "loud")


async def test_no_text_becomes_markup(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    hostile = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"
    link = InlineKeyboardMarkup([[InlineKeyboardButton(hostile, callback_data="x")]])
    await bot.send_message(OWNER, hostile, reply_markup=link)
    await page.see(".bubble", hostile)
    await page.see(".row button", hostile)
    count = "document.querySelectorAll('#messages img, #messages script').length"
    assert await page.run(f"return {count}") == 0
    assert await page.run("return document.title") == "Quarterdeck · Olivia"


async def test_each_person_sees_their_own_chats(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await bot.send_message(OWNER, "for the owner")
    await bot.send_message(DESK, "for the desk")
    await page.open(TRADER)
    assert await page.texts(".theirs .body") == []
    await page.run(
        "const s = document.querySelector('#chat'); s.value = '-100';"
        "s.dispatchEvent(new Event('change'))"
    )
    await page.see(".bubble", "for the desk")
    await page.write("seen\n")
    seen = await sandbox.wait_for_message(lambda one: one.text == "seen")
    assert (seen.chat_id, seen.sender_id) == (DESK, TRADER)


async def test_the_page_finds_back_after_a_restart(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    async with Sandbox(people=PEOPLE, folder=tmp_path) as first, client(first) as bot:
        page = Page(browser, first.url)
        await page.open(OWNER)
        await bot.send_message(OWNER, "before")
        await page.see(".bubble", "before")
    await page.see("#status.lost", "connecting")
    async with Sandbox(people=PEOPLE, folder=tmp_path, port=first.port) as second:
        async with client(second) as bot:
            await page.see("#status", "bot")
            await bot.send_message(OWNER, "after")
            await page.see(".bubble", "after")
        assert [one.split("\n")[0] for one in await page.texts(".theirs .body")] == [
            "before",
            "after",
        ]
        await asyncio.to_thread(browser.get, "about:blank")

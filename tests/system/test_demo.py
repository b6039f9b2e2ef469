"""`quarterdeck demo` as a person meets it: started, used with a thumb, ended, started again."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from bot.sandbox import SandboxClient
from tests.bot.sandbox.browsing import CHROMIUM, DRIVER, Page, start_browser
from tests.system.console import OWNER, ConsoleProcess, environment, quarterdeck, until

pytestmark = pytest.mark.system
FOLDER = "try"
QUIET = ("demo", "--no-browser", "--folder", FOLDER)


@asynccontextmanager
async def demo(folder: Path, *more: str) -> AsyncIterator[ConsoleProcess]:
    """Start a demo in a folder and see it end."""
    console = ConsoleProcess(
        folder=folder,
        env=environment(folder),
        arguments=(*QUIET, "--port", "0", *more),
        database=f"{FOLDER}/quarterdeck.db",
    )
    try:
        yield console
    finally:
        await console.gone()


async def address(console: ConsoleProcess) -> str:
    """Start it and give the address that it prints."""
    await console.spawn()
    await until(lambda: said(console) == console.lives, f"it never said where: {console.log}")
    return str(re.findall(r"The chat is at (\S+)", console.out)[-1])


def said(console: ConsoleProcess) -> int:
    return len(re.findall(r"The chat is at \S+\n", console.out))


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver on this machine")
    driver = start_browser()
    yield driver
    driver.quit()


def picture(browser: Chrome, folder: Path, name: str) -> None:
    (folder / f"{name}.png").write_bytes(browser.get_screenshot_as_png())


@pytest.mark.browser
async def test_a_thumb_buys_closes_stops_and_flattens_on_the_page(
    browser: Chrome, tmp_path: Path
) -> None:
    async with demo(tmp_path, "--seed", "7") as console:
        page = Page(browser, await address(console))
        await page.open(OWNER, OWNER)
        await page.see(".bubble", "Try three things")
        picture(browser, tmp_path, "1-greeting")

        await page.write("/buy btc 300 usdt sl 2%\n")
        await page.tap(".row button", "Confirm paper buy")
        await page.see(".bubble", "Bought")
        picture(browser, tmp_path, "2-bought")
        await page.write("/positions\n")
        await page.tap(".row button", "1 BTC")
        await page.tap(".row button", "Close 100%")
        await page.see(".bubble", "Sold")
        picture(browser, tmp_path, "3-closed")
        await page.write("/buy eth 300 usdt\n")
        await page.tap(".row button", "Confirm paper buy")
        await until(
            lambda: (
                console.rows("select symbol from positions where closed_at is null")
                == [("ETH/USDT",)]
            ),
            "the second position never stood",
        )
        await page.tap("#keys button.danger", "STOP")
        await page.see(".bubble", "HALTED at")
        picture(browser, tmp_path, "4-stopped")
        await page.tap(".row button", "Flatten everything")
        await page.see(".bubble", "FLAT, verified")
        picture(browser, tmp_path, "5-flat")

        assert await page.complaints() == []
        assert await console.terminate() == 0
        await console.verified()


async def test_a_demo_ends_in_good_order_and_goes_on_where_it_left_off(tmp_path: Path) -> None:
    async with demo(tmp_path) as console:
        async with SandboxClient(await address(console)) as chat:
            greeting = await chat.wait_for_text("Try three things", chat_id=OWNER)
            assert [f"{n}. " in greeting.text for n in (1, 2, 3)] == [True] * 3
            await chat.say(OWNER, "/buy btc 150 usdt")
            await chat.wait_for_text("Bought", chat_id=OWNER)
            before = len(await chat.messages(OWNER))
        assert await console.terminate() == 0
        seed = console.rows("select name, value from notes where scope = 'demo'")

        async with SandboxClient(await address(console)) as chat:
            kept = await chat.messages(OWNER)
            assert len(kept) >= before
            asked = await chat.say(OWNER, "/positions")
            listed = await chat.wait_for_text("1 position", chat_id=OWNER, after=asked)
            assert "BTC" in listed.text
            greetings = [one for one in await chat.messages(OWNER) if "Try three" in one.text]
            assert len(greetings) == 1
        assert console.rows("select name, value from notes where scope = 'demo'") == seed
        assert "level=error" not in console.log
        assert await console.terminate() == 0
        await console.verified()


async def test_a_second_demo_in_the_same_folder_is_one_sentence(tmp_path: Path) -> None:
    async with demo(tmp_path) as console:
        await address(console)

        second = await quarterdeck(*QUIET, "--port", "0", folder=tmp_path, env=console.env)

        assert (second.code, len(second.sentences)) == (2, 1), second.err
        assert "in use" in second.err


async def test_a_port_that_was_chosen_and_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = await quarterdeck(
            *QUIET, "--port", port, folder=tmp_path, env=environment(tmp_path)
        )

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
    assert port in ended.err


async def test_a_damaged_chat_of_the_demo_is_one_sentence(tmp_path: Path) -> None:
    async with demo(tmp_path) as console:
        await address(console)
        assert await console.terminate() == 0
    (tmp_path / FOLDER / "chat" / "sandbox.sqlite3").write_bytes(b"no database " * 1000)

    ended = await quarterdeck(*QUIET, "--port", "0", folder=tmp_path, env=environment(tmp_path))

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err

"""Take the README's pictures from the real demo: `make tour`, or `python -m tests.tour FOLDER`.

A Chromium that is a phone of 360 x 800 looks at the chat page while a short scene is played.
"""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from selenium.webdriver import Chrome

from tests.bot.sandbox.browsing import CHROMIUM, DRIVER, Page, start_browser
from tests.system.console import OWNER, ROOT, ConsoleProcess, environment, until
from tests.tour.packing import packed

FOLDER: Final = ROOT / "docs" / "pictures"
WIDTH, HEIGHT, SCALE = 360, 800, 2
BYTES_MAX: Final = 150_000
# One seed, so that the prices of today's pictures are those of tomorrow's.
DEMO: Final = ("demo", "--no-browser", "--folder", "tour", "--port", "0", "--seed", "7")
# A new card glows for two seconds.
REST_S: Final = 2.5


class PictureTooLarge(Exception):
    """Refuse a picture that makes the README slow to read; make the screen or the scale smaller."""


def phone() -> Chrome:
    """Start the browser as a phone of the README's size."""
    browser = start_browser()
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": True},
    )
    return browser


async def take(browser: Chrome, folder: Path, name: str) -> None:
    """Write what the phone shows. Raises: PictureTooLarge."""
    await asyncio.sleep(REST_S)
    shot = await asyncio.to_thread(browser.get_screenshot_as_png)
    picture = await asyncio.to_thread(packed, shot)
    file = folder / f"{name}.png"
    if len(picture) > BYTES_MAX:
        raise PictureTooLarge(f"{file.name} has {len(picture)} bytes, more than {BYTES_MAX}")
    file.write_bytes(picture)
    sys.stdout.write(f"{file.name}: {len(picture)} bytes\n")


async def play(browser: Chrome, url: str, folder: Path) -> None:
    """Play the README's scene: a ticket, its fill, the stop."""
    page = Page(browser, url)
    await page.open(OWNER, OWNER)
    await page.see(".note", "pinned")

    await page.write("/buy eth 400 usdt sl 2% tp 4%\n")
    await page.see(".row button", "Confirm paper buy")
    await take(browser, folder, "ticket")

    await page.tap(".row button", "Confirm paper buy")
    await page.see(".bubble", "Bought")
    await take(browser, folder, "filled")

    await page.tap("#keys button.danger", "STOP")
    await page.see(".bubble", "HALTED at")
    await take(browser, folder, "stop")


async def tour(folder: Path) -> None:
    """Run the demo on a journal of its own and take every picture."""
    with tempfile.TemporaryDirectory() as home:
        console = ConsoleProcess(
            folder=Path(home), env=environment(Path(home)), arguments=DEMO, database="tour"
        )
        browser = await asyncio.to_thread(phone)
        try:
            await console.spawn()
            await until(lambda: "The chat is at" in console.out, f"no chat page: {console.log}")
            (url,) = re.findall(r"The chat is at (\S+)", console.out)
            await play(browser, url, folder)
            await console.terminate()
        finally:
            await asyncio.to_thread(browser.quit)
            await console.gone()


def main() -> int:
    """Take the pictures into the folder that was named, or the README's."""
    if CHROMIUM is None or DRIVER is None:
        sys.stderr.write("No Chromium with its chromedriver was found; the pictures need both.\n")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(tour(folder))
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())

"""The chat page in a real browser, as a finger and an eye have it."""

import asyncio
import shutil

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
WAIT_S = 15


def start_browser() -> Chrome:
    """Start a headless Chromium that is a phone of 360 x 800."""
    options = ChromeOptions()
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
    driver = Chrome(options=options, service=Service(DRIVER))
    # Chromium's window is never narrower than 500 pixels; a phone is.
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True},
    )
    return driver


class Page:
    """The page as a finger and an eye have it; every call runs beside the sandbox's loop."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self._browser = browser
        self._url = url

    async def open(self, person: int, chat: int = 0) -> None:
        await asyncio.to_thread(self._browser.get, "about:blank")
        await asyncio.to_thread(self._browser.get, f"{self._url}/#{person}/{chat}")
        await self.see("#status", "bot")

    async def see(self, selector: str, text: str) -> WebElement:
        """Wait until an element that fits shows a text."""

        def find(driver: Chrome) -> WebElement | None:
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

        def hidden(driver: Chrome) -> bool:
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

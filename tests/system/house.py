"""The whole house in one test: local Telegram, local exchange, and the real process between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bot.sandbox import Group, Sandbox
from tests.system.console import (
    METRICS_TOKEN,
    OPERATORS,
    OWNER,
    OWNER_TOO,
    PEOPLE,
    STRANGER,
    TRADER,
    VIEWER,
    ConsoleProcess,
    Phone,
    environment,
)
from tests.system.exchange import LiveBinance

DESK = -100
GROUPS = (Group(id=DESK, title="Desk", member_ids=(OWNER, OWNER_TOO, TRADER, STRANGER)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a drill holds."""

    sandbox: Sandbox
    exchange: LiveBinance
    console: ConsoleProcess
    owner: Phone
    owner_too: Phone
    trader: Phone
    viewer: Phone
    stranger: Phone

    async def bind(self, *phones: Phone) -> None:
        """Let people say /start, so that alerts reach them, and wait for their greetings."""
        for phone in phones:
            await phone.say("/start")
        await asyncio.gather(*(phone.see("Try three things") for phone in phones))

    def position(self, symbol: str) -> Decimal | None:
        """Give the net quantity of a symbol as the journal's table has it."""
        rows = self.console.rows(
            "select quantity from positions where symbol = ? and closed_at is null", symbol
        )
        return Decimal(str(rows[0][0])) if rows else None


def settings_of(sandbox: Sandbox, exchange: LiveBinance, **more: str) -> dict[str, str]:
    """Give what `run` needs to stand between the two."""
    return {
        "TELEGRAM_BOT_TOKEN": sandbox.token,
        "TELEGRAM_API_URL": sandbox.url,
        "OPERATORS": OPERATORS,
        "BINANCE_API_URL": exchange.url,
        **more,
    }


@asynccontextmanager
async def house(folder: Path, *, started: bool = True, **more: str) -> AsyncIterator[House]:
    """Put the house up in a folder; `more` are settings of the process."""
    async with (
        LiveBinance() as exchange,
        Sandbox(people=PEOPLE, groups=GROUPS, folder=folder / "telegram") as sandbox,
    ):
        env = environment(folder, **settings_of(sandbox, exchange, **more))
        console = ConsoleProcess(folder=folder, env=env)
        phones = {
            name: Phone(sandbox=sandbox, user_id=user_id)
            for name, user_id in (
                ("owner", OWNER), ("owner_too", OWNER_TOO), ("trader", TRADER),
                ("viewer", VIEWER), ("stranger", STRANGER),
            )
        }  # fmt: skip
        try:
            if started:
                await console.start(sandbox)
            yield House(sandbox=sandbox, exchange=exchange, console=console, **phones)
        finally:
            await console.gone()


__all__ = ["DESK", "METRICS_TOKEN", "House", "house", "settings_of"]

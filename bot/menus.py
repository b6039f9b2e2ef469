"""Menus: the commands that Telegram offers to each operator, by role."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import TelegramError

from bot.access import ALLOWED, COMMANDS
from engine.commands import Role

log = logging.getLogger(__name__)

CALL_S: Final = 10.0
AGAIN_S: Final = 60.0
AGAIN_S_MAX: Final = 3600.0
DESCRIPTIONS: Final[Mapping[str, str]] = {
    "stop": "Halt new entries at once",
    "flatten": "Close everything and verify",
    "status": "The account at a glance",
    "positions": "What is held, with close buttons",
    "orders": "What is open, with cancel buttons",
    "buy": "Buy: btc 250 usdt sl 2%",
    "sell": "Sell what is held: eth 50%",
    "close": "Close a position: btc 50%",
    "cancel": "Cancel an order, or all entries",
    "balance": "Cash and holdings",
    "pnl": "Profit and loss",
    "performance": "Slippage, latency, success",
    "signals": "What was wished for lately",
    "risk": "Every limit and its use",
    "resume": "Allow entries again",
    "alerts": "What this chat is told",
    "audit": "Who did what",
    "venues": "How the venues answer",
    "chart": "Candles: btc 1h",
    "mode": "Paper or live",
    "help": "Every command, with examples",
    "start": "Begin, and bind this chat",
}


def menu_of(role: Role) -> tuple[BotCommand, ...]:
    """Give the commands that a role may run, the most urgent first."""
    return tuple(
        BotCommand(name, text)
        for name, text in DESCRIPTIONS.items()
        if COMMANDS[name] in ALLOWED[role]
    )


class Menus:
    """Set each operator's menu; who has never written to the bot cannot have one yet."""

    def __init__(self, *, bot: Bot, operators: Mapping[int, Role]) -> None:
        self._bot = bot
        self._operators = operators
        self._set: set[int] = set()

    async def set_for(self, user_id: int, role: Role) -> bool:
        """Set one person's menu; False when Telegram did not take it, which hurts nobody."""
        try:
            async with asyncio.timeout(CALL_S):
                await self._bot.set_my_commands(menu_of(role), scope=BotCommandScopeChat(user_id))
        except (TelegramError, TimeoutError) as fault:
            log.info("menu not set", extra={"user_id": user_id, "reason": type(fault).__name__})
            return False
        self._set.add(user_id)
        return True

    async def run(self) -> None:
        """Set every menu, trying again less and less often for who has none."""
        pause_s = AGAIN_S
        while True:
            for user_id, role in self._operators.items():
                if user_id not in self._set:
                    await self.set_for(user_id, role)
            if self._set >= self._operators.keys():
                return
            await asyncio.sleep(pause_s)
            pause_s = min(AGAIN_S_MAX, pause_s * 2)

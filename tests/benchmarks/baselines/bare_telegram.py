"""Bare python-telegram-bot: an Application with its updater and a handler for each wish.

Updates are handled side by side, people are told apart by their ids, and a slow venue call holds
nobody up. What is asked is not stored, checked or limited, and a kill forgets it.

    python -m tests.benchmarks.baselines.bare_telegram

TELEGRAM_BOT_TOKEN, TELEGRAM_API_URL, OPERATORS (ids), WATCHER (a chat), and where prices are to be
followed QUOTES (host:port), with HANGING venue calls beside them.
"""

import asyncio
import logging
import os
import signal
import time
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    filters,
)

VENUE_S = 0.05
Context = ContextTypes.DEFAULT_TYPE


class Desk:
    """Hold what the bot knows: whether trading is halted, and the last prices."""

    def __init__(self, watcher: int) -> None:
        self.halted = False
        self.prices: dict[str, object] = {}
        self.watcher = watcher
        self.hanging: list[asyncio.Task[bool]] = []

    async def status(self, update: Update, _context: Context) -> None:
        assert update.message is not None
        keys = InlineKeyboardMarkup([[InlineKeyboardButton("Refresh", callback_data="status")]])
        words = "halted" if self.halted else "active"
        await update.message.reply_text(f"Trading is {words}.", reply_markup=keys)

    async def tapped(self, update: Update, _context: Context) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer()

    async def buy(self, update: Update, context: Context) -> None:
        assert update.message is not None
        if self.halted:
            await update.message.reply_text("Halted.")
            return
        await asyncio.sleep(VENUE_S)
        filled_at = time.time()
        await context.bot.send_message(self.watcher, f"Filled at {filled_at:.6f}")

    async def stop(self, update: Update, _context: Context) -> None:
        assert update.message is not None
        self.halted = True
        await update.message.reply_text("HALTED: no new entries.")

    async def resume(self, update: Update, _context: Context) -> None:
        assert update.message is not None
        self.halted = False
        await update.message.reply_text("ACTIVE")

    async def load(self, calls: int, quotes: str) -> None:
        """Let venue calls hang, and follow prices."""
        self.hanging = [asyncio.create_task(asyncio.Event().wait()) for _ in range(calls)]
        # Two hundred milliseconds of ccxt, for whoever follows prices only.
        from tests.benchmarks.quote_stream import tickers  # noqa: PLC0415 - see above

        async for symbol, ticker in tickers(quotes):
            self.prices[symbol] = ticker


def application(token: str, url: str, operators: list[int], desk: Desk) -> Any:
    """Wire the handlers."""
    built = (
        ApplicationBuilder().token(token).base_url(f"{url}/bot").concurrent_updates(True).build()
    )
    ours = filters.User(user_id=operators)
    for name in ("status", "buy", "stop", "resume"):
        built.add_handler(CommandHandler(name, getattr(desk, name), filters=ours))
    built.add_handler(CallbackQueryHandler(desk.tapped))
    return built


async def serve(built: Application[Any, Any, Any, Any, Any, Any], desk: Desk) -> None:
    """Poll until a signal ends it."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with built:
        await built.start()
        assert built.updater is not None
        await built.updater.start_polling(timeout=25)
        quotes = os.environ.get("QUOTES")
        loading = (
            asyncio.create_task(desk.load(int(os.environ["HANGING"]), quotes)) if quotes else None
        )
        await stopping.wait()
        if loading is not None:
            loading.cancel()
        await built.updater.stop()
        await built.stop()


def main() -> None:
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    logging.basicConfig(level=logging.WARNING)
    desk = Desk(int(os.environ["WATCHER"]))
    operators = [int(each) for each in os.environ["OPERATORS"].split(",")]
    token, url = os.environ["TELEGRAM_BOT_TOKEN"], os.environ["TELEGRAM_API_URL"]
    asyncio.run(serve(application(token, url, operators, desk), desk))


if __name__ == "__main__":
    main()

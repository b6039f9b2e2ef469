"""The local exchange with the clock of this machine, and a hand on its prices."""

import time
from decimal import Decimal

from aiohttp import web

from tests.exchange.binance import LocalBinance


class LiveBinance(LocalBinance):
    """Serve prices of today: the process has a clock of its own."""

    def move(self, base: str, bid: str, *, spread: str = "0.10") -> None:
        """Let the market be somewhere else from now on."""
        pair = self.pairs[f"{base}USDT"]
        pair.bid, pair.ask = Decimal(bid), Decimal(bid) + Decimal(spread)

    async def _swap_book_ticker(self, request: web.Request) -> web.Response:
        self.book_time_ms = int(time.time() * 1000)
        return await super()._swap_book_ticker(request)

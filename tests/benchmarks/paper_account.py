"""The paper account that whole engines are measured on: five symbols at 100, and wide limits."""

from dataclasses import replace
from decimal import Decimal

from bot.clock import SystemClock
from engine import SignalAction, TradingSignal
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from tests.benchmarks.account import VENUE, WIDE

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT")
CASH = Decimal(100_000_000)
# Nobody renews these quotes, so they must not grow stale while the run lasts.
PATIENT = replace(WIDE, quote_age_s_max=3600)


def market() -> ManualMarket:
    """Quote the catalogue's five symbols at 100, and at nothing else."""
    made = ManualMarket(instruments=catalogue(VENUE).values(), clock=SystemClock())
    for symbol in SYMBOLS:
        made.set(symbol, Decimal("99.99"), Decimal("100.01"))
    return made


def wish(number: int, *, symbols: int = len(SYMBOLS)) -> TradingSignal:
    """Buy for an amount of its own, so that no two orders are duplicates."""
    return TradingSignal(
        symbol=SYMBOLS[number % symbols],
        action=SignalAction.BUY,
        quantity=Decimal(1) + Decimal(number) / 10,
        confidence=0.8,
    )

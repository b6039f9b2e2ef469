"""A small paper account for the tests of the shell's commands: simulated prices, a real file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from bot.assembly import AccountPlan, Assembly, assembled
from bot.clock import SystemClock
from engine import SignalAction, TradingSignal
from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.identities import instrument_key
from engine.markets.simulated import SimulatedMarket
from engine.orders import Order
from engine.quotes import Quote
from engine.risk_limits import RiskLimits

SEED = 7


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'quarterdeck.db'}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def text_of(path: Path) -> str:
    return path.read_text()


def account(url: str, *, venue: str = "binance") -> Assembly:
    clock = SystemClock()
    plan = AccountPlan(
        database_url=url,
        accounts=(venue,),
        market=f"simulated:{SEED}",
        currency="USDT",
        cash=Decimal(10000),
        limits=RiskLimits(),
        confirm=ConfirmPolicy(mode=ConfirmMode.NEVER),
    )
    return assembled(plan, SimulatedMarket(venue=venue, clock=clock, seed=SEED), clock)


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Assembly]:
    assembly = account(url)
    await assembly.start()
    try:
        yield assembly
    finally:
        await assembly.stop()


async def buy(assembly: Assembly, symbol: str = "BTC/USDT", notional: int = 300) -> None:
    await _quoted(assembly, f"binance:{symbol}")
    signal = TradingSignal(symbol=symbol, action=SignalAction.BUY, notional=Decimal(notional))
    result = await assembly.engine.execute_signal(signal)
    assert result.success, result.error


async def _quoted(assembly: Assembly, key: str) -> None:
    came = asyncio.Event()
    assembly.market.subscribe(lambda quote: came.set() if quote_key(quote) == key else None)
    assembly.market.follow(key)
    async with asyncio.timeout(10):
        await came.wait()


def quote_key(quote: Quote) -> str:
    return instrument_key(quote.venue, quote.symbol)


async def rest(assembly: Assembly, symbol: str = "ETH/USDT") -> Order:
    """Leave a limit order resting far below the market."""
    bid = assembly.market.latest()[f"binance:{symbol}"].bid
    signal = TradingSignal(
        symbol=symbol,
        action=SignalAction.BUY,
        notional=Decimal(200),
        price_limit=(bid * Decimal("0.9")).quantize(Decimal(1)),
    )
    engine = assembly.engine
    command = c.SubmitSignal(
        command_id=f"test:{symbol}",
        actor=c.Actor(kind=c.ActorKind.PROGRAM, name="test"),
        at=assembly.clock.now(),
        signal=signal,
        venue="binance",
    )
    accepted = asyncio.Event()
    engine.loop.subscribe(
        lambda event, *_: accepted.set() if isinstance(event, e.OrderAccepted) else None
    )
    receipt = await engine.send(command)
    (order,) = [each.order for each in receipt.events if isinstance(each, e.OrderSubmitted)]
    async with asyncio.timeout(10):
        await accepted.wait()
    return order


async def traded(url: str) -> None:
    """Trade a little, and end in good order with a position open."""
    async with running(url) as assembly:
        await buy(assembly)
        await buy(assembly, "ETH/USDT:USDT", 400)
        result = await assembly.engine.close_position("BTC/USDT", percent=40)
        assert result.success, result.error

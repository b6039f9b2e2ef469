"""Candles of the simulated market: the seeded prices themselves, looked at a few times in each."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from engine.candles import EPOCH, MILLISECOND, Candle, CandlePage, Series
from engine.instruments import Instrument, Toward
from engine.markets.noise import ONE, noise

PAGE_MAX = 200
LOOKS = 4
TURNOVER_NOTIONAL_PER_S = Decimal(2000)


async def simulated_candles(
    series: Series,
    since: datetime,
    *,
    count: int,
    instrument: Instrument,
    mid: Callable[[datetime], Decimal],
    now: datetime,
) -> CandlePage:
    """Give the final candles that begin at or after a time, at most 200.

    A candle's close is the next one's open; its high and low are those of five looks at the price.
    Each candle is a millisecond or two of computing, and everybody else comes before the next one.
    """
    length = series.timeframe.length
    count = min(count, PAGE_MAX)
    begin = at = series.timeframe.ceil(since)
    until = min(begin + length * count, series.timeframe.final_until(now))
    found: list[Candle] = []
    opened = None if at >= until else _looked(instrument, mid, at)
    while opened is not None and at < until:
        step = length / LOOKS
        looks = [opened, *(_looked(instrument, mid, at + step * look) for look in range(1, LOOKS))]
        close = _looked(instrument, mid, at + length)
        looks.append(close)
        found.append(
            Candle(
                opened_at=at,
                open=opened,
                high=max(looks),
                low=min(looks),
                close=close,
                volume=_volume(series, instrument, opened, at),
            )
        )
        opened, at = close, at + length
        await asyncio.sleep(0)
    if not found:
        return CandlePage(candles=(), count=count)
    return CandlePage(candles=tuple(found), begin=begin, reach=at, count=count)


def _looked(instrument: Instrument, mid: Callable[[datetime], Decimal], at: datetime) -> Decimal:
    return instrument.price_rounded(mid(at), Toward.DOWN)


def _volume(series: Series, instrument: Instrument, price: Decimal, at: datetime) -> Decimal:
    """Give a turnover between none and twice the usual, in base currency."""
    time_ms = (at - EPOCH) // MILLISECOND
    height = noise(f"volume {series.symbol}", time_ms, octaves=(3, 5))
    # the two octaves together stay within (2**3 + 2**5) / 60 of ONE
    share = Decimal(height * 60 + 40 * ONE) / (40 * ONE)
    seconds = Decimal(int(series.timeframe.length.total_seconds()))
    return instrument.quantity_rounded(TURNOVER_NOTIONAL_PER_S * seconds * share / price)

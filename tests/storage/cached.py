"""Records, and a Redis cache to put them into."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.clock import SystemClock
from engine.markets.catalogue import catalogue
from engine.orders import OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.quotes import Quote
from storage.cache import Cache
from storage.cache_records import Key, MarketRecord, OrderRecord, Record, RecordT
from storage.cache_redis import RedisCache

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
JOURNAL = "5f1c0de5f1c0de55"
FOUND_S = 20.0

QUOTE = Quote(
    venue="binance",
    symbol="BTC/USDT",
    bid=Decimal("61000.10"),
    ask=Decimal("61000.20"),
    mark=Decimal("61000.150"),
    at=AT,
)
ORDER = OrderRecord(
    client_order_id="qd2345",
    venue="binance",
    symbol="BTC/USDT",
    side=OrderSide.BUY,
    kind=OrderKind.MARKET,
    purpose=OrderPurpose.ENTRY,
    status=OrderStatus.SUBMITTED,
    quantity=Decimal("0.00489"),
    filled=Decimal(0),
    price_limit=Decimal("61200.00"),
    price_trigger=None,
    price_average=None,
    fees=Decimal("0E-8"),
    strategy="manual",
    venue_order_id=None,
    submitted_at=AT,
    finished_at=None,
    at=AT,
    seq=7,
)
MARKET = MarketRecord(venue="binance", at=AT, instruments=tuple(catalogue("binance").values()))


class ShiftedClock(SystemClock):
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


@dataclass(slots=True)
class Shelf:
    """What the engine would say stands in the cache now, and when it was asked since when."""

    records: list[Record] = field(default_factory=list)
    asked: list[datetime | None] = field(default_factory=list)

    def __call__(self, since: datetime | None) -> Iterable[Record]:
        self.asked.append(since)
        return tuple(self.records)


def redis_cache(
    url: str,
    *,
    clock: SystemClock | None = None,
    contents: Callable[[datetime | None], Iterable[Record]] | None = None,
    namespace: Callable[[], str | None] = lambda: JOURNAL,
) -> RedisCache:
    return RedisCache(
        url=url,
        clock=clock or SystemClock(),
        jitter=random.Random(7),
        namespace=namespace,
        contents=contents or Shelf(),
    )


@asynccontextmanager
async def running(cache: RedisCache) -> AsyncIterator[RedisCache]:
    await cache.start()
    try:
        yield cache
    finally:
        await cache.stop()


async def found(
    cache: Cache, key: Key[RecordT], fits: Callable[[RecordT], bool] = lambda _: True
) -> RecordT:
    """Look up until a record is there that fits."""
    async with asyncio.timeout(FOUND_S):
        while True:
            record = await cache.lookup(key)
            if record is not None and fits(record):
                return record
            await asyncio.sleep(0.01)


async def until(fits: Callable[[], bool]) -> None:
    """Wait, bounded, for what no call announces."""
    async with asyncio.timeout(FOUND_S):
        while not fits():  # noqa: ASYNC110 - what changes is another process
            await asyncio.sleep(0.01)


def bid(price: str) -> Quote:
    """Give the quote with another bid."""
    return replace(QUOTE, bid=Decimal(price))

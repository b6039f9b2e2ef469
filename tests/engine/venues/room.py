"""A room to test the paper venue in: a clock that stands still, hand-made prices, a ledger."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.reports import SubmitAccepted, SubmitAnswer, SubmitRefused
from engine.venues.faults import PaperFaults
from engine.venues.ledger import LedgerStore, MemoryLedgerStore
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
CASH = {"USDT": Decimal(10_000)}
# One level of 60,000 USDT is about one bitcoin at this price.
BID, ASK = Decimal("60000.00"), Decimal("60000.10")


@dataclass(slots=True)
class StillClock:
    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - START).total_seconds()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def open_gate(order: Order) -> str | None:
    del order
    return None


def market_of(clock: StillClock) -> ManualMarket:
    market = ManualMarket(instruments=catalogue("binance").values(), clock=clock)
    market.set(BTC, BID, ASK)
    market.set(SWAP, BID, ASK)
    return market


@dataclass(slots=True)
class Room:
    settings: PaperSettings = field(default_factory=PaperSettings)
    cash: dict[str, Decimal] = field(default_factory=lambda: dict(CASH))
    clock: StillClock = field(default_factory=StillClock)
    store: LedgerStore = field(default_factory=MemoryLedgerStore)
    faults: PaperFaults = field(default_factory=PaperFaults)
    made: int = 0
    market: ManualMarket = field(init=False)
    venue: PaperVenue = field(init=False)

    def __post_init__(self) -> None:
        self.market = market_of(self.clock)
        self.venue = self.make()

    def make(self) -> PaperVenue:
        return PaperVenue(
            name="binance",
            quotes=self.market,
            clock=self.clock,
            store=self.store,
            cash=self.cash,
            settings=self.settings,
            faults=self.faults,
        )

    async def __aenter__(self) -> "Room":
        await self.venue.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.venue.settle() if not self.faults.is_down else None
        self.venue.ledger.audit()
        await self.venue.stop()

    async def restart(self) -> None:
        await self.venue.stop()
        self.venue = self.make()
        await self.venue.start()

    def order(
        self,
        side: OrderSide,
        quantity: str,
        *,
        kind: OrderKind = OrderKind.MARKET,
        symbol: str = BTC,
        price: str | None = None,
        trigger: str | None = None,
        purpose: OrderPurpose = OrderPurpose.ENTRY,
        leverage: str = "1",
        name: str | None = None,
    ) -> Order:
        self.made += 1
        return Order(
            client_order_id=name or f"qd{self.made:024}",
            venue="binance",
            symbol=symbol,
            side=side,
            kind=kind,
            purpose=purpose,
            quantity=Decimal(quantity),
            intent="a test",
            price_limit=Decimal(price) if price is not None else None,
            price_trigger=Decimal(trigger) if trigger is not None else None,
            leverage=Decimal(leverage),
        )

    async def submit(self, order: Order) -> SubmitAnswer:
        return await self.venue.submit(order, open_gate)

    async def accepted(self, order: Order) -> Order:
        answer = await self.submit(order)
        assert isinstance(answer, SubmitAccepted), answer
        return order

    async def refused(self, order: Order) -> str:
        answer = await self.submit(order)
        assert isinstance(answer, SubmitRefused), answer
        assert self.venue.ledger.find(order.client_order_id) is None
        return answer.code

    async def quote(self, bid: str, ask: str, symbol: str = BTC) -> None:
        self.market.set(symbol, Decimal(bid), Decimal(ask))
        await self.venue.settle()

    def total(self, currency: str) -> Decimal:
        balance = self.venue.ledger.balances.get(currency)
        return balance.total if balance is not None else Decimal(0)

    def free(self, currency: str) -> Decimal:
        return self.venue.ledger.free(currency)

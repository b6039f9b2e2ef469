"""Outside: everything that outlives a process - disk, venue, market, Telegram, time, the dice."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextvars import copy_context
from decimal import Decimal
from pathlib import Path

from bot.sandbox.chats import Group, Person
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import Order
from engine.venues.faults import PaperFaults
from engine.venues.ledger import MemoryLedgerStore
from engine.venues.paper import PaperVenue
from engine.venues.terms import PaperSettings
from tests.simulation.disk import Disk
from tests.simulation.line import LineFaults
from tests.simulation.telegram import Telegram
from tests.simulation.trace import Trace
from tests.simulation.virtual_time import VirtualClock

OWNER, PARTNER, TRADER, VIEWER, STRANGER = 4242, 4243, 77, 99, 555
OWNERS = (OWNER, PARTNER)
DESK = -100
PEOPLE = (
    Person(id=OWNER, name="Olivia"),
    Person(id=PARTNER, name="Paul"),
    Person(id=TRADER, name="Tom"),
    Person(id=VIEWER, name="Vera"),
    Person(id=STRANGER, name="Stranger"),
)
GROUPS = (Group(id=DESK, title="Desk", member_ids=(OWNER, PARTNER, TRADER, STRANGER)),)
SYMBOLS: Mapping[str, float] = {
    "BTC/USDT": 61240.0,
    "ETH/USDT": 3396.0,
    "SOL/USDT": 150.0,
    "BTC/USDT:USDT": 61232.0,
    "SOL/USDT:USDT": 150.0,
}
HOLDINGS = {"BTC": Decimal("0.5"), "ETH": Decimal(3)}
CASH = Decimal(10000)
TICK = Decimal("0.01")


class Outside:
    """Hold one world; `seed` decides everything that happens in it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.clock = VirtualClock()
        self.trace = Trace()
        self.context = copy_context()
        self.disk = Disk(folder, self.dice("disk"))
        self.line_faults = LineFaults()
        self.faults = PaperFaults(seed=seed)
        self.telegram = Telegram(
            people=PEOPLE,
            groups=GROUPS,
            clock=self.clock,
            trace=self.trace,
            dice=self.dice("telegram"),
        )
        self.telegram.trusted = frozenset({OWNER, PARTNER, TRADER})
        self.prices = dict(SYMBOLS)
        self.market = ManualMarket(instruments=catalogue("binance").values(), clock=self.clock)
        self.view: ManualMarket | None = None
        self.is_quoting = True
        self.venue = PaperVenue(
            name="binance",
            quotes=self.market,
            clock=self.clock,
            store=MemoryLedgerStore(),
            cash={"USDT": CASH, **HOLDINGS},
            settings=PaperSettings(
                latency_s=0.05, seed=seed, fees_in_base=self.dice("fees").random() < 0.5
            ),
            faults=self.faults,
        )
        self.on_send: Callable[[Order], None] = lambda _order: None

    def dice(self, name: str) -> random.Random:
        """Give the dice of one thing: its throws do not depend on what others throw."""
        return random.Random(f"{self.seed} {name}")

    async def start(self) -> None:
        """Open the venue."""
        self.quote()
        loop = asyncio.get_running_loop()
        await loop.create_task(self.venue.start(), context=self.context)

    async def stop(self) -> None:
        """Close the venue."""
        await self.venue.stop()

    def quote(self) -> None:
        """Quote every symbol as of now; the process hears of it unless its line is cut."""
        for symbol, price in self.prices.items():
            mid = Decimal(str(price)).quantize(TICK)
            quote = self.market.set(symbol, mid - TICK, mid + TICK)
            if self.view is not None and self.is_quoting:
                self.view.put(quote)

    def move(self, symbol: str, factor: float) -> None:
        """Let a price jump, within bounds."""
        begun = SYMBOLS[symbol]
        self.prices[symbol] = min(max(self.prices[symbol] * factor, begun * 0.7), begun * 1.4)

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen later, whoever lives then."""
        asyncio.get_running_loop().call_later(seconds, what, context=self.context)

    def quote_again(self) -> None:
        """Let the process hear of prices again."""
        self.is_quoting = True

    def calm(self) -> None:
        """Let everything go well from now on."""
        self.faults.calm()
        self.faults.come_up()
        self.line_faults.calm()
        self.disk.fail_share, self.disk.is_down = 0.0, False
        self.telegram.fail_share, self.telegram.is_down = 0.0, False
        self.is_quoting = True

"""What the test exchange knows: its listings, orders, trades and positions."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

BINANCE, BYBIT = "binance", "bybit"


class Status(StrEnum):
    WAITING = "waiting"  # a trigger order that nothing has triggered
    NEW = "new"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        return self in (Status.WAITING, Status.NEW, Status.PARTIAL)


class Reason(StrEnum):
    SYMBOL = "symbol"
    TICK = "tick"
    LOT = "lot"
    NOTIONAL = "notional"
    BALANCE = "balance"
    DUPLICATE = "duplicate"
    REDUCE_ONLY = "reduce_only"
    TRIGGERS_NOW = "triggers_now"
    UNKNOWN_ORDER = "unknown_order"


class Refused(Exception):
    """Say that the venue does not take a request."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Describe one symbol; quantities are in base currency."""

    venue: str
    symbol: str  # the venue's own, such as BTCUSDT
    base: str
    tick: Decimal
    lot: Decimal
    notional_min: Decimal
    quantity_max: Decimal = Decimal(9000)
    fee_rate: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Hold what a client asks for, before it has an id."""

    venue: str
    symbol: str
    is_buy: bool
    quantity: Decimal
    price: Decimal | None = None  # None is a market order
    trigger: Decimal | None = None
    triggers_rising: bool | None = None
    is_immediate: bool = False
    is_reduce_only: bool = False
    client_id: str = ""
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """Hold an order as the venue has it at one moment."""

    order_id: int
    wanted: Wanted
    status: Status
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    created_ms: int
    updated_ms: int

    @property
    def left(self) -> Decimal:
        return self.wanted.quantity - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    trade_id: int
    order: VenueOrder  # as it was after this trade
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Hold a swap position; a short is negative."""

    size: Decimal = Decimal(0)
    entry: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    leverage: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Hold the best prices; `size` is what may still be taken there, None without end."""

    bid: Decimal
    ask: Decimal
    mark: Decimal
    size: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Tell a stream what happened to an order."""

    order: VenueOrder
    trade: VenueTrade | None = None

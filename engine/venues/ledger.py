"""The paper venue's own ledger: what a real exchange would remember, and where it is kept.

It is never derived from the journal, so that the two can be compared. A store belongs to one venue.
Everything is kept for ever, in memory too: about 1 kB an order with its trades.

    LedgerError
    ├── LedgerUnavailable   it could not be read or written; try again, load before writing
    └── LedgerConflict      another process wrote it meanwhile; load again
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from engine.copies import quick
from engine.numbers import ONE, ZERO
from engine.orders import OrderKind, OrderSide
from engine.positions import Liquidity
from engine.reports import VenueOrderStatus


class LedgerError(Exception):
    """Stand at the root of every fault of a ledger's store."""


class LedgerUnavailable(LedgerError):
    """Say that the ledger could not be read or written; load it again before writing more."""


class LedgerConflict(LedgerError):
    """Say that the stored revision is not the one this change was made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """Name the ledger and count what was written.

    `sequence` is the last number given to an order, a trade or a flow; `revision` grows by one with
    every save, and is the fence between two writers.
    """

    ledger_id: str
    opened_at: datetime
    sequence: int = 0
    revision: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue holds it, keyed by `venue_order_id` (one client id may return).

    `quantity` and `filled` are in base currency, `cost` (the sum of quantity times price) in quote;
    `reserved` is what the rest of it binds of the balance in `reserved_currency`. `triggered` is
    true once a STOP has fired. An order without a client id was made by hand at the venue.
    """

    venue_order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    kind: OrderKind
    quantity: Decimal
    status: VenueOrderStatus
    accepted_at: datetime
    updated_at: datetime
    reduce_only: bool = False
    price_limit: Decimal | None = None
    price_trigger: Decimal | None = None
    leverage: Decimal = ONE
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    reserved: Decimal = ZERO
    reserved_currency: str = ""
    triggered: bool = False
    reason: str = ""

    @property
    def remaining(self) -> Decimal:
        """Give what is not filled."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Tell whether the order rests in one of the two books."""
        return self.status is VenueOrderStatus.OPEN


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution, keyed by `trade_id`.

    `realised_pnl` is before the fee, in the settle currency; zero on spot.
    """

    trade_id: str
    sequence: int
    venue_order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    at: datetime
    realised_pnl: Decimal = ZERO


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One currency: `total` includes `reserved`, which open orders and swap margins bind."""

    currency: str
    total: Decimal
    reserved: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """Give what a new order may use."""
        return self.total - self.reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapPosition:
    """A linear swap's position; `quantity` signed, in base currency; zero when flat.

    `margin` is bound in `currency`; `realised_pnl` is before `fees`, both since the ledger began.
    """

    symbol: str
    currency: str
    quantity: Decimal
    entry_price: Decimal
    leverage: Decimal
    margin: Decimal
    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO


class FlowKind(StrEnum):
    """Why money came or went without a trade."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    INSURANCE = "insurance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money that came (positive) or went without a trade, keyed by `flow_id`.

    INSURANCE is what the venue pays when a loss exceeds the margin behind it.
    """

    flow_id: str
    sequence: int
    currency: str
    amount: Decimal
    kind: FlowKind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSnapshot:
    """Everything stored; trades and flows by rising `sequence`, orders in order of acceptance."""

    head: LedgerHead | None = None
    orders: tuple[VenueOrder, ...] = ()
    trades: tuple[Trade, ...] = ()
    balances: tuple[Balance, ...] = ()
    positions: tuple[SwapPosition, ...] = ()
    flows: tuple[Flow, ...] = ()


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """One step of the ledger: the new head, rows to insert or replace, rows to add.

    Orders, balances and positions replace the row of the same key; trades and flows are only added.
    """

    head: LedgerHead
    orders: tuple[VenueOrder, ...] = ()
    trades: tuple[Trade, ...] = ()
    balances: tuple[Balance, ...] = ()
    positions: tuple[SwapPosition, ...] = ()
    flows: tuple[Flow, ...] = ()


class LedgerStore(Protocol):
    """Where one venue's ledger is kept."""

    async def load(self) -> LedgerSnapshot:
        """Give everything stored; a head of None when nothing ever was.

        Raises: LedgerUnavailable.
        """
        ...

    async def save(self, change: LedgerChange) -> None:
        """Store the change in one durable transaction.

        Raises: LedgerConflict when the stored revision is not `change.head.revision - 1` (0 when
        nothing is stored), LedgerUnavailable when it did not happen or nobody knows.
        """
        ...


@dataclass(slots=True)
class MemoryLedgerStore:
    """Keep a ledger in memory; it outlives the venue that writes it, as a disk would."""

    head: LedgerHead | None = None
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    balances: dict[str, Balance] = field(default_factory=dict)
    positions: dict[str, SwapPosition] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)

    async def load(self) -> LedgerSnapshot:
        """Give everything stored."""
        return LedgerSnapshot(
            head=self.head,
            orders=tuple(self.orders.values()),
            trades=tuple(self.trades.values()),
            balances=tuple(self.balances.values()),
            positions=tuple(self.positions.values()),
            flows=tuple(self.flows.values()),
        )

    async def save(self, change: LedgerChange) -> None:
        """Store the change. Raises: LedgerConflict."""
        stored = self.head.revision if self.head is not None else 0
        if change.head.revision != stored + 1:
            raise LedgerConflict(
                f"The ledger is at revision {stored}, the change leads to {change.head.revision}."
            )
        self.head = change.head
        self.orders.update({order.venue_order_id: order for order in change.orders})
        self.balances.update({balance.currency: balance for balance in change.balances})
        self.positions.update({position.symbol: position for position in change.positions})
        self.trades.update({trade.trade_id: trade for trade in change.trades})
        self.flows.update({flow.flow_id: flow for flow in change.flows})

"""External: what stands at a venue that nobody here asked for, and how far its books differ."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.copies import quick
from engine.identities import instrument_key
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide

ORDERS_SHOWN_MAX = 100
HOLDINGS_MAX = 100


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrder:
    """Show an open order that is not journaled here; quantities in base currency."""

    venue: str
    venue_order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    quantity: Decimal
    filled: Decimal
    price_limit: Decimal | None = None
    price_trigger: Decimal | None = None

    @property
    def key(self) -> str:
        """Name the order's instrument."""
        return instrument_key(self.venue, self.symbol)

    @property
    def remaining(self) -> Decimal:
        """Give what is not filled yet."""
        return max(ZERO, self.quantity - self.filled)

    @property
    def worth(self) -> Decimal:
        """Give what is left at its own price; zero for one that names none."""
        return self.remaining * (self.price_limit or self.price_trigger or ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Say what is held of an instrument here and at the venue, in base currency, signed."""

    key: str
    here: Decimal
    there: Decimal
    entry_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CashDoubt:
    """Remember a difference in cash that no fill explains yet; `looks` counts who saw it."""

    amount: Decimal
    since: datetime
    looks: int


class FlowReason(StrEnum):
    """Why cash changed without a fill: the first count, or money in, out, or paid by a swap."""

    OPENING = "opening"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FUNDING = "funding"

    @property
    def is_flow(self) -> bool:
        """Tell whether it came from or went to outside; what a swap pays is gain or loss."""
        return self is not FlowReason.FUNDING


def as_order(external: ExternalOrder) -> Order:
    """Give an external order the form that a venue's cancel takes."""
    return Order(
        client_order_id=external.client_order_id or "",
        venue=external.venue,
        symbol=external.symbol,
        side=external.side,
        kind=OrderKind.STOP if external.price_trigger is not None else OrderKind.LIMIT,
        purpose=OrderPurpose.ENTRY,
        quantity=external.quantity,
        intent="",
        price_limit=external.price_limit,
        price_trigger=external.price_trigger,
        venue_order_id=external.venue_order_id,
        filled=external.filled,
    )

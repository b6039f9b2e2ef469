"""Reports: what a venue said, or that it said nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.copies import quick
from engine.orders import OrderSide
from engine.positions import Fill


class VenueOrderStatus(StrEnum):
    """An order's status in the venue's words, mapped; anything else is reported, never guessed."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAccepted:
    """The venue has the order."""

    client_order_id: str
    venue_order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRefused:
    """The venue refused it with a definitive code."""

    client_order_id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitUnanswered:
    """No answer, or none that says anything: the venue may have the order."""

    client_order_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitWithheld:
    """Nothing was sent: the last check before the socket refused."""

    client_order_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAccepted:
    """The venue cancelled the order, or says that it is finished already."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelUnanswered:
    """No answer to a cancel, or "not found": look the order up and try again."""

    client_order_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReported:
    """The venue executed."""

    fill: Fill


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """The venue shows the order; `filled` is cumulative and monotone."""

    client_order_id: str | None
    venue_order_id: str
    venue: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    status: VenueOrderStatus
    filled: Decimal
    price_limit: Decimal | None = None
    price_trigger: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotSeen:
    """The venue does not show the order; evidence only if every source answered."""

    client_order_id: str
    complete: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """A position as the venue shows it; quantity signed, in base currency."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSnapshot:
    """Everything the venue shows at one moment: open orders, total balances, swap positions.

    `free` is what of each balance no order and no margin binds; empty when the venue does not say.
    `clock_skew_ms` is how far its clock is ahead of ours, None before it was measured.
    """

    venue: str
    at: datetime
    orders: tuple[OrderSeen, ...]
    balances: Mapping[str, Decimal]
    positions: tuple[VenuePosition, ...]
    free: Mapping[str, Decimal] = field(default_factory=dict)
    clock_skew_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersOpen:
    """What stands open at the venue, whoever sent it; asked for more often than everything."""

    venue: str
    at: datetime
    orders: tuple[OrderSeen, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSilent:
    """The venue did not answer a question about itself."""

    venue: str
    text: str


SubmitAnswer = SubmitAccepted | SubmitRefused | SubmitUnanswered | SubmitWithheld
CancelAnswer = CancelAccepted | CancelUnanswered
LookupAnswer = OrderSeen | OrderNotSeen
Report = (
    SubmitAnswer
    | CancelAnswer
    | LookupAnswer
    | FillReported
    | OrdersOpen
    | VenueSnapshot
    | VenueSilent
)

"""Orders: an instruction to a venue, and every change of status that can happen to one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.copies import quick
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.identities import instrument_key, short
from engine.numbers import ONE, ZERO
from engine.signals import Target

NOT_FOUND = "not_found"
"""The code of an order that no source of its venue showed, over the settle window."""


class OrderSide(StrEnum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Give +1 for a buy, -1 for a sell."""
        return 1 if self is OrderSide.BUY else -1

    @property
    def opposite(self) -> "OrderSide":
        """Give the other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderKind(StrEnum):
    """MARKET with a price limit never fills beyond it (IOC); STOP is a market order in waiting."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class OrderPurpose(StrEnum):
    """An EXIT can only reduce a position; every other order is an ENTRY."""

    ENTRY = "entry"
    EXIT = "exit"


class OrderStatus(StrEnum):
    """Where an order stands. DENIED is us, REJECTED the venue, UNKNOWN nobody yet."""

    SUBMITTED = "submitted"
    NOT_SENT = "not_sent"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"
    UNKNOWN = "unknown"

    # An equal text has this hash too; that of Enum runs in Python, at each look into a table.
    __hash__ = str.__hash__

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing more is expected of the order."""
        return self in FINISHED


class OrderTrigger(StrEnum):
    """What can happen to an order."""

    ACCEPT = "accept"
    REJECT = "reject"
    NOT_SEND = "not_send"
    NO_ANSWER = "no_answer"
    FILL_PART = "fill_part"
    FILL_ALL = "fill_all"
    REQUEST_CANCEL = "request_cancel"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REAPPEAR = "reappear"

    __hash__ = str.__hash__


_S, _T = OrderStatus, OrderTrigger
FINISHED = frozenset({_S.NOT_SENT, _S.FILLED, _S.CANCELED, _S.EXPIRED, _S.REJECTED, _S.DENIED})

TRANSITIONS: dict[tuple[OrderStatus, OrderTrigger], OrderStatus] = {
    (_S.SUBMITTED, _T.ACCEPT): _S.ACCEPTED,
    (_S.SUBMITTED, _T.REJECT): _S.REJECTED,
    (_S.SUBMITTED, _T.NOT_SEND): _S.NOT_SENT,
    (_S.SUBMITTED, _T.NO_ANSWER): _S.UNKNOWN,
    # A fill, a cancel or an expiry on the stream can overtake the answer to the submit.
    (_S.SUBMITTED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.SUBMITTED, _T.FILL_ALL): _S.FILLED,
    (_S.SUBMITTED, _T.CANCEL): _S.CANCELED,
    (_S.SUBMITTED, _T.EXPIRE): _S.EXPIRED,
    # A person can cancel before the venue has answered; the cancel follows the submit.
    (_S.SUBMITTED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
    (_S.ACCEPTED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.ACCEPTED, _T.FILL_ALL): _S.FILLED,
    (_S.ACCEPTED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
    (_S.ACCEPTED, _T.CANCEL): _S.CANCELED,
    (_S.ACCEPTED, _T.EXPIRE): _S.EXPIRED,
    # Some venues acknowledge first and reject a moment later.
    (_S.ACCEPTED, _T.REJECT): _S.REJECTED,
    (_S.PARTIALLY_FILLED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _T.FILL_ALL): _S.FILLED,
    (_S.PARTIALLY_FILLED, _T.REQUEST_CANCEL): _S.PENDING_CANCEL,
    (_S.PARTIALLY_FILLED, _T.CANCEL): _S.CANCELED,
    (_S.PARTIALLY_FILLED, _T.EXPIRE): _S.EXPIRED,
    (_S.PENDING_CANCEL, _T.ACCEPT): _S.PENDING_CANCEL,
    # Fills race the cancel; the cancel still stands for what is left.
    (_S.PENDING_CANCEL, _T.FILL_PART): _S.PENDING_CANCEL,
    (_S.PENDING_CANCEL, _T.FILL_ALL): _S.FILLED,
    (_S.PENDING_CANCEL, _T.CANCEL): _S.CANCELED,
    (_S.PENDING_CANCEL, _T.EXPIRE): _S.EXPIRED,
    (_S.PENDING_CANCEL, _T.REJECT): _S.REJECTED,
    (_S.PENDING_CANCEL, _T.NOT_SEND): _S.NOT_SENT,
    # The submit went unanswered after a cancel was asked for: what the venue has is unknown.
    (_S.PENDING_CANCEL, _T.NO_ANSWER): _S.UNKNOWN,
    # UNKNOWN is left on the venue's word alone.
    (_S.UNKNOWN, _T.ACCEPT): _S.ACCEPTED,
    (_S.UNKNOWN, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.UNKNOWN, _T.FILL_ALL): _S.FILLED,
    (_S.UNKNOWN, _T.CANCEL): _S.CANCELED,
    (_S.UNKNOWN, _T.EXPIRE): _S.EXPIRED,
    (_S.UNKNOWN, _T.REJECT): _S.REJECTED,
    # Asking to cancel what may not exist says nothing about whether it exists.
    (_S.UNKNOWN, _T.REQUEST_CANCEL): _S.UNKNOWN,
}
# Settled as never accepted, or as not sent, and yet the venue shows it: the matter is open again.
TRANSITIONS |= {(status, _T.REAPPEAR): _S.ACCEPTED for status in (_S.REJECTED, _S.NOT_SENT)}
_CANCELLABLE = frozenset({_S.ACCEPTED, _S.PARTIALLY_FILLED})
# A late fill is booked and changes `filled`; it never reopens a finished order.
TRANSITIONS |= {
    (status, trigger): status for status in FINISHED for trigger in (_T.FILL_PART, _T.FILL_ALL)
}


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Instruct a venue, and carry what became of it.

    `quantity` and `filled` are in base currency; `price_limit` bounds a MARKET order and prices a
    LIMIT order; `price_decision` is the mid at the signal, `price_arrival` the mid at the send and
    `price_end` the mid when it ended, None where it was stale then; an
    ENTRY carries `stop`, `targets` and `plan` for its position, an EXIT the targets that it
    serves, which return to the position if the exit fails;
    `fees` is in quote currency. While `held` an exit waits unsent for the end of the stop that
    binds its balance. `unknown_since`, `asks` and `not_founds` describe the search for an
    unanswered order; `not_founds` counts only searches in which every source answered.
    """

    client_order_id: str
    venue: str
    symbol: str
    side: OrderSide
    kind: OrderKind
    purpose: OrderPurpose
    quantity: Decimal
    intent: str
    status: OrderStatus = OrderStatus.SUBMITTED
    price_limit: Decimal | None = None
    price_trigger: Decimal | None = None
    leverage: Decimal = ONE
    stop: Decimal | None = None
    targets: tuple[Target, ...] = ()
    plan: ExitPlan = NO_PLAN
    strategy: str = "manual"
    reason: str = ""
    actor: str = ""
    ticket_id: str | None = None
    signal_id: str | None = None
    position_id: str | None = None
    price_decision: Decimal | None = None
    price_arrival: Decimal | None = None
    price_end: Decimal | None = None
    submitted_at: datetime | None = None
    accepted_at: datetime | None = None
    first_fill_at: datetime | None = None
    finished_at: datetime | None = None
    venue_order_id: str | None = None
    filled: Decimal = ZERO
    price_average: Decimal | None = None
    fees: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    fills: int = 0
    cancel_requested: bool = False
    refusal: str | None = None
    unknown_since: datetime | None = None
    asks: int = 0
    not_founds: int = 0
    held: bool = False

    @property
    def key(self) -> str:
        """Name the order's instrument."""
        return instrument_key(self.venue, self.symbol)

    @property
    def remaining(self) -> Decimal:
        """Give what is not filled yet; zero when overfilled."""
        return max(ZERO, self.quantity - self.filled)

    @property
    def is_exit(self) -> bool:
        """Tell whether the order can only reduce a position."""
        return self.purpose is OrderPurpose.EXIT

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing more is expected."""
        return self.status in FINISHED

    @property
    def is_given_up(self) -> bool:
        """Tell whether the order counts as one that the venue never had."""
        if self.accepted_at is not None or self.filled > ZERO:
            return False
        not_found = self.status is _S.REJECTED and (self.refusal or "").startswith(NOT_FOUND)
        return not_found or self.status is _S.NOT_SENT

    @property
    def short_id(self) -> str:
        """Give the name a person reads; a ticket and its order share the four characters."""
        return short(self.ticket_id or self.client_order_id, "O")

    @property
    def slippage_cost_bps(self) -> Decimal | None:
        """Give s(p - P_a)/P_a * 1e4, positive = cost; None without a fill or arrival mid."""
        if self.price_average is None or self.price_arrival is None:
            return None
        moved = (self.price_average - self.price_arrival) / self.price_arrival
        return moved * 10000 * self.side.sign


def can(order: Order, trigger: OrderTrigger) -> bool:
    """Tell whether the trigger means anything in the order's status."""
    return (order.status, trigger) in TRANSITIONS


def status_after(order: Order, trigger: OrderTrigger) -> OrderStatus:
    """Look a trigger up in the table of transitions.

    Raises: AssertionError when the row is missing: deciding such an event is a bug of ours.
    """
    status = TRANSITIONS.get((order.status, trigger))
    assert status is not None, f"{order.client_order_id}: {trigger} while {order.status}"
    if order.cancel_requested and status in _CANCELLABLE:
        return OrderStatus.PENDING_CANCEL
    return status

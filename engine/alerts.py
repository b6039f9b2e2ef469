"""Alerts: which events must be told, how urgently, and about what.

An alert is a row in the outbox, written in the same transaction as its event. It names a subject;
what the message says is rendered from the subject's state when it is sent.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from engine.commands import ActorKind, AlertKind
from engine.copies import quick
from engine.events import (
    AccountHalted,
    BacklogSetAside,
    BooksDiffer,
    BooksEqual,
    BreakerEased,
    BreakerRearmed,
    BreakerTripped,
    BreakerWarned,
    CashFlowed,
    DayReported,
    EmergencyMerged,
    EngineStarted,
    Event,
    ExitTriggered,
    ExternalOrdersSeen,
    FactorEnrolled,
    FactorLocked,
    FactorRemoved,
    FillBooked,
    FlattenEnded,
    FlattenStarted,
    FlattenStillOpen,
    HoldingsSeen,
    LimitChanged,
    LimitProposalEnded,
    LimitProposed,
    LiveArmed,
    OrderAccepted,
    OrderAsked,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderNotSent,
    OrderReappeared,
    OrderRejected,
    OrderUnknown,
    PositionAdopted,
    StrangerNoted,
    TicketConfirmed,
    TicketEnded,
    TicketOpened,
    TradingHalted,
    TradingResumed,
    TradingStateSet,
    VenueAnswered,
    VenueWentSilent,
)
from engine.numbers import ZERO
from engine.orders import OrderStatus
from engine.protection import failures, is_protection
from engine.state import State
from engine.stops import incident_of


class Lane(IntEnum):
    """Urgency; a lower number goes first and is never held up by a higher one."""

    STOP = 0
    TICKET = 1
    FILL = 2
    REPORT = 3


class Audience(StrEnum):
    """Who is told: every bound chat, owners only, or one chat."""

    ALL = "all"
    OWNERS = "owners"
    CHAT = "chat"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Tell somebody about a subject.

    `event` is the event's kind, `seq` its number. A card of the same `subject` in a chat is edited
    where the screen says so; alerts of one subject keep their order.
    """

    seq: int
    event: str
    kind: AlertKind
    lane: Lane
    subject: str
    audience: Audience = Audience.ALL
    chat_id: int | None = None


def alerts_of(before: State, event: Event, after: State) -> tuple[Alert, ...]:
    """Give the alerts an event raises; `after.seq` is the event's number."""
    rows = [
        _row(before, event, after),
        _slippage_row(event, after),
        _flatten_row(event, after),
        _unexplained_row(before, event, after),
    ]
    return tuple(
        Alert(
            seq=after.seq,
            event=type(event).__name__,
            kind=kind,
            lane=lane,
            subject=subject,
            audience=audience,
            chat_id=chat_id,
        )
        for kind, lane, subject, audience, chat_id in (row for row in rows if row is not None)
    )


def _slippage_row(event: Event, after: State) -> "_Row | None":
    """Warn once per order, when its last fill shows a cost above the threshold."""
    if not isinstance(event, FillBooked) or event.fill.client_order_id is None:
        return None
    order = after.order(event.fill.client_order_id)
    if order is None or order.status is not OrderStatus.FILLED or event.is_late:
        return None
    cost = order.slippage_cost_bps
    if cost is None or cost <= after.limits.slippage_warn_bps:
        return None
    return _to_all(AlertKind.SLIPPAGE, Lane.FILL, f"slippage:{order.client_order_id}")


def _unexplained_row(before: State, event: Event, after: State) -> "_Row | None":
    """Ask a person to see a swap that nobody here opened: its symbol waits for that."""
    if not isinstance(event, FillBooked) or after.unexplained == before.unexplained:
        return None
    name = after.unexplained.get(event.fill.key)
    if name is None:
        return None
    return _to_all(AlertKind.TROUBLE, Lane.TICKET, f"adopted:{name}")


def _flatten_row(event: Event, after: State) -> "_Row | None":
    """Keep the flatten card live: every fill and trouble of a running flatten edits it."""
    if after.flattening is None or not isinstance(event, FillBooked | OrderUnknown | OrderRejected):
        return None
    return _to_all(AlertKind.STOP, Lane.STOP, "flatten")


def _is_quiet(client_order_id: str, after: State) -> bool:
    """Tell whether nobody needs to hear of an end: a stop's that was replaced, or has no use.

    One that the venue ended is told once, not at each further try.
    """
    order = after.order(client_order_id)
    if order is None or not is_protection(order) or order.filled > ZERO:
        return False
    position = after.positions.get(order.key)
    return order.cancel_requested or position is None or failures(after, position) != 1


_Row = tuple[AlertKind, Lane, str, Audience, int | None]


def _to_all(kind: AlertKind, lane: Lane, subject: str) -> _Row:
    return kind, lane, subject, Audience.ALL, None


def _row(before: State, event: Event, after: State) -> _Row | None:
    """Give the row of an event. Long because one match shows every kind that is told."""
    match event:
        case FillBooked(fill=fill):
            return _to_all(
                AlertKind.FILL, Lane.FILL, f"order:{fill.client_order_id or fill.identity}"
            )
        case OrderRejected() | OrderNotSent() | OrderExpired() | OrderCanceled() if _is_quiet(
            event.client_order_id, after
        ):
            return None
        case OrderUnknown() | OrderRejected() | OrderNotSent() | OrderExpired() | OrderCanceled():
            return _to_all(AlertKind.TROUBLE, Lane.FILL, f"order:{event.client_order_id}")
        case OrderReappeared():
            # Always on: what was settled as nothing is something, and it may be a second order.
            return _to_all(AlertKind.STOP, Lane.STOP, f"order:{event.client_order_id}")
        case AccountHalted():
            return _to_all(AlertKind.STOP, Lane.STOP, f"account:{event.venue}")
        case OrderAccepted() | OrderAsked():
            known = before.order(event.client_order_id)
            if known is None or known.status is not OrderStatus.UNKNOWN:
                return None
            return _to_all(AlertKind.TROUBLE, Lane.FILL, f"order:{event.client_order_id}")
        case OrderDenied(actor=actor) if actor.kind is not ActorKind.PERSON:
            return _to_all(AlertKind.SIGNAL, Lane.REPORT, f"denied:{event.signal_id}")
        case TicketOpened(ticket=ticket):
            return _to_all(AlertKind.TICKET, Lane.TICKET, f"ticket:{ticket.ticket_id}")
        case TicketConfirmed() | TicketEnded():
            return _to_all(AlertKind.TICKET, Lane.TICKET, f"ticket:{event.ticket_id}")
        case EngineStarted() if after.journal is not None and after.journal.mode == "live":
            return AlertKind.TICKET, Lane.TICKET, f"arming:{after.session}", Audience.OWNERS, None
        case LiveArmed():
            return _to_all(AlertKind.TICKET, Lane.TICKET, f"arming:{after.session}")
        case TradingHalted():
            return _to_all(AlertKind.STOP, Lane.STOP, "stop")
        case EmergencyMerged():
            return _to_all(AlertKind.STOP, Lane.STOP, f"emergency:{after.seq}")
        case FlattenStarted() | FlattenEnded() | FlattenStillOpen():
            return _to_all(AlertKind.STOP, Lane.STOP, "flatten")
        case TradingResumed():
            return _to_all(AlertKind.STOP, Lane.STOP, "resume")
        case TradingStateSet():
            return _to_all(AlertKind.STOP, Lane.STOP, f"scope:{event.scope.key}")
        case BreakerTripped():
            return _to_all(AlertKind.BREAKER, Lane.STOP, f"breaker:{event.breaker_id}")
        case BreakerWarned():
            return _to_all(AlertKind.WARNING, Lane.TICKET, f"warning:{event.kind}:{after.seq}")
        case BreakerRearmed():
            return _to_all(AlertKind.BREAKER, Lane.STOP, f"breaker:{event.breaker_id}")
        case BreakerEased(kind=kind, scope=scope):
            # The card that warned says that it is over.
            number = before.evidence.warnings.get(incident_of(kind, scope))
            if number is None:
                return None
            return _to_all(AlertKind.WARNING, Lane.REPORT, f"warning:{kind}:{number}")
        case ExitTriggered():
            return _to_all(AlertKind.FILL, Lane.FILL, f"exit:{event.position_id}:{after.seq}")
        case BooksDiffer() | BooksEqual():
            if isinstance(event, BooksEqual) and event.venue not in before.books_differ:
                return None
            return _to_all(AlertKind.TROUBLE, Lane.TICKET, f"books:{event.venue}")
        case ExternalOrdersSeen() | CashFlowed():
            return _to_all(AlertKind.TROUBLE, Lane.TICKET, f"found:{event.venue}")
        case HoldingsSeen(venue=venue, holdings=seen):
            # What pays fees shrinks with each trade; only what came or went is told.
            names = {purse for purse in before.holdings if purse.startswith(f"{venue}:")}
            if {f"{venue}:{currency}" for currency in seen} == names:
                return None
            return _to_all(AlertKind.TROUBLE, Lane.TICKET, f"found:{venue}")
        case PositionAdopted():
            return _to_all(AlertKind.TROUBLE, Lane.TICKET, f"adopted:{event.position_id}")
        case VenueWentSilent() | VenueAnswered():
            return _to_all(AlertKind.TROUBLE, Lane.FILL, f"venue:{event.venue}")
        case DayReported():
            return _to_all(AlertKind.REPORT, Lane.REPORT, f"report:{event.day.isoformat()}")
        case FactorEnrolled() | FactorRemoved() | FactorLocked():
            # Always on: whoever takes over a phone would change this first.
            subject = f"factor:{event.user_id}:{after.seq}"
            return AlertKind.TICKET, Lane.TICKET, subject, Audience.OWNERS, None
        case LimitChanged():
            # Always on, as all that changes what may be lost.
            subject = f"limit:changed:{after.seq}"
            return AlertKind.TICKET, Lane.TICKET, subject, Audience.OWNERS, None
        case LimitProposed(proposal=proposal) | LimitProposalEnded(proposal=proposal):
            subject = f"limit:{proposal.proposal_id}"
            return AlertKind.TICKET, Lane.TICKET, subject, Audience.OWNERS, None
        case StrangerNoted():
            return (
                AlertKind.STRANGER,
                Lane.REPORT,
                f"stranger:{event.user_id}:{after.seq}",
                Audience.OWNERS,
                None,
            )
        case BacklogSetAside():
            return (
                AlertKind.BACKLOG,
                Lane.TICKET,
                f"backlog:{after.seq}",
                Audience.CHAT,
                event.chat_id,
            )
        case _:
            return None

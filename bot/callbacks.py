"""Callbacks: what an inline button means, in at most 64 bytes of Telegram's callback data.

A button names a thing by its id; it never carries an order's size, except a preset of the guided
trade. The text is `q1`, a code, and the fields in order, parted by `|`. Whatever does not decode
to exactly one button was forged, or is older than this format; it is refused with a sentence.
Long because one place must show every button there is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_type_hints

from engine.commands import AlertKind
from engine.identities import digest
from engine.numbers import plain
from engine.orders import OrderSide

BYTES_MAX = 64
PREFIX = "q1"
_PARTING = "|"
_SUGGESTION_LENGTH = 12
_SIZE_LENGTH = 8
_TEXT = re.compile(r"[A-Za-z0-9:/._-]{1,58}\Z")
_COUNT = re.compile(r"(0|[1-9][0-9]{0,11})\Z")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{0,5}[1-9])?\Z")


class ForgedCallback(Exception):
    """Refuse callback data that no button of ours carries; the sentence goes to the presser."""


class Page(StrEnum):
    """A screen that a button opens or refreshes."""

    STATUS = "status"
    POSITIONS = "positions"
    ORDERS = "orders"
    BALANCE = "balance"
    PNL = "pnl"
    PERFORMANCE = "performance"
    SIGNALS = "signals"
    RISK = "risk"
    BREAKERS = "breakers"
    MODE = "mode"
    VENUES = "venues"
    ALERTS = "alerts"
    AUDIT = "audit"
    HELP = "help"
    CHART = "chart"


class PresetUnit(StrEnum):
    """What a preset's number counts: quote currency, percent of equity at risk, or a share."""

    NOTIONAL = "n"
    RISK_PCT = "r"
    PERCENT = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmTicket:
    """Approve a ticket: exactly one order, or a reason why not."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTicket:
    """Withdraw a ticket."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSize:
    """Offer other sizes for a ticket; choosing one voids it and makes a new one."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeTicket:
    """Void a ticket and make one of a preset size from the same signal."""

    ticket_id: str
    unit: PresetUnit
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BackToTicket:
    """Show a ticket again, unchanged."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """Make a ticket from the same signal at the price now."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatOrder:
    """Make a ticket of what an order wanted, at the price now."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """Answer with a position's card."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPosition:
    """Edit a position's card to what is true now."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition:
    """Close a share of a position; `percent` is 1 to 100.

    `seen` names the size that the card showed, see `size_name`: a share is of that size, not of
    what is there by now.
    """

    position_id: str
    percent: int
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStopAsk:
    """Offer where a position's stop can go."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStopBy:
    """Move a position's stop to a distance from the price now, in percent."""

    position_id: str
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStopType:
    """Wait for the stop's price as a text."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailAsk:
    """Offer how far behind the price a position's stop trails."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailBy:
    """Let a position's stop trail, by so many percent."""

    position_id: str
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStopIn:
    """Close a position so many hours from now, whatever its price; 0 takes the time stop away."""

    position_id: str
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailOff:
    """Let a position's stop stand where it is."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Move a position's stop to where closing costs nothing, fees included."""

    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """Answer with an order's card."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshOrder:
    """Edit an order's card to what is true now."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one order."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntries:
    """Cancel every open entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNow:
    """Ask the venue at once about an unknown order."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Answer with a screen."""

    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Edit the card to a screen as it is now; `number` is the page of a list, 0 the first."""

    page: Page
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEvent:
    """Answer with one entry of the audit."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFlatten:
    """Close everything and verify at the venues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFlattenExternal:
    """Close everything, and cancel the orders on those symbols that nobody here sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCancelStops:
    """Take every stop and target away, remembering them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRestoreStops:
    """Put the stops and targets back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLeave:
    """Leave everything as it is, halted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeConfirm:
    """Allow entries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeStay:
    """Stay halted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RearmAsk:
    """Show what re-arming a breaker would let go, and ask."""

    breaker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeGo:
    """Let a scope trade again that a person held back; `scope` is its key."""

    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearm:
    """Clear a latched breaker."""

    breaker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Say that an alert was seen; `subject` names it as the outbox does."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLive:
    """Allow entries with real money; `session` is the start that the card asked about."""

    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCode:
    """Take back what waits for a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorBegin:
    """Set up a second factor, or another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorFinish:
    """Put a new second factor in force; no card bears it, it waits for the first code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRemove:
    """Do without a second factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Take a holding, or the venue's quantity, into a position; `seen` names the size shown."""

    key: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKindCycle:
    """Turn one kind of alert to its next mode in this chat: on, silent, off, on."""

    kind: AlertKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedStart:
    """Begin the guided trade, or go back to its first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedOther:
    """Say how to name a symbol that has no button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedSymbol:
    """Choose an instrument in the guided trade."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedSide:
    """Choose a side in the guided trade."""

    key: str
    side: OrderSide


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedPreset:
    """Choose a preset size: the guided trade becomes a ticket."""

    key: str
    side: OrderSide
    unit: PresetUnit
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedType:
    """Say how to type any other size."""

    key: str
    side: OrderSide


@dataclass(frozen=True, slots=True, kw_only=True)
class DenialTicket:
    """Make a ticket of the size that passes; `seq` names the OrderDenied event."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumTicket:
    """Make a ticket of the venue's smallest size; `seq` names the OrderDenied event."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChoice:
    """Make a ticket with a stop that many percent away; `seq` names the OrderDenied event."""

    seq: int
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolChoice:
    """Make the refused wish again with this symbol; `seq` names the OrderDenied event."""

    seq: int
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSuggestion:
    """Run a suggestion made for a message that could not run.

    The handler reads the message again and takes the suggestion whose `suggestion_name` this is,
    so a button can never mean another one.
    """

    message_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo:
    """Run a command that was set aside; `seq` names the event, `index` counts from 0."""

    seq: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropBacklog:
    """Forget the commands that were set aside."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsShow:
    """List the limits of a group; `number` counts from 0."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOpen:
    """Show one limit's card."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitType:
    """Say how to type any other value of a limit."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAsk:
    """Ask before a limit becomes riskier; `before` is the value that was shown."""

    name: str
    value: Decimal
    before: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """Give a limit another value; `before` is the value that was shown."""

    name: str
    value: Decimal
    before: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitApprove:
    """Be the second owner of a change that waits."""

    proposal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReject:
    """Take away a change that waits."""

    proposal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismiss:
    """Take the buttons away and do nothing else."""


Button = (
    ConfirmTicket
    | CancelTicket
    | EditSize
    | ResizeTicket
    | BackToTicket
    | NewTicket
    | RepeatOrder
    | OpenPosition
    | RefreshPosition
    | ClosePosition
    | BreakEven
    | MoveStopAsk
    | MoveStopBy
    | MoveStopType
    | TrailAsk
    | TrailBy
    | TrailOff
    | TimeStopIn
    | Adopt
    | ArmLive
    | CancelCode
    | FactorBegin
    | FactorFinish
    | FactorRemove
    | OpenOrder
    | RefreshOrder
    | CancelOrder
    | CancelEntries
    | AskNow
    | Show
    | Refresh
    | OpenEvent
    | StopFlatten
    | StopFlattenExternal
    | StopCancelStops
    | StopRestoreStops
    | StopLeave
    | ResumeConfirm
    | ResumeStay
    | Rearm
    | RearmAsk
    | ScopeGo
    | Acknowledge
    | AlertKindCycle
    | GuidedStart
    | GuidedOther
    | GuidedSymbol
    | GuidedSide
    | GuidedPreset
    | GuidedType
    | DenialTicket
    | MinimumTicket
    | StopChoice
    | SymbolChoice
    | TakeSuggestion
    | Redo
    | DropBacklog
    | LimitsShow
    | LimitOpen
    | LimitType
    | LimitAsk
    | LimitSet
    | LimitApprove
    | LimitReject
    | Dismiss
)

# A code, once released, keeps its meaning: cards with it stay in chats for ever.
CODES: Mapping[str, type[Button]] = {
    "tc": ConfirmTicket,
    "tx": CancelTicket,
    "te": EditSize,
    "tr": ResizeTicket,
    "tb": BackToTicket,
    "tn": NewTicket,
    "or": RepeatOrder,
    "po": OpenPosition,
    "pr": RefreshPosition,
    "pc": ClosePosition,
    "pb": BreakEven,
    "pm": MoveStopAsk,
    "pp": MoveStopBy,
    "pt": MoveStopType,
    "pl": TrailAsk,
    "pk": TrailBy,
    "px": TrailOff,
    "pq": TimeStopIn,
    "pa": Adopt,
    "am": ArmLive,
    "cc": CancelCode,
    "fb": FactorBegin,
    "ff": FactorFinish,
    "fr": FactorRemove,
    "oo": OpenOrder,
    "of": RefreshOrder,
    "oc": CancelOrder,
    "oe": CancelEntries,
    "oa": AskNow,
    "sh": Show,
    "rf": Refresh,
    "ev": OpenEvent,
    "sf": StopFlatten,
    "se": StopFlattenExternal,
    "sc": StopCancelStops,
    "sr": StopRestoreStops,
    "sl": StopLeave,
    "rc": ResumeConfirm,
    "rs": ResumeStay,
    "ra": Rearm,
    "rq": RearmAsk,
    "sg": ScopeGo,
    "ak": Acknowledge,
    "al": AlertKindCycle,
    "gb": GuidedStart,
    "go": GuidedOther,
    "gk": GuidedSymbol,
    "gs": GuidedSide,
    "gp": GuidedPreset,
    "gt": GuidedType,
    "dt": DenialTicket,
    "mt": MinimumTicket,
    "st": StopChoice,
    "sy": SymbolChoice,
    "ts": TakeSuggestion,
    "re": Redo,
    "db": DropBacklog,
    "li": LimitsShow,
    "lo": LimitOpen,
    "lt": LimitType,
    "lq": LimitAsk,
    "ls": LimitSet,
    "ly": LimitApprove,
    "lx": LimitReject,
    "dm": Dismiss,
}
_CODE_OF: Mapping[type, str] = {kind: code for code, kind in CODES.items()}
_HINTS: Mapping[type, tuple[tuple[str, type], ...]] = {
    kind: tuple((f.name, get_type_hints(kind)[f.name]) for f in fields(kind))
    for kind in CODES.values()
}


def can_stand(text: str, beside: int = 16) -> bool:
    """Tell whether a name fits a button that carries `beside` more characters.

    A venue may list a symbol in another alphabet; it is traded by typing, not by a button.
    """
    return _TEXT.match(text) is not None and len(text) + beside <= BYTES_MAX


def suggestion_name(command: str) -> str:
    """Name a suggested command by what it says."""
    return digest(command, length=_SUGGESTION_LENGTH)


def size_name(free: Decimal) -> str:
    """Name the size that no exit was closing yet when a position's card was drawn."""
    return digest(plain(free), length=_SIZE_LENGTH)


def encode(button: Button) -> str:
    """Write a button as callback data.

    Raises: AssertionError when a field does not read back, or the text exceeds 64 bytes: an id
    that no button can carry is a bug of ours.
    """
    parts = [PREFIX, _CODE_OF[type(button)]]
    for name, hint in _HINTS[type(button)]:
        value = getattr(button, name)
        written = plain(value) if hint is Decimal else str(value)
        assert _read(written, hint) == value, f"{name} of {button} cannot stand in a button"
        parts.append(written)
    text = _PARTING.join(parts)
    assert len(text.encode()) <= BYTES_MAX, f"{text} is longer than {BYTES_MAX} bytes"
    return text


def decode(text: str) -> Button:
    """Read callback data. Raises: ForgedCallback with a sentence for what `encode` never wrote."""
    if len(text.encode(errors="replace")) > BYTES_MAX:
        raise ForgedCallback("This button carries more than 64 bytes; none of ours does.")
    prefix, *rest = text.split(_PARTING)
    if prefix != PREFIX or not rest:
        raise ForgedCallback("This button is not one of this console's.")
    code, *written = rest
    kind = CODES.get(code)
    if kind is None:
        raise ForgedCallback("This button is of a kind that this console does not know.")
    hints = _HINTS[kind]
    if len(written) != len(hints):
        raise ForgedCallback("This button carries too much or too little.")
    values: dict[str, Any] = {}
    for part, (name, hint) in zip(written, hints, strict=True):
        value = _read(part, hint)
        if value is None:
            raise ForgedCallback(f"This button's {name.replace('_', ' ')} cannot be read.")
        values[name] = value
    return kind(**values)


def _read(part: str, hint: type) -> object | None:
    if hint is Decimal:
        return Decimal(part) if _AMOUNT.match(part) else None
    if hint is int:
        return int(part) if _COUNT.match(part) else None
    if hint is str:
        return part if _TEXT.match(part) else None
    assert issubclass(hint, StrEnum), f"no button field of type {hint}"
    return hint(part) if part in {member.value for member in hint} else None

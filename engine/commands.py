"""Commands: what somebody wants. A repeated `command_id` returns the first outcome.

Long because one place must show the whole vocabulary.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.confirming import ConfirmPolicy
from engine.copies import quick
from engine.days import MIDNIGHT
from engine.numbers import ONE, positive
from engine.quotes import Quote
from engine.risk_limits import RiskLimits, TradingState
from engine.scaling import ScalingPolicy
from engine.scopes import Scope
from engine.signals import Target, TradingSignal


class Role(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    TRADER = "trader"
    OWNER = "owner"


class ActorKind(StrEnum):
    """Who can want something."""

    PERSON = "person"
    STRATEGY = "strategy"
    SCHEDULE = "schedule"
    ENGINE = "engine"
    SHELL = "shell"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Name who wants something: a person by role and numeric id, anything else by name.

    `with_code` when this very command was given with a checked code of the second factor.
    """

    kind: ActorKind
    name: str = ""
    user_id: int | None = None
    role: Role | None = None
    chat_id: int | None = None
    with_code: bool = False

    @property
    def text(self) -> str:
        """Give the name as it is journaled, for example `owner 4242`."""
        if self.kind is ActorKind.PERSON and self.role is not None:
            return f"{self.role} {self.user_id}"
        return f"{self.kind} {self.name}".strip()


ENGINE = Actor(kind=ActorKind.ENGINE)
SCHEDULE = Actor(kind=ActorKind.SCHEDULE)


class AlertKind(StrEnum):
    """What an alert is about; each can be on, silent or off per chat."""

    STOP = "stop"
    BREAKER = "breaker"
    TICKET = "ticket"
    FILL = "fill"
    TROUBLE = "trouble"
    WARNING = "warning"
    SLIPPAGE = "slippage"
    REPORT = "report"
    SIGNAL = "signal"
    STRANGER = "stranger"
    BACKLOG = "backlog"


class AlertMode(StrEnum):
    """How a chat is told."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBase:
    """Carry what every command has; `at` is when it was given."""

    command_id: str
    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEngine(CommandBase):
    """Open a new journal or go on with an old one; what is configured becomes State."""

    journal_id: str
    epoch: int
    mode: str
    accounts: tuple[str, ...]
    market: str
    currency: str
    cash: Decimal
    limits: RiskLimits
    confirm: ConfirmPolicy
    order_timeout_s: int
    version: str
    owners: tuple[int, ...] = ()
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEngine(CommandBase):
    """End the session in good order."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSignal(CommandBase):
    """Trade a signal at a venue. `ticket_wanted` opens a ticket even where none is needed."""

    signal: TradingSignal
    venue: str
    ticket_wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveTicket(CommandBase):
    """Confirm a ticket: exactly one order, or a reason why not; `typed` is the amount typed."""

    ticket_id: str
    typed: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTicket(CommandBase):
    """Withdraw a ticket."""

    ticket_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder(CommandBase):
    """Cancel one order."""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntries(CommandBase):
    """Cancel every open entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition(CommandBase):
    """Close a share of a position, (0, 1], by an exit; more than all is all."""

    position_id: str
    fraction: Decimal = ONE

    def __post_init__(self) -> None:
        """Refuse what is no share. Raises: InvalidInput."""
        object.__setattr__(self, "fraction", positive(self.fraction, "The share"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProtection(CommandBase):
    """Replace a position's stop and targets; None and () take them away."""

    position_id: str
    stop: Decimal | None
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no price. Raises: InvalidInput."""
        if self.stop is not None:
            object.__setattr__(self, "stop", positive(self.stop, "The stop"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt(CommandBase):
    """Take a holding, or the venue's quantity where the books differ, into the position of a key.

    `quantity` is what the person was shown: the holding, or what the venue holds.
    """

    key: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProtectionsAside(CommandBase):
    """Take every stop and target away, remembering them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProtections(CommandBase):
    """Put the stops and targets back that were set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerExit(CommandBase):
    """Close by a watched stop or target that a quote has reached. `leg` is `stop` or `target`."""

    position_id: str
    leg: str
    price: Decimal
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowStop(CommandBase):
    """Let a position's stop follow a quote: behind its peak, or to break-even."""

    position_id: str
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStop(CommandBase):
    """Move a stop to a price, or `percent` away from the price; with neither to break-even."""

    position_id: str
    price: Decimal | None = None
    percent: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no price and no distance. Raises: InvalidInput."""
        if self.price is not None:
            object.__setattr__(self, "price", positive(self.price, "The stop"))
        if self.percent is not None:
            object.__setattr__(self, "percent", positive(self.percent, "The stop's percentage"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStop(CommandBase):
    """Let a stop trail by a percentage or a distance; with neither it stands still."""

    position_id: str
    percent: Decimal | None = None
    distance: Decimal | None = None
    begins: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimeStop(CommandBase):
    """Close a position that many seconds from now; None takes the time stop away."""

    position_id: str
    after_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TendStops(CommandBase):
    """Bring what rests at the venues into line with what is wished, now that time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt(CommandBase):
    """Stop: no new entries, resting entries cancelled."""

    reason: str = "STOP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(CommandBase):
    """Halt, close everything, verify at the venues; on wish cancel what nobody here sent, too."""

    with_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueFlatten(CommandBase):
    """Go on with a flatten that is under way: new exits where needed, then the question "flat?"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolFactor(CommandBase):
    """Say that this person's second factor is set up: from now on risky acts ask its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFactor(CommandBase):
    """Say that a person has no second factor any more, and why."""

    user_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFactor(CommandBase):
    """Note too many wrong codes: none of this person is taken until then."""

    user_id: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLimit(CommandBase):
    """Give a limit another value; `before` is what the person was shown, where they were."""

    name: str
    value: Decimal
    before: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveLimit(CommandBase):
    """Be the second owner of a change that waits."""

    proposal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectLimit(CommandBase):
    """Take away a change that waits: the second owner's no, or the first one's own."""

    proposal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEmergency(CommandBase):
    """Say that what was recorded beside the journal while it was away is in it now."""

    since: datetime
    events: int
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLive(CommandBase):
    """Allow entries with real money until the process ends.

    `session` is the number of the start that is meant.
    """

    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(CommandBase):
    """Allow entries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTradingState(CommandBase):
    """Hold a scope back: anyone may. Letting it go, or loosening, is an owner's act."""

    scope: Scope
    trading: TradingState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripBreaker(CommandBase):
    """Latch the breaker by hand, from a program."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RearmBreaker(CommandBase):
    """Clear a latched breaker; None clears every one."""

    breaker_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBreakers(CommandBase):
    """Judge what time alone can trip or ease: stale prices, books that differ, a venue's errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEquity(CommandBase):
    """Measure equity, drawdown and daily loss; trip what must trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollDay(CommandBase):
    """Begin a new trading day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(CommandBase):
    """Expire tickets and cancel entries that waited longer than their timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDay(CommandBase):
    """Make the daily report; `chain_head` anchors the journal."""

    chain_head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BindChat(CommandBase):
    """Send alerts to this chat from now on."""

    chat_id: int
    user_id: int
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlertMode(CommandBase):
    """Choose how a chat is told about one kind of alert."""

    chat_id: int
    kind: AlertKind
    mode: AlertMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(CommandBase):
    """Say that an alert was seen; it stops repeating."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStranger(CommandBase):
    """Tell the owners that somebody without a role wrote."""

    user_id: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteBacklog(CommandBase):
    """Tell an operator which old commands were not run."""

    chat_id: int
    items: tuple[str, ...]
    done: tuple[str, ...]
    down_since: datetime | None = None


Command = (
    StartEngine
    | StopEngine
    | SubmitSignal
    | ApproveTicket
    | CancelTicket
    | CancelOrder
    | CancelEntries
    | ClosePosition
    | SetProtection
    | Adopt
    | SetProtectionsAside
    | RestoreProtections
    | TriggerExit
    | FollowStop
    | MoveStop
    | TrailStop
    | SetTimeStop
    | TendStops
    | Halt
    | Flatten
    | ContinueFlatten
    | NoteEmergency
    | ArmLive
    | EnrolFactor
    | RemoveFactor
    | LockFactor
    | ChangeLimit
    | ApproveLimit
    | RejectLimit
    | Resume
    | SetTradingState
    | TripBreaker
    | RearmBreaker
    | CheckBreakers
    | SampleEquity
    | RollDay
    | Sweep
    | ReportDay
    | BindChat
    | SetAlertMode
    | Acknowledge
    | NoteStranger
    | NoteBacklog
)

"""Events: what happened. Past tense, immutable, journaled.

`EVENTS` lists every kind; the codec, the fold and a house test go by it. A stored event is never
rewritten: a changed class gets an upcaster where events are read. Long because one place must show
the whole vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from engine.commands import Actor, AlertKind, AlertMode
from engine.confirming import ConfirmPolicy
from engine.copies import quick
from engine.days import MIDNIGHT
from engine.exit_plan import ExitPlan
from engine.external import Differing, ExternalOrder, FlowReason
from engine.limits import LimitProposal, ProposalOutcome
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.positions import Fill
from engine.quotes import Quote
from engine.risk_limits import RiskLimits, TradingState
from engine.scaling import Scaling, ScalingPolicy
from engine.scopes import EVERYWHERE, Scope
from engine.signals import Target, TradingSignal
from engine.tickets import Ticket, TicketStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBase:
    """Carry what every event has: its time in UTC, and the command that caused it, if one did."""

    at: datetime
    command_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOpened(EventBase):
    """A new journal began: its random id, its mode, its accounts, its market, its first cash."""

    journal_id: str
    epoch: int
    mode: str
    accounts: tuple[str, ...]
    market: str
    currency: str
    cash: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochBegun(EventBase):
    """The journal was restored from a backup made at `made_at`; what it names from now on is new.

    Orders sent after the backup are not in it, so their ids must not be given out again.
    """

    epoch: int
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStarted(EventBase):
    """A process began to work on the journal, with these settings."""

    limits: RiskLimits
    confirm: ConfirmPolicy
    order_timeout_s: int
    version: str
    owners: tuple[int, ...] = ()
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEnded(EventBase):
    """The process ended in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveArmed(EventBase):
    """An owner allowed entries with real money, until this process ends."""

    actor: Actor


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceived(EventBase):
    """Somebody wished for a trade."""

    signal_id: str
    signal: TradingSignal
    venue: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScaled(EventBase):
    """A strategy's signal gets less than the size it asked for, by what was measured."""

    signal_id: str
    scaling: Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Name a broken rule with its limit, the measured value, and what would pass.

    `passes` is the largest quote amount that would satisfy this rule alone; None if none would.
    """

    rule: str
    sentence: str
    limit: str = ""
    value: str = ""
    passes: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDenied(EventBase):
    """We refused to send an order, for every reason listed; nothing was sent."""

    signal_id: str
    ticket_id: str | None
    venue: str
    symbol: str
    side: OrderSide | None
    kind: OrderKind
    purpose: OrderPurpose
    quantity: Decimal | None
    notional: Decimal | None
    price_limit: Decimal | None
    breaches: tuple[Breach, ...]
    actor: Actor
    quote: Quote | None = None
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOpened(EventBase):
    """A ticket waits for a person."""

    ticket: Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketEnded(EventBase):
    """A ticket was approved, canceled, expired, or refused; `quote` is what was then."""

    ticket_id: str
    status: TicketStatus
    by: str
    user_id: int | None = None
    quote: Quote | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketConfirmed(EventBase):
    """The first of two people confirmed a ticket; it waits for the second until `expires_at`."""

    ticket_id: str
    by: str
    user_id: int
    expires_at: datetime


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSubmitted(EventBase):
    """An order was decided, named and reserved; it is sent once this event is durable."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotSent(EventBase):
    """The last check before the socket withheld it; nothing was sent."""

    client_order_id: str
    reason: str
    mid: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitReleased(EventBase):
    """An exit that was held back leaves now: the stop that bound its balance has ended.

    `quantity` is what is left to close of what was asked for; `price_arrival` the mid now,
    `price_limit` the bound of now; `at_market` when it goes without the one it had.
    """

    client_order_id: str
    quantity: Decimal
    price_arrival: Decimal | None
    price_limit: Decimal | None = None
    at_market: bool = False


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(EventBase):
    """The venue has the order."""

    client_order_id: str
    venue_order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(EventBase):
    """The venue refused the order, or never had it (code not_found)."""

    client_order_id: str
    code: str
    reason: str
    mid: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown(EventBase):
    """Nobody knows whether the venue has the order; it is being asked."""

    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsked(EventBase):
    """The venue was asked for an unknown order; `nowhere` when every source answered no."""

    client_order_id: str
    nowhere: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelRequested(EventBase):
    """A cancel was decided; it is sent, and repeated, until the order is seen finished."""

    client_order_id: str
    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCanceled(EventBase):
    """The venue says that the order is cancelled."""

    client_order_id: str
    mid: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired(EventBase):
    """The venue let the rest of the order lapse."""

    client_order_id: str
    mid: Decimal | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class FillBooked(EventBase):
    """A fill was booked, whosever order it was on.

    `fee_quote` is the fee's worth in quote currency at that time; `fee_base` the part paid out of
    the bought base currency. `is_late` when its order had finished; `overfill` is what exceeds it.
    `to_holding` when somebody else traded spot: the cash moves, and no position of ours does.
    `fee_quotes` are what a fee in a third currency was priced with, and `fee_owed` is that fee
    while nothing gives its price: `fee_quote` is zero then, and FeeSettled follows. `rate` is what
    one unit of quote currency was worth in the reporting currency, `mid` the symbol's mid.
    """

    fill: Fill
    fee_quote: Decimal
    fee_base: Decimal
    is_swap: bool
    is_late: bool = False
    overfill: Decimal = Decimal(0)
    to_holding: bool = False
    fee_quotes: tuple[Quote, ...] = ()
    fee_owed: Decimal = Decimal(0)
    rate: Decimal = Decimal(1)
    mid: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSettled(EventBase):
    """A fee in a third currency got its price, after its fill was booked without one.

    `fee_quote` is its worth in the quote currency of its symbol, `rate` that currency's in the
    reporting one; `quotes` gave the price.
    """

    identity: str
    fee_quote: Decimal
    rate: Decimal
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecalled(EventBase):
    """A finished order came back into State's window, because something late concerns it."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReappeared(EventBase):
    """The venue has an order that was settled as never accepted, or as not sent: it is open again.

    Nobody waits for it any more, so what is left of it is cancelled.
    """

    client_order_id: str
    venue_order_id: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrdersSeen(EventBase):
    """These open orders stand at the venue and are not journaled here; none means none any more."""

    venue: str
    orders: tuple[ExternalOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCancelRequested(EventBase):
    """A person's flatten cancels an order that nobody here sent."""

    venue: str
    venue_order_id: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsSeen(EventBase):
    """The account owns this beside our positions and cash, by currency; never sold by itself."""

    venue: str
    holdings: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CashDoubted(EventBase):
    """The venue's cash differs by `amount` from what fills explain; zero takes the doubt back."""

    venue: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CashFlowed(EventBase):
    """Cash changed by `amount` without a fill and is `cash` now.

    `rate` is what one unit was worth in the reporting currency. `key` names the swap that paid or
    received it, where only one was open.
    """

    venue: str
    currency: str
    amount: Decimal
    cash: Decimal
    reason: FlowReason
    rate: Decimal = Decimal(1)
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAdopted(EventBase):
    """A person took a holding, or the venue's quantity, into a position.

    `quantity` is the signed change in base currency, at `price`; `flow` is its worth in the
    reporting currency, which is neither a gain nor a loss.
    """

    key: str
    position_id: str
    quantity: Decimal
    price: Decimal
    flow: Decimal
    is_holding: bool
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHalted(EventBase):
    """The venue holds orders named as only we name them, and the journal has never seen them."""

    venue: str
    client_order_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionChanged(EventBase):
    """A position's stop and targets were replaced, and its plan where one is given.

    A new plan begins to trail anew.
    """

    key: str
    position_id: str
    stop: Decimal | None
    targets: tuple[Target, ...]
    reason: str
    plan: ExitPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFollowed(EventBase):
    """A stop followed the price: behind a new `peak`, or to break-even, where `peak` is None.

    It only ever tightens; a `stop` of None leaves it where it stands.
    """

    key: str
    position_id: str
    stop: Decimal | None
    peak: Decimal | None
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionsSetAside(EventBase):
    """Every stop and target was taken away, and remembered."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionsRestored(EventBase):
    """The stops and targets that were set aside are watched again."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitTriggered(EventBase):
    """A watched stop, target or time was reached; the quote that reached it is recorded.

    `prices` are all targets that one exit serves; `price` is the furthest. A time has no quote
    where none was known, and the price is then the entry's. `trailed` when the stop had followed
    the price up to where it was reached.
    """

    key: str
    position_id: str
    leg: str
    price: Decimal
    quote: Quote | None
    prices: tuple[Decimal, ...] = ()
    trailed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingHalted(EventBase):
    """A person stopped trading."""

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingResumed(EventBase):
    """A person allowed entries again."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateSet(EventBase):
    """A person held a scope back, or let it go again with ACTIVE."""

    scope: Scope
    trading: TradingState
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTripped(EventBase):
    """A limit was reached; the breaker is latched until a person re-arms it. Shares in percent."""

    breaker_id: str
    kind: str
    value: Decimal
    limit: Decimal
    action: TradingState
    sentence: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerWarned(EventBase):
    """A limit is used to the warning share."""

    kind: str
    value: Decimal
    limit: Decimal
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEased(EventBase):
    """What was warned about fell back; the next time it is warned about again."""

    kind: str
    scope: Scope
    value: Decimal
    limit: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRearmed(EventBase):
    """A person re-armed a breaker; `kind` and `scope` are what it was."""

    breaker_id: str
    actor: Actor
    kind: str = ""
    scope: Scope = EVERYWHERE


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class EquitySampled(EventBase):
    """Equity was measured on fresh marks, in the reporting currency, other cash at `rates`.

    `unit_value` is what one unit of the account was worth; drawdown is measured on it.
    """

    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    high_water: Decimal
    unit_value: Decimal | None = None
    rates: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRolled(EventBase):
    """A trading day began, at the time of day that was set, with this equity."""

    day: date
    day_open: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenStarted(EventBase):
    """A person asked to close everything; `keys` and `quantities` are what was open.

    `with_external` cancels the orders that nobody here sent, too.
    """

    actor: Actor
    keys: tuple[str, ...]
    quantities: tuple[Decimal, ...]
    with_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenHurried(EventBase):
    """A person asked again while a flatten runs: what waits for its turn is tried at once.

    `with_external` cancels the orders that nobody here sent from now on, too.
    """

    actor: Actor
    with_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenLooked(EventBase):
    """A venue showed itself flat once; it counts when it does so a second time."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenAsked(EventBase):
    """Everything looks closed here; the venues are asked."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenVerified(EventBase):
    """A venue shows no position and no order of ours."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenStillOpen(EventBase):
    """Something is still open, or a venue does not say; trying goes on."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenEnded(EventBase):
    """Flat, verified at every venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyMerged(EventBase):
    """What was sent while the journal was away is journaled now; `orders` are what was sent.

    `events` counts what was recorded, from `since` on.
    """

    since: datetime
    events: int
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksDiffer(EventBase):
    """The venue shows something else than State; entries on the symbols wait.

    `found` gives both quantities where they are what differs.
    """

    venue: str
    lines: tuple[str, ...]
    keys: tuple[str, ...]
    found: tuple[Differing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksEqual(EventBase):
    """The venue shows what State holds."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWentSilent(EventBase):
    """A venue stopped answering; no entries there."""

    venue: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAnswered(EventBase):
    """A venue answers again."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReported(EventBase):
    """The daily report, in the reporting currency; `chain_head` anchors the journal."""

    day: date
    day_open: Decimal
    equity: Decimal
    realised_pnl: Decimal
    fees: Decimal
    closed_trades: int
    won: int
    lost: int
    best: Decimal | None
    worst: Decimal | None
    volume: Decimal
    slippage_bps: Decimal | None
    incidents: int
    drawdown_pct: Decimal
    chain_head: str
    flows: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatBound(EventBase):
    """A chat receives alerts."""

    chat_id: int
    user_id: int
    is_group: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertModeSet(EventBase):
    """A chat chose how it is told about one kind."""

    chat_id: int
    kind: AlertKind
    mode: AlertMode


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcknowledged(EventBase):
    """A person has seen an alert."""

    subject: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused(EventBase):
    """A command could not run; nothing was done."""

    command: str
    rule: str
    sentence: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEnrolled(EventBase):
    """A person has a second factor; what it is made from stands in no event."""

    user_id: int
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRemoved(EventBase):
    """A person has no second factor any more."""

    user_id: int
    reason: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorLocked(EventBase):
    """Too many wrong codes came from a person; none is taken until `until`."""

    user_id: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChanged(EventBase):
    """A limit has another value from now on; `actor` made it hold, `asked_by` where two did.

    `reason` says why the engine did it by itself.
    """

    name: str
    before: Decimal
    after: Decimal
    actor: Actor
    asked_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitProposed(EventBase):
    """An owner asked for a riskier limit; it waits for a second one."""

    proposal: LimitProposal
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitProposalEnded(EventBase):
    """A change that waited was approved, rejected, replaced by another, or ran out."""

    proposal: LimitProposal
    outcome: ProposalOutcome
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerNoted(EventBase):
    """Somebody without a role wrote; no word of theirs is kept."""

    user_id: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogSetAside(EventBase):
    """Old commands were not run; a person may redo each."""

    chat_id: int
    items: tuple[str, ...]
    done: tuple[str, ...]
    down_since: datetime | None


Event = (
    JournalOpened
    | EpochBegun
    | EngineStarted
    | EngineEnded
    | LiveArmed
    | SignalReceived
    | SignalScaled
    | OrderDenied
    | TicketOpened
    | TicketConfirmed
    | TicketEnded
    | OrderSubmitted
    | OrderNotSent
    | ExitReleased
    | OrderAccepted
    | OrderRejected
    | OrderUnknown
    | OrderAsked
    | OrderCancelRequested
    | OrderCanceled
    | OrderExpired
    | FillBooked
    | FeeSettled
    | OrderRecalled
    | OrderReappeared
    | ExternalOrdersSeen
    | ExternalCancelRequested
    | HoldingsSeen
    | CashDoubted
    | CashFlowed
    | PositionAdopted
    | AccountHalted
    | ProtectionChanged
    | StopFollowed
    | ProtectionsSetAside
    | ProtectionsRestored
    | ExitTriggered
    | TradingHalted
    | TradingResumed
    | TradingStateSet
    | BreakerTripped
    | BreakerWarned
    | BreakerEased
    | BreakerRearmed
    | EquitySampled
    | DayRolled
    | FlattenStarted
    | FlattenHurried
    | FlattenLooked
    | FlattenAsked
    | FlattenVerified
    | FlattenStillOpen
    | FlattenEnded
    | EmergencyMerged
    | BooksDiffer
    | BooksEqual
    | VenueWentSilent
    | VenueAnswered
    | DayReported
    | ChatBound
    | AlertModeSet
    | AlertAcknowledged
    | CommandRefused
    | FactorEnrolled
    | FactorRemoved
    | FactorLocked
    | LimitChanged
    | LimitProposed
    | LimitProposalEnded
    | StrangerNoted
    | BacklogSetAside
)
EVENTS: tuple[type[Event], ...] = (
    JournalOpened,
    EpochBegun,
    EngineStarted,
    EngineEnded,
    LiveArmed,
    SignalReceived,
    SignalScaled,
    OrderDenied,
    TicketOpened,
    TicketConfirmed,
    TicketEnded,
    OrderSubmitted,
    OrderNotSent,
    ExitReleased,
    OrderAccepted,
    OrderRejected,
    OrderUnknown,
    OrderAsked,
    OrderCancelRequested,
    OrderCanceled,
    OrderExpired,
    FillBooked,
    FeeSettled,
    OrderRecalled,
    OrderReappeared,
    ExternalOrdersSeen,
    ExternalCancelRequested,
    HoldingsSeen,
    CashDoubted,
    CashFlowed,
    PositionAdopted,
    AccountHalted,
    ProtectionChanged,
    StopFollowed,
    ProtectionsSetAside,
    ProtectionsRestored,
    ExitTriggered,
    TradingHalted,
    TradingResumed,
    TradingStateSet,
    BreakerTripped,
    BreakerWarned,
    BreakerEased,
    BreakerRearmed,
    EquitySampled,
    DayRolled,
    FlattenStarted,
    FlattenHurried,
    FlattenLooked,
    FlattenAsked,
    FlattenVerified,
    FlattenStillOpen,
    FlattenEnded,
    EmergencyMerged,
    BooksDiffer,
    BooksEqual,
    VenueWentSilent,
    VenueAnswered,
    DayReported,
    ChatBound,
    AlertModeSet,
    AlertAcknowledged,
    CommandRefused,
    FactorEnrolled,
    FactorRemoved,
    FactorLocked,
    LimitChanged,
    LimitProposed,
    LimitProposalEnded,
    StrangerNoted,
    BacklogSetAside,
)

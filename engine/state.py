"""State: everything the engine decides from; the fold of the journal's events.

State is bounded. Finished orders, ended tickets, known commands and known fills are kept as tails;
whatever is older is fetched from the journal into the decision's context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from engine.commands import AlertKind, AlertMode
from engine.confirming import ConfirmPolicy
from engine.copies import quick
from engine.days import MIDNIGHT
from engine.equity import DaySummary, DayTally, Equity
from engine.evidence import Evidence
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.external import CashDoubt, Differing, ExternalOrder
from engine.limits import LimitProposal
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderStatus
from engine.positions import Position
from engine.risk_limits import RiskLimits, TradingState
from engine.scaling import ScalingPolicy
from engine.signals import Target, TradingSignal
from engine.standings import strictest
from engine.stops import Breaker, FlattenRun, Restriction, Stop
from engine.tickets import Ticket

ORDERS_TAIL = 200
TICKETS_TAIL = 200
FILLS_TAIL = 500
COMMANDS_TAIL = 500
SIGNALS_TAIL = 50
SENT_TAIL = 50
IMPOSTORS_TAIL = 100
FEES_OWED_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalIdentity:
    """Say which journal this is: its random id, epoch, mode, accounts, market and currency.

    `lost` are the moments between the backup and its restore: what was sent then under our names
    stands in no journal.
    """

    journal_id: str
    epoch: int
    mode: str
    accounts: tuple[str, ...]
    market: str
    currency: str
    lost: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat that receives alerts; `modes` holds what differs from ON."""

    chat_id: int
    user_id: int
    is_group: bool
    modes: Mapping[str, AlertMode] = field(default_factory=dict)

    def mode_of(self, kind: AlertKind) -> AlertMode:
        """Give how the chat is told; stop, breaker and tickets are always on."""
        if kind in (AlertKind.STOP, AlertKind.BREAKER, AlertKind.TICKET):
            return AlertMode.ON
        return self.modes.get(kind.value, AlertMode.ON)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSignal:
    """A signal as it came, and what became of it so far."""

    signal_id: str
    at: datetime
    signal: TradingSignal
    venue: str
    actor: str
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMark:
    """Remember one submitted entry, for the duplicate window and the order rate."""

    at: datetime
    fingerprint: str
    venue: str = ""
    strategy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What open entries of one purse may still take: cash over leverage, and its full worth."""

    margin: Decimal = ZERO
    notional: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """Sum up the open orders of an instrument, so that no rule has to walk through all orders.

    `entries` counts them, `buys` and `sells` are what they may still take, in quote currency;
    `exits` and `unknown` name theirs, and an exit can be unknown too; `stops` are those of the
    exits that protect.
    """

    entries: int = 0
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    exits: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A stop, targets and the rest of a plan that were set aside."""

    stop: Decimal | None
    targets: tuple[Target, ...]
    plan: ExitPlan = NO_PLAN
    trail_peak: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeOwed:
    """A fee in a third currency that had no price when it was paid; its cost is settled later.

    `position_id` is that of the position which bears it, where one was left.
    """

    key: str
    client_order_id: str | None
    position_id: str | None
    currency: str
    amount: Decimal
    at: datetime


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Hold what every decision is made from. Keys named `key` are `instrument_key`s.

    `limits` are those in force, `ceilings` what the environment gave at the last start; by name,
    `limits_chosen` are what owners chose and `limits_proposed` what waits for a second one.
    `session` is the number of the last start, and `armed` lasts as long as that session.
    `differing` says by how much the books differ, by key; `unexplained` names by key the swaps
    that somebody else opened, until a person has seen them; `external_orders` and `cash_doubts`
    go by venue, `holdings` by purse; `cash_currencies` are counted beside the reporting one, at
    `rates`, which are those of the last measurement; `fees_owed` go by fill; `counted` are the
    venues whose cash was read from them once; `owners` are the user ids of this start's owners,
    `enrolled` of who has a second factor; `accounts_halted` by venue, `impostors` are the orders
    that halted one.
    """

    seq: int = 0
    journal: JournalIdentity | None = None
    limits: RiskLimits = field(default_factory=RiskLimits)
    ceilings: RiskLimits = field(default_factory=RiskLimits)
    limits_chosen: Mapping[str, Decimal] = field(default_factory=dict)
    limits_proposed: Mapping[str, LimitProposal] = field(default_factory=dict)
    confirm: ConfirmPolicy = field(default_factory=ConfirmPolicy)
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    day_starts: str = MIDNIGHT
    cash_currencies: tuple[str, ...] = ()
    order_timeout_s: int = 300
    owners: tuple[int, ...] = ()
    enrolled: tuple[int, ...] = ()
    session: int = 0
    armed: bool = False
    stop: Stop | None = None
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    restrictions: Mapping[str, Restriction] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    orders: Mapping[str, Order] = field(default_factory=dict)
    orders_finished: Mapping[str, Order] = field(default_factory=dict)
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    tickets_ended: Mapping[str, Ticket] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    fills_known: Mapping[str, int] = field(default_factory=dict)
    commands_known: Mapping[str, int] = field(default_factory=dict)
    cash: Mapping[str, Decimal] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    fees_owed: Mapping[str, FeeOwed] = field(default_factory=dict)
    reserved: Mapping[str, Reserved] = field(default_factory=dict)
    open_on: Mapping[str, OpenOrders] = field(default_factory=dict)
    equity: Equity | None = None
    tally: DayTally = field(default_factory=DayTally)
    day_before: DaySummary | None = None
    flatten: FlattenRun | None = None
    set_aside: Mapping[str, Protection] = field(default_factory=dict)
    reducing: Mapping[str, str] = field(default_factory=dict)
    venues_silent: Mapping[str, str] = field(default_factory=dict)
    books_differ: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    differing: Mapping[str, Differing] = field(default_factory=dict)
    unexplained: Mapping[str, str] = field(default_factory=dict)
    external_orders: Mapping[str, tuple[ExternalOrder, ...]] = field(default_factory=dict)
    holdings: Mapping[str, Decimal] = field(default_factory=dict)
    cash_doubts: Mapping[str, CashDoubt] = field(default_factory=dict)
    counted: tuple[str, ...] = ()
    accounts_halted: Mapping[str, str] = field(default_factory=dict)
    impostors: Mapping[str, str] = field(default_factory=dict)
    chats: Mapping[str, Chat] = field(default_factory=dict)
    signals: Mapping[str, ReceivedSignal] = field(default_factory=dict)
    sent: tuple[SentMark, ...] = ()

    @property
    def trading(self) -> TradingState:
        """Give the strictest of what holds for everything: stop, breakers, a person's choice."""
        return TradingState.HALTED if self.stop is not None else self.trading_unstopped

    @property
    def trading_unstopped(self) -> TradingState:
        """Give what would hold for everything without a person's STOP."""
        states = [breaker.action for breaker in self.breakers.values() if not breaker.scope.key]
        if "" in self.restrictions:
            states.append(self.restrictions[""].trading)
        return max(states, key=lambda state: state.severity, default=TradingState.ACTIVE)

    def trading_on(self, venue: str, symbol: str, strategy: str) -> tuple[TradingState, str]:
        """Give the strictest trading state of an order's scopes, and why in a sentence.

        It is that of everything, the venue, the strategy and the symbol: by a person's stop or
        choice, by a breaker, or by what is wrong there.
        """
        standing = strictest(self, venue, symbol, strategy)
        return standing.trading, standing.sentence

    @property
    def flattening(self) -> FlattenRun | None:
        """Give the flatten that is under way."""
        if self.flatten is None or self.flatten.ended_at is not None:
            return None
        return self.flatten

    @property
    def currency(self) -> str:
        """Give the reporting currency."""
        return self.journal.currency if self.journal is not None else "USDT"

    def venues_from(self, venue: str = "") -> tuple[str, ...]:
        """Give the accounts' venues, one of them first."""
        venues = self.journal.accounts if self.journal is not None else ()
        if venue not in venues:
            return venues
        return (venue, *(other for other in venues if other != venue))

    def order(self, client_order_id: str) -> Order | None:
        """Find an order that is open or in the tail of finished ones."""
        return self.orders.get(client_order_id) or self.orders_finished.get(client_order_id)

    def ticket(self, ticket_id: str) -> Ticket | None:
        """Find a ticket that is open or in the tail of ended ones."""
        return self.tickets.get(ticket_id) or self.tickets_ended.get(ticket_id)

    def position(self, position_id: str) -> Position | None:
        """Find an open position by its id."""
        for position in self.positions.values():
            if position.position_id == position_id:
                return position
        return None

    def orders_on(self, key: str) -> tuple[Order, ...]:
        """Give the open orders of an instrument."""
        venue, _, symbol = key.partition(":")
        return tuple(
            order
            for order in self.orders.values()
            if order.symbol == symbol and order.venue == venue
        )

    def entries(self) -> tuple[Order, ...]:
        """Give the open entries."""
        return tuple(order for order in self.orders.values() if not order.is_exit)

    def unknown_on(self, key: str) -> tuple[Order, ...]:
        """Give the orders of an instrument that nobody knows about."""
        return tuple(o for o in self.orders_on(key) if o.status is OrderStatus.UNKNOWN)

    def exits_pending(self, key: str) -> Decimal:
        """Give the quantity that open exits of an instrument may still take off.

        What only protects holds no exit back.
        """
        closing = (o for o in self.orders_on(key) if o.is_exit and o.kind is not OrderKind.STOP)
        return sum((order.remaining for order in closing), ZERO)

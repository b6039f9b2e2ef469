"""State: everything the engine decides from; the fold of the journal's events.

State is bounded. Finished orders, ended tickets, known commands and known fills are kept as tails;
whatever is older is fetched from the journal into the decision's context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from engine.commands import AlertKind, AlertMode
from engine.copies import quick
from engine.external import CashDoubt, Differing, ExternalOrder
from engine.numbers import HUNDRED, ZERO
from engine.orders import Order, OrderStatus
from engine.positions import Position
from engine.risk_limits import ConfirmPolicy, RiskLimits, TradingState
from engine.signals import Target, TradingSignal
from engine.tickets import Ticket

ORDERS_TAIL = 200
TICKETS_TAIL = 200
FILLS_TAIL = 500
COMMANDS_TAIL = 500
SIGNALS_TAIL = 50
SENT_TAIL = 50
IMPOSTORS_TAIL = 100


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
class Stop:
    """Say since when, by whom and why a person stopped trading."""

    since: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A latched circuit breaker; value and limit in percent."""

    breaker_id: str
    kind: str
    value: Decimal
    limit: Decimal
    action: TradingState
    sentence: str
    since: datetime
    acknowledged: bool = False


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """The equity record, in the reporting currency; `at` is when it was last measured fresh."""

    at: datetime
    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    high_water: Decimal
    day: date
    day_open: Decimal
    loss_base: Decimal

    @property
    def drawdown_pct(self) -> Decimal:
        """Give (high-water mark - equity) / high-water mark, in percent; never negative."""
        if self.high_water <= ZERO:
            return ZERO
        return max(ZERO, (self.high_water - self.equity) / self.high_water * HUNDRED)

    @property
    def day_pnl(self) -> Decimal:
        """Give the equity gained since the day opened."""
        return self.equity - self.day_open

    @property
    def day_loss_pct(self) -> Decimal:
        """Give the loss since `loss_base`, a share of it in percent; 0 on a gain.

        The base is the day's opening equity, or the equity when a daily loss was last re-armed.
        """
        if self.loss_base <= ZERO:
            return ZERO
        return max(ZERO, (self.loss_base - self.equity) / self.loss_base * HUNDRED)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class DayTally:
    """What the day's report counts, in the reporting currency."""

    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    volume: Decimal = ZERO
    closed_trades: int = 0
    won: int = 0
    lost: int = 0
    best: Decimal | None = None
    worst: Decimal | None = None
    slippage_bps_sum: Decimal = ZERO
    slippage_orders: int = 0
    incidents: int = 0
    errors: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """The day before this one, as it closed."""

    day: date
    day_open: Decimal
    equity: Decimal
    drawdown_pct: Decimal
    tally: DayTally


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenRun:
    """A flatten; under way until `ended_at` is set. `verified` venues showed themselves flat.

    `intent` is the command that began it, and the intent of every exit it sends.
    `quantities` are the signed sizes, in the order of `keys`, when it began. `with_external` takes
    away what nobody here sent, too; `external_asked` of these are being cancelled in this attempt.
    """

    since: datetime
    by: str
    intent: str
    keys: tuple[str, ...]
    quantities: tuple[Decimal, ...] = ()
    ended_at: datetime | None = None
    attempt: int = 0
    asked: bool = False
    verified: tuple[str, ...] = ()
    still_open: tuple[str, ...] = ()
    acknowledged: bool = False
    last_alert_at: datetime | None = None
    with_external: bool = False
    external_asked: tuple[str, ...] = ()


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
    """Remember one submitted entry, for the duplicate window."""

    at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What open entries of one purse may still take: cash over leverage, and its full worth."""

    margin: Decimal = ZERO
    notional: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """Sum up the open orders of an instrument, so that no rule has to walk through all orders.

    `entries` counts them; `exits` and `unknown` name theirs, and an exit can be unknown too.
    """

    entries: int = 0
    exits: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A stop and targets that were set aside."""

    stop: Decimal | None
    targets: tuple[Target, ...]


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Hold what every decision is made from. Keys named `key` are `instrument_key`s.

    `session` is the number of the last start, and `armed` lasts as long as that session.
    `differing` says by how much the books differ, by key; `unexplained` names by key the swaps
    that somebody else opened, until a person has seen them; `external_orders` and `cash_doubts`
    go by venue, `holdings` by purse; `counted` are the venues whose cash was read from them once;
    `accounts_halted` by venue, `impostors` are the orders that halted one.
    """

    seq: int = 0
    journal: JournalIdentity | None = None
    limits: RiskLimits = field(default_factory=RiskLimits)
    confirm: ConfirmPolicy = field(default_factory=ConfirmPolicy)
    order_timeout_s: int = 300
    session: int = 0
    armed: bool = False
    stop: Stop | None = None
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    orders_finished: Mapping[str, Order] = field(default_factory=dict)
    tickets: Mapping[str, Ticket] = field(default_factory=dict)
    tickets_ended: Mapping[str, Ticket] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    fills_known: Mapping[str, int] = field(default_factory=dict)
    commands_known: Mapping[str, int] = field(default_factory=dict)
    cash: Mapping[str, Decimal] = field(default_factory=dict)
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
        """Give the strictest of a person's stop and every latched breaker."""
        if self.stop is not None:
            return TradingState.HALTED
        states = [breaker.action for breaker in self.breakers.values()]
        return max(states, key=lambda state: state.severity, default=TradingState.ACTIVE)

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
        """Give the quantity that open exits of an instrument may still take off."""
        return sum((o.remaining for o in self.orders_on(key) if o.is_exit), ZERO)

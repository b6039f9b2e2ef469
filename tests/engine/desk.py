"""A desk for pure decisions: the account of SCREENS.md as a State, folded from events only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.commands import ActorKind, Role
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.context import Context
from engine.decide import Message, decide
from engine.fold import apply
from engine.instruments import Instrument
from engine.markets.catalogue import catalogue
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.positions import Fill
from engine.protection import StopRest, is_protection
from engine.quotes import Quote
from engine.risk_limits import RiskLimits
from engine.signals import TradingSignal
from engine.state import State
from engine.tickets import Ticket
from storage.codec import Codec
from tests.engine.world import OWNER, TRADER, signal

AT = datetime(2026, 11, 17, 14, 32, 5, tzinfo=UTC)
# Shares of exposure so wide that a rule under test stands alone; test_exposure narrows them.
ROOMY = Decimal(10**12)
LIMITS = RiskLimits(
    slippage_cap_bps=Decimal(10),
    drift_bps_max=Decimal(15),
    position_pct_max=ROOMY,
    coin_pct_max=ROOMY,
    gross_pct_max=ROOMY,
    net_pct_max=ROOMY,
)
NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)
ALWAYS = ConfirmPolicy(mode=ConfirmMode.ALWAYS)
STRATEGY = c.Actor(kind=ActorKind.STRATEGY, name="breakout")
VIEWER = c.Actor(kind=ActorKind.PERSON, user_id=9, role=Role.VIEWER)
__all__ = ["OWNER", "TRADER", "signal"]

CODEC = Codec()
# What the engine adds of its own accord, whatever it was asked: it names no command.
OF_ITS_OWN = (
    e.BreakerEased,
    e.BreakerWarned,
    e.FlattenAsked,
    e.FlattenLooked,
    e.FlattenStillOpen,
    e.JournalOpened,
    e.StopFollowed,
    e.OrderUnknown,
    e.ExternalCancelRequested,
    e.ExitReleased,
    e.OrderNotSent,
)
# Why the engine cancels orders of its own accord.
OWN_REASONS = (
    *("it holds back an exit", "it was given up", "an exit takes its place"),
    *("nothing is left to protect", "the console watches it", "it protects nothing"),
    *("another has taken its place", "another takes its place"),
)


def quote_of(symbol: str, bid: str, ask: str, at: datetime = AT, mark: str | None = None) -> Quote:
    low, high = Decimal(bid), Decimal(ask)
    middle = (low + high) / 2
    return Quote(
        venue="binance",
        symbol=symbol,
        bid=low,
        ask=high,
        mark=Decimal(mark) if mark is not None else middle,
        at=at,
    )


@dataclass
class Desk:
    """Decide and fold, one message after another, at a time set by hand."""

    limits: RiskLimits = LIMITS
    confirm: ConfirmPolicy = NEVER
    cash: str = "12480.20"
    mode: str = "paper"
    accounts: tuple[str, ...] = ("binance",)
    now: datetime = AT
    armed: bool = False
    stop_latched: bool = False
    settle_s: int = 60
    rests: Mapping[str, StopRest] = field(default_factory=dict)
    state: State = field(default_factory=State)
    quotes: dict[str, Quote] = field(default_factory=dict)
    instruments: dict[str, Instrument] = field(default_factory=lambda: catalogue("binance"))
    events: list[e.Event] = field(default_factory=list)
    given: int = 0
    shown_by: dict[str, r.VenueSnapshot] | None = None

    def __post_init__(self) -> None:
        self.quote("BTC/USDT", "61236.33", "61243.67")
        self.quote("ETH/USDT", "3395.994", "3396.606")
        self.quote("SOL/USDT", "149.89", "149.91")
        self.quote("XRP/USDT", "2.1456", "2.1466")
        self.quote("BTC/USDT:USDT", "61230.2", "61234.7")
        if self.state.journal is None:
            self.start()
            if self.mode == "live":
                for venue in self.accounts:
                    self.shown({"USDT": self.cash}, venue=venue)

    def start(self) -> tuple[e.Event, ...]:
        return self.give(
            c.StartEngine,
            actor=c.ENGINE,
            journal_id="desk",
            epoch=1,
            mode=self.mode,
            accounts=self.accounts,
            market="simulated",
            currency="USDT",
            cash=Decimal(self.cash),
            limits=self.limits,
            confirm=self.confirm,
            order_timeout_s=300,
            version="0",
        )

    def quote(self, symbol: str, bid: str, ask: str, **fields: Any) -> Quote:
        made = quote_of(symbol, bid, ask, fields.pop("at", self.now), **fields)
        self.quotes[f"binance:{symbol}"] = made
        return made

    def later(self, seconds: float) -> None:
        """Let time pass; the prices stay fresh."""
        self.now += timedelta(seconds=seconds)
        self.quotes = {key: replace(quote, at=self.now) for key, quote in self.quotes.items()}

    def context(self, **fields: Any) -> Context:
        base: dict[str, Any] = {
            "now": self.now,
            "quotes": self.quotes,
            "instruments": self.instruments,
            "armed": self.armed,
            "stop_latched": self.stop_latched,
            "settle_s": self.settle_s,
            "rests": self.rests,
            "shown": self.shown_by,
        }
        return Context(**(base | fields))

    def tell(self, message: Message, **fields: Any) -> tuple[e.Event, ...]:
        """Decide a message and fold what it leads to."""
        context = self.context(**fields)
        events = decide(self.state, message, context)
        for event in events:
            is_sound(event, message, context)
            self.state = apply(self.state, event)
        self.events.extend(events)
        return events

    def give(
        self, wanted: type[c.CommandBase], actor: c.Actor = OWNER, **fields: Any
    ) -> tuple[e.Event, ...]:
        self.given += 1
        name = fields.pop("command_id", f"desk:{self.given}")
        command: Any = wanted(command_id=name, actor=actor, at=self.now, **fields)
        return self.tell(command)

    def wish(self, made: TradingSignal, actor: c.Actor = OWNER, **fields: Any) -> e.Event:
        """Submit a signal and give the last event: the order, the ticket or the denial."""
        return self.give(c.SubmitSignal, actor, signal=made, venue="binance", **fields)[-1]

    def ticket(self, made: TradingSignal, actor: c.Actor = OWNER) -> Ticket:
        event = self.wish(made, actor, ticket_wanted=True)
        assert isinstance(event, e.TicketOpened), event
        return event.ticket

    def order(self, made: TradingSignal) -> str:
        """Submit a signal that must pass, and give its order's name."""
        event = self.wish(made)
        assert isinstance(event, e.OrderSubmitted), event
        return event.order.client_order_id

    def denied(self, made: TradingSignal, actor: c.Actor = OWNER) -> dict[str, e.Breach]:
        event = self.wish(made, actor)
        assert isinstance(event, e.OrderDenied), event
        return {breach.rule: breach for breach in event.breaches}

    def judged(self, made: TradingSignal) -> dict[str, e.Breach]:
        """Submit a signal; give what refused it by rule, nothing where it passed."""
        event = self.wish(made)
        return {b.rule: b for b in event.breaches} if isinstance(event, e.OrderDenied) else {}

    def fill(
        self,
        client_order_id: str | None,
        quantity: str,
        price: str,
        **fields: Any,
    ) -> tuple[e.Event, ...]:
        """Report a fill; symbol and side are the order's unless given."""
        order = self.state.order(client_order_id or "")
        self.given += 1
        base: dict[str, Any] = {
            "venue": "binance",
            "symbol": order.symbol if order is not None else "BTC/USDT",
            "trade_id": f"t{self.given}",
            "side": order.side if order is not None else OrderSide.BUY,
            "quantity": Decimal(quantity),
            "price": Decimal(price),
            "fee": ZERO,
            "fee_currency": "USDT",
            "at": self.now,
            "client_order_id": client_order_id,
        }
        return self.tell(r.FillReported(fill=Fill(**(base | fields))))

    def sent(self, symbol: str, side: OrderSide, quantity: Decimal, name: str | None = None) -> str:
        """Have sent an order of ours, past every check, once by each name; its name."""
        self.given += 1
        name = name or f"qdsent{self.given}"
        if self.state.order(name) is not None:
            return name
        order = Order(
            client_order_id=name,
            venue="binance",
            symbol=symbol,
            side=side,
            kind=OrderKind.MARKET,
            purpose=OrderPurpose.ENTRY,
            quantity=quantity,
            intent=name,
            submitted_at=self.now,
        )
        self.state = apply(self.state, e.OrderSubmitted(at=self.now, order=order))
        return name

    def hold(self, symbol: str, quantity: str, price: str, **fields: Any) -> str:
        """Hold a position, bought through an order; its order's name."""
        action = fields.pop("action", "buy")
        name = self.order(signal(symbol, action, quantity=quantity, **fields))
        self.fill(name, quantity, price)
        self.later(20)  # past the duplicate window
        return name

    def seen(self, client_order_id: str, status: str, filled: str = "0") -> tuple[e.Event, ...]:
        order = self.state.order(client_order_id)
        return self.tell(
            r.OrderSeen(
                client_order_id=client_order_id,
                venue_order_id="v1",
                venue="binance",
                symbol=order.symbol if order is not None else "BTC/USDT",
                side=OrderSide.BUY,
                quantity=order.quantity if order is not None else ZERO,
                status=r.VenueOrderStatus(status),
                filled=Decimal(filled),
            )
        )

    def shown(
        self,
        balances: Mapping[str, str] | None = None,
        positions: tuple[r.VenuePosition, ...] = (),
        orders: tuple[r.OrderSeen, ...] = (),
        venue: str = "binance",
    ) -> tuple[e.Event, ...]:
        """Show what the venue holds."""
        held = {key: Decimal(value) for key, value in (balances or {}).items()}
        held.setdefault("USDT", self.state.cash.get(f"{venue}:USDT", ZERO))
        return self.tell(
            r.VenueSnapshot(
                venue=venue, at=self.now, orders=orders, balances=held, positions=positions
            )
        )

    def shown_again(self, *args: Any, **fields: Any) -> tuple[e.Event, ...]:
        """Show the same twice, a second apart, as what counts as flat must be; all events."""
        first = self.shown(*args, **fields)
        self.later(1)
        return (*first, *self.shown(*args, **fields))


def is_sound(event: e.Event, message: Message, context: Context) -> None:
    """Hold what is true of every event: it is of this moment, it names the command that led to
    it, so that a repeat of the command finds it, and the journal gives back what it was given.
    """
    assert event.at == context.now, event
    cause = message.command_id if isinstance(message, c.CommandBase) else None
    places_stop = isinstance(event, e.OrderSubmitted) and is_protection(event.order)
    of_its_own = (
        isinstance(event, OF_ITS_OWN)
        or places_stop
        or (isinstance(event, e.OrderCancelRequested) and event.reason in OWN_REASONS)
    )
    assert event.command_id == (None if of_its_own else cause), event
    form = CODEC.encode(event)
    assert CODEC.decode(1, form.kind, form.version, form.payload) == event


def kinds(events: tuple[e.Event, ...]) -> list[str]:
    """Name the kinds of events, for short comparisons."""
    return [type(event).__name__ for event in events]

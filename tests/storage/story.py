"""A made-up trading session: random, but every event follows legally from those before it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine import events as e
from engine.alerts import Alert, alerts_of
from engine.commands import SCHEDULE, Actor, ActorKind, AlertKind, AlertMode, Role
from engine.confirming import ConfirmPolicy
from engine.fold import apply
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderTrigger, can
from engine.ports import Step
from engine.positions import Fill, Liquidity
from engine.risk_limits import RiskLimits, TradingState
from engine.signals import SignalAction, Target, TradingSignal
from engine.state import State
from engine.tickets import Ticket, TicketStatus
from tests.storage.samples import filled

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWNER = Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER, chat_id=4242)
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
PRICES = {"BTC/USDT": Decimal("61240.0"), "ETH/USDT": Decimal("3396.90"), "SOL/USDT": Decimal(150)}
ANSWERS: dict[OrderTrigger, Callable[[datetime, str], e.Event]] = {
    OrderTrigger.ACCEPT: lambda at, cid: e.OrderAccepted(
        at=at, client_order_id=cid, venue_order_id=f"v-{cid}"
    ),
    OrderTrigger.REJECT: lambda at, cid: e.OrderRejected(
        at=at, client_order_id=cid, code="insufficient", reason="not enough"
    ),
    OrderTrigger.NOT_SEND: lambda at, cid: e.OrderNotSent(
        at=at, client_order_id=cid, reason="halted"
    ),
    OrderTrigger.NO_ANSWER: lambda at, cid: e.OrderUnknown(
        at=at, client_order_id=cid, reason="timeout"
    ),
    OrderTrigger.CANCEL: lambda at, cid: e.OrderCanceled(at=at, client_order_id=cid),
    OrderTrigger.EXPIRE: lambda at, cid: e.OrderExpired(at=at, client_order_id=cid),
}


class Story:
    """Tell a session step by step; `state` is State after the steps told so far."""

    def __init__(self, seed: int = 1, *, state: State | None = None) -> None:
        self.random = random.Random(seed)
        self.state = state if state is not None else State()
        self.at = START + timedelta(seconds=self.state.seq)
        self.number = self.state.seq * 1000 + seed * 10_000_000

    def steps(self, count: int) -> Iterator[tuple[Step, State, State]]:
        """Tell `count` steps, each with State before and after it."""
        for _ in range(count):
            before = self.state
            step = self.step()
            yield step, before, self.state

    def step(self) -> Step:
        """Tell the next step."""
        self.at += timedelta(milliseconds=self.random.randint(1, 40_000))
        if self.state.journal is None:
            return self.tell(*self.opening())
        plots = [self.order, self.order, self.answer, self.answer, self.fill, self.fill, self.fill]
        plots += [self.ticket, self.ticket_end, self.equity, self.protect, self.chat, self.risk]
        plots += [self.late_fill, self.world]
        for _ in range(30):
            events = self.random.choice(plots)()
            if events:
                return self.tell(*events)
        return self.tell(*self.equity())

    def tell(self, *events: e.Event) -> Step:
        """Fold the events and give them with their alerts."""
        alerts: list[Alert] = []
        for event in events:
            after = apply(self.state, event)
            alerts += alerts_of(self.state, event, after)
            self.state = after
        return Step(events=events, alerts=tuple(alerts))

    def name(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"

    def opening(self) -> list[e.Event]:
        command_id = self.name("start")
        return [
            e.JournalOpened(
                at=self.at,
                command_id=command_id,
                journal_id="j1",
                epoch=1,
                mode="paper",
                accounts=("binance",),
                market="simulated",
                currency="USDT",
                cash=Decimal(10000),
            ),
            e.EngineStarted(
                at=self.at,
                command_id=command_id,
                limits=RiskLimits(),
                confirm=ConfirmPolicy(),
                order_timeout_s=300,
                version="0.1.0",
            ),
            e.ChatBound(
                at=self.at, command_id=command_id, chat_id=4242, user_id=4242, is_group=False
            ),
        ]

    def signal(self) -> TradingSignal:
        symbol = self.random.choice(SYMBOLS)
        return TradingSignal(
            symbol=symbol,
            action=SignalAction.BUY,
            quantity=Decimal(self.random.randint(1, 900)) / 1000,
            confidence=self.random.choice((1, 0.8)),
            signal_id=self.name("s"),
        )

    def made(self, signal: TradingSignal, command_id: str) -> Order:
        side = self.random.choice(list(OrderSide))
        assert signal.quantity is not None
        return Order(
            client_order_id=self.name("qd"),
            venue="binance",
            symbol=signal.symbol,
            side=side,
            kind=self.random.choice((OrderKind.MARKET, OrderKind.LIMIT)),
            purpose=OrderPurpose.ENTRY,
            quantity=signal.quantity,
            intent=command_id,
            price_arrival=PRICES[signal.symbol],
            price_limit=PRICES[signal.symbol],
            stop=Decimal("0.50"),
            targets=(Target(price=PRICES[signal.symbol] * 2, fraction=Decimal("0.50")),),
            signal_id=signal.signal_id,
            actor=OWNER.text,
        )

    def order(self) -> list[e.Event]:
        if len(self.state.orders) > 12:
            return []
        command_id, signal = self.name("c"), self.signal()
        return [
            self.received(signal, command_id),
            e.OrderSubmitted(
                at=self.at, command_id=command_id, order=self.made(signal, command_id)
            ),
        ]

    def received(self, signal: TradingSignal, command_id: str) -> e.SignalReceived:
        return e.SignalReceived(
            at=self.at,
            command_id=command_id,
            signal_id=signal.signal_id or "",
            signal=signal,
            venue="binance",
            actor=OWNER,
        )

    def ticket(self) -> list[e.Event]:
        command_id, signal = self.name("c"), self.signal()
        ticket: Ticket = replace(
            filled(Ticket),
            ticket_id=self.name("t"),
            command_id=command_id,
            client_order_id=self.name("qd"),
            signal=signal,
            symbol=signal.symbol,
            status=TicketStatus.OPEN,
            ended_at=None,
            ended_by=None,
        )
        return [
            self.received(signal, command_id),
            e.TicketOpened(at=self.at, command_id=command_id, ticket=ticket),
        ]

    def ticket_end(self) -> list[e.Event]:
        if not self.state.tickets:
            return []
        ticket = self.random.choice(list(self.state.tickets.values()))
        command_id = self.name("c")
        status = self.random.choice([s for s in TicketStatus if s is not TicketStatus.OPEN])
        ended = e.TicketEnded(
            at=self.at,
            command_id=command_id,
            ticket_id=ticket.ticket_id,
            status=status,
            by=OWNER.text,
            user_id=4242,
        )
        if status is not TicketStatus.APPROVED:
            return [ended]
        order = replace(
            self.made(ticket.signal, command_id),
            client_order_id=ticket.client_order_id,
            ticket_id=ticket.ticket_id,
        )
        return [ended, e.OrderSubmitted(at=self.at, command_id=command_id, order=order)]

    def answer(self) -> list[e.Event]:
        if not self.state.orders:
            return []
        order = self.random.choice(list(self.state.orders.values()))
        triggers = [trigger for trigger in ANSWERS if can(order, trigger)]
        if can(order, OrderTrigger.REQUEST_CANCEL) and self.random.random() < 0.3:
            return [
                e.OrderCancelRequested(
                    at=self.at,
                    command_id=self.name("c"),
                    client_order_id=order.client_order_id,
                    actor=OWNER,
                    reason="asked",
                )
            ]
        return [ANSWERS[self.random.choice(triggers)](self.at, order.client_order_id)]

    def fill(self) -> list[e.Event]:
        able = [o for o in self.state.orders.values() if can(o, OrderTrigger.FILL_PART)]
        return [self.booked(self.random.choice(able))] if able else []

    def late_fill(self) -> list[e.Event]:
        finished = list(self.state.orders_finished.values())
        if not finished or self.random.random() < 0.7:
            return []
        return [replace(self.booked(self.random.choice(finished)), is_late=True)]

    def booked(self, order: Order) -> e.FillBooked:
        quantity = order.remaining or Decimal("0.001")
        if self.random.random() < 0.6:
            quantity = (quantity * Decimal("0.37")) or quantity
        price = PRICES[order.symbol] * Decimal(self.random.randint(990, 1010)) / 1000
        fee = quantity * price / 1000
        fill = Fill(
            venue="binance",
            symbol=order.symbol,
            trade_id=self.name("x"),
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_currency="USDT",
            at=self.at,
            client_order_id=order.client_order_id,
            liquidity=self.random.choice((Liquidity.MAKER, None)),
        )
        return e.FillBooked(
            at=self.at, fill=fill, fee_quote=fee, fee_base=Decimal(0), is_swap=False
        )

    def equity(self) -> list[e.Event]:
        command_id = self.name("c")
        if self.random.random() < 0.2 and self.state.equity is not None:
            day = self.state.equity.day + timedelta(days=1)
            return [
                e.DayRolled(
                    at=self.at, command_id=command_id, day=day, day_open=self.state.equity.equity
                )
            ]
        amount = Decimal(self.random.randint(900_000, 1_100_000)) / 100
        return [
            e.EquitySampled(
                at=self.at,
                command_id=command_id,
                equity=amount,
                cash=amount,
                unrealised_pnl=Decimal("0.00"),
                gross=Decimal(0),
                high_water=Decimal(11000),
            )
        ]

    def protect(self) -> list[e.Event]:
        command_id = self.name("c")
        if not self.state.positions or self.random.random() < 0.2:
            aside = e.ProtectionsSetAside(at=self.at, command_id=command_id, actor=OWNER)
            restored = e.ProtectionsRestored(at=self.at, command_id=command_id, actor=OWNER)
            return [aside, restored]
        key, position = self.random.choice(list(self.state.positions.items()))
        return [
            e.ProtectionChanged(
                at=self.at,
                command_id=command_id,
                key=key,
                position_id=position.position_id,
                stop=Decimal("1.10"),
                targets=(),
                reason="moved",
            )
        ]

    def chat(self) -> list[e.Event]:
        chat_id = self.random.choice((4242, 77, -100500))
        if str(chat_id) not in self.state.chats or self.random.random() < 0.3:
            return [
                e.ChatBound(
                    at=self.at,
                    command_id=self.name("c"),
                    chat_id=chat_id,
                    user_id=abs(chat_id),
                    is_group=chat_id < 0,
                )
            ]
        return [
            e.AlertModeSet(
                at=self.at,
                command_id=self.name("c"),
                chat_id=chat_id,
                kind=self.random.choice(list(AlertKind)),
                mode=self.random.choice(list(AlertMode)),
            )
        ]

    def risk(self) -> list[e.Event]:
        command_id = self.name("c")
        if self.state.stop is not None:
            return [e.TradingResumed(at=self.at, command_id=command_id, actor=OWNER)]
        if self.state.breakers:
            (breaker_id, *_) = self.state.breakers
            return [
                e.BreakerRearmed(
                    at=self.at, command_id=command_id, breaker_id=breaker_id, actor=OWNER
                )
            ]
        tripped = e.BreakerTripped(
            at=self.at,
            command_id=command_id,
            breaker_id=self.name("b"),
            kind="daily_loss",
            value=Decimal("2.02"),
            limit=Decimal("2.0"),
            action=TradingState.HALTED,
            sentence="The day's loss reached its limit.",
        )
        halted = e.TradingHalted(at=self.at, command_id=command_id, actor=OWNER, reason="STOP")
        return [self.random.choice((tripped, halted))]

    def world(self) -> list[e.Event]:
        return [
            self.random.choice(
                (
                    e.VenueWentSilent(at=self.at, venue="binance", reason="no answer"),
                    e.VenueAnswered(at=self.at, venue="binance"),
                    e.StrangerNoted(at=self.at, command_id=self.name("c"), user_id=13, messages=2),
                    e.CommandRefused(
                        at=self.at,
                        command_id=self.name("c"),
                        command="RollDay",
                        rule="too early",
                        sentence="The day has not ended.",
                        actor=SCHEDULE,
                    ),
                )
            )
        ]

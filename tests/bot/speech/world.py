"""A console that speaks: a real journal, State by folding events, and a Telegram over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from telegram import Bot

from bot.alerts import Alerts
from bot.blocked_chats import BlockedChats
from bot.board import Board
from bot.buckets import Rates
from bot.clock import SystemClock
from bot.delivery import Delivery
from bot.outgoing import Pace
from bot.pings import Pings
from bot.tellings.book import Tellings
from bot.tellings.telling import Desk
from bot.views.health import VenueHealth, health_of
from engine import events as e
from engine.alerts import Alert, alerts_of
from engine.commands import Actor, ActorKind, Role
from engine.confirming import Confirmation, ConfirmPolicy
from engine.fold import apply
from engine.markets.catalogue import catalogue
from engine.markets.manual import ManualMarket
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.ports import Step
from engine.positions import Fill
from engine.quotes import Quote
from engine.risk_limits import RiskLimits, TradingState
from engine.signals import SignalAction, TradingSignal
from engine.state import State
from engine.tickets import Ticket, TicketStatus
from storage.cards import Cards
from storage.database import Database
from storage.journal import SqlJournal
from storage.notes import Notes
from storage.outbox import Outbox
from storage.queries import Queries
from tests.bot.speech.conftest import HASTY, OWNER, SWIFT, TRADER

BRISK = Pace(edit_every_s=0.02, idle_s=0.05, retry_s=(0.05,))
PRICES = {"BTC/USDT": Decimal(61240), "ETH/USDT": Decimal(3396), "SOL/USDT": Decimal("149.90")}
PERSON = Actor(kind=ActorKind.PERSON, user_id=OWNER, role=Role.OWNER, chat_id=OWNER)


class SteppedClock(SystemClock):
    """Tell the time, and let a test move the wall clock ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class SpeakingWorld:
    """Hold the parts; `happen` is what the engine's loop does with decided events."""

    database: Database
    journal: SqlJournal
    state: State
    clock: SteppedClock
    desk: Desk
    delivery: Delivery
    alerts: Alerts
    blocked: BlockedChats
    board: Board
    pings: Pings
    cards: Cards
    outbox: Outbox
    notes: Notes
    roles: dict[int, Role]
    numbers: int = field(default=0)

    async def happen(self, *events: e.Event) -> None:
        """Journal events with their alerts in one transaction."""
        before, alerts = self.state, list[Alert]()
        for event in events:
            after = apply(self.state, event)
            alerts += alerts_of(self.state, event, after)
            self.state = after
        step = Step(events=events, alerts=tuple(alerts))
        await self.journal.append([step], before, self.state)

    async def bind(self, chat_id: int, user_id: int | None = None) -> None:
        """Let a chat receive alerts."""
        event = e.ChatBound(
            at=self.clock.now(),
            chat_id=chat_id,
            user_id=user_id or chat_id,
            is_group=chat_id < 0,
        )
        await self.happen(event)

    def name(self, letter: str) -> str:
        self.numbers += 1
        return f"{letter}{self.numbers}x{self.state.seq}"

    async def submit(
        self,
        symbol: str = "BTC/USDT",
        *,
        quantity: str = "0.01",
        side: OrderSide = OrderSide.BUY,
        ticket_id: str | None = None,
        purpose: OrderPurpose = OrderPurpose.ENTRY,
    ) -> Order:
        """Submit and accept an order."""
        order = Order(
            client_order_id=self.name("qd"),
            venue="binance",
            symbol=symbol,
            side=side,
            kind=OrderKind.MARKET,
            purpose=purpose,
            quantity=Decimal(quantity),
            intent=self.name("intent"),
            price_limit=PRICES[symbol] * (1 + side.sign * Decimal("0.01")),
            price_decision=PRICES[symbol],
            price_arrival=PRICES[symbol],
            ticket_id=ticket_id,
            submitted_at=self.clock.now(),
        )
        await self.happen(e.OrderSubmitted(at=self.clock.now(), order=order))
        return order

    def fill(self, order: Order, quantity: str, *, price: Decimal | None = None) -> e.FillBooked:
        """Make the event of one fill."""
        at = self.clock.now()
        worth = price or PRICES[order.symbol]
        fill = Fill(
            venue=order.venue,
            symbol=order.symbol,
            trade_id=self.name("t"),
            side=order.side,
            quantity=Decimal(quantity),
            price=worth,
            fee=worth * Decimal(quantity) / 1000,
            fee_currency="USDT",
            at=at,
            client_order_id=order.client_order_id,
        )
        return e.FillBooked(
            at=at, fill=fill, fee_quote=fill.fee, fee_base=Decimal(0), is_swap=False
        )

    async def offer(
        self,
        *,
        owner_id: int | None,
        chat_id: int | None = None,
        message_id: int = 7,
        confirmation: Confirmation = Confirmation.TAP,
    ) -> Ticket:
        """Open a ticket: a strategy's without an owner, else that person's, asked in a chat."""
        at = self.clock.now()
        chat = chat_id if chat_id is not None else owner_id
        command_id = f"tg:{chat}:{message_id}" if chat is not None else self.name("signal:")
        signal = TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY, signal_id=self.name("s"))
        actor = (
            Actor(kind=ActorKind.STRATEGY, name="breakout")
            if owner_id is None
            else replace(PERSON, user_id=owner_id, chat_id=chat)
        )
        price = PRICES["BTC/USDT"]
        quote = Quote(venue="binance", symbol="BTC/USDT", bid=price, ask=price, mark=price, at=at)
        ticket = Ticket(
            ticket_id=self.name("t"),
            client_order_id=self.name("qd"),
            command_id=command_id,
            signal=signal,
            venue="binance",
            symbol="BTC/USDT",
            side=OrderSide.BUY,
            kind=OrderKind.MARKET,
            purpose=OrderPurpose.ENTRY,
            quantity=Decimal("0.01"),
            price_limit=price,
            quote=quote,
            leverage=Decimal(1),
            cost=price / 100,
            cost_max=price / 100,
            fee=Decimal("0.61"),
            slippage_bps=Decimal("0.6"),
            stop=None,
            stop_pnl=None,
            targets=(),
            risk_pct=None,
            quantity_after=Decimal("0.01"),
            asks=(),
            confirmation=confirmation,
            owner_id=owner_id,
            actor=actor.text,
            opened_at=at,
            expires_at=at + timedelta(seconds=60),
        )
        received = e.SignalReceived(
            at=at,
            command_id=command_id,
            signal_id=self.name("sig"),
            signal=signal,
            venue="binance",
            actor=actor,
        )
        opened = e.TicketOpened(at=at, command_id=command_id, ticket=ticket)
        await self.happen(received, opened)
        return ticket

    def end(self, ticket: Ticket, status: TicketStatus) -> e.TicketEnded:
        """Make the event of a ticket's end."""
        return e.TicketEnded(
            at=self.clock.now(),
            ticket_id=ticket.ticket_id,
            status=status,
            by=PERSON.text,
            user_id=OWNER,
        )

    def halt(self) -> e.TradingHalted:
        """Make the event of a STOP."""
        return e.TradingHalted(at=self.clock.now(), actor=PERSON, reason="STOP")

    def breaker(self, breaker_id: str = "b1") -> e.BreakerTripped:
        """Make the event of a breaker."""
        return e.BreakerTripped(
            at=self.clock.now(),
            breaker_id=breaker_id,
            kind="daily_loss",
            value=Decimal("2.02"),
            limit=Decimal(2),
            action=TradingState.HALTED,
            sentence="Daily loss 2.02%, limit 2%",
        )

    async def until_told(self) -> None:
        """Wait, bounded, until nothing is left in the outbox."""
        await until(self._nothing_waits)

    async def _nothing_waits(self) -> bool:
        return not any((await self.outbox.depth()).values())

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[None]:
        """Run the alerts for a while; leaving it is a kill."""
        task = asyncio.create_task(self.alerts.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait, bounded, until something is so."""
    for _ in range(2_000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


def opening(at: datetime) -> tuple[e.Event, ...]:
    return (
        e.JournalOpened(
            at=at,
            journal_id="j1",
            epoch=1,
            mode="paper",
            accounts=("binance",),
            market="simulated",
            currency="USDT",
            cash=Decimal(10000),
        ),
        e.EngineStarted(
            at=at,
            limits=RiskLimits(),
            confirm=ConfirmPolicy(),
            order_timeout_s=300,
            version="0.1.0",
        ),
        e.EquitySampled(
            at=at,
            equity=Decimal(10000),
            cash=Decimal(10000),
            unrealised_pnl=Decimal(0),
            gross=Decimal(0),
            high_water=Decimal(10000),
        ),
    )


@asynccontextmanager
async def speaking_world(
    bot: Bot, folder: Path, *, rates: Rates = SWIFT, pace: Pace = BRISK
) -> AsyncIterator[SpeakingWorld]:
    """Open the journal in a folder, and put the console's voice beside it."""
    clock = SteppedClock()
    database = Database(f"sqlite:///{folder / 'journal.db'}")
    journal = SqlJournal(database)
    state = await journal.open()
    market = ManualMarket(instruments=catalogue("binance").values(), clock=clock)
    for symbol, price in PRICES.items():
        market.set(symbol, price - Decimal("0.1"), price + Decimal("0.1"))
    roles = {OWNER: Role.OWNER, TRADER: Role.TRADER}
    cards, notes, outbox = Cards(database), Notes(database), journal.outbox
    world: SpeakingWorld

    def state_now() -> State:
        return world.state

    def health() -> tuple[VenueHealth, ...]:
        return health_of(world.state, market.latest(), market.instruments(), clock.now())

    desk = Desk(
        state=state_now,
        quotes=market,
        queries=Queries(database),
        cards=cards,
        notes=notes,
        role_of=roles.get,
        health=health,
        clock=clock,
        tz=UTC,
    )
    delivery = Delivery(bot=bot, clock=clock, rates=rates, patience=replace(HASTY, attempts_max=2))
    blocked = BlockedChats(outbox=outbox, notes=notes, state=state_now, clock=clock)
    alerts = Alerts(
        outbox=outbox,
        cards=cards,
        blocked=blocked,
        tellings=Tellings(desk),
        delivery=delivery,
        state=state_now,
        role_of=roles.get,
        clock=clock,
        pace=pace,
    )
    world = SpeakingWorld(
        database=database,
        journal=journal,
        state=state,
        clock=clock,
        desk=desk,
        delivery=delivery,
        alerts=alerts,
        blocked=blocked,
        board=Board(desk=desk, delivery=delivery, blocked=blocked),
        pings=Pings(outbox=outbox, cards=cards, state=state_now, clock=clock),
        cards=cards,
        outbox=outbox,
        notes=notes,
        roles=roles,
    )
    if state.journal is None:
        await world.happen(*opening(clock.now()))
    try:
        yield world
    finally:
        await journal.close()

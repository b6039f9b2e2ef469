"""A trading session as the journal sees it: round trips decided one message after another."""

from collections.abc import Iterator
from decimal import Decimal

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.alerts import Alert, alerts_of
from engine.context import Context
from engine.decide import Message, decide
from engine.fold import apply
from engine.orders import OrderSide
from engine.ports import Step
from engine.signals import SignalAction, TradingSignal
from engine.state import State
from tests.benchmarks import account as a

HELD = 10


class Session:
    """Buy one symbol after another, and close each ten buys later; `state` is after it all.

    A session that goes on from another's State names its signals after `given`.
    """

    def __init__(self, state: State | None = None, *, given: int = 0) -> None:
        self.state = state or State()
        self._context: Context = a.account(0, 0).context
        self._given = given

    def begin(self) -> Step:
        """Open the journal."""
        return self.step(
            c.StartEngine(
                command_id="start",
                actor=c.ENGINE,
                at=a.AT,
                journal_id="bench",
                epoch=1,
                mode="paper",
                accounts=(a.VENUE,),
                market="manual",
                currency="USDT",
                cash=Decimal(100_000_000),
                limits=a.WIDE,
                confirm=a.NEVER,
                order_timeout_s=300,
                version="bench",
            )
        )

    def step(self, message: Message) -> Step:
        """Decide and fold a message, and give what the loop would append."""
        events = decide(self.state, message, self._context)
        alerts: list[Alert] = []
        for event in events:
            following = apply(self.state, event)
            alerts.extend(alerts_of(self.state, event, following))
            self.state = following
        return Step(events=events, alerts=tuple(alerts))

    def signal(self, number: int, *, closing: bool = False) -> Step:
        """Wish for an entry on a symbol, or for its close."""
        self._given += 1
        symbol = a.symbol(number % a.SYMBOLS)
        name = f"signal{self._given}"
        wish = (
            TradingSignal(
                symbol=symbol,
                action=SignalAction.SELL,
                percent=Decimal(100),
                signal_id=name,
                created_at=a.AT,
            )
            if closing
            else a.signal(number % a.SYMBOLS, name=name)
        )
        step = self.step(
            c.SubmitSignal(command_id=name, actor=a.PROGRAM, at=a.AT, signal=wish, venue=a.VENUE)
        )
        assert isinstance(step.events[-1], e.OrderSubmitted), step.events[-1]
        return step

    def answers(self, submitted: Step) -> Iterator[Step]:
        """Let the venue accept an order and fill it."""
        event = submitted.events[-1]
        assert isinstance(event, e.OrderSubmitted)
        order = event.order
        name = order.client_order_id
        yield self.step(r.SubmitAccepted(client_order_id=name, venue_order_id=f"v{self._given}"))
        number = int(order.symbol[1:4])
        side: OrderSide = order.side
        made = a.fill(f"t{self._given}", number, str(order.quantity), name, side)
        yield self.step(r.FillReported(fill=made))

    def round_trips(self) -> Iterator[Step]:
        """Trade for ever; eight events a round trip."""
        yield self.begin()
        number = 0
        while True:
            for closing, which in ((False, number), (True, number - HELD)):
                if which < 0:
                    continue
                submitted = self.signal(which, closing=closing)
                yield submitted
                yield from self.answers(submitted)
            number += 1

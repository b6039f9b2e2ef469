"""Position, protection and venue in every order that hypothesis finds.

The venue is a model of its own: it binds the balance of a spot stop, lets a swap's exit only
reduce, and answers when it likes, or never.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.orders import Order, OrderKind, OrderSide, OrderStatus
from engine.positions import Position
from engine.protection import StopRest, is_covered, is_resting, stops_on
from tests.engine.desk import Desk, signal

LOT = Decimal("0.001")
STOP = Decimal(60000)
LOTS = st.integers(min_value=1, max_value=4)


@dataclass
class VenueModel:
    """Hold what is there: `held` in base currency, and the stops that rest."""

    is_swap: bool
    held: Decimal = Decimal(0)
    stops: dict[str, Decimal] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    done: dict[str, Decimal] = field(default_factory=dict)

    @property
    def bound(self) -> Decimal:
        return Decimal(0) if self.is_swap else sum(self.stops.values(), Decimal(0))

    def create(self, order: Order) -> Decimal | None:
        """Take an order; None refuses it, else how much a market order executes."""
        if order.kind is OrderKind.STOP:
            if not self.is_swap and order.quantity > self.held - self.bound:
                return None
            self.stops[order.client_order_id] = order.quantity
            return Decimal(0)
        if self.is_swap:
            return self.take(order.client_order_id, min(order.quantity, self.held))
        if order.quantity > self.held - self.bound:
            return None
        return self.take(order.client_order_id, order.quantity)

    def take(self, name: str, quantity: Decimal) -> Decimal:
        self.held -= quantity
        self.done[name] = self.done.get(name, Decimal(0)) + quantity
        assert self.held >= 0, "it flipped"
        return quantity


class Machine(RuleBasedStateMachine):
    """Play operator, venue and time against each other."""

    symbol: ClassVar[str] = "BTC/USDT"

    def __init__(self) -> None:
        super().__init__()
        kind = "swap" if ":" in self.symbol else "spot"
        self.desk = Desk(rests={f"binance:{kind}": StopRest.MARKET})
        self.venue = VenueModel(is_swap=kind == "swap")
        self.key = f"binance:{self.symbol}"
        self.creates: list[Order] = []
        self.cancels: list[str] = []
        self.unheard: list[tuple[str, Decimal]] = []
        self.read = len(self.desk.events)

    @property
    def position(self) -> Position | None:
        return self.desk.state.positions.get(self.key)

    def follow(self) -> None:
        """Send what the engine decided, as its dispatcher does."""
        for event in self.desk.events[self.read :]:
            match event:
                case e.OrderSubmitted(order=order) if order.is_exit and not order.held:
                    self.creates.append(order)
                case e.ExitReleased(client_order_id=name):
                    self.creates.append(self.desk.state.orders[name])
                case e.OrderCancelRequested(client_order_id=name):
                    self.cancels.append(name)
                case _:
                    pass
        self.read = len(self.desk.events)

    def tell_fills(self) -> None:
        for name, quantity in self.unheard:
            self.desk.fill(name, str(quantity), "60000")
        self.unheard = []

    @rule(lots=LOTS)
    def buy(self, lots: int) -> None:
        """An entry fills; a spot's fee is not of its concern."""
        if self.desk.state.flattening is not None:
            return
        quantity = lots * LOT
        wish = signal(self.symbol, quantity=str(quantity), stop_loss=str(STOP))
        event = self.desk.wish(wish)
        if not isinstance(event, e.OrderSubmitted):
            self.desk.later(11)  # another of the kind a moment ago, or something is unknown
            return
        self.venue.held += quantity
        self.desk.fill(event.order.client_order_id, str(quantity), "61240")
        self.follow()

    @precondition(lambda self: self.creates)
    @rule(how=st.sampled_from(["answered", "unanswered", "refused", "lost"]))
    def venue_takes(self, how: str) -> None:
        order = self.creates.pop(0)
        name = order.client_order_id
        now = self.desk.state.order(name)
        assert now is not None
        if now.cancel_requested:
            self.desk.tell(r.SubmitWithheld(client_order_id=name, text="cancelled"))
            self.venue.ended[name] = "canceled"
        elif how == "lost":
            self.venue.ended[name] = "rejected"
            self.desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
        else:
            executed = None if how == "refused" else self.venue.create(order)
            if executed is None:
                self.venue.ended[name] = "rejected"
                self.desk.tell(r.SubmitRefused(client_order_id=name, code="no", text="no"))
            elif how == "answered":
                self.desk.tell(r.SubmitAccepted(client_order_id=name, venue_order_id=name))
            else:
                self.desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
            if executed:
                self.unheard.append((name, executed))
            if executed is not None and order.kind is not OrderKind.STOP:
                self.venue.ended[name] = "canceled"
        self.follow()

    @precondition(lambda self: self.cancels)
    @rule()
    def venue_cancels(self) -> None:
        name = self.cancels.pop(0)
        if self.venue.stops.pop(name, None) is not None:
            self.venue.ended[name] = "canceled"

    @precondition(lambda self: self.venue.stops)
    @rule(part=st.booleans())
    def venue_triggers(self, part: bool) -> None:
        name, quantity = next(iter(self.venue.stops.items()))
        most = min(quantity, self.venue.held)
        taken = LOT if part and most > LOT else most
        del self.venue.stops[name]
        self.venue.ended[name] = "expired" if taken < quantity else "filled"
        if taken:
            self.unheard.append((name, self.venue.take(name, taken)))

    @precondition(lambda self: self.venue.stops)
    @rule()
    def venue_drops(self) -> None:
        name = next(iter(self.venue.stops))
        del self.venue.stops[name]
        self.venue.ended[name] = "canceled"

    @precondition(lambda self: self.venue.is_swap and self.venue.held > 0)
    @rule()
    def somebody_closes_a_lot_by_hand(self) -> None:
        self.tell_fills()
        self.venue.held -= LOT
        self.desk.fill(None, str(LOT), "61000", symbol=self.symbol, side=OrderSide.SELL)
        self.follow()

    @rule()
    def looks(self) -> None:
        """Report every fill, then how each open order stands."""
        self.tell_fills()
        for name, order in tuple(self.desk.state.orders.items()):
            if order.held or name in {each.client_order_id for each in self.creates}:
                continue
            filled = str(self.venue.done.get(name, Decimal(0)))
            if name in self.venue.stops:
                self.desk.seen(name, "open", filled)
            elif name in self.venue.ended:
                self.desk.seen(name, self.venue.ended[name], filled)
        self.follow()

    @precondition(lambda self: self.position is not None)
    @rule(fraction=st.sampled_from(["0.5", "1"]))
    def closes(self, fraction: str) -> None:
        assert self.position is not None
        name = self.position.position_id
        self.desk.give(c.ClosePosition, position_id=name, fraction=Decimal(fraction))
        self.follow()

    @precondition(lambda self: self.position is not None)
    @rule(stop=st.sampled_from([None, STOP, STOP + 500]))
    def moves(self, stop: Decimal | None) -> None:
        assert self.position is not None
        self.desk.give(c.SetProtection, position_id=self.position.position_id, stop=stop)
        self.follow()

    @rule(back=st.booleans())
    def sets_aside(self, back: bool) -> None:
        self.desk.give(c.RestoreProtections if back else c.SetProtectionsAside)
        self.follow()

    @rule(seconds=st.sampled_from([0.5, 3, 30]))
    def waits(self, seconds: float) -> None:
        self.desk.later(seconds)
        self.desk.give(c.TendStops, c.ENGINE)
        self.follow()

    @rule()
    def restarts(self) -> None:
        """What was not sent yet never is: its order is unknown, and the venue is asked."""
        for order in self.creates:
            self.venue.ended[order.client_order_id] = "rejected"
        self.creates = []
        self.desk.start()
        open_orders = self.desk.state.orders.values()
        self.cancels = [o.client_order_id for o in open_orders if o.cancel_requested]
        self.follow()

    @invariant()
    def one_stop_on_spot(self) -> None:
        assert self.venue.is_swap or len(self.venue.stops) <= 1
        assert len(stops_on(self.desk.state, self.key)) <= (2 if self.venue.is_swap else 1)

    @invariant()
    def left_to_the_venue_is_only_what_rests_there(self) -> None:
        """A stop is known to rest, or the engine watches: told of its end, it watches at once."""
        position = self.position
        if position is None or position.stop is None:
            return
        state, instruments = self.desk.state, self.desk.instruments
        if is_covered(state, position, Decimal(59000), instruments):
            resting = [o for o in stops_on(state, self.key) if is_resting(o)]
            assert all(o.accepted_at is not None and not o.cancel_requested for o in resting)
            assert sum(o.remaining for o in resting) >= position.quantity - LOT

    @invariant()
    def nothing_flips(self) -> None:
        assert self.position is None or self.position.quantity > 0

    def teardown(self) -> None:
        """Let everything come to rest, and compare."""
        for _ in range(12):
            while self.creates:
                self.venue_takes("answered")
            while self.cancels:
                self.venue_cancels()
            self.looks()
            self.waits(61)
            # what nobody finds, over the settle window, was never there
            for name, order in tuple(self.desk.state.orders.items()):
                lost = order.status is OrderStatus.UNKNOWN and name not in self.venue.stops
                if lost and name not in self.venue.done:
                    for _ in range(3):
                        self.desk.tell(r.OrderNotSeen(client_order_id=name, complete=True, text=""))
            self.follow()
        self.desk.later(700)
        self.waits(1)
        while self.creates:
            self.venue_takes("answered")
        self.looks()
        held = self.position.quantity if self.position is not None else Decimal(0)
        assert held == self.venue.held
        resting = sum(self.venue.stops.values(), Decimal(0))
        wished = self.position is not None and self.position.stop is not None
        assert resting == (held if wished else 0), f"{resting} protected, {held} held"
        assert not any(order.held for order in self.desk.state.orders.values())


class SwapMachine(Machine):
    symbol: ClassVar[str] = "BTC/USDT:USDT"


@pytest.mark.parametrize("machine", [Machine, SwapMachine])
def test_what_rests_follows_what_is_held_whatever_happens(machine: type[Machine]) -> None:
    case = machine.TestCase
    case.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
    case("runTest").runTest()

"""Commands and reports in any sequence: the invariants of EXECUTION 11 hold after every message."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.fold import apply
from engine.numbers import ZERO
from engine.orders import Order, OrderSide, OrderStatus
from engine.portfolio import cash_free, is_dust
from engine.positions import Fill
from engine.risk_limits import RiskLimits, TradingState
from engine.signals import Target
from engine.state import State
from tests.engine.desk import Desk, signal
from tests.properties.ledger import Ledger
from tests.properties.test_positions import assert_equal

CASH = 400_000
LIMITS = RiskLimits(
    order_notional_pct_max=Decimal(40), positions_max=3, orders_open_max=12, duplicate_window_s=1
)
MIDS = {"BTC/USDT": 61240, "ETH/USDT": 3396, "SOL/USDT": 150, "BTC/USDT:USDT": 61232}
SYMBOLS = sorted(MIDS)
LOTS = {"BTC/USDT": "0.01", "ETH/USDT": "0.1", "SOL/USDT": "1", "BTC/USDT:USDT": "0.01"}
CENTS = Decimal("0.01")


@dataclass
class AtVenue:
    """An order as the venue has it."""

    order: Order
    filled: Decimal = ZERO
    end: r.VenueOrderStatus | None = None
    withheld: bool = False

    @property
    def is_open(self) -> bool:
        return self.end is None and not self.withheld

    def seen(self) -> r.OrderSeen:
        whole = self.filled >= self.order.quantity
        shown = r.VenueOrderStatus.FILLED if whole else r.VenueOrderStatus.OPEN
        return r.OrderSeen(
            client_order_id=self.order.client_order_id,
            venue_order_id="v" + self.order.client_order_id,
            venue="binance",
            symbol=self.order.symbol,
            side=self.order.side,
            quantity=self.order.quantity,
            status=self.end or shown,
            filled=self.filled,
        )


@dataclass
class Story:
    """What was told so far, kept beside the engine."""

    booked: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    seen: dict[str, tuple[Decimal, OrderStatus]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=lambda: Ledger(cash=Fraction(CASH)))


class Console(RuleBasedStateMachine):
    """Give commands, let a venue do what venues do, and tell it late, twice or never."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(limits=LIMITS, cash=str(CASH))
        self.mids = dict(MIDS)
        self.venue: dict[str, AtVenue] = {}
        self.true_units: dict[str, Decimal] = {}
        self.untold: list[Fill] = []
        self.told: list[Fill] = []
        self.tickets: list[str] = []
        self.story = Story()
        self._quote_all()

    # -- how everything is told, and what must hold of each message ------------------------------

    def _quote_all(self) -> None:
        for symbol, mid in self.mids.items():
            self.desk.quote(symbol, str(mid - CENTS), str(mid + CENTS))

    def give(self, wanted: type[c.CommandBase], **fields: Any) -> tuple[e.Event, ...]:
        before = self.desk.state
        latched = self.desk.stop_latched
        events = self.desk.give(wanted, **fields)
        self._watch(before, events, latched=latched)
        return events

    def tell(self, report: r.Report) -> None:
        before = self.desk.state
        self._watch(before, self.desk.tell(report), latched=self.desk.stop_latched)

    def _watch(self, before: State, events: tuple[e.Event, ...], *, latched: bool) -> None:
        state = before
        for event in events:
            match event:
                case e.OrderSubmitted(order=order):
                    assert order.client_order_id not in self.venue, "one order per intent (1)"
                    self._assert_may_be_sent(state, order, latched=latched)
                    self.venue[order.client_order_id] = AtVenue(order=order)
                case e.FillBooked(fill=fill):
                    self._book(fill)
                case e.TicketOpened(ticket=ticket):
                    self.tickets.append(ticket.ticket_id)
                case _:
                    pass
            state = apply(state, event)
        assert state == self.desk.state

    def _assert_may_be_sent(self, state: State, order: Order, *, latched: bool) -> None:
        position = state.positions.get(order.key)
        if order.is_exit:
            assert position is not None
            assert order.side is position.exit_side
            assert order.quantity <= abs(position.quantity), "an exit never flips"
            if not state.unknown_on(order.key):
                free = abs(position.quantity) - state.exits_pending(order.key)
                assert order.quantity <= free, "exits together never flip"
            return
        assert not latched, "no entry leaves after STOP (12)"
        assert state.trading is TradingState.ACTIVE, "no entry leaves after STOP (12)"
        assert order.key not in state.reducing, "REDUCING never increases a position (13)"
        assert not state.unknown_on(order.key), "an unknown entry is never replaced"
        assert position is None or position.quantity * order.side.sign >= ZERO
        price = order.price_limit
        assert price is not None, "every entry is bounded"
        assert state.equity is not None
        assert order.quantity * price <= state.equity.equity * LIMITS.order_notional_pct_max / 100
        after = apply(state, e.OrderSubmitted(at=self.desk.now, order=order))
        fee_share = self.desk.instruments[order.key].fee_taker
        # Reservations are rounded up to 1e-8 each.
        assert cash_free(after, "binance", "USDT", fee_share) >= Decimal("-1e-6")
        held = {
            key
            for key, each in after.positions.items()
            if not is_dust(each, self.desk.instruments, self.desk.quotes)
        }
        held |= {each.key for each in after.entries()}
        assert len(held) <= LIMITS.positions_max
        assert len(after.orders) <= LIMITS.orders_open_max

    def _book(self, fill: Fill) -> None:
        trades = self.story.booked.setdefault(fill.client_order_id or "", {})
        assert fill.trade_id not in trades, "each trade id once (5)"
        trades[fill.trade_id] = fill.quantity
        in_base = fill.fee_currency != "USDT"
        worth = Fraction(fill.fee) * (Fraction(fill.price) if in_base else 1)
        kept_back = in_base and fill.side is OrderSide.BUY and ":" not in fill.symbol
        self.story.ledger.trade(
            fill.symbol,
            sign=fill.side.sign,
            units=Fraction(fill.quantity),
            price=Fraction(fill.price),
            fee_worth=worth,
            fee_units=Fraction(fill.fee) if kept_back else Fraction(0),
            fee_cash=Fraction(0) if in_base else worth,
        )

    # -- commands --------------------------------------------------------------------------------

    def _wish(self, symbol: str, action: str, lots: int, **fields: Any) -> None:
        fields["quantity"] = Decimal(LOTS[symbol]) * lots
        wanted = fields.pop("wanted", False)
        made = signal(symbol, action, **fields)
        self.give(c.SubmitSignal, signal=made, venue="binance", ticket_wanted=wanted)

    @rule(
        symbol=st.sampled_from(SYMBOLS), lots=st.integers(1, 40), away=st.sampled_from([-20, 0, 3])
    )
    def enter_at_a_limit(self, symbol: str, lots: int, away: int) -> None:
        self._wish(symbol, "buy", lots, price_limit=Decimal(self.mids[symbol] + away))

    @rule(symbol=st.sampled_from(SYMBOLS), lots=st.integers(1, 40), wanted=st.booleans())
    def enter_with_protection(self, symbol: str, lots: int, wanted: bool) -> None:
        half = Decimal("0.5")
        targets = tuple(Target(percent=Decimal(at), fraction=half) for at in (2, 9))
        stop = Decimal(3)
        action = "short" if ":" in symbol and lots % 2 else "buy"
        self._wish(symbol, action, lots, stop_loss_pct=stop, targets=targets, wanted=wanted)

    @precondition(lambda self: self.desk.state.positions)
    @rule(data=st.data(), lots=st.integers(1, 60), action=st.sampled_from(["sell", "close", "buy"]))
    def reduce(self, data: st.DataObject, lots: int, action: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.desk.state.positions)))
        self._wish(self.desk.state.positions[key].symbol, action, lots)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), approve=st.booleans())
    def answer_a_ticket(self, data: st.DataObject, approve: bool) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        wanted = c.ApproveTicket if approve else c.CancelTicket
        events = self.give(wanted, ticket_id=ticket)
        if approve:
            again = self.give(c.ApproveTicket, ticket_id=ticket)
            assert [type(event) for event in again] == [e.CommandRefused]
        assert sum(isinstance(event, e.OrderSubmitted) for event in events) <= 1

    @precondition(lambda self: self.venue)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.venue)))
        self.give(c.CancelOrder, client_order_id=name)

    @precondition(lambda self: self.desk.state.positions)
    @rule(data=st.data(), percent=st.integers(1, 100))
    def close(self, data: st.DataObject, percent: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.desk.state.positions)))
        position = self.desk.state.positions[key]
        fraction = Decimal(percent) / 100
        self.give(c.ClosePosition, position_id=position.position_id, fraction=fraction)

    @precondition(lambda self: self.desk.state.positions)
    @rule(data=st.data())
    def trigger(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.desk.state.positions)))
        position = self.desk.state.positions[key]
        legs = [("target", target.price) for target in position.targets]
        legs += [("stop", position.stop)] if position.stop is not None else []
        leg, price = data.draw(st.sampled_from(legs or [("stop", Decimal(1))]))
        quote = self.desk.quotes[key]
        self.give(
            c.TriggerExit, position_id=position.position_id, leg=leg, price=price, quote=quote
        )

    @precondition(lambda self: self.desk.state.positions)
    @rule(
        wanted=st.sampled_from(
            [
                *(c.CancelEntries, c.Flatten, c.ContinueFlatten, c.RearmBreaker, c.Sweep),
                *(c.SampleEquity, c.RollDay, c.SetProtectionsAside, c.RestoreProtections),
            ]
        )
    )
    def command(self, wanted: type[c.CommandBase]) -> None:
        self.give(wanted)

    @precondition(lambda self: len(self.venue) > 2)
    @rule(latched=st.booleans())
    def stop(self, latched: bool) -> None:
        """Press STOP; the latch in memory closes before the journal knows, if it ever does."""
        if latched:
            self.desk.stop_latched = True
        else:
            self.give(c.Halt)
        self._wish("SOL/USDT", "buy", 1)

    @precondition(
        lambda self: self.desk.stop_latched or self.desk.state.trading is not TradingState.ACTIVE
    )
    @rule()
    def resume(self) -> None:
        self.give(c.RearmBreaker)
        self.give(c.Resume)
        self.desk.stop_latched = False

    @precondition(lambda self: self.untold)
    @rule()
    def restart(self) -> None:
        before = self.desk.state
        self._watch(before, self.desk.start(), latched=self.desk.stop_latched)
        assert not self.desk.state.tickets

    # -- the market and the venue ----------------------------------------------------------------

    @rule(symbol=st.sampled_from(SYMBOLS), percent=st.integers(-4, 4))
    def move(self, symbol: str, percent: int) -> None:
        self.mids[symbol] = max(10, self.mids[symbol] * (100 + percent) // 100)
        self._quote_all()

    @rule(seconds=st.sampled_from([1, 6, 61, 301]))
    def wait(self, seconds: int) -> None:
        self.desk.later(seconds)

    @precondition(lambda self: self.desk.state.positions)
    @rule()
    def go_without_prices(self) -> None:
        """Close while no quote is fresh: an exit goes all the same."""
        quotes = self.desk.quotes
        self.desk.later(9)
        self.desk.quotes = quotes
        self.give(c.SampleEquity)
        for position in tuple(self.desk.state.positions.values()):
            self.give(c.ClosePosition, position_id=position.position_id)
            break
        self._quote_all()

    def _open(self) -> list[str]:
        return sorted(name for name, each in self.venue.items() if each.is_open)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), share=st.sampled_from([1, 2, 3]), in_base=st.booleans())
    def execute_and_tell(self, data: st.DataObject, share: int, in_base: bool) -> None:
        self._execute(data.draw(st.sampled_from(self._open())), share, in_base=in_base)
        if self.untold:
            self._tell_fill(len(self.untold) - 1)

    @precondition(lambda self: self._open())
    @rule(share=st.sampled_from([1, 2]))
    def execute_all_and_tell(self, share: int) -> None:
        for name in self._open():
            self._execute(name, share, in_base=share == 1)
        while self.untold:
            self._tell_fill(len(self.untold) - 1)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), share=st.sampled_from([1, 2, 3]))
    def execute_and_say_nothing(self, data: st.DataObject, share: int) -> None:
        self._execute(data.draw(st.sampled_from(self._open())), share, in_base=False)

    def _execute(self, name: str, share: int, *, in_base: bool) -> None:
        at_venue = self.venue[name]
        order = at_venue.order
        left = order.quantity - at_venue.filled
        step = self.desk.instruments[order.key].quantity_step
        held = self.true_units.get(order.symbol, ZERO)
        if order.is_exit:
            left = min(left, max(ZERO, -held * order.side.sign)) // step * step
        quantity = max(step, left / share // step * step)
        if left <= ZERO:
            return
        spot_buy = order.side is OrderSide.BUY and ":" not in order.symbol
        base = order.symbol.partition("/")[0]
        price = order.price_limit or Decimal(self.mids[order.symbol])
        fee = quantity * (Decimal("0.001") if in_base and spot_buy else price * Decimal("0.001"))
        fill = Fill(
            venue="binance",
            symbol=order.symbol,
            trade_id=f"t{len(self.untold) + len(self.told)}",
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_currency=base if in_base and spot_buy else "USDT",
            at=self.desk.now,
            client_order_id=order.client_order_id,
        )
        at_venue.filled += quantity
        kept_back = fee if in_base and spot_buy else ZERO
        self.true_units[order.symbol] = held + quantity * order.side.sign - kept_back
        if at_venue.filled >= order.quantity:
            at_venue.end = r.VenueOrderStatus.FILLED
        self.untold.append(fill)

    @precondition(lambda self: self._open())
    @rule(
        data=st.data(),
        end=st.sampled_from([r.VenueOrderStatus.CANCELED, r.VenueOrderStatus.EXPIRED]),
    )
    def end_at_venue(self, data: st.DataObject, end: r.VenueOrderStatus) -> None:
        self.venue[data.draw(st.sampled_from(self._open()))].end = end

    @precondition(lambda self: self.venue)
    @rule(data=st.data(), answer=st.sampled_from(["accepted", "unanswered", "withheld", "refused"]))
    def answer_a_submit(self, data: st.DataObject, answer: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.venue)))
        at_venue = self.venue[name]
        known = self.desk.state.order(name)
        assert known is not None
        untouched = at_venue.filled == ZERO and at_venue.is_open and known.accepted_at is None
        if answer == "accepted" and not at_venue.withheld:
            self.tell(r.SubmitAccepted(client_order_id=name, venue_order_id=None))
        elif answer == "unanswered":
            self.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
        elif answer == "withheld" and known.status is OrderStatus.SUBMITTED and untouched:
            at_venue.withheld = True
            self.tell(r.SubmitWithheld(client_order_id=name, text="halted"))
        elif answer == "refused" and untouched:
            at_venue.end = r.VenueOrderStatus.REJECTED
            self.tell(r.SubmitRefused(client_order_id=name, code="no", text="no"))

    @precondition(lambda self: self.untold)
    @rule(data=st.data())
    def tell_a_fill(self, data: st.DataObject) -> None:
        self._tell_fill(data.draw(st.integers(0, len(self.untold) - 1)))

    def _tell_fill(self, place: int) -> None:
        fill = self.untold.pop(place)
        self.told.append(fill)
        self.tell(r.FillReported(fill=fill))

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def tell_a_fill_again(self, data: st.DataObject) -> None:
        before = self.desk.state
        self.tell(r.FillReported(fill=data.draw(st.sampled_from(self.told))))
        assert self.desk.state is before

    @precondition(lambda self: self.venue)
    @rule(data=st.data())
    def tell_an_order(self, data: st.DataObject) -> None:
        at_venue = self.venue[data.draw(st.sampled_from(sorted(self.venue)))]
        if not at_venue.withheld:
            self.tell(at_venue.seen())

    # -- invariants ------------------------------------------------------------------------------

    @invariant()
    def fills_and_lifecycle_agree(self) -> None:
        for name in self.venue:
            order = self.desk.state.order(name)
            assert order is not None
            booked = self.story.booked.get(name, {})
            assert order.filled == sum(booked.values(), ZERO), "sum of fills = filled (5)"
            filled, status = self.story.seen.get(name, (ZERO, OrderStatus.SUBMITTED))
            assert order.filled >= filled, "filled never decreases (6)"
            assert not status.is_finished or order.status is status, "finished is final (6)"
            self.story.seen[name] = (order.filled, order.status)

    @invariant()
    def the_money_is_the_ledgers(self) -> None:
        assert_equal_but_day(self.desk.state, self.story.ledger)

    @invariant()
    def reservations_are_what_open_entries_may_still_take(self) -> None:
        entries = self.desk.state.entries()
        worth = [
            Fraction(order.remaining) * Fraction(order.price_limit or ZERO) for order in entries
        ]
        reserved = self.desk.state.reserved.get("binance:USDT")
        notional = Fraction(reserved.notional) if reserved is not None else Fraction(0)
        assert 0 <= notional - sum(worth) <= Fraction(len(worth), 10**8), "released once (14)"
        assert entries or reserved is None

    def teardown(self) -> None:
        state = State()
        for event in self.desk.events:
            state = apply(state, event)
        assert state == self.desk.state, "replay = live (10)"


def assert_equal_but_day(state: State, ledger: Ledger) -> None:
    """Compare money; the day's tally is compared where no day rolls (test_positions)."""
    if state.day_before is None:
        assert_equal(state, ledger)
    held = {p.symbol: Fraction(p.quantity) for p in state.positions.values()}
    assert held == {symbol: each.units for symbol, each in ledger.holdings.items()}, "(7)"
    assert abs(Fraction(state.cash["binance:USDT"]) - ledger.cash) < Fraction(1, 10**15), "(9)"


TestConsole = Console.TestCase
TestConsole.settings = settings(
    max_examples=max(10, settings().max_examples // 3), stateful_step_count=50
)

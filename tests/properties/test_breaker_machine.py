"""Breakers in any sequence of luck: latched until an owner, one word an incident, no entry past."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.breaker_limits import BreakerLimits
from engine.calls import CallTally
from engine.fold import apply
from engine.risk_limits import RiskLimits, TradingState
from engine.sending import withheld
from engine.state import State
from engine.stops import incident_of
from storage.codec import state_bytes, state_of
from tests.engine.desk import OWNER, TRADER, VIEWER, Desk, signal

LIMITS = RiskLimits(
    duplicate_window_s=0,
    positions_max=1000,
    order_notional_pct_max=Decimal(100),
    venue_orders_per_s_max=10_000,
    strategy_orders_per_s_max=10_000,
    orders_per_s_max=10_000,
    daily_loss_pct_max=Decimal(5),
    breakers=BreakerLimits(
        losses_max=3,
        failures_max=4,
        reject_orders_min=4,
        unknown_orders_max=3,
        mismatch_s_max=10,
        stale_s_max=30,
        venue_calls_min=4,
        slippage_orders_min=2,
        cooldown_s=60,
    ),
)
COINS = {"BTC/USDT": ("0.01", 61240), "ETH/USDT": ("0.1", 3396), "SOL/USDT": ("1", 150)}
QUANTITIES = {symbol: quantity for symbol, (quantity, _) in COINS.items()}
QUANTITIES |= {"XRP/USDT": "10", "ADA/USDT": "20", "DOGE/USDT": "100"}
STRATEGIES = ("manual", "breakout")


class Luck(RuleBasedStateMachine):
    """Trade with every kind of luck, let time pass, and re-arm what trips."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(limits=LIMITS, cash="1000000")
        self.losses = dict.fromkeys(STRATEGIES, 0)
        self.failures = 0
        self.warned: set[str] = set()
        self.steady: datetime | None = None
        self.desk.quote("ADA/USDT", "0.4809", "0.4811")
        self.desk.quote("DOGE/USDT", "0.1499", "0.1501")

    # -- what must hold of each message ----------------------------------------------------------

    def told(self, events: tuple[e.Event, ...], before: State) -> tuple[e.Event, ...]:
        """Judge what a message led to, one event after the other."""
        state = before
        for event in events:
            match event:
                case e.OrderSubmitted(order=order) if not order.is_exit:
                    at = order.venue, order.symbol, order.strategy
                    assert not [b for b in state.breakers.values() if b.scope.covers(*at)]
                    assert state.trading_on(*at)[0] is TradingState.ACTIVE
                case e.BreakerTripped():
                    incident = incident_of(event.kind, event.scope)
                    if event.kind != "manual":
                        assert event.value >= event.limit > 0
                        assert incident not in [b.incident for b in state.breakers.values()]
                case e.BreakerWarned():
                    incident = incident_of(event.kind, event.scope)
                    assert incident not in self.warned, "one word an incident"
                    assert event.value < event.limit
                    self.warned.add(incident)
                case e.BreakerEased():
                    self.warned.discard(incident_of(event.kind, event.scope))
                case e.BreakerRearmed(actor=actor):
                    assert actor.role is c.Role.OWNER, "nobody else lets go"
                    breaker = state.breakers[event.breaker_id]
                    self.warned.discard(breaker.incident)
                    if breaker.kind == "losses_in_a_row":
                        self.losses[breaker.scope.name] = 0
                    if breaker.kind == "failures_in_a_row":
                        self.failures = 0
                case e.DayRolled():
                    self.warned.discard("daily_loss")
                case _:
                    pass
            after = apply(state, event)
            gone = state.breakers.keys() - after.breakers.keys()
            assert not gone or isinstance(event, e.BreakerRearmed)
            state = after
        assert state == self.desk.state
        return events

    def give(
        self, wanted: type[c.CommandBase], actor: c.Actor = OWNER, **fields: Any
    ) -> tuple[e.Event, ...]:
        before = self.desk.state
        return self.told(self.desk.give(wanted, actor, **fields), before)

    def report(self, made: r.Report) -> tuple[e.Event, ...]:
        before = self.desk.state
        return self.told(self.desk.tell(made), before)

    def wish(self, symbol: str, strategy: str, **fields: Any) -> e.OrderSubmitted | None:
        made = signal(
            symbol, quantity=QUANTITIES[symbol], strategy=strategy, confidence=0.9, **fields
        )
        last = self.give(c.SubmitSignal, signal=made, venue="binance")[-1]
        return last if isinstance(last, e.OrderSubmitted) else None

    def fill(self, name: str, quantity: Decimal, price: Decimal) -> None:
        before = self.desk.state
        self.told(self.desk.fill(name, str(quantity), str(price)), before)

    # -- luck -------------------------------------------------------------------------------------

    @rule(strategy=st.sampled_from(STRATEGIES), count=st.integers(1, 4))
    def refuse(self, strategy: str, count: int) -> None:
        for _ in range(count):
            sent = self.wish("XRP/USDT", strategy)
            if sent is not None:
                name = sent.order.client_order_id
                self.failures += 1
                self.report(r.SubmitRefused(client_order_id=name, code="filter", text="no"))

    @rule()
    def accept(self) -> None:
        sent = self.wish("XRP/USDT", "manual", price_limit=1)
        if sent is not None:
            name = sent.order.client_order_id
            self.failures = 0
            self.report(r.SubmitAccepted(client_order_id=name, venue_order_id=name))

    @rule(symbol=st.sampled_from(["ADA/USDT", "DOGE/USDT", "XRP/USDT"]), settles=st.booleans())
    def silence(self, symbol: str, settles: bool) -> None:
        sent = self.wish(symbol, "manual")
        if sent is None:
            return
        name = sent.order.client_order_id
        self.failures += 1
        self.report(r.SubmitUnanswered(client_order_id=name, text="silence"))
        if settles:
            self.failures = 0
            self.report(r.SubmitAccepted(client_order_id=name, venue_order_id=name))

    @rule(
        symbol=st.sampled_from(sorted(COINS)),
        strategy=st.sampled_from(STRATEGIES),
        gain=st.sampled_from([-3, -2, -1, 0, 40]),
        paid=st.sampled_from([-1, 0, 0, 1]),
    )
    def trade(self, symbol: str, strategy: str, gain: int, paid: int) -> None:
        """Buy at a price that many percent off the mid, and close that many percent off it."""
        if f"binance:{symbol}" in self.desk.state.positions:
            return
        sent = self.wish(symbol, strategy)
        if sent is None:
            return
        _, mid = COINS[symbol]
        bought = Decimal(mid) * (100 + paid) / 100
        self.failures = 0
        self.fill(sent.order.client_order_id, sent.order.quantity, bought)
        position = self.desk.state.positions[f"binance:{symbol}"]
        (*_, closing) = self.give(c.ClosePosition, position_id=position.position_id)
        assert isinstance(closing, e.OrderSubmitted), "no breaker stands before an exit"
        assert withheld(self.desk.state, closing.order) is None
        if gain < 0:
            self.losses[strategy] += 1
        else:
            self.losses[strategy] = 0
        self.fill(closing.order.client_order_id, position.quantity, bought * (100 + gain) / 100)

    @precondition(lambda self: self.desk.given % 4 == 0)
    @rule(share=st.sampled_from([-6, -3, -1, 0, 1, 3]))
    def equity(self, share: int) -> None:
        """Let the account be worth some percent more or less, and measure it."""
        purse = "binance:USDT"
        cash = self.desk.state.cash[purse] * (100 + share) / 100
        self.desk.state = replace(self.desk.state, cash={purse: cash})
        before = set(self.desk.state.breakers)
        self.give(c.SampleEquity, c.SCHEDULE)
        if share >= 0 and self.desk.state.equity is not None:
            new = [b for k, b in self.desk.state.breakers.items() if k not in before]
            assert not new or self.desk.state.equity.equity < self.desk.state.equity.high_water

    @precondition(lambda self: "binance:ETH/USDT" not in self.desk.state.positions)
    @rule()
    def hold(self) -> None:
        """Keep something whose price can grow old."""
        sent = self.wish("ETH/USDT", "manual")
        if sent is not None:
            self.failures = 0
            self.fill(sent.order.client_order_id, sent.order.quantity, Decimal(3396))

    # -- time -------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 10, 31, 700]), fresh=st.booleans())
    def wait(self, seconds: int, fresh: bool) -> None:
        if fresh:
            self.desk.later(seconds)
        else:
            self.desk.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.desk.given % 5 == 0)
    @rule(hours=st.sampled_from([-2, -1, 1, 2]))
    def jump(self, hours: int) -> None:
        self.desk.now += timedelta(hours=hours)
        self.steady = self.desk.now

    @rule(errors=st.integers(0, 8), calls=st.sampled_from([0, 3, 8, 8]))
    def look(self, errors: int, calls: int) -> None:
        before = self.desk.state
        tally = CallTally(calls=calls, errors=min(errors, calls), oldest=timedelta(seconds=5))
        self.desk.given += 1
        name = f"check:{self.desk.given}"
        check = c.CheckBreakers(command_id=name, actor=c.ENGINE, at=self.desk.now)
        told = self.desk.tell(check, calls={"binance": tally}, steady_since=self.steady)
        self.told(told, before)

    @rule(differ=st.booleans())
    def books(self, differ: bool) -> None:
        swap = r.VenuePosition(symbol="BTC/USDT:USDT", quantity=Decimal(1), entry_price=None)
        before = self.desk.state
        self.told(self.desk.shown(positions=(swap,) if differ else ()), before)

    # -- people -----------------------------------------------------------------------------------

    @rule()
    def let_all_go(self) -> None:
        self.give(c.RearmBreaker)

    @rule(actor=st.sampled_from([OWNER, TRADER, VIEWER, c.ENGINE]), every=st.booleans())
    def rearm(self, actor: c.Actor, every: bool) -> None:
        names = list(self.desk.state.breakers)
        if names:
            self.give(c.RearmBreaker, actor, breaker_id=None if every else names[0])

    @precondition(lambda self: self.desk.given > 40 and not self.desk.state.breakers)
    @rule()
    def trip(self) -> None:
        self.give(c.TripBreaker, reason="by hand")

    @precondition(lambda self: self.desk.state.breakers)
    @rule()
    def restart(self) -> None:
        self.desk.state = state_of(state_bytes(self.desk.state))
        before = self.desk.state
        self.told(self.desk.start(), before)
        assert self.desk.state.breakers == before.breakers
        self.steady = None

    # -- what must hold at any time ---------------------------------------------------------------

    @invariant()
    def counts_are_what_was_told(self) -> None:
        state = self.desk.state
        for strategy, count in self.losses.items():
            latched = incident_of_losses(strategy) in {b.incident for b in state.breakers.values()}
            assert state.evidence.losses.get(strategy, 0) == count
            assert latched or count < LIMITS.breakers.losses_max
        assert state.evidence.failures.get("binance", 0) == self.failures

    @invariant()
    def a_warning_stands_until_it_eased_or_was_re_armed(self) -> None:
        assert self.warned == self.desk.state.warned.keys()


def incident_of_losses(strategy: str) -> str:
    return f"losses_in_a_row@strategy:{strategy}"


TestLuck = Luck.TestCase
TestLuck.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)

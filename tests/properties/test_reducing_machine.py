"""REDUCING in any sequence: nothing that is sent then makes a position larger, or flips it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.numbers import ZERO
from engine.orders import Order, OrderSide, OrderStatus
from engine.risk_limits import RiskLimits, TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind
from engine.sending import withheld
from engine.signals import Target
from tests.engine.desk import OWNER, Desk, signal

LIMITS = RiskLimits(
    duplicate_window_s=0,
    order_notional_pct_max=Decimal(100),
    venue_orders_per_s_max=10_000,
    strategy_orders_per_s_max=10_000,
    orders_per_s_max=10_000,
)
STEP = Decimal("0.001")
SWAP = "BTC/USDT:USDT"
SYMBOLS = ("BTC/USDT", SWAP)
SCOPES = (
    EVERYWHERE,
    Scope(kind=ScopeKind.VENUE, name="binance"),
    Scope(kind=ScopeKind.SYMBOL, name="BTC"),
)


@dataclass
class Sent:
    """An order at the venue; `reducing` when it was sent under REDUCING or HALTED."""

    order: Order
    reducing: bool
    filled: Decimal = ZERO
    is_over: bool = False


class Reducing(RuleBasedStateMachine):
    """Decide, send later, fill in parts, late or never; close twice at once; trade by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(limits=LIMITS, cash="1000000")
        self.queue: list[str] = []
        self.sent: dict[str, Sent] = {}
        self.true: dict[str, Decimal] = dict.fromkeys(SYMBOLS, ZERO)
        for symbol, quantity in (("BTC/USDT", "0.01"), (SWAP, "0.02")):
            self.desk.hold(symbol, quantity, "61240")
            self.true[symbol] = Decimal(quantity)

    def is_reducing(self, order: Order) -> bool:
        at = order.venue, order.symbol, order.strategy
        return self.desk.state.trading_on(*at)[0] is not TradingState.ACTIVE

    def note(self, events: tuple[e.Event, ...]) -> None:
        for event in events:
            if isinstance(event, e.OrderSubmitted):
                self.queue.append(event.order.client_order_id)
                assert event.order.is_exit or not self.is_reducing(event.order)
                self.assert_reduces(event.order, self.desk.state.orders)

    def assert_reduces(self, order: Order, others: Iterable[str]) -> None:
        """See that an exit, with the exits before it, is no larger than what is held."""
        if not order.is_exit:
            return
        position = self.desk.state.positions[order.key]
        assert order.side is position.exit_side
        known = [self.desk.state.orders[name] for name in others if name in self.desk.state.orders]
        beside = sum(
            each.remaining
            for each in known
            if each.is_exit
            and each.key == order.key
            and each.status is not OrderStatus.UNKNOWN
            and each.client_order_id != order.client_order_id
        )
        assert beside + order.remaining <= abs(position.quantity), "more than is held"

    # -- what people and the engine want ---------------------------------------------------------

    @rule(
        symbol=st.sampled_from(SYMBOLS),
        action=st.sampled_from(["buy", "sell", "short", "close"]),
        lots=st.integers(1, 5),
        limit=st.sampled_from([None, None, 61000]),
    )
    def wish(self, symbol: str, action: str, lots: int, limit: int | None) -> None:
        sized = {} if action == "close" else {"quantity": str(lots * STEP)}
        made = signal(symbol, action, price_limit=limit, **sized)
        self.note(self.desk.give(c.SubmitSignal, signal=made, venue="binance"))

    @precondition(lambda self: self.desk.state.positions)
    @rule(parts=st.sampled_from(["0.3", "0.5", "1"]), times=st.integers(1, 3), data=st.data())
    def close(self, parts: str, times: int, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.desk.state.positions)))
        position = self.desk.state.positions[key]
        for _ in range(times):
            name, part = position.position_id, Decimal(parts)
            self.note(self.desk.give(c.ClosePosition, position_id=name, fraction=part))

    @precondition(lambda self: self.desk.state.positions)
    @rule(data=st.data())
    def protect_and_trigger(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.desk.state.positions)))
        position = self.desk.state.positions[key]
        sign = 1 if position.is_long else -1
        target = Target(price=Decimal(61240 + 500 * sign), fraction=Decimal("0.5"))
        stop = Decimal(61240 - 500 * sign)
        ids: dict[str, Any] = {"position_id": position.position_id}
        self.note(self.desk.give(c.SetProtection, stop=stop, targets=(target,), **ids))
        quote = self.desk.quotes[key]
        for leg, price in (("target", target.price), ("stop", stop)):
            ids |= {"leg": leg, "price": price, "quote": quote}
            self.note(self.desk.give(c.TriggerExit, c.ENGINE, **ids))

    @rule(scope=st.sampled_from(SCOPES), trading=st.sampled_from(TradingState))
    def set_state(self, scope: Scope, trading: TradingState) -> None:
        self.note(self.desk.give(c.SetTradingState, OWNER, scope=scope, trading=trading))
        if trading is TradingState.ACTIVE:
            self.desk.give(c.Resume)

    @precondition(lambda self: self.desk.state.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.desk.state.orders)))
        self.desk.give(c.CancelOrder, client_order_id=name)

    @rule(seconds=st.sampled_from([1, 4, 70]))
    def wait(self, seconds: int) -> None:
        self.desk.later(seconds)

    # -- the send, and the venue -----------------------------------------------------------------

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.queue))
        self.queue.remove(name)
        order = self.desk.state.orders.get(name)
        if order is None:
            return
        # That its cancel was asked for is not looked at: the scope alone must hold it back.
        why = withheld(self.desk.state, order)
        if why is not None:
            self.desk.tell(r.SubmitWithheld(client_order_id=name, text=why))
            return
        reducing = self.is_reducing(order)
        assert order.is_exit or not reducing, "an entry leaves under REDUCING"
        self.assert_reduces(order, self.open_there())
        self.sent[name] = Sent(order=order, reducing=reducing)

    def open_there(self) -> list[str]:
        return sorted(name for name, each in self.sent.items() if not each.is_over)

    @precondition(lambda self: self.open_there())
    @rule(data=st.data(), all_of_it=st.booleans())
    def fill(self, data: st.DataObject, all_of_it: bool) -> None:
        """Execute at the venue, which enforces reduce-only and sells no spot that is not there."""
        sent = self.sent[data.draw(st.sampled_from(self.open_there()))]
        order, held = sent.order, self.true[sent.order.symbol]
        left = order.quantity - sent.filled
        if order.is_exit:
            left = min(left, max(ZERO, -held * order.side.sign))
        quantity = left if all_of_it else min(left, STEP)
        if quantity <= ZERO:
            sent.is_over = True
            return
        before = self.desk.state.positions.get(order.key)
        sent.filled += quantity
        sent.is_over = sent.filled >= order.quantity
        self.true[order.symbol] = held + quantity * order.side.sign
        self.note(self.desk.fill(order.client_order_id, str(quantity), "61240"))
        if not sent.reducing:
            return
        after = self.desk.state.positions.get(order.key)
        assert before is not None, "there was nothing to reduce"
        signed = after.quantity if after is not None else ZERO
        assert abs(signed) < abs(before.quantity), "larger"
        assert signed * before.quantity >= ZERO, "flipped"

    @precondition(lambda self: self.open_there())
    @rule(data=st.data(), answer=st.sampled_from(["accepted", "silent", "canceled"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        name = data.draw(st.sampled_from(self.open_there()))
        match answer:
            case "accepted":
                self.desk.tell(r.SubmitAccepted(client_order_id=name, venue_order_id="v" + name))
            case "silent":
                self.desk.tell(r.SubmitUnanswered(client_order_id=name, text="silence"))
            case _:
                # It can still fill: the cancel raced it, and what it did is told late.
                filled = str(self.sent[name].filled)
                self.desk.seen(name, "canceled", filled)

    @precondition(lambda self: self.true[SWAP] and not self.open_there())
    @rule(part=st.sampled_from(["0.2", "0.5", "1"]))
    def trade_by_hand(self, part: str) -> None:
        """Somebody else reduces what is held on the swap, while nothing of ours is at the venue."""
        symbol, held = SWAP, self.true[SWAP]
        change = -(held * Decimal(part)).quantize(STEP)
        if not change:
            return
        self.true[symbol] = held + change
        side = OrderSide.BUY if change > ZERO else OrderSide.SELL
        self.desk.fill(None, str(abs(change)), "61240", side=side, symbol=symbol)

    @invariant()
    def ours_is_the_venue_s(self) -> None:
        for symbol in SYMBOLS:
            held = self.desk.state.positions.get(f"binance:{symbol}")
            assert (held.quantity if held is not None else ZERO) == self.true[symbol]


TestReducing = Reducing.TestCase
TestReducing.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)

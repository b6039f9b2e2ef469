"""Trading states by scope: the strictest holds, anyone tightens, an owner loosens, a send obeys."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.fold import apply
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind, scope_at
from engine.sending import HALTED, NOTHING_LEFT, REDUCING, TOO_LARGE, withheld
from engine.state import State
from engine.stops import Breaker
from storage.codec import state_bytes, state_of
from tests.engine.desk import AT, OWNER, STRATEGY, TRADER, VIEWER, Desk, kinds, signal

BINANCE = Scope(kind=ScopeKind.VENUE, name="binance")
BREAKOUT = Scope(kind=ScopeKind.STRATEGY, name="breakout")
BTC = Scope(kind=ScopeKind.SYMBOL, name="BTC")
BTC_SPOT = Scope(kind=ScopeKind.SYMBOL, name="BTC/USDT")
BTC_HERE = Scope(kind=ScopeKind.SYMBOL, name="binance:BTC/USDT")
HERE = ("binance", "BTC/USDT", "breakout")
ACTIVE = TradingState.ACTIVE
HOLDS = (EVERYWHERE, BINANCE, BREAKOUT, BTC, BTC_SPOT, BTC_HERE)


def set_state(
    desk: Desk, scope: Scope, trading: TradingState, actor: c.Actor = OWNER
) -> tuple[e.Event, ...]:
    return desk.give(c.SetTradingState, actor, scope=scope, trading=trading)


def rule_of(events: tuple[e.Event, ...]) -> str:
    (refused,) = events
    assert isinstance(refused, e.CommandRefused), refused
    return refused.rule


# --- scopes


@pytest.mark.parametrize("scope", HOLDS, ids=lambda scope: scope.text)
def test_a_scope_covers_what_lies_in_it_and_reads_back_from_its_key(scope: Scope) -> None:
    assert scope.covers(*HERE)
    assert scope_at(scope.key) == scope


@pytest.mark.parametrize(
    ("scope", "outside"),
    [
        (BINANCE, ("kraken", "BTC/USDT", "breakout")),
        (BREAKOUT, ("binance", "BTC/USDT", "manual")),
        (BTC, ("binance", "ETH/USDT", "breakout")),
        (BTC, ("binance", "WBTC/USDT", "breakout")),
        (BTC_SPOT, ("binance", "BTC/USDT:USDT", "breakout")),
        (BTC_HERE, ("kraken", "BTC/USDT", "breakout")),
    ],
)
def test_a_scope_leaves_out_what_lies_beside_it(
    scope: Scope, outside: tuple[str, str, str]
) -> None:
    assert not scope.covers(*outside)


def test_a_coin_is_its_swap_too() -> None:
    assert BTC.covers("binance", "BTC/USDT:USDT", "manual")


@pytest.mark.parametrize("key", ["binance", "venue:", "global:x", "planet:mars"])
def test_a_key_that_names_no_scope_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        scope_at(key)


# --- the strictest holds

FAULTS: dict[str, tuple[Callable[[State], State], TradingState]] = {
    "silent": (lambda s: replace(s, venues_silent={"binance": "down"}), TradingState.HALTED),
    "account": (lambda s: replace(s, accounts_halted={"binance": "two"}), TradingState.HALTED),
    "strange": (
        lambda s: replace(s, unexplained={"binance:BTC/USDT": "p1"}),
        TradingState.REDUCING,
    ),
    "overfilled": (
        lambda s: replace(s, reducing={"binance:BTC/USDT": "overfilled"}),
        TradingState.REDUCING,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_somewhere_holds_back_there_and_says_so(name: str) -> None:
    wrong, trading = FAULTS[name]
    state = wrong(Desk().state)
    found, why = state.trading_on(*HERE)
    assert found is trading
    assert why
    assert state.trading_on("kraken", "BTC/USDT", "breakout") == (ACTIVE, "")
    assert state.trading is ACTIVE


def test_the_strictest_of_all_scopes_holds_whatever_else_is_set() -> None:
    choices = list(itertools.product(list(TradingState), repeat=3))
    for everywhere, venue, symbol in choices:
        desk = Desk()
        wanted = ((EVERYWHERE, everywhere), (BINANCE, venue), (BTC, symbol))
        for scope, trading in wanted:
            if trading is not ACTIVE:
                set_state(desk, scope, trading)
        strictest = max((everywhere, venue, symbol), key=lambda each: each.severity)
        trading, why = desk.state.trading_on(*HERE)
        assert trading is strictest
        assert bool(why) is (strictest is not ACTIVE)
        assert desk.state.trading is everywhere


def test_a_breaker_of_a_scope_does_not_stop_everything() -> None:
    desk = Desk()
    breaker = Breaker(
        breaker_id="b",
        kind="reject_rate",
        value=Decimal(50),
        limit=Decimal(50),
        action=TradingState.HALTED,
        sentence="",
        since=AT,
        scope=BINANCE,
    )
    desk.state = replace(desk.state, breakers={"b": breaker})
    assert desk.state.trading is ACTIVE
    assert desk.state.trading_on(*HERE) == (
        TradingState.HALTED,
        "Halted on binance: the reject rate breaker tripped.",
    )
    # and a resume of everything neither needs nor clears it
    desk.give(c.Halt)
    assert kinds(desk.give(c.Resume)) == ["TradingResumed"]
    assert "b" in desk.state.breakers


# --- who may


@pytest.mark.parametrize("actor", [OWNER, TRADER, VIEWER, STRATEGY, c.ENGINE], ids=lambda a: a.text)
@pytest.mark.parametrize("scope", HOLDS, ids=lambda scope: scope.text)
def test_anyone_may_tighten_and_only_an_owner_loosens(scope: Scope, actor: c.Actor) -> None:
    for trading in (TradingState.REDUCING, TradingState.HALTED):
        desk = Desk()
        set_state(desk, scope, trading, actor)
        assert desk.state.trading_on(*HERE)[0] is trading
        for looser in (TradingState.REDUCING, ACTIVE):
            if looser.severity >= trading.severity or desk.state.stop is not None:
                continue
            events = set_state(desk, scope, looser, actor)
            assert (rule_of(events) == "role") if actor != OWNER else events
        if actor != OWNER:
            assert desk.state.trading_on(*HERE)[0] is trading


def test_an_owner_with_a_second_factor_loosens_with_its_code_and_tightens_without() -> None:
    desk = Desk()
    desk.state = replace(desk.state, enrolled=(4242,))
    set_state(desk, BINANCE, TradingState.HALTED)
    assert rule_of(set_state(desk, BINANCE, TradingState.REDUCING)) == "code"
    assert rule_of(set_state(desk, BINANCE, ACTIVE)) == "code"
    assert kinds(set_state(desk, BINANCE, ACTIVE, replace(OWNER, with_code=True))) == [
        "TradingStateSet"
    ]


def test_what_is_so_already_changes_nothing_and_says_so() -> None:
    desk = Desk()
    assert rule_of(set_state(desk, BTC, ACTIVE)) == "active_already"
    set_state(desk, BTC, TradingState.HALTED)
    assert rule_of(set_state(desk, BTC, TradingState.HALTED)) == "halted_already"


def test_everything_halted_is_stop_and_only_resume_takes_it_back() -> None:
    desk = Desk()
    assert kinds(set_state(desk, EVERYWHERE, TradingState.HALTED)) == ["TradingHalted"]
    set_state(desk, EVERYWHERE, ACTIVE)
    assert desk.state.stop is not None
    desk.give(c.Resume)
    assert desk.state.trading is ACTIVE


def test_resume_lets_everything_go_that_was_only_reducing_and_keeps_the_scopes() -> None:
    desk = Desk()
    set_state(desk, EVERYWHERE, TradingState.REDUCING)
    set_state(desk, BTC, TradingState.HALTED)
    assert kinds(desk.give(c.Resume)) == ["TradingResumed"]
    assert desk.state.trading is ACTIVE
    assert desk.state.trading_on(*HERE)[0] is TradingState.HALTED


def test_letting_a_venue_go_says_that_what_was_wrong_there_was_seen() -> None:
    desk = Desk()
    desk.state = replace(
        desk.state,
        accounts_halted={"binance": "two", "kraken": "two"},
        reducing={"binance:BTC/USDT": "overfilled", "binance:ETH/USDT": "overfilled"},
    )
    set_state(desk, BINANCE, ACTIVE)
    assert desk.state.accounts_halted == {"kraken": "two"}
    set_state(desk, BTC, ACTIVE)
    assert desk.state.reducing == {"binance:ETH/USDT": "overfilled"}


def test_a_scope_with_a_tripped_breaker_is_re_armed_first() -> None:
    desk = Desk()
    set_state(desk, BINANCE, TradingState.HALTED)
    breaker = Breaker(
        breaker_id="b",
        kind="reject_rate",
        value=Decimal(50),
        limit=Decimal(50),
        action=TradingState.REDUCING,
        sentence="",
        since=AT,
        scope=BINANCE,
    )
    desk.state = replace(desk.state, breakers={"b": breaker})
    assert rule_of(set_state(desk, BINANCE, ACTIVE)) == "breaker"


# --- what follows


@pytest.mark.parametrize("scope", HOLDS[1:], ids=lambda scope: scope.text)
def test_entries_are_denied_there_and_exits_pass(scope: Scope) -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", strategy="breakout", confidence=0.9)
    for trading in (TradingState.REDUCING, TradingState.HALTED):
        set_state(desk, scope, trading)
        wish = signal(quantity="0.001", strategy="breakout", confidence=0.9)
        breach = desk.denied(wish)["trading_state"]
        assert breach.value == trading.value
        assert scope.text in breach.sentence
    position = next(iter(desk.state.positions.values()))
    closed = desk.give(c.ClosePosition, TRADER, position_id=position.position_id)
    assert kinds(closed) == ["OrderSubmitted"]


@pytest.mark.parametrize("trading", [TradingState.REDUCING, TradingState.HALTED])
def test_resting_entries_of_the_scope_are_cancelled_and_others_stay(trading: TradingState) -> None:
    desk = Desk()
    inside = desk.order(signal(quantity="0.001", price_limit=50000))
    outside = desk.order(signal("eth", quantity="0.01", price_limit=3000))
    assert kinds(set_state(desk, BTC, trading)) == ["TradingStateSet", "OrderCancelRequested"]
    assert desk.state.orders[inside].cancel_requested
    assert not desk.state.orders[outside].cancel_requested


def test_scopes_survive_replay_snapshot_and_start() -> None:
    desk = Desk()
    for scope in HOLDS[1:]:
        set_state(desk, scope, TradingState.REDUCING)
    desk.start()
    replayed = State()
    for event in desk.events:
        replayed = apply(replayed, event)
    assert replayed == desk.state == state_of(state_bytes(desk.state))
    assert len(replayed.restrictions) == len(HOLDS) - 1


def test_a_stop_of_a_scope_that_is_not_journaled_yet_denies_there_already() -> None:
    desk = Desk()
    wish = c.SubmitSignal(
        command_id="w", actor=OWNER, at=desk.now, signal=signal(quantity="0.001"), venue="binance"
    )
    denied = desk.tell(wish, scopes_latched=(BTC,))[-1]
    assert isinstance(denied, e.OrderDenied)
    assert [breach.rule for breach in denied.breaches] == ["trading_state"]
    wish = replace(wish, command_id="v", signal=signal("eth", quantity="0.01"))
    assert isinstance(desk.tell(wish, scopes_latched=(BTC,))[-1], e.OrderSubmitted)


# --- at the send


def order_of(desk: Desk, **fields: Any) -> Order:
    base: dict[str, Any] = {
        "client_order_id": "x",
        "venue": "binance",
        "symbol": "BTC/USDT",
        "side": OrderSide.BUY,
        "kind": OrderKind.MARKET,
        "purpose": OrderPurpose.ENTRY,
        "quantity": Decimal("0.001"),
        "intent": "i",
        "strategy": "breakout",
    }
    return Order(**(base | fields))


@pytest.mark.parametrize("scope", HOLDS, ids=lambda scope: scope.text)
def test_an_entry_that_waits_for_its_send_is_withheld_once_its_scope_is_held_back(
    scope: Scope,
) -> None:
    desk = Desk()
    entry = order_of(desk)
    assert withheld(desk.state, entry) is None
    set_state(desk, scope, TradingState.REDUCING)
    assert withheld(desk.state, entry) == REDUCING
    set_state(desk, scope, TradingState.HALTED)
    assert withheld(desk.state, entry) == HALTED
    other = order_of(desk, symbol="ETH/USDT", venue="kraken", strategy="manual")
    assert (withheld(desk.state, other) is None) is (scope != EVERYWHERE)


def test_an_exit_is_withheld_once_it_would_flip_and_passes_every_halt_before() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Halt)
    position = next(iter(desk.state.positions.values()))
    name = desk.give(c.ClosePosition, position_id=position.position_id)[-1]
    assert isinstance(name, e.OrderSubmitted)
    waiting = desk.state.orders[name.order.client_order_id]
    assert withheld(desk.state, waiting) is None
    # somebody sells a part by hand
    smaller = replace(position, quantity=position.quantity - Decimal("0.00001"))
    desk.state = replace(desk.state, positions={position.key: smaller})
    assert withheld(desk.state, waiting) == TOO_LARGE
    desk.state = replace(desk.state, positions={})
    assert withheld(desk.state, waiting) == NOTHING_LEFT
    short = replace(position, quantity=-position.quantity)
    desk.state = replace(desk.state, positions={position.key: short})
    assert withheld(desk.state, waiting) == NOTHING_LEFT


def test_of_two_exits_that_are_too_much_together_the_first_goes() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    (position,) = desk.state.positions.values()
    for _ in range(2):
        desk.give(c.ClosePosition, position_id=position.position_id, fraction=Decimal("0.5"))
    first, second = desk.state.orders.values()
    assert [withheld(desk.state, each) for each in (first, second)] == [None, None]
    smaller = replace(position, quantity=position.quantity - Decimal("0.00001"))
    desk.state = replace(desk.state, positions={position.key: smaller})
    assert [withheld(desk.state, each) for each in (first, second)] == [None, TOO_LARGE]

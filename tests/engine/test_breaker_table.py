"""Each breaker on both sides of its threshold, once an incident, and re-armed on new evidence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.breaker_limits import BreakerLimits
from engine.breakers import BREAKERS, BreakerKind, spec_of
from engine.calls import CallTally
from engine.fold import apply
from engine.risk_limits import RiskLimits, TradingState
from engine.scopes import Scope, ScopeKind
from engine.state import State
from engine.stops import Breaker
from storage.codec import state_bytes, state_of
from tests.engine.desk import LIMITS, OWNER, TRADER, Desk, kinds, signal

BINANCE = Scope(kind=ScopeKind.VENUE, name="binance")
MANUAL = Scope(kind=ScopeKind.STRATEGY, name="manual")
BTC = Scope(kind=ScopeKind.SYMBOL, name="binance:BTC/USDT")


def desk_with(**limits: object) -> Desk:
    """A desk whose orders may come fast, and whose breakers have these limits."""
    breakers = replace(BreakerLimits(), **limits)  # type: ignore[arg-type]  # named in each test
    fast = replace(
        LIMITS,
        duplicate_window_s=0,
        positions_max=1000,
        venue_orders_per_s_max=10_000,
        strategy_orders_per_s_max=10_000,
        orders_per_s_max=10_000,
        breakers=breakers,
    )
    return Desk(limits=fast, cash="1000000")


def check(desk: Desk, **context: object) -> tuple[e.Event, ...]:
    """Let time alone be judged, as the tick does each second."""
    desk.given += 1
    name = f"check:{desk.given}"
    command = c.CheckBreakers(command_id=name, actor=c.ENGINE, at=desk.now)
    return desk.tell(command, **context)


def rejected(desk: Desk) -> tuple[e.Event, ...]:
    """Have the venue refuse an order; what that led to."""
    name = desk.order(signal(quantity="0.001"))
    return desk.tell(r.SubmitRefused(client_order_id=name, code="filter", text="no"))


def accepted(desk: Desk) -> tuple[e.Event, ...]:
    name = desk.order(signal(quantity="0.001", price_limit=50000))
    return desk.tell(r.SubmitAccepted(client_order_id=name, venue_order_id=name))


def unanswered(desk: Desk, symbol: str = "BTC/USDT") -> tuple[e.Event, ...]:
    name = desk.order(signal(symbol, quantity="10" if symbol == "XRP/USDT" else "0.1"))
    return desk.tell(r.SubmitUnanswered(client_order_id=name, text="silence"))


def traded(desk: Desk, price: str) -> tuple[e.Event, ...]:
    """Buy at the price of the desk, close at another."""
    bought = desk.order(signal(quantity="0.01"))
    desk.fill(bought, "0.01", "61240")
    sold = desk.order(signal("btc", "sell"))
    return desk.fill(sold, "0.01", price)


def slipped(desk: Desk, price: str) -> tuple[e.Event, ...]:
    """Fill a buy of 0.01 BTC, decided at a mid of 61,240, at another price."""
    name = desk.order(signal(quantity="0.01"))
    return desk.fill(name, "0.01", price)


def latched(desk: Desk) -> Breaker:
    (breaker,) = desk.state.breakers.values()
    return breaker


def told(events: tuple[e.Event, ...]) -> list[str]:
    """Name what breakers said."""
    return [
        f"{type(each).__name__[7:].lower()} {each.kind}"
        for each in events
        if isinstance(each, e.BreakerTripped | e.BreakerWarned | e.BreakerEased)
    ]


# --- losses in a row


def test_losses_in_a_row_warn_at_four_trip_at_five_and_reduce_their_strategy_alone() -> None:
    desk = desk_with()
    for _ in range(3):
        assert told(traded(desk, "61200")) == []
    assert told(traded(desk, "61200")) == ["warned losses_in_a_row"]
    assert told(traded(desk, "61200")) == ["tripped losses_in_a_row"]
    assert (latched(desk).scope, latched(desk).action) == (MANUAL, TradingState.REDUCING)
    assert desk.state.trading is TradingState.ACTIVE
    breach = desk.denied(signal(quantity="0.01"))["trading_state"]
    assert breach.sentence == "Only exits for strategy manual: the losses in a row breaker tripped."
    desk.order(signal(quantity="0.01", strategy="breakout", confidence=0.9))


@pytest.mark.parametrize("price", ["61240", "61300"])
def test_a_trade_that_lost_nothing_ends_the_row(price: str) -> None:
    desk = desk_with()
    for _ in range(4):
        traded(desk, "61200")
    traded(desk, price)
    assert desk.state.evidence.losses["manual"] == 0
    for _ in range(4):
        assert "tripped losses_in_a_row" not in told(traded(desk, "61200"))
    assert told(traded(desk, "61200")) == ["tripped losses_in_a_row"]


def test_a_thousand_profits_trip_nothing() -> None:
    desk = desk_with(losses_max=1, slippage_orders_min=1)
    for _ in range(20):
        bought = desk.order(signal(quantity="0.01"))
        assert told(desk.fill(bought, "0.01", "50000")) == []
        sold = desk.order(signal("btc", "sell"))
        assert told(desk.fill(sold, "0.01", "70000")) == []
        assert told(desk.give(c.SampleEquity, actor=c.SCHEDULE)) == []
    assert desk.state.breakers == {}


# --- failures in a row


def test_failures_in_a_row_are_refusals_and_silences_and_any_answer_ends_them() -> None:
    desk = desk_with(reject_orders_min=1000)
    for _ in range(3):
        assert told(rejected(desk)) == []
    assert told(unanswered(desk, "SOL/USDT")) == ["warned failures_in_a_row"]
    accepted(desk)
    assert told(check(desk)) == ["eased failures_in_a_row"]
    for _ in range(4):
        rejected(desk)
    assert told(rejected(desk)) == ["tripped failures_in_a_row"]
    assert latched(desk).scope == BINANCE


def test_an_order_that_was_unknown_and_is_settled_counts_once() -> None:
    desk = desk_with()
    name = desk.order(signal(quantity="0.001"))
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="silence"))
    desk.now += timedelta(minutes=5)
    for _ in range(3):
        desk.tell(r.OrderNotSeen(client_order_id=name, complete=True, text="nowhere"))
    assert desk.state.orders_finished[name].is_given_up
    assert desk.state.evidence.failures == {"binance": 1}
    assert desk.state.evidence.outcomes == {}


# --- reject rate


@pytest.mark.parametrize(
    ("refusals", "found"),
    [(3, []), (4, ["warned reject_rate"]), (5, ["tripped reject_rate"])],
)
def test_the_reject_rate_counts_once_there_are_ten(refusals: int, found: list[str]) -> None:
    desk = desk_with(failures_max=1000)
    said: list[str] = []
    for number in range(10):
        said += told(rejected(desk) if number < refusals else accepted(desk))
    assert said == found


def test_nine_refused_orders_are_too_few_for_a_rate_and_old_ones_do_not_count() -> None:
    desk = desk_with(failures_max=1000)
    for _ in range(9):
        assert told(rejected(desk)) == []
    desk.later(600)
    assert told(rejected(desk)) == ["tripped reject_rate"]
    desk = desk_with(failures_max=1000)
    for _ in range(9):
        rejected(desk)
    desk.later(600.1)
    assert told(rejected(desk)) == []


def test_a_clock_that_is_set_makes_no_rate_and_hides_none() -> None:
    for jump in (-300, 300):
        desk = desk_with(failures_max=1000)
        for _ in range(9):
            rejected(desk)
        desk.later(jump)
        assert told(rejected(desk)) == ["tripped reject_rate"]


# --- unknown orders


def test_unknown_orders_warn_at_four_and_halt_their_venue_at_five() -> None:
    desk = desk_with(failures_max=1000, unknown_orders_max=5)
    symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BTC/USDT:USDT"]
    said = [told(unanswered(desk, symbol)) for symbol in symbols]
    assert said == [[], [], [], ["warned unknown_orders"], ["tripped unknown_orders"]]
    assert (latched(desk).scope, latched(desk).action) == (BINANCE, TradingState.HALTED)


def test_unknown_orders_that_a_person_has_seen_count_again_after_the_cooldown_only() -> None:
    desk = desk_with(failures_max=1000, unknown_orders_max=2, cooldown_s=300)
    for symbol in ("BTC/USDT", "ETH/USDT"):
        unanswered(desk, symbol)
    desk.give(c.RearmBreaker)
    desk.later(299)
    assert told(check(desk)) == []
    # a third one is new; two new ones trip
    assert told(unanswered(desk, "SOL/USDT")) == []
    assert told(unanswered(desk, "XRP/USDT")) == ["tripped unknown_orders"]
    desk.give(c.RearmBreaker)
    desk.later(299)
    assert told(check(desk)) == []
    desk.later(1)
    assert told(check(desk)) == ["tripped unknown_orders"]


# --- books that differ, prices that grow old


def differing(desk: Desk) -> tuple[e.Event, ...]:
    return desk.shown(
        positions=(r.VenuePosition(symbol="BTC/USDT:USDT", quantity=Decimal(1), entry_price=None),)
    )


def test_books_that_differ_warn_at_240_seconds_and_halt_their_venue_at_300() -> None:
    desk = desk_with()
    differing(desk)
    for seconds, found in ((239.9, []), (0.1, ["warned"]), (59.9, []), (0.1, ["tripped"])):
        desk.later(seconds)
        assert told(check(desk)) == [f"{each} differing_books" for each in found]
    assert latched(desk).scope == BINANCE


def test_books_that_become_equal_ease_the_warning_and_begin_anew() -> None:
    desk = desk_with()
    differing(desk)
    desk.later(299)
    assert told(check(desk)) == ["warned differing_books"]
    desk.shown()
    assert told(check(desk)) == ["eased differing_books"]
    differing(desk)
    desk.later(299)
    assert told(check(desk)) == ["warned differing_books"]


def test_prices_are_stale_only_where_something_is_held() -> None:
    desk = desk_with()
    desk.now += timedelta(hours=1)
    assert told(check(desk)) == []
    desk = desk_with()
    desk.hold("BTC/USDT", "0.01", "61240")
    for seconds, found in ((47.9, []), (0.1, ["warned"]), (11.9, []), (0.1, ["tripped"])):
        desk.now += timedelta(seconds=seconds)
        assert told(check(desk)) == [f"{each} stale_prices" for each in found]
    assert (latched(desk).scope, latched(desk).action) == (BINANCE, TradingState.REDUCING)


def test_a_price_that_never_came_is_as_old_as_its_position_and_the_session() -> None:
    desk = desk_with()
    desk.hold("BTC/USDT", "0.01", "61240")
    del desk.quotes["binance:BTC/USDT"]
    desk.later(3600)
    desk.start()
    assert told(check(desk)) == []
    desk.later(59.9)
    assert told(check(desk)) == ["warned stale_prices"]
    desk.later(0.1)
    assert told(check(desk)) == ["tripped stale_prices"]


def test_dust_has_no_price_that_could_grow_old() -> None:
    desk = desk_with()
    desk.hold("BTC/USDT", "0.01", "61240")
    sold = desk.order(signal("btc", "sell", quantity="0.00999"))
    desk.fill(sold, "0.00999", "61240")
    desk.now += timedelta(hours=1)
    assert told(check(desk)) == []


def test_a_clock_set_forward_makes_nothing_stale_and_one_set_back_hides_nothing() -> None:
    for jump in (timedelta(hours=5), -timedelta(hours=5)):
        desk = desk_with()
        desk.hold("BTC/USDT", "0.01", "61240")
        differing(desk)
        desk.now += jump
        since = desk.now
        assert told(check(desk, steady_since=since)) == []
        desk.now += timedelta(seconds=59)
        assert told(check(desk, steady_since=since)) == ["warned stale_prices"]
        desk.now += timedelta(seconds=1)
        assert told(check(desk, steady_since=since)) == ["tripped stale_prices"]
        desk.now += timedelta(seconds=240)
        assert told(check(desk, steady_since=since)) == ["tripped differing_books"]


def test_what_was_stale_is_stale_again_only_after_it_stayed_so_for_as_long_once_more() -> None:
    desk = desk_with()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.now += timedelta(hours=1)
    assert told(check(desk)) == ["tripped stale_prices"]
    desk.give(c.RearmBreaker)
    assert told(check(desk)) == []
    desk.now += timedelta(seconds=59)
    assert told(check(desk)) == ["warned stale_prices"]
    desk.now += timedelta(seconds=1)
    assert told(check(desk)) == ["tripped stale_prices"]


# --- errors of a venue


def tally(calls: int, errors: int, oldest_s: int = 59) -> dict[str, CallTally]:
    oldest = timedelta(seconds=oldest_s)
    return {"binance": CallTally(calls=calls, errors=errors, oldest=oldest)}


@pytest.mark.parametrize(
    ("calls", "errors", "found"),
    [
        (100, 39, []),
        (100, 40, ["warned venue_errors"]),
        (100, 49, ["warned venue_errors"]),
        (100, 50, ["tripped venue_errors"]),
        (10, 5, ["tripped venue_errors"]),
        (9, 9, []),
        (0, 0, []),
    ],
)
def test_errors_count_as_a_share_once_there_were_ten_calls(
    calls: int, errors: int, found: list[str]
) -> None:
    assert told(check(desk_with(), calls=tally(calls, errors))) == found


def test_a_warning_about_errors_stands_while_nothing_else_is_known_and_eases_with_answers() -> None:
    desk = desk_with()
    assert told(check(desk, calls=tally(100, 45))) == ["warned venue_errors"]
    assert told(check(desk, calls=tally(100, 45))) == []
    assert told(check(desk, calls=tally(100, 36))) == []
    assert told(check(desk, calls=tally(100, 35))) == ["eased venue_errors"]
    assert told(check(desk, calls=tally(100, 45))) == ["warned venue_errors"]


def test_errors_from_before_a_re_arming_do_not_count() -> None:
    desk = desk_with()
    check(desk, calls=tally(100, 100))
    desk.give(c.RearmBreaker)
    desk.later(30)
    assert told(check(desk, calls=tally(100, 100, oldest_s=30))) == []
    assert told(check(desk, calls=tally(100, 100, oldest_s=29))) == ["tripped venue_errors"]


# --- average slippage


def test_average_slippage_warns_above_half_a_percent_and_reduces_its_symbol_at_one() -> None:
    desk = desk_with()
    # 61,240 and half a percent, and a cent more
    for _ in range(3):
        assert told(slipped(desk, "61546.20")) == []
    desk = desk_with()
    said = [told(slipped(desk, "61546.30")) for _ in range(3)]
    assert said == [[], [], ["warned average_slippage"]]
    desk = desk_with()
    said = [told(slipped(desk, "61852.40")) for _ in range(3)]
    assert said == [[], [], ["tripped average_slippage"]]
    assert (latched(desk).scope, latched(desk).action) == (BTC, TradingState.REDUCING)
    assert latched(desk).sentence == "Average slippage on BTC/USDT at binance 1.00%, limit 1.00%"
    assert "trading_state" in desk.denied(signal(quantity="0.01"))
    desk.order(signal("eth", quantity="0.1"))


def test_what_one_order_gained_stands_against_what_others_cost() -> None:
    desk = desk_with()
    slipped(desk, "61852.40")
    slipped(desk, "61852.40")
    assert told(slipped(desk, "60000")) == []


# --- all of them


def lost(desk: Desk) -> tuple[e.Event, ...]:
    return traded(desk, "61200")


def overpaid(desk: Desk) -> tuple[e.Event, ...]:
    return slipped(desk, "62000")


COUNTED: list[tuple[str, Callable[[Desk], tuple[e.Event, ...]], int]] = [
    ("failures_in_a_row", rejected, 5),
    ("losses_in_a_row", lost, 5),
    ("average_slippage", overpaid, 3),
]
NAMES = [kind for kind, _, _ in COUNTED]


@pytest.mark.parametrize(("kind", "once", "count"), COUNTED, ids=NAMES)
def test_after_a_re_arming_counting_begins_anew(
    kind: str, once: Callable[[Desk], tuple[e.Event, ...]], count: int
) -> None:
    desk = desk_with()
    for _ in range(3):
        for _ in range(count - 1):
            assert f"tripped {kind}" not in told(once(desk))
        assert f"tripped {kind}" in told(once(desk))
        desk.give(c.RearmBreaker)
        assert (desk.state.breakers, desk.state.warned) == ({}, {})
        assert told(check(desk)) == []


@pytest.mark.parametrize(("kind", "once", "count"), COUNTED, ids=NAMES)
def test_a_latched_breaker_survives_replay_snapshot_and_start_and_trips_no_second_time(
    kind: str, once: Callable[[Desk], tuple[e.Event, ...]], count: int
) -> None:
    desk = desk_with()
    for _ in range(count):
        once(desk)
    replayed = State()
    for event in desk.events:
        replayed = apply(replayed, event)
    assert replayed == desk.state
    desk.state = state_of(state_bytes(desk.state))
    assert desk.state == replayed
    desk.start()
    assert latched(desk).kind == kind
    assert told(check(desk)) == []
    trading, why = desk.state.trading_on("binance", "BTC/USDT", "manual")
    assert trading is latched(desk).action
    assert latched(desk).scope.text in why


def lose_five(desk: Desk) -> tuple[e.Event, ...]:
    return [lost(desk) for _ in range(5)][-1]


def test_a_trip_cancels_the_entries_of_its_scope_and_no_others() -> None:
    desk = desk_with()
    inside = desk.order(signal(quantity="0.001", price_limit=50000))
    outside = desk.order(
        signal("eth", quantity="0.1", price_limit=3000, strategy="breakout", confidence=0.9)
    )
    events = lose_five(desk)
    assert kinds(events)[-2:] == ["BreakerTripped", "OrderCancelRequested"]
    assert desk.state.orders[inside].cancel_requested
    assert not desk.state.orders[outside].cancel_requested


def test_nobody_but_an_owner_re_arms_and_a_re_armed_breaker_lets_its_scope_trade() -> None:
    desk = desk_with()
    lose_five(desk)
    assert kinds(desk.give(c.RearmBreaker, TRADER)) == ["CommandRefused"]
    assert kinds(desk.give(c.RearmBreaker, OWNER)) == ["BreakerRearmed"]
    desk.order(signal(quantity="0.01"))


def test_an_engine_never_re_arms_by_itself_unless_that_is_set_and_then_after_its_time() -> None:
    desk = desk_with()
    lose_five(desk)
    desk.later(365 * 86400)
    assert check(desk) == ()
    desk = desk_with(clear_after_s=3600)
    lose_five(desk)
    desk.later(3599.9)
    assert check(desk) == ()
    desk.later(0.1)
    (cleared,) = check(desk)
    assert isinstance(cleared, e.BreakerRearmed)
    assert cleared.actor == c.ENGINE


def test_a_clock_set_forward_clears_nothing() -> None:
    desk = desk_with(clear_after_s=3600)
    lose_five(desk)
    desk.later(86400)
    assert check(desk, steady_since=desk.now) == ()


def test_money_and_a_person_s_breaker_never_clear_by_themselves() -> None:
    desk = desk_with(clear_after_s=1)
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(800000)})
    desk.give(c.SampleEquity, actor=c.SCHEDULE)
    desk.give(c.TripBreaker, reason="by hand")
    desk.later(86400)
    assert check(desk) == ()
    assert sorted(each.kind for each in desk.state.breakers.values()) == [
        "daily_loss",
        "drawdown",
        "manual",
    ]


def test_every_kind_has_a_row_but_the_manual_one() -> None:
    assert {spec.kind for spec in BREAKERS} == set(BreakerKind) - {BreakerKind.MANUAL}
    assert len(BREAKERS) == 10
    limits = RiskLimits()
    for spec in BREAKERS:
        assert spec_of(spec.kind.value) is spec
        limit = spec.limit(limits)
        assert spec.is_tripped_by(limit, limits)
        assert not spec.is_tripped_by(limit - Decimal("1e-9"), limits)
        warning = spec.warn(limits) if spec.warn is not None else limit * limits.warn_share
        assert spec.is_warned_by(warning, limits) is (spec.warn is None)
        assert spec.is_warned_by(warning + Decimal("1e-9"), limits)
        assert not spec.is_warned_by(warning - Decimal("1e-9"), limits)
        assert not spec.is_tripped_by(-limit, limits)
        assert not spec.is_warned_by(-limit, limits)


def test_a_limit_of_zero_is_not_reached_by_nothing() -> None:
    desk = desk_with(losses_max=0, failures_max=0, mismatch_s_max=0)
    assert check(desk, calls=tally(100, 0)) == ()
    assert told(accepted(desk)) == []

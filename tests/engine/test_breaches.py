"""Every broken rule says its sentence, what was measured, what the limit is and what would pass."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.proposals import Proposal, propose
from engine.risk import breaches_of
from engine.risk_limits import RiskLimits, TradingState
from engine.risk_rules import RULES
from engine.signals import Target
from tests.engine.desk import AT, LIMITS, Desk, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"
WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))
Prepare = Callable[[Desk], object]


def nothing(_: Desk) -> None:
    """Leave the desk as it is."""


def later(seconds: float) -> Prepare:
    def prepare(desk: Desk) -> None:
        quotes = desk.quotes
        desk.later(seconds)
        assert quotes is not desk.quotes

    return prepare


def sent(seconds: float, **fields: Any) -> Prepare:
    def prepare(desk: Desk) -> None:
        name = desk.order(signal(**({"quantity": "0.001"} | fields)))
        desk.seen(name, "canceled")
        desk.later(seconds)

    return prepare


def instrument(symbol: str = "BTC/USDT", **fields: Any) -> Prepare:
    def prepare(desk: Desk) -> None:
        key = f"binance:{symbol}"
        desk.instruments[key] = replace(desk.instruments[key], **fields)

    return prepare


def euros(desk: Desk) -> None:
    known = desk.instruments[KEY]
    desk.instruments["binance:BTC/EUR"] = replace(known, symbol="BTC/EUR", quote="EUR")
    desk.quote("BTC/EUR", "56000", "56001")
    desk.state = replace(desk.state, cash={**desk.state.cash, "binance:EUR": Decimal(1000)})


def reducing(desk: Desk) -> None:
    desk.state = replace(desk.state, reducing={KEY: "overfilled"})


def a_breaker_that_only_reduces(desk: Desk) -> None:
    desk.give(c.TripBreaker, reason="x")
    ((name, breaker),) = desk.state.breakers.items()
    lighter = replace(breaker, action=TradingState.REDUCING)
    desk.state = replace(desk.state, breakers={name: lighter})


def richer(desk: Desk) -> None:
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(10**6)})
    with_equity(desk, Decimal("12480.29"))


def held(*symbols: str) -> Prepare:
    def prepare(desk: Desk) -> None:
        for symbol in symbols:
            price = str(desk.quotes[f"binance:{symbol}"].ask)
            desk.hold(symbol, {"BTC": "0.01", "ETH": "0.1"}.get(symbol[:3], "1"), price)

    return prepare


def books_differ(desk: Desk) -> None:
    desk.shown(positions=(r.VenuePosition(symbol=PERP, quantity=Decimal(1), entry_price=None),))


def breach(rule: str, sentence: str, **fields: Any) -> e.Breach:
    if "passes" in fields:
        fields["passes"] = Decimal(fields["passes"])
    return e.Breach(rule=rule, sentence=sentence, **fields)


# The desk owns 12,480.20 USDT; BTC is 61,236.33 to 61,243.67 and may slip 10 bps, to 61,301.24.
CASES: list[tuple[dict[str, Any], Prepare, dict[str, Any], e.Breach]] = [
    (
        {},
        lambda d: d.give(c.Halt),
        {"quantity": "0.001"},
        breach("trading_state", "Halted: stopped by a person.", value="halted"),
    ),
    (
        {},
        lambda d: setattr(d, "stop_latched", True),
        {"quantity": "0.001"},
        breach("trading_state", "Halted: stopped by a person.", value="halted"),
    ),
    (
        {},
        lambda d: d.give(c.TripBreaker, reason="x"),
        {"quantity": "0.001"},
        breach("trading_state", "Halted: a breaker tripped.", value="halted"),
    ),
    (
        {},
        a_breaker_that_only_reduces,
        {"quantity": "0.001"},
        breach("trading_state", "Only exits: a breaker tripped.", value="reducing"),
    ),
    (  # what would pass is rounded down to cents: 1,248.029
        {},
        richer,
        {"quantity": "0.021"},
        breach(
            "order_size",
            "Order size 1,287.33, limit 1,248.03",
            value="1,287.33",
            limit="1,248.03",
            passes="1248.02",
        ),
    ),
    (
        {},
        lambda d: d.tell(r.VenueSilent(venue="binance", text="?")),
        {"quantity": "0.001"},
        breach("venue", "binance does not answer; no entries there."),
    ),
    (
        {},
        reducing,
        {"quantity": "0.001"},
        breach("symbol_state", "Only exits on this symbol: overfilled."),
    ),
    (
        {},
        books_differ,
        {"symbol": PERP, "quantity": "0.001"},
        breach("books", "The venue's books differ on this symbol."),
    ),
    (
        {},
        instrument(active=False),
        {"quantity": "0.001"},
        breach("instrument", "BTC/USDT does not trade now."),
    ),
    (
        {},
        euros,
        {"symbol": "BTC/EUR", "quantity": "0.001"},
        breach("currency", "BTC/EUR trades in EUR; this account is in USDT."),
    ),
    (
        {},
        nothing,
        {"quantity": "0.00008"},
        breach("minimum", "Too small: 4.90 USDT.", value="4.90", limit="5.00", passes="5.52"),
    ),
    (
        {},
        nothing,
        {"notional": "3", "price_limit": "50000"},
        breach("minimum", "Too small: 3.00 USDT.", value="3.00", limit="5.00", passes="5.00"),
    ),
    (  # where the least quantity is worth more than the least amount, it is the limit
        {},
        instrument(quantity_min=Decimal("0.001")),
        {"quantity": "0.0009"},
        breach("minimum", "Too small: 55.12 USDT.", value="55.12", limit="61.24", passes="61.31"),
    ),
    (  # a quantity that the lot rounds to nothing
        {},
        instrument(quantity_min=Decimal("1e-9"), notional_min=Decimal(0)),
        {"quantity": "0.000001"},
        breach("minimum", "Too small: 0.06 USDT.", value="0.06", limit="0.00", passes="0.62"),
    ),
    (
        {"order_notional_pct_max": Decimal(1000)},
        instrument(quantity_max=Decimal("0.1")),
        {"quantity": "0.10001"},
        breach(
            "maximum",
            "Quantity 0.10001, the venue takes 0.1 at most.",
            value="0.10001",
            limit="0.1",
            passes="6124.367",
        ),
    ),
    (
        {},
        nothing,
        {"quantity": "0.02036"},
        breach(
            "order_size",
            "Order size 1,248.09, limit 1,248.02",
            value="1,248.09",
            limit="1,248.02",
            passes="1248.02",
        ),
    ),
    (
        {},
        nothing,
        {"quantity": "0.001", "price_limit": "62464.81"},
        breach(
            "collar",
            "Limit 62464.81 is 200 bps through the price, limit 200",
            value="200 bps",
            limit="200 bps, 62464.8",
        ),
    ),
    (
        {},
        nothing,
        {"symbol": PERP, "action": "short", "quantity": "0.001", "price_limit": "59000"},
        breach(
            "collar",
            "Limit 59000 is 365 bps through the price, limit 200",
            value="365 bps",
            limit="200 bps, 60007.9",
        ),
    ),
    (
        {"order_notional_pct_max": Decimal(1000)},
        nothing,
        {"symbol": PERP, "quantity": "0.001", "price_limit": "63000"},
        breach(
            "collar",
            "Limit 63000 is 289 bps through the price, limit 200",
            value="289 bps",
            limit="200 bps, 62457",
        ),
    ),
    (
        {},
        sent(4),
        {"quantity": "0.001"},
        breach(
            "duplicate",
            "The same order was sent 4 s ago, wait 10 s",
            value="4 s",
            limit="10 s",
        ),
    ),
    (
        {"orders_open_max": 0},
        nothing,
        {"quantity": "0.001"},
        breach("open_orders", "Open orders 0, limit 0", value="0", limit="0"),
    ),
    (
        {"orders_open_max": 1},
        lambda d: d.order(signal("eth", quantity="0.01")),
        {"quantity": "0.001"},
        breach("open_orders", "Open orders 1, limit 1", value="1", limit="1"),
    ),
    (
        {"order_notional_pct_max": Decimal(1000)},
        nothing,
        {"notional": "12480"},
        breach(
            "balance",
            "Free 12,480.20, needs 12,492.48",
            value="12,492.48",
            limit="12,480.20",
            passes="12467.73",
        ),
    ),
    (
        {"positions_max": 2},
        held("ETH/USDT", "SOL/USDT"),
        {"quantity": "0.001"},
        breach("positions", "Positions 2, limit 2", value="2", limit="2"),
    ),
    (
        {},
        nothing,
        {"symbol": PERP, "quantity": "0.001", "leverage": "5.5"},
        breach("leverage", "Leverage 5.5x, limit 5x", value="5.5x", limit="5x"),
    ),
    (
        {},
        later(61),
        {"quantity": "0.001", "created_at": AT},
        breach("signal_age", "The signal is 61 s old, limit 60 s", value="61 s", limit="60 s"),
    ),
    (
        {},
        later(10),
        {"quantity": "0.001", "expires_at": AT + timedelta(seconds=10)},
        breach("signal_age", "Expired: the signal's own time has passed."),
    ),
]


@pytest.mark.parametrize(
    ("limits", "prepare", "fields", "found"),
    CASES,
    ids=[f"{number}-{case[3].rule}" for number, case in enumerate(CASES)],
)
def test_a_broken_rule_gives_its_numbers(
    limits: dict[str, Any], prepare: Prepare, fields: dict[str, Any], found: e.Breach
) -> None:
    desk = Desk(limits=replace(LIMITS, **limits))
    prepare(desk)
    assert list(desk.denied(signal(**fields)).values()) == [found]


def test_an_unknown_order_is_named_to_whom_must_wait_for_it() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.001"))
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="no answer"))
    short = desk.state.orders[name].short_id
    assert list(desk.denied(signal(quantity="0.002")).values()) == [
        breach("unknown", f"{short} on this symbol is unknown; the venue is being asked.")
    ]


def test_live_trading_that_is_not_armed_says_who_arms_it() -> None:
    desk = Desk(mode="live")
    assert list(desk.denied(signal(quantity="0.001")).values()) == [
        breach("armed", "Live trading is not armed; an owner arms it.")
    ]


def test_an_exit_that_is_too_large_or_has_nothing_left_says_what_is_held() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert list(desk.denied(signal("btc", "sell", quantity="0.011")).values()) == [
        breach(
            "flip",
            "You hold 0.01 BTC; an exit never flips.",
            value="0.011",
            limit="0.01",
            passes="612.3633",
        )
    ]
    desk.order(signal("btc", "sell"))
    assert list(desk.denied(signal("btc", "sell", quantity="0.005")).values()) == [
        breach(
            "exit_cap",
            "Exits under way or dust cover all of 0.01 BTC.",
            value="0.005",
            limit="0",
        )
    ]


# --- at the limit


def proposed(desk: Desk, **fields: Any) -> Proposal:
    found = propose(desk.state, signal(**fields), "binance", desk.context())
    assert isinstance(found, Proposal), found
    return found


def rules_broken(desk: Desk, proposal: Proposal) -> list[str]:
    return [found.rule for found in breaches_of(proposal, desk.state, desk.context())]


def with_equity(desk: Desk, amount: Decimal) -> None:
    assert desk.state.equity is not None
    worth = replace(
        desk.state.equity, equity=amount, high_water=amount, day_open=amount, loss_base=amount
    )
    desk.state = replace(desk.state, equity=worth)


@pytest.mark.parametrize(("more", "broken"), [("0", []), ("0.01", ["order_size"])])
def test_an_order_of_exactly_its_limit_passes(more: str, broken: list[str]) -> None:
    # given an equity of which ten percent are what the order can cost
    desk = Desk()
    proposal = proposed(desk, quantity="0.002")
    with_equity(desk, (proposal.cost_max - Decimal(more)) * 10)
    assert rules_broken(desk, proposal) == broken


@pytest.mark.parametrize(("more", "broken"), [("0", []), ("0.01", ["balance"])])
def test_an_order_of_exactly_the_free_balance_passes(more: str, broken: list[str]) -> None:
    desk = Desk(limits=WIDE)
    proposal = proposed(desk, quantity="0.002")
    needed = proposal.cost_max * Decimal("1.001")
    desk.state = replace(desk.state, cash={"binance:USDT": needed - Decimal(more)})
    assert rules_broken(desk, proposal) == broken


def test_a_short_of_balance_below_nothing_passes_nothing() -> None:
    desk = Desk(limits=WIDE)
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(-5)})
    found = desk.denied(signal(quantity="0.001"))["balance"]
    assert (found.limit, found.passes) == ("-5.00", Decimal(0))


@pytest.mark.parametrize(("notional_min", "broken"), [("12.25", ["minimum"]), ("12.24", [])])
def test_the_least_amount_is_measured_at_the_likely_price(
    notional_min: str, broken: list[str]
) -> None:
    # 0.0002 at 61,243.67 is 12.248734
    desk = Desk()
    instrument(notional_min=Decimal(notional_min))(desk)
    assert rules_broken(desk, proposed(desk, quantity="0.0002")) == broken


def test_an_amount_of_exactly_the_least_passes() -> None:
    desk = Desk()
    instrument(notional_min=Decimal("0.0002") * Decimal("61243.67"))(desk)
    assert rules_broken(desk, proposed(desk, quantity="0.0002")) == []


@pytest.mark.parametrize(
    ("symbol", "broken"), [("BTC/USDT", ["minimum"]), (PERP, [])], ids=["spot", "swap"]
)
def test_a_swap_s_exit_needs_no_least_amount_and_a_spot_s_does(
    symbol: str, broken: list[str]
) -> None:
    desk = Desk()
    desk.hold(symbol, "0.01", "61240")
    instrument(symbol, notional_min=Decimal(10**6))(desk)
    assert rules_broken(desk, proposed(desk, symbol=symbol, action="close")) == broken
    # and an entry needs it on both
    assert "minimum" in rules_broken(desk, proposed(desk, symbol=symbol, quantity="0.01"))


@pytest.mark.parametrize("quantity", ["0.01", "0.004"])
def test_an_exit_of_all_or_less_flips_nothing(quantity: str) -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert rules_broken(desk, proposed(desk, action="sell", quantity=quantity)) == []


def test_a_share_of_a_position_and_an_amount_never_flip() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert rules_broken(desk, proposed(desk, action="sell", notional="5000")) == []


@pytest.mark.parametrize(
    ("action", "price", "broken"),
    [
        ("buy", "62457.0", []),
        ("buy", "62457.1", ["collar"]),
        ("short", "60007.9", []),
        ("short", "60007.8", ["collar"]),
        ("short", "99999", []),
        ("buy", "1", []),
    ],
)
def test_a_limit_price_may_go_so_far_through_the_mid_on_its_own_side(
    action: str, price: str, broken: list[str]
) -> None:
    # 200 bps of 61,232.45 are 1,224.649
    desk = Desk(limits=WIDE)
    fields = {"symbol": PERP, "action": action, "quantity": "0.01", "price_limit": price}
    assert [rule for rule in rules_broken(desk, proposed(desk, **fields)) if rule == "collar"] == (
        broken
    )


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        ({}, {}, ["duplicate"]),
        ({}, {"price_limit": "61000"}, []),
        ({"price_limit": "61000"}, {"price_limit": "61000.00"}, ["duplicate"]),
        ({"price_limit": "61000"}, {"price_limit": "61000.01"}, []),
        ({}, {"symbol": "ETH/USDT", "quantity": "0.01"}, []),
    ],
    ids=str,
)
def test_a_duplicate_has_the_same_symbol_quantity_and_price(
    first: dict[str, str], second: dict[str, str], broken: list[str]
) -> None:
    desk = Desk()
    sent(1, **first)(desk)
    assert rules_broken(desk, proposed(desk, **({"quantity": "0.001"} | second))) == broken


def test_an_older_duplicate_is_found_behind_a_newer_order() -> None:
    desk = Desk()
    sent(1)(desk)
    sent(1, symbol="ETH/USDT", quantity="0.01")(desk)
    assert desk.denied(signal(quantity="0.001"))["duplicate"].value == "2 s"


@pytest.mark.parametrize(("seconds", "broken"), [(-9.9, ["duplicate"]), (-10, [])])
def test_a_duplicate_of_the_future_counts_as_long_as_one_of_the_past(
    seconds: float, broken: list[str]
) -> None:
    desk = Desk()
    desk.order(signal(quantity="0.001"))
    desk.later(seconds)
    assert rules_broken(desk, proposed(desk, quantity="0.001")) == broken


# --- how many positions


def test_an_entry_on_what_is_held_or_being_opened_adds_no_position() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=1))
    desk.order(signal("eth", quantity="0.01"))
    assert rules_broken(desk, proposed(desk, symbol="ETH/USDT", quantity="0.02")) == []
    assert rules_broken(desk, proposed(desk, quantity="0.001")) == ["positions"]
    desk = Desk(limits=replace(LIMITS, positions_max=1))
    held("ETH/USDT")(desk)
    assert rules_broken(desk, proposed(desk, symbol="ETH/USDT", quantity="0.02")) == []
    assert rules_broken(desk, proposed(desk, quantity="0.001")) == ["positions"]


def test_a_position_with_two_orders_on_it_is_one_position() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=2))
    held("ETH/USDT")(desk)
    desk.order(signal("eth", quantity="0.02"))
    desk.order(signal("eth", "sell"))
    assert rules_broken(desk, proposed(desk, quantity="0.001")) == []


def test_an_exit_under_way_opens_nothing() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=2))
    held("ETH/USDT", "SOL/USDT")(desk)
    desk.order(signal("eth", "sell"))
    found = desk.denied(signal(quantity="0.001"))["positions"]
    assert (found.value, found.limit) == ("2", "2")


def to_dust(desk: Desk, quantity: str) -> None:
    """Sell a holding of 0.01 BTC but for a remainder that nobody can sell."""
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.fill(desk.order(signal("btc", "sell", quantity=quantity)), quantity, "61240")
    desk.later(20)
    assert KEY in desk.state.positions


def test_dust_counts_as_no_position_and_buying_on_it_opens_one() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=2))
    to_dust(desk, "0.00999")
    held("ETH/USDT")(desk)
    # a second position is allowed beside the dust
    assert rules_broken(desk, proposed(desk, symbol="SOL/USDT", quantity="1")) == []
    # and the dust itself can be made one
    assert rules_broken(desk, proposed(desk, quantity="0.001")) == []
    # but no third
    held("SOL/USDT")(desk)
    found = desk.denied(signal(quantity="0.001"))["positions"]
    assert found.value == "2"


def test_dust_that_an_order_enlarges_counts() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=2))
    to_dust(desk, "0.00999")
    held("ETH/USDT")(desk)
    desk.order(signal(quantity="0.001"))
    assert desk.denied(signal("sol", quantity="1"))["positions"].value == "2"


# --- ages


@pytest.mark.parametrize(
    ("seconds", "fields", "broken"),
    [
        (10, {"expires_at": AT + timedelta(seconds=10, microseconds=1)}, []),
        (10, {"expires_at": AT + timedelta(seconds=10)}, ["signal_age"]),
        (60, {"created_at": AT}, []),
        (60.001, {"created_at": AT}, ["signal_age"]),
        (60.001, {}, []),
        (-60, {"created_at": AT}, []),
    ],
    ids=str,
)
def test_a_signal_is_as_old_as_its_own_times_say(
    seconds: float, fields: dict[str, Any], broken: list[str]
) -> None:
    desk = Desk()
    desk.later(seconds)
    proposal = proposed(desk, quantity="0.001", **fields)
    assert rules_broken(desk, proposal) == broken
    # an approval leaves the age to the ticket
    assert breaches_of(proposal, desk.state, desk.context(), is_approval=True) == ()


# --- the numbers that hold when nobody sets others


def test_the_limits_are_those_of_the_specification() -> None:
    assert RiskLimits() == RiskLimits(
        positions_max=10,
        order_notional_pct_max=Decimal(10),
        collar_bps_max=Decimal(200),
        slippage_cap_bps=Decimal(50),
        duplicate_window_s=10,
        signal_age_s_max=60,
        quote_age_s_max=5,
        drift_bps_max=Decimal(50),
        orders_open_max=200,
        leverage_max=Decimal(5),
        daily_loss_pct_max=Decimal(2),
        drawdown_pct_max=Decimal(10),
        warn_share=Decimal("0.8"),
        slippage_warn_bps=Decimal(50),
    )
    assert ConfirmPolicy() == ConfirmPolicy(
        mode=ConfirmMode.RISKY,
        risky_notional_pct=Decimal(2),
        risky_leverage=Decimal(1),
        risky_confidence=0.6,
        ticket_life_s=60,
    )


def test_the_stricter_trading_state_comes_last() -> None:
    assert sorted(TradingState, key=lambda state: state.severity) == [
        TradingState.ACTIVE,
        TradingState.REDUCING,
        TradingState.HALTED,
    ]


def test_only_what_rounds_and_caps_may_refuse_an_exit() -> None:
    assert [rule.name for rule in RULES if rule.exits] == ["minimum", "flip"]
    assert [rule.name for rule in RULES] == [
        "trading_state", "symbol_state", "instrument", "metadata", "minimum", "maximum", "flip",
        "order_size", "collar", "slippage", "duplicate", "order_rate", "open_orders", "balance",
        "self_trade", "positions", "position_size", "coin", "gross", "net", "leverage",
        "account_leverage", "daily_loss", "drawdown", "signal_age", "clock_skew", "unknown",
        "armed",
    ]  # fmt: skip


def test_a_target_beyond_the_price_is_no_risk() -> None:
    target = (Target(percent=Decimal(4)),)
    assert rules_broken(Desk(), proposed(Desk(), quantity="0.001", targets=target)) == []

"""Each rule passes at its limit and refuses just beyond it; nothing stands between us and flat."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.errors import InvalidInput
from engine.proposals import Proposal, propose
from engine.risk_limits import RiskLimits
from engine.signals import Target, TradingSignal
from tests.engine.desk import AT, LIMITS, OWNER, Desk, signal

WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))


def test_e6_a_denial_gives_every_rule_with_its_numbers_and_what_would_pass() -> None:
    # given 12,480.20 of equity, 3,612.40 free, and orders of at most 5,000.00
    limits = replace(
        LIMITS, order_notional_pct_max=Decimal(5000) / Decimal("12480.20") * Decimal(100)
    )
    desk = Desk(limits=limits)
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal("3612.40")})
    # when
    denied = desk.wish(signal("sol", notional=6000))
    # then (the coin's share has its own issue)
    assert isinstance(denied, e.OrderDenied)
    assert denied.notional == Decimal(6000)
    assert [(b.sentence, b.passes) for b in denied.breaches] == [
        ("Order size 6,000.00, limit 5,000.00", Decimal("5000.00")),
        ("Free 3,612.40, needs 6,006.00", Decimal("3608.79")),
    ]
    # and the smaller amount does pass
    desk.order(signal("sol", notional=Decimal("3608.79")))


def test_every_reason_is_given_at_once() -> None:
    desk = Desk(limits=replace(LIMITS, positions_max=0, orders_open_max=0))
    desk.give(c.Halt)
    desk.tell(r.VenueSilent(venue="binance", text="no answer"))
    found = desk.denied(
        signal("BTC/USDT:USDT", quantity=100, leverage=60, price_limit=70000, expires_at=AT)
    )
    assert set(found) == {
        "trading_state",
        "venue",
        "order_size",
        "collar",
        "open_orders",
        "balance",
        "positions",
        "leverage",
        "account_leverage",
        "signal_age",
    }


# --- a table: what passes at the limit, and what is refused just beyond

Change = Callable[[Desk], None]


def nothing(_: Desk) -> None:
    """Leave the desk as it is."""


def holding(symbol: str) -> Change:
    def change(desk: Desk) -> None:
        quantity, price = ("1", "150") if symbol.startswith("SOL") else ("0.01", "3400")
        desk.hold(symbol, quantity, price)

    return change


def sent_before(seconds: float) -> Change:
    def change(desk: Desk) -> None:
        desk.order(signal(quantity="0.001"))
        desk.later(seconds)

    return change


def at_leverage(most: str) -> Change:
    def change(desk: Desk) -> None:
        key = "binance:BTC/USDT:USDT"
        desk.instruments[key] = replace(desk.instruments[key], leverage_max=Decimal(most))

    return change


def aged(seconds: float) -> Change:
    def change(desk: Desk) -> None:
        desk.now += timedelta(seconds=seconds)

    return change


def inactive(desk: Desk) -> None:
    key = "binance:BTC/USDT"
    desk.instruments[key] = replace(desk.instruments[key], active=False)


def wealthy(desk: Desk) -> None:
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(10**12)})


CASES: list[tuple[str, dict[str, Any], Change, dict[str, Any], Change, dict[str, Any]]] = [
    # rule, limits, then world and signal that pass, then world and signal that are refused
    (
        "order_size",
        {"order_notional_pct_max": Decimal("0.491192")},  # 61.3017... of 12,480.20
        nothing,
        {"quantity": "0.001"},
        nothing,
        {"quantity": "0.00101"},
    ),
    (
        "collar",
        {},
        nothing,
        {"quantity": "0.001", "price_limit": "62464.80"},  # 200 bps through
        nothing,
        {"quantity": "0.001", "price_limit": "62464.81"},
    ),
    (
        "collar",
        {},
        nothing,
        {"quantity": "0.002", "price_limit": "10000"},  # passive, however far
        nothing,
        {"quantity": "0.002", "price_limit": "99999"},
    ),
    (
        "positions",
        {"positions_max": 2},
        holding("SOL/USDT"),
        {"quantity": "0.001"},
        lambda desk: (holding("SOL/USDT")(desk), holding("ETH/USDT")(desk))[0],
        {"quantity": "0.001"},
    ),
    (
        "open_orders",
        {"orders_open_max": 1},
        nothing,
        {"quantity": "0.001"},
        lambda desk: (desk.order(signal("sol", quantity=1)), None)[1],
        {"quantity": "0.001"},
    ),
    (
        "leverage",
        {},
        nothing,
        {"symbol": "BTC/USDT:USDT", "quantity": "0.001", "leverage": 5},
        nothing,
        {"symbol": "BTC/USDT:USDT", "quantity": "0.001", "leverage": "5.1"},
    ),
    (
        "leverage",
        {},
        at_leverage("3"),
        {"symbol": "BTC/USDT:USDT", "quantity": "0.001", "leverage": 3},
        at_leverage("3"),
        {"symbol": "BTC/USDT:USDT", "quantity": "0.001", "leverage": 4},
    ),
    (
        "leverage",
        {},
        nothing,
        {"quantity": "0.001"},
        nothing,
        {"quantity": "0.001", "leverage": 2},  # spot has none
    ),
    (
        "signal_age",
        {"quote_age_s_max": 1000},
        aged(60),
        {"quantity": "0.001", "created_at": AT},
        aged(61),
        {"quantity": "0.001", "created_at": AT},
    ),
    (
        "signal_age",
        {"quote_age_s_max": 1000},
        aged(9),
        {"quantity": "0.001", "expires_at": AT + timedelta(seconds=10)},
        aged(10),
        {"quantity": "0.001", "expires_at": AT + timedelta(seconds=10)},
    ),
    (
        "price_age",
        {},
        aged(5),
        {"quantity": "0.001"},
        aged(5.001),
        {"quantity": "0.001"},
    ),
    (
        "price_age",
        {},
        nothing,
        {"quantity": "0.001"},
        nothing,
        {"symbol": "LTC/USDT", "quantity": "1"},  # nobody quotes it
    ),
    (
        "minimum",
        {},
        nothing,
        {"quantity": "0.00009"},
        nothing,
        {"quantity": "0.00008"},
    ),
    (
        "maximum",
        {"order_notional_pct_max": Decimal(10**9), "leverage_max": Decimal(10**9)},
        wealthy,
        {"quantity": "1000"},
        wealthy,
        {"quantity": "1000.00001"},
    ),
    ("instrument", {}, nothing, {"quantity": "0.001"}, inactive, {"quantity": "0.001"}),
    (
        "duplicate",
        {},
        sent_before(10),
        {"quantity": "0.001"},
        sent_before(9.9),
        {"quantity": "0.001"},
    ),
    (
        "duplicate",
        {},
        sent_before(0),
        {"quantity": "0.00101"},
        sent_before(0),
        {"quantity": "0.0010"},
    ),
    (
        "short_spot",
        {},
        nothing,
        {"symbol": "BTC/USDT:USDT", "action": "short", "quantity": "0.001"},
        nothing,
        {"action": "short", "quantity": "0.001"},
    ),
    ("symbol", {}, nothing, {"quantity": "0.001"}, nothing, {"symbol": "BTCC", "quantity": 1}),
    ("size", {}, nothing, {"quantity": "0.001"}, nothing, {}),
    (
        "target_side",
        {},
        nothing,
        {"quantity": "0.001", "targets": (Target(price=Decimal("61240.01")),)},
        nothing,
        {"quantity": "0.001", "targets": (Target(price=Decimal(61240)),)},
    ),
    (
        "stop_side",
        {},
        nothing,
        {"quantity": "0.001", "stop_loss": "61239.99"},
        nothing,
        {"quantity": "0.001", "stop_loss": "61240"},
    ),
    (
        "price_tick",
        {},
        nothing,
        {"quantity": "1", "price_limit": "5"},
        nothing,
        {"quantity": "1", "price_limit": "0.009"},
    ),
]


@pytest.mark.parametrize(
    ("rule", "limits", "world", "fields", "world_beyond", "fields_beyond"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_a_rule_passes_at_its_limit_and_refuses_just_beyond(
    *,
    rule: str,
    limits: dict[str, Any],
    world: Change,
    fields: dict[str, Any],
    world_beyond: Change,
    fields_beyond: dict[str, Any],
) -> None:
    within = Desk(limits=replace(LIMITS, **limits))
    world(within)
    assert isinstance(within.wish(signal(**fields)), e.OrderSubmitted)

    beyond = Desk(limits=replace(LIMITS, **limits))
    world_beyond(beyond)
    assert set(beyond.denied(signal(**fields_beyond))) == {rule}
    assert not [o for o in beyond.state.orders.values() if o.symbol == "LTC/USDT"]


def test_free_balance_counts_open_orders_unknown_ones_and_fees() -> None:
    desk = Desk(limits=WIDE, cash="1000")
    unknown = desk.order(signal("sol", quantity="4", price_limit="150"))
    desk.tell(r.SubmitUnanswered(client_order_id=unknown, text="no answer"))
    free = Decimal(1000) - 600 * Decimal("1.001")
    breach = desk.denied(signal("eth", notional=400))["balance"]
    assert breach.limit == f"{free:,.2f}"
    assert breach.passes == Decimal("399.00")
    desk.order(signal("eth", notional="399.00"))


@pytest.mark.parametrize("filled", ["0", "0.0013"])
@pytest.mark.parametrize("end", ["canceled", "expired", "filled"])
def test_what_an_entry_reserved_is_released_once_however_it_ends(end: str, filled: str) -> None:
    # given two entries, the first perhaps filled in part
    desk = Desk(limits=WIDE)
    name = desk.order(signal("BTC/USDT", quantity="0.004", price_limit="60000"))
    other = desk.order(signal("eth", quantity="0.5", price_limit="3300"))
    alone = desk.state.orders[other]
    if filled != "0":
        desk.fill(name, filled, "60000")
    assert desk.state.reserved["binance:USDT"].notional == 1650 + 60000 * (
        Decimal("0.004") - Decimal(filled)
    )
    # when the first one ends
    if end == "filled":
        desk.fill(name, str(Decimal("0.004") - Decimal(filled)), "60000")
    else:
        desk.seen(name, end, filled)
    assert desk.state.orders == {other: alone}
    # then exactly the other one's share is still reserved, and nothing once that has ended too
    assert desk.state.reserved["binance:USDT"].notional == 1650
    assert desk.state.reserved["binance:USDT"].margin == 1650
    desk.seen(other, "canceled")
    assert desk.state.reserved == {}


def test_a_swap_binds_its_margin_only() -> None:
    desk = Desk(limits=WIDE, cash="1000")
    name = desk.order(signal("BTC/USDT:USDT", quantity="0.03", leverage=3))
    desk.fill(name, "0.03", "61234.7")
    breach = desk.denied(signal("eth", notional=400))["balance"]
    margin = Decimal("0.03") * Decimal("61234.7") / 3
    assert breach.limit == f"{1000 - margin:,.2f}"


def test_a_foreign_quote_currency_is_refused() -> None:
    desk = Desk()
    desk.instruments["binance:BTC/EUR"] = replace(
        desk.instruments["binance:BTC/USDT"], symbol="BTC/EUR", quote="EUR"
    )
    desk.quote("BTC/EUR", "56000", "56001")
    assert "currency" in desk.denied(signal("BTC/EUR", quantity="0.001"))


def test_live_entries_need_arming_and_exits_do_not() -> None:
    desk = Desk(mode="live", armed=True)
    desk.hold("BTC/USDT", "0.01", "61000")
    desk.armed = False
    assert set(desk.denied(signal(quantity="0.001"))) == {"armed"}
    assert isinstance(desk.wish(signal("btc", "sell")), e.OrderSubmitted)


def test_an_unknown_order_denies_further_entries_on_its_symbol_only() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.001"))
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="no answer"))
    assert set(desk.denied(signal(quantity="0.002"))) == {"unknown"}
    desk.order(signal("eth", quantity="0.01"))


def test_a_symbol_that_only_reduces_denies_entries_until_an_owner_resumes() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.001"))
    desk.fill(name, "0.002", "61240")
    desk.later(20)
    assert desk.state.reducing == {"binance:BTC/USDT": "overfilled"}
    assert set(desk.denied(signal(quantity="0.001"))) == {"symbol_state"}
    desk.give(c.Resume)
    desk.order(signal(quantity="0.001"))


# --- exits


def every_rule_broken(desk: Desk) -> None:
    """Halt, latch a breaker, silence the venue, let the books differ, price and signal be old."""
    desk.give(c.Halt)
    desk.give(c.TripBreaker, reason="test")
    desk.stop_latched = True
    desk.tell(r.VenueSilent(venue="binance", text="no answer"))
    desk.state = replace(
        desk.state,
        books_differ={"binance": ("binance:BTC/USDT",)},
        reducing={"binance:BTC/USDT": "overfilled"},
        cash={"binance:USDT": Decimal(-1)},
        limits=replace(desk.state.limits, orders_open_max=0, positions_max=0),
    )
    inactive(desk)
    desk.quotes.clear()


@pytest.mark.parametrize("fields", [{}, {"percent": "100"}, {"quantity": "0.01"}], ids=str)
def test_an_exit_passes_every_rule_but_minimum_and_cap(fields: dict[str, Any]) -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    every_rule_broken(desk)
    event = desk.wish(signal("btc", "sell", created_at=AT - timedelta(days=1), **fields))
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.is_exit
    assert event.order.quantity == Decimal("0.01")
    assert event.order.price_limit is None  # without a fresh quote it goes as a market order


def test_an_exit_below_the_minimum_is_refused_with_the_numbers() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert desk.denied(signal("btc", "sell", quantity="0.00001"))["minimum"].value == "0.61"


def test_an_exit_never_flips_and_never_exceeds_what_other_exits_leave() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    assert desk.denied(signal("btc", "sell", quantity="0.011"))["flip"].limit == "0.01"
    desk.order(signal("btc", "sell", quantity="0.004"))
    event = desk.wish(signal("btc", "sell", quantity="0.008"))
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.quantity == Decimal("0.006")
    assert set(desk.denied(signal("btc", "close"))) == {"exit_cap"}


def test_selling_what_is_not_held_is_refused() -> None:
    assert set(Desk().denied(signal("btc", "sell", quantity=1))) == {"nothing_held"}
    assert set(Desk().denied(signal("btc", "close"))) == {"nothing_held"}


def test_a_short_against_a_long_is_refused_and_a_buy_covers_a_short() -> None:
    desk = Desk()
    name = desk.order(signal("BTC/USDT:USDT", quantity="0.01"))
    desk.fill(name, "0.01", "61234.7")
    assert set(desk.denied(signal("BTC/USDT:USDT", "short", quantity="0.001"))) == {"flip"}
    shorted = Desk()
    name = shorted.order(signal("BTC/USDT:USDT", "short", quantity="0.01"))
    shorted.fill(name, "0.01", "61230.2")
    event = shorted.wish(signal("BTC/USDT:USDT", "buy", notional=100_000))
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.is_exit
    assert event.order.quantity == Decimal("0.01")


# --- sizing


@pytest.mark.parametrize(
    ("fields", "quantity"),
    [
        ({"quantity": "0.012345678"}, "0.01234"),
        ({"notional": "1000"}, "0.01631"),  # by the cap, so that 1,000 is never exceeded
        ({"percent": "5"}, "0.01017"),  # of equity
        ({"risk_pct": "0.1", "stop_loss_pct": "2"}, "0.00924"),
    ],
    ids=str,
)
def test_a_size_becomes_a_quantity(fields: dict[str, str], quantity: str) -> None:
    event = Desk(limits=WIDE).wish(signal(**fields))
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.quantity == Decimal(quantity)


@given(
    risk=st.decimals("0.05", "3", places=2),
    stop=st.decimals("0.5", "30", places=1),
)
def test_risk_sizing_never_loses_more_than_the_risk_at_the_stop(
    risk: Decimal, stop: Decimal
) -> None:
    desk = Desk(limits=replace(WIDE), cash="12480.20")
    made = signal(risk_pct=risk, stop_loss_pct=stop)
    proposal = propose(desk.state, made, "binance", desk.context())
    assert isinstance(proposal, Proposal)
    assert proposal.stop is not None
    loss = -proposal.pnl_at(proposal.stop)
    budget = Decimal("12480.20") * risk / 100
    assert loss <= budget
    lot = proposal.instrument.quantity_step
    assert budget - loss <= lot * (proposal.price * 2)


def test_a_percentage_of_a_position_sells_that_share() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    event = desk.wish(signal("btc", "sell", percent="50"))
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.quantity == Decimal("0.005")


# --- nothing that can be written breaks a decision

ANY_NUMBER = st.one_of(
    st.none(),
    st.decimals("0.000000000000000001", "1e18", allow_nan=False, allow_infinity=False),
    st.sampled_from(["0.001", "1e-18", "1e18", "61240", "100", "99.9999"]),
)


@given(
    symbol=st.sampled_from(["BTC/USDT", "BTC/USDT:USDT", "XRP", "SOLUSDT", "?", "LTC"]),
    action=st.sampled_from(["buy", "sell", "short", "close"]),
    fields=st.fixed_dictionaries(
        {
            "quantity": ANY_NUMBER,
            "notional": ANY_NUMBER,
            "percent": ANY_NUMBER,
            "risk_pct": ANY_NUMBER,
            "price_limit": ANY_NUMBER,
            "stop_loss": ANY_NUMBER,
            "stop_loss_pct": ANY_NUMBER,
        }
    ),
    target=ANY_NUMBER,
    by_price=st.booleans(),
    held=st.sampled_from(["", "long", "short"]),
)
def test_no_signal_that_can_be_written_breaks_a_decision(
    *,
    symbol: str,
    action: str,
    fields: dict[str, Any],
    target: Any,
    by_price: bool,
    held: str,
) -> None:
    desk = Desk(limits=RiskLimits())
    if held == "long":
        desk.hold("BTC/USDT", "0.001", "61240")
    if held == "short":
        desk.hold("BTC/USDT:USDT", "0.001", "61240", action="short")
    try:
        targets: tuple[Target, ...] = ()
        if target is not None:
            targets = (Target(price=target) if by_price else Target(percent=target),)
        made = TradingSignal(symbol=symbol, action=action, targets=targets, **fields)  # type: ignore[arg-type]
    except InvalidInput:
        return
    event = desk.wish(made)
    assert isinstance(event, e.OrderSubmitted | e.OrderDenied | e.TicketOpened)
    command = c.SubmitSignal(
        command_id="again", actor=OWNER, at=desk.now, signal=made, venue="binance"
    )
    desk.tell(command)

"""Sizes and limits: every denial has its numbers, what passes does pass, and no two approvals
together take more than one could.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine.asking import drift_bps
from engine.numbers import ZERO
from engine.orders import OrderSide
from engine.portfolio import cash_free
from engine.proposals import Proposal, propose
from engine.risk_limits import RiskLimits
from engine.signals import SignalAction
from engine.sizing import Sizing, quantity_wanted
from tests.engine.desk import AT, Desk, signal

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BTC/USDT:USDT")
MONEY = st.decimals("1", "1e6", places=2)
PRICES = st.decimals("0.01", "99999", places=2)
PERCENTS = st.decimals("0.01", "100", places=2)
FEES = st.sampled_from(["0", "0.0002", "0.001", "0.01"]).map(Decimal)


# -- sizing --------------------------------------------------------------------------------------


@given(
    risk=PERCENTS, price=PRICES, percent=st.decimals("0.1", "99", places=1), equity=MONEY,
    fee=FEES, side=st.sampled_from(OrderSide),
)  # fmt: skip
def test_a_position_sized_by_risk_loses_exactly_the_risk_at_its_stop(
    *,
    risk: Decimal,
    price: Decimal,
    percent: Decimal,
    equity: Decimal,
    fee: Decimal,
    side: OrderSide,
) -> None:
    stop = price * (1 - side.sign * percent / 100)
    wanted = quantity_wanted(
        Sizing(
            signal=signal(risk_pct=risk, stop_loss=stop),
            side=side,
            is_exit=False,
            price=price,
            price_expected=price,
            stop=stop,
            equity=equity,
            fee_share=fee,
            held=ZERO,
        )
    )
    assert isinstance(wanted, Decimal)
    units, entry, ending = Fraction(wanted), Fraction(price), Fraction(stop)
    loss = units * (entry - ending) * side.sign + units * (entry + ending) * Fraction(fee)
    exact = Fraction(equity) * Fraction(risk) / 100
    assert abs(loss - exact) <= exact * Fraction(1, 10**20)


def proposal(desk: Desk, symbol: str, action: str, **fields: Any) -> Proposal:
    made = propose(desk.state, signal(symbol, action, **fields), "binance", desk.context())
    assert isinstance(made, Proposal), made
    return made


@given(
    symbol=st.sampled_from(SYMBOLS),
    size=st.sampled_from(["notional", "percent", "risk_pct"]),
    number=PERCENTS,
    limit=st.none() | st.integers(-300, 300),
)
def test_a_size_in_money_is_never_exceeded_and_missed_by_less_than_a_lot(
    symbol: str, size: str, number: Decimal, limit: int | None
) -> None:
    desk = Desk()
    mid = desk.quotes[f"binance:{symbol}"].mid
    fields: dict[str, Any] = {size: number * 100 if size == "notional" else number}
    if limit is not None:
        fields["price_limit"] = mid * (1 + Decimal(limit) / 10_000)
    if size == "risk_pct":
        fields["stop_loss"] = mid * Decimal("0.9")
    made = proposal(desk, symbol, "buy", **fields)
    instrument = made.instrument
    assert made.quantity <= made.quantity_asked < made.quantity + instrument.quantity_step
    assert made.quantity % instrument.quantity_step == 0
    if size == "risk_pct":
        assert made.stop is not None
        lost = -made.pnl_at(made.stop)
        assert lost <= Decimal(desk.cash) * number / 100 + Decimal("1e-12")
        return
    assert made.price_limit is not None
    asked = number * 100 if size == "notional" else Decimal(desk.cash) * number / 100
    assert made.quantity * made.price_limit <= asked


@given(
    held=st.integers(1, 20_000).map(lambda n: Decimal(n) / 100_000),
    asked=st.none() | st.integers(1, 40_000).map(lambda n: Decimal(n) / 100_000),
    percent=st.none() | PERCENTS,
    pending=st.none() | PERCENTS,
    is_close=st.booleans(),
    is_stale=st.booleans(),
)
def test_an_exit_is_never_larger_than_what_is_held_and_not_yet_being_sold(
    *,
    held: Decimal,
    asked: Decimal | None,
    percent: Decimal | None,
    pending: Decimal | None,
    is_close: bool,
    is_stale: bool,
) -> None:
    desk = Desk(limits=RiskLimits(order_notional_pct_max=Decimal(1000)), cash="100000")
    desk.fill(desk.sent("BTC/USDT", OrderSide.BUY, held), str(held), "61240")
    (position,) = desk.state.positions.values()
    if pending is not None:
        fraction = pending / 100
        desk.give(c.ClosePosition, position_id=position.position_id, fraction=fraction)
    under_way = desk.state.exits_pending(position.key)
    if is_stale:
        later = desk.quotes
        desk.later(30)
        desk.quotes = later
    size: dict[str, Any] = {"quantity": asked} if asked is not None else {"percent": percent}
    action = "close" if is_close else "sell"
    event = desk.wish(signal(action=action, **size))
    if isinstance(event, e.OrderDenied):
        rules = {breach.rule for breach in event.breaches}
        assert rules <= {"flip", "exit_cap", "minimum"}
        assert ("flip" in rules) == (asked is not None and asked > held)
        return
    assert isinstance(event, e.OrderSubmitted)
    assert event.order.is_exit
    assert event.order.side is OrderSide.SELL
    assert event.order.quantity <= held - under_way
    if asked is not None:
        assert event.order.quantity <= asked
    # Arrival and slippage are unknown without a fresh price, never zero.
    assert (event.order.price_arrival is None) == is_stale
    desk.fill(event.order.client_order_id, str(event.order.quantity), "61000")
    filled = desk.state.order(event.order.client_order_id)
    assert filled is not None
    assert (filled.slippage_cost_bps is None) == is_stale


# -- denials -------------------------------------------------------------------------------------

# Rules about a state, not about a number; each says its reason in words.
WORDS_ONLY = {
    "trading_state",
    "symbol_state",
    "venue",
    "books",
    "instrument",
    "currency",
    "unknown",
}


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.sampled_from(["quantity", "notional", "percent"]))
    numbers = {"quantity": st.decimals("1e-5", "1000", places=5), "notional": MONEY}
    fields: dict[str, Any] = {size: draw(numbers.get(size, PERCENTS))}
    if draw(st.booleans()):
        fields["price_limit"] = draw(PRICES)
    if draw(st.booleans()):
        fields["leverage"] = Decimal(draw(st.integers(1, 20)))
    if draw(st.booleans()):
        fields["created_at"] = AT
    return fields | {"symbol": draw(st.sampled_from(SYMBOLS)), "action": SignalAction.BUY}


LIMITS = st.builds(
    RiskLimits,
    positions_max=st.integers(1, 3),
    order_notional_pct_max=st.sampled_from([Decimal(1), Decimal(10), Decimal(500)]),
    orders_open_max=st.integers(1, 3),
)


@given(limits=LIMITS, asked=st.lists(wishes(), min_size=1, max_size=5), waited=st.integers(0, 90))
def test_every_denial_gives_the_measured_number_and_its_limit(
    limits: RiskLimits, asked: list[dict[str, Any]], waited: int
) -> None:
    desk = Desk(limits=limits)
    desk.later(waited)
    for fields in asked:
        event = desk.wish(signal(**fields))
        if not isinstance(event, e.OrderDenied):
            continue
        assert event.breaches
        assert len({breach.rule for breach in event.breaches}) == len(event.breaches)
        for breach in event.breaches:
            assert breach.sentence[0].isupper()
            if breach.rule in WORDS_ONLY:
                continue
            # A price below the tick is the person's own; the sentence names the tick.
            measured = breach.value or breach.sentence
            assert any(letter.isdigit() for letter in measured), breach
            assert any(letter.isdigit() for letter in breach.limit), breach
            assert breach.passes is None or breach.passes >= ZERO


@given(fields=wishes(), limits=LIMITS)
def test_the_amount_that_a_denial_says_would_pass_does_pass_that_rule(
    fields: dict[str, Any], limits: RiskLimits
) -> None:
    desk = Desk(limits=limits)
    event = desk.wish(signal(**fields))
    assume(isinstance(event, e.OrderDenied))
    assert isinstance(event, e.OrderDenied)
    for breach in event.breaches:
        if breach.passes is None or breach.passes <= ZERO:
            continue
        rest = {
            name: value
            for name, value in fields.items()
            if name not in ("quantity", "notional", "percent")
        }
        again = Desk(limits=limits).wish(signal(notional=breach.passes, **rest))
        broken = (
            {each.rule for each in again.breaches} if isinstance(again, e.OrderDenied) else set()
        )
        assert breach.rule not in broken, (breach, again)


# -- tickets -------------------------------------------------------------------------------------


@given(
    asked=st.lists(
        st.tuples(st.sampled_from(SYMBOLS[:4]), st.integers(5, 60)), min_size=2, max_size=8
    ),
    positions_max=st.integers(1, 4),
    rest=st.booleans(),
)
def test_tickets_that_pass_one_by_one_cannot_pass_a_limit_together(
    asked: list[tuple[str, int]], positions_max: int, rest: bool
) -> None:
    share = Decimal(60)
    desk = Desk(limits=RiskLimits(order_notional_pct_max=share, positions_max=positions_max))
    tickets = []
    for symbol, percent in asked:
        # Every ticket is judged alone, for none reserves anything.
        made = signal(symbol, percent=percent)
        if rest:
            mid = desk.quotes[f"binance:{symbol}"].mid
            made = signal(symbol, percent=percent, price_limit=mid * Decimal("0.999"))
        tickets.append(desk.ticket(made))
    assert desk.state.reserved == {}
    for ticket in tickets:
        events = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)
        orders = [event for event in events if isinstance(event, e.OrderSubmitted)]
        assert len(orders) <= 1
        for event in orders:
            assert event.order.quantity == ticket.quantity
            assert event.order.price_limit == ticket.price_limit
        again = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)
        assert [type(event) for event in again] == [e.CommandRefused]
    entries = desk.state.entries()
    assert len({order.key for order in entries}) <= positions_max
    worst = sum(
        (order.quantity * (order.price_limit or ZERO) * Decimal("1.001") for order in entries), ZERO
    )
    assert worst <= Decimal(desk.cash)
    assert cash_free(desk.state, "binance", "USDT", Decimal("0.001")) >= ZERO
    assert entries, "the first one always passes"


# -- slippage ------------------------------------------------------------------------------------


@given(
    parts=st.lists(st.tuples(st.integers(1, 500), PRICES), min_size=1, max_size=6),
    side=st.sampled_from(OrderSide),
    spread=st.decimals("0.01", "5", places=2),
)
def test_slippage_is_the_signed_distance_from_the_arrival_mid_positive_when_it_costs(
    parts: list[tuple[int, Decimal]], side: OrderSide, spread: Decimal
) -> None:
    lots = sum(count for count, _ in parts)
    desk = Desk(limits=RiskLimits(order_notional_pct_max=Decimal(10_000)), cash="1e9")
    desk.quote("BTC/USDT:USDT", str(61_000 - spread), str(61_000 + spread))
    action = "buy" if side is OrderSide.BUY else "short"
    name = desk.order(signal("BTC/USDT:USDT", action, quantity=Decimal(lots) / 1000))
    for count, price in parts:
        desk.fill(name, str(Decimal(count) / 1000), str(price))
    order = desk.state.order(name)
    assert order is not None
    assert order.slippage_cost_bps is not None
    average = sum(Fraction(price) * count for count, price in parts) / lots
    arrival = Fraction(61_000)
    cost = side.sign * (average - arrival) / arrival * 10_000
    assert abs(Fraction(order.slippage_cost_bps) - cost) < Fraction(1, 10**15)
    assert (cost > 0) == ((average - arrival) * side.sign > 0)


@given(bid=PRICES, spread=st.decimals("0", "50", places=2), moved=PRICES)
def test_expected_slippage_and_drift_are_measured_from_the_mid(
    bid: Decimal, spread: Decimal, moved: Decimal
) -> None:
    desk = Desk()
    desk.quote("BTC/USDT", str(bid), str(bid + spread))
    made = proposal(desk, "BTC/USDT", "buy", quantity="1")
    low, high = Fraction(bid), Fraction(bid) + Fraction(spread)
    mid = (low + high) / 2
    expected = (high - mid) / mid * 10_000
    assert abs(Fraction(made.slippage_bps) - expected) < Fraction(1, 10**15)
    assert made.quote is not None
    drift = (Fraction(moved) - mid) / mid * 10_000
    assert abs(Fraction(drift_bps(made.quote.mid, moved)) - drift) < Fraction(1, 10**12)
    assert made.quote.moved_bps(moved) == drift_bps(moved, made.quote.mid)

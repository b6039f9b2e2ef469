"""What a denial offers does pass: E6's amount goes through every rule, in whatever account."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from engine import events as e
from tests.engine.desk import LIMITS, Desk, signal
from tests.engine.test_breaches import with_equity

SHARES = st.integers(1, 300).map(Decimal)
SHARED = ("position_pct_max", "coin_pct_max", "gross_pct_max", "net_pct_max")
ROOMS = ("order_notional_pct_max", *SHARED)
# Two lots of 0.00001 BTC at the price cap, 61,301.24, and a cent.
TWO_LOTS = Decimal("1.24")
AMOUNTS = st.decimals("10", "200000", places=2)


@given(
    shares=st.tuples(*(SHARES for _ in ROOMS)),
    cash=st.decimals("50", "50000", places=2),
    held=st.sampled_from([None, ("BTC/USDT", "0.01"), ("ETH/USDT", "0.3"), ("SOL/USDT", "9")]),
    waiting=st.booleans(),
    amount=AMOUNTS,
)
def test_the_amount_that_a_denial_offers_is_not_denied(
    shares: tuple[Decimal, ...],
    cash: Decimal,
    held: tuple[str, str] | None,
    waiting: bool,
    amount: Decimal,
) -> None:
    desk = Desk(limits=replace(LIMITS, order_notional_pct_max=Decimal(100)))
    if held is not None:
        desk.hold(held[0], held[1], str(desk.quotes[f"binance:{held[0]}"].mid))
    if waiting:
        desk.order(signal("xrp", quantity="30", price_limit="2"))
    desk.later(20)
    with_equity(desk, cash)
    chosen: dict[str, Any] = dict(zip(ROOMS, shares, strict=True))
    limits = replace(LIMITS, **chosen)
    desk.state = replace(desk.state, limits=limits)
    before = desk.state
    denied = desk.wish(signal("btc", notional=amount))
    assume(isinstance(denied, e.OrderDenied))
    assert isinstance(denied, e.OrderDenied)
    known = [breach.passes for breach in denied.breaches]
    offers = [passes for passes in known if passes is not None]
    assume(len(offers) == len(known))
    # When what it offers is wished for instead.
    desk.state = before
    event = desk.wish(signal("btc", notional=min(offers)))
    if isinstance(event, e.OrderDenied):
        # Only what no offer can mend is left: less than the venue takes at all.
        assert [breach.rule for breach in event.breaches] == ["minimum"]
    # And two lots more are too much: the offer is the most, not just something.
    desk.state = before
    assert isinstance(desk.wish(signal("btc", notional=min(offers) + TWO_LOTS)), e.OrderDenied)

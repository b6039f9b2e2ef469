"""Exposure and its limits: the worst case counts what is open, unknown and not from here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import events as e
from engine import reports as r
from engine.exposure import base_of, exposure, largest_coin, share_pct
from engine.orders import OrderSide
from engine.risk_limits import RiskLimits
from tests.engine.desk import LIMITS, Desk, signal

BTC, PERP = "BTC/USDT", "BTC/USDT:USDT"
KEY = "binance:BTC/USDT"
WIDE = replace(LIMITS, order_notional_pct_max=Decimal(1000))
# 0.001 BTC costs at most 61.30124: at the mid of 61,240 plus the cap of 10 bps, on the tick.
COST = Decimal("61.30124")


def desk_with(**limits: Any) -> Desk:
    return Desk(limits=replace(WIDE, **limits))


def equity(desk: Desk) -> Decimal:
    assert desk.state.equity is not None
    return desk.state.equity.equity


def of(desk: Desk, key: str = KEY) -> dict[str, Decimal]:
    seen = exposure(desk.state, desk.quotes, key)
    return {name: getattr(seen, name) for name in ("gross", "longs", "shorts", "coin", "symbol")}


def foreign(desk: Desk, side: OrderSide, quantity: str, price: str, symbol: str = BTC) -> None:
    order = r.OrderSeen(
        venue="binance",
        symbol=symbol,
        client_order_id=None,
        venue_order_id="x1",
        side=side,
        quantity=Decimal(quantity),
        filled=Decimal(0),
        status=r.VenueOrderStatus.OPEN,
        price_limit=Decimal(price),
    )
    desk.shown(orders=(order,))


# --- what is summed up


def test_nothing_held_and_nothing_open_is_no_exposure() -> None:
    assert set(of(Desk()).values()) == {Decimal(0)}


def test_a_position_counts_at_its_mark_on_both_sides_and_by_coin() -> None:
    desk = desk_with()
    desk.hold(BTC, "0.05", "60480")
    desk.hold("ETH/USDT", "1", "3396")
    desk.hold(PERP, "0.03", "61230", action="short")
    perp = Decimal("0.03") * Decimal("61232.45")
    btc, eth = Decimal("0.05") * 61240, Decimal("3396.3")
    assert of(desk) == {
        "gross": btc + eth + perp,
        "longs": btc + eth - perp,
        "shorts": perp - btc - eth,
        "coin": btc + perp,
        "symbol": btc,
    }


def test_what_is_quoted_in_another_currency_counts_at_its_worth_in_the_reporting_one() -> None:
    # Bought by hand and adopted: 0.05 BTC at 55,000 EUR, of 1.08 USDT each; and an order of it.
    desk = desk_with()
    desk.hold(BTC, "0.05", "60480")
    key = "binance:BTC/EUR"
    held = replace(desk.state.positions[KEY], symbol="BTC/EUR", entry_price=Decimal(55000))
    desk.state = replace(desk.state, positions={key: held}, rates={"EUR": Decimal("1.08")})
    foreign(desk, OrderSide.BUY, "0.01", "50000", "BTC/EUR")
    held_worth = Decimal("0.05") * 55000 * Decimal("1.08")
    open_worth = Decimal("0.01") * 50000 * Decimal("1.08")
    assert of(desk, key)["symbol"] == held_worth + open_worth
    assert of(desk)["gross"] == held_worth + open_worth
    assert largest_coin(desk.state, desk.quotes) == ("BTC", held_worth + open_worth)


def test_open_and_unknown_entries_count_at_the_most_they_can_cost_and_exits_do_not() -> None:
    desk = desk_with()
    desk.order(signal(quantity="0.001"))
    assert of(desk)["gross"] == COST
    name = desk.order(signal("eth", quantity="0.1", price_limit=3000))
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="timeout"))
    assert of(desk)["gross"] == COST + 300
    assert of(desk)["longs"] == COST + 300
    assert of(desk)["symbol"] == COST
    desk.hold("SOL/USDT", "1", "150")
    before = of(desk)
    desk.order(signal("sol", "sell", price_limit=200))
    assert of(desk) == before


def test_what_filled_in_part_counts_once() -> None:
    desk = desk_with()
    name = desk.order(signal(quantity="0.002", price_limit=60000))
    desk.fill(name, "0.0005", "60000")
    held = Decimal("0.0005") * 61240
    assert of(desk)["symbol"] == held + Decimal("0.0015") * 60000
    desk.seen(name, "canceled", filled="0.0005")
    assert of(desk)["symbol"] == held


def test_an_order_not_from_here_counts_where_it_may_open_a_position() -> None:
    desk = desk_with()
    foreign(desk, OrderSide.BUY, "0.01", "60000")
    assert of(desk)["coin"] == 600
    assert largest_coin(desk.state, desk.quotes) == ("BTC", Decimal(600))


def test_a_coin_is_the_same_over_venues_and_markets() -> None:
    assert {base_of(KEY), base_of("kraken:BTC/EUR"), base_of("bybit:BTC/USDT:USDT")} == {"BTC"}


def test_without_a_quote_a_position_counts_at_its_entry() -> None:
    desk = desk_with()
    desk.hold(BTC, "0.05", "60480")
    del desk.quotes[KEY]
    assert of(desk)["gross"] == Decimal("0.05") * 60480


def test_without_equity_every_share_is_too_large() -> None:
    assert share_pct(Decimal(1), Decimal(0)) > 1000
    assert share_pct(Decimal(1), Decimal(-5)) > 1000


# --- the limits: the edge passes, a lot more does not


def at_edge(name: str, extra: Decimal = Decimal(0)) -> Desk:
    """Give a desk whose limit is exactly what 0.001 BTC more comes to, beside `extra`."""
    desk = desk_with()
    limit = (COST + extra) / equity(desk) * 100
    return desk_with(**{name: limit})


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("position_pct_max", "position_size"),
        ("coin_pct_max", "coin"),
        ("gross_pct_max", "gross"),
        ("net_pct_max", "net"),
    ],
)
def test_a_share_passes_at_its_limit_and_not_beyond(name: str, rule: str) -> None:
    assert isinstance(at_edge(name).wish(signal(quantity="0.001")), e.OrderSubmitted)
    desk = at_edge(name)
    breach = desk.denied(signal(quantity="0.00101"))[rule]
    assert breach.value != breach.limit
    assert breach.passes == Decimal("61.30")
    # and that amount does pass
    assert isinstance(at_edge(name).wish(signal(notional="61.30")), e.OrderSubmitted)


@pytest.mark.parametrize("name", ["position_pct_max", "coin_pct_max", "gross_pct_max"])
def test_what_is_open_takes_its_part_of_the_limit(name: str) -> None:
    desk = at_edge(name, extra=COST)
    desk.order(signal(quantity="0.001"))
    desk.later(11)
    desk.order(signal(quantity="0.001"))
    desk.later(11)
    assert desk.denied(signal(quantity="0.001"))


def test_two_wishes_cannot_both_take_what_is_left_for_one() -> None:
    desk = at_edge("coin_pct_max")
    desk.order(signal(quantity="0.001"))
    desk.later(11)
    breach = desk.denied(signal(PERP, quantity="0.001", action="short"))["coin"]
    assert breach.passes is None


def test_another_coin_is_no_part_of_a_coins_share() -> None:
    desk = at_edge("coin_pct_max")
    desk.hold("ETH/USDT", "0.01", "3396")
    desk.order(signal(quantity="0.001"))


def test_what_makes_the_lighter_side_heavier_passes_the_net_limit() -> None:
    desk = desk_with(net_pct_max=Decimal(1))
    desk.state = replace(desk.state, limits=replace(desk.state.limits, net_pct_max=Decimal(100)))
    desk.hold("ETH/USDT", "1", "3396")
    desk.state = replace(desk.state, limits=replace(desk.state.limits, net_pct_max=Decimal(1)))
    desk.order(signal(PERP, quantity="0.01", action="short"))
    assert "net" in desk.denied(signal("sol", quantity="1"))


def test_the_account_s_leverage_passes_at_its_limit_and_not_beyond() -> None:
    limit = COST / equity(Desk())
    fitting = desk_with(leverage_max=limit)
    assert "account_leverage" not in fitting.denied(signal(quantity="0.001"))
    beyond = fitting.denied(signal(quantity="0.00101"))
    assert beyond["account_leverage"].passes == Decimal("61.30")


# --- losses, at the entry itself


def lost(desk: Desk, share: str, field: str) -> None:
    assert desk.state.equity is not None
    worth = desk.state.equity
    base = worth.equity / (1 - Decimal(share) / 100)
    desk.state = replace(desk.state, equity=replace(worth, **{field: base}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "rule", "under", "over"),
    [
        ("loss_base", "daily_loss", "1.9999", "2.0001"),
        ("unit_high", "drawdown", "9.9999", "10.0001"),
    ],
)
def test_an_entry_is_refused_at_a_loss_limit_before_its_breaker_has_tripped(
    field: str, rule: str, under: str, over: str
) -> None:
    desk = desk_with()
    lost(desk, under, field)
    desk.order(signal(quantity="0.001"))
    desk = desk_with()
    lost(desk, over, field)
    assert set(desk.denied(signal(quantity="0.001"))) == {rule}
    assert not desk.state.breakers


def test_a_profit_refuses_nothing() -> None:
    desk = desk_with()
    assert desk.state.equity is not None
    worth = replace(desk.state.equity, loss_base=Decimal(1), unit_high=Decimal(1))
    desk.state = replace(desk.state, equity=worth)
    desk.order(signal(quantity="0.001"))


# --- rates


def burst(desk: Desk, count: int, strategies: int = 1) -> None:
    for number in range(count):
        name = f"s{number % strategies}"
        desk.order(signal(quantity=f"0.00{101 + number}", strategy=name))


@pytest.mark.parametrize(
    ("limits", "passing", "strategies"),
    [
        ({"strategy_orders_per_s_max": 5}, 4, 1),
        ({"strategy_orders_per_s_max": 1}, 1, 1),
        ({"venue_orders_per_s_max": 10}, 8, 20),
        ({"orders_per_s_max": 5, "venue_orders_per_s_max": 50}, 4, 20),
    ],
)
def test_a_fifth_of_every_order_rate_is_kept_for_exits(
    limits: dict[str, int], passing: int, strategies: int
) -> None:
    desk = desk_with(**limits)
    burst(desk, passing, strategies)
    wish = signal(quantity="0.003", strategy="s0")
    assert set(desk.denied(wish)) == {"order_rate"}
    desk.later(1)
    desk.order(wish)


def test_an_exit_is_never_held_back_by_the_rate() -> None:
    desk = desk_with()
    desk.hold(BTC, "0.05", "60480")
    burst(desk, 8, 1)
    assert "order_rate" in desk.denied(signal(quantity="0.003", strategy="s0"))
    assert isinstance(desk.wish(signal(BTC, "sell", quantity="0.01")), e.OrderSubmitted)


# --- our own orders


@pytest.mark.parametrize(("price", "is_met"), [("3000.00", True), ("2999.99", False)])
def test_an_entry_does_not_meet_our_own_resting_order(price: str, is_met: bool) -> None:
    desk = desk_with()
    desk.hold("ETH/USDT", "1", "2900")
    desk.order(signal("eth", "sell", price_limit=3000, quantity="0.5"))
    found = desk.judged(signal("eth", quantity="0.01", price_limit=price))
    assert ("self_trade" in found) is is_met


def test_an_entry_does_not_meet_an_order_that_is_not_from_here() -> None:
    desk = desk_with()
    foreign(desk, OrderSide.SELL, "0.01", "61200")
    assert "self_trade" in desk.denied(signal(quantity="0.001"))


# --- what is too old, or tells another time


@pytest.mark.parametrize(("age_h", "refused"), [("48", False), ("48.001", True)])
def test_metadata_passes_until_it_is_two_days_old(age_h: str, refused: bool) -> None:
    desk = desk_with()
    listed = desk.now - timedelta(hours=float(age_h))
    desk.instruments[KEY] = replace(desk.instruments[KEY], listed_at=listed)
    assert ("metadata" in desk.judged(signal(quantity="0.001"))) is refused


@pytest.mark.parametrize(
    ("skew_ms", "refused"),
    [(None, False), (2000, False), (-2000, False), (2001, True), (-2001, True)],
)
def test_a_skewed_clock_refuses_entries(skew_ms: int | None, refused: bool) -> None:
    desk = desk_with()
    snapshot = r.VenueSnapshot(
        venue="binance", at=desk.now, orders=(), balances={}, positions=(), clock_skew_ms=skew_ms
    )
    desk.shown_by = {"binance": snapshot}
    assert ("clock_skew" in desk.judged(signal(quantity="0.001"))) is refused


@pytest.mark.parametrize(("ask", "refused"), [("61362.43", False), ("61500", True)])
def test_a_market_entry_beyond_its_own_bound_is_refused(ask: str, refused: bool) -> None:
    desk = desk_with(slippage_cap_bps=Decimal(10))
    desk.quote(BTC, "61240.00", ask)
    assert ("slippage" in desk.judged(signal(quantity="0.001"))) is refused


# --- an exit passes all of it


Spoil = Callable[[Desk], None]


def test_an_exit_passes_what_refuses_every_entry() -> None:
    desk = desk_with()
    desk.hold(BTC, "0.05", "60480")
    nothing = dict.fromkeys(
        ("position_pct_max", "coin_pct_max", "gross_pct_max", "net_pct_max", "leverage_max"),
        Decimal(0),
    )
    desk.state = replace(desk.state, limits=replace(desk.state.limits, **nothing))  # type: ignore[arg-type]
    lost(desk, "50", "loss_base")
    old = desk.now - timedelta(days=30)
    desk.instruments[KEY] = replace(desk.instruments[KEY], listed_at=old)
    assert len(desk.denied(signal("eth", quantity="0.01"))) >= 6
    assert isinstance(desk.wish(signal(BTC, "sell")), e.OrderSubmitted)


def test_the_defaults_let_an_ordinary_account_trade() -> None:
    desk = Desk(limits=RiskLimits(), cash="10000")
    desk.order(signal(notional="950"))

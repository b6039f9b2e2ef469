"""Breakers trip at their limit on fresh marks, latch, warn once, and are re-armed by a person."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine.equity import Equity
from engine.fold import apply
from engine.risk_limits import TradingState
from engine.state import State
from tests.engine.desk import OWNER, TRADER, Desk, kinds, signal


def sample(desk: Desk) -> tuple[e.Event, ...]:
    return desk.give(c.SampleEquity, actor=c.SCHEDULE)


def worth(amount: str) -> Desk:
    """A desk of 10,000 at the start, worth another amount now."""
    desk = Desk(cash="10000")
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(amount)})
    return desk


def equity(desk: Desk) -> Equity:
    assert desk.state.equity is not None
    return desk.state.equity


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        ("10000", []),
        ("99999", []),  # a profit never trips anything
        ("9840.01", []),
        ("9840", ["BreakerWarned"]),  # 80 % of 2 %
        ("9800.01", ["BreakerWarned"]),
        ("9800", ["BreakerTripped"]),  # 2 %
        ("9500", ["BreakerTripped"]),
    ],
)
def test_a_daily_loss_warns_at_eighty_percent_and_trips_at_its_limit(
    amount: str, found: list[str]
) -> None:
    assert kinds(sample(worth(amount)))[1:] == found


@pytest.mark.parametrize(
    ("amount", "found"),
    [("18400.01", []), ("18400", ["warned"]), ("18000.01", ["warned"]), ("18000", ["tripped"])],
)
def test_a_drawdown_is_measured_from_the_high_water_mark(amount: str, found: list[str]) -> None:
    desk = worth("20000")
    sample(desk)
    desk.state = replace(
        desk.state,
        cash={"binance:USDT": Decimal(amount)},
        limits=replace(desk.state.limits, daily_loss_pct_max=Decimal(99)),
    )
    events = [event for event in sample(desk) if getattr(event, "kind", "") == "drawdown"]
    assert [type(event).__name__[7:].lower() for event in events] == found
    assert equity(desk).high_water == Decimal(20000)


def test_a_tripped_breaker_halts_cancels_entries_and_trips_once() -> None:
    desk = Desk(cash="10000")
    name = desk.order(signal(quantity="0.001", price_limit=50000))
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(9700)})
    assert kinds(sample(desk)) == ["EquitySampled", "BreakerTripped", "OrderCancelRequested"]
    assert desk.state.trading is TradingState.HALTED
    assert desk.state.orders[name].cancel_requested
    assert kinds(sample(desk)) == ["EquitySampled"]
    breach = desk.denied(signal("eth", quantity="0.01"))["trading_state"]
    assert breach.sentence == "Halted: the daily loss breaker tripped."


def test_it_warns_once() -> None:
    desk = worth("9830")
    assert "BreakerWarned" in kinds(sample(desk))
    assert kinds(sample(desk)) == ["EquitySampled"]


def test_stale_marks_freeze_everything() -> None:
    desk = Desk(cash="10000")
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.quote("BTC/USDT", "100", "101")
    desk.now += timedelta(seconds=6)
    assert sample(desk) == ()
    desk.quote("BTC/USDT", "100", "101")
    assert "BreakerTripped" in kinds(sample(desk))


def test_equity_is_cash_and_the_value_of_spot_and_the_open_pnl_of_swaps() -> None:
    desk = Desk(cash="10000")
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.hold("BTC/USDT:USDT", "0.01", "61230", action="short")
    desk.quote("BTC/USDT", "62000", "62000")
    desk.quote("BTC/USDT:USDT", "62000", "62000", mark="62030")
    sample(desk)
    assert equity(desk).equity == Decimal(10000) + Decimal("7.60") - Decimal(8)
    assert equity(desk).unrealised_pnl == Decimal("-0.4")
    assert equity(desk).gross == Decimal(620) + Decimal("620.3")


def test_a_breaker_survives_a_restart() -> None:
    desk = worth("9700")
    sample(desk)
    replayed = State()
    for event in desk.events:
        replayed = apply(replayed, event)
    assert replayed.breakers == desk.state.breakers != {}
    desk.start()
    assert desk.state.trading is TradingState.HALTED


def test_re_arming_a_daily_loss_grants_one_further_limit_from_now() -> None:
    desk = worth("9700")
    sample(desk)
    (rearmed,) = desk.give(c.RearmBreaker)
    assert isinstance(rearmed, e.BreakerRearmed)
    assert kinds(sample(desk)) == ["EquitySampled"]
    assert equity(desk).day_pnl == Decimal(-300)
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal("9506.01")})
    assert "BreakerTripped" not in kinds(sample(desk))
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(9506)})
    assert "BreakerTripped" in kinds(sample(desk))


def test_re_arming_a_drawdown_resets_the_mark() -> None:
    desk = worth("8900")
    desk.state = replace(
        desk.state, limits=replace(desk.state.limits, daily_loss_pct_max=Decimal(99))
    )
    sample(desk)
    desk.give(c.RearmBreaker, breaker_id=next(iter(desk.state.breakers)))
    assert equity(desk).high_water == Decimal(8900)
    assert kinds(sample(desk)) == ["EquitySampled"]


def test_only_an_owner_re_arms_and_only_what_is_tripped() -> None:
    desk = worth("9700")
    for actor, rule in ((OWNER, "no_breaker"), (TRADER, "role")):
        (refused,) = desk.give(c.RearmBreaker, actor)
        assert isinstance(refused, e.CommandRefused)
        assert refused.rule == rule
    desk.give(c.TripBreaker, reason="by hand")
    (unknown,) = desk.give(c.RearmBreaker, breaker_id="another")
    assert isinstance(unknown, e.CommandRefused)


def test_an_acknowledged_breaker_stays_latched() -> None:
    desk = worth("9700")
    sample(desk)
    name = next(iter(desk.state.breakers))
    desk.give(c.Acknowledge, subject=f"breaker:{name}")
    assert desk.state.breakers[name].acknowledged
    assert desk.state.trading is TradingState.HALTED


# --- days


def test_a_day_opens_at_the_equity_measured_last_and_counts_anew() -> None:
    desk = worth("9850")
    sample(desk)
    desk.later(10 * 3600)
    (rolled,) = desk.give(c.RollDay, actor=c.SCHEDULE)
    assert isinstance(rolled, e.DayRolled)
    assert rolled.day_open == Decimal(9850)
    assert equity(desk).day_loss_pct == 0
    assert desk.state.day_before is not None
    assert desk.state.day_before.equity == Decimal(9850)
    assert desk.state.warned == {}
    assert desk.give(c.RollDay, actor=c.SCHEDULE) == ()


def test_a_day_that_rolled_while_we_were_down_opens_at_the_last_snapshot() -> None:
    desk = worth("9900")
    sample(desk)
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(5000)})
    desk.later(3 * 86400)
    assert "DayRolled" in kinds(desk.start())
    assert equity(desk).day_open == Decimal(9900)
    assert "BreakerTripped" in kinds(sample(desk))


def test_a_sample_rolls_the_day_where_no_schedule_does() -> None:
    desk = worth("9900")
    sample(desk)
    desk.later(86400)
    assert kinds(sample(desk)) == ["DayRolled", "EquitySampled"]


def test_the_day_s_report_counts_what_the_day_did() -> None:
    desk = Desk(cash="10000")
    desk.hold("BTC/USDT", "0.01", "61240")
    sold = desk.order(signal("btc", "sell"))
    desk.fill(sold, "0.01", "61340", fee=Decimal("0.6134"))
    (report,) = desk.give(c.ReportDay, actor=c.SCHEDULE, chain_head="abc")
    assert isinstance(report, e.DayReported)
    assert report.realised_pnl == Decimal("1.00") - Decimal("0.6134")
    assert (report.closed_trades, report.won, report.lost) == (1, 1, 0)
    assert report.volume == Decimal("612.40") + Decimal("613.40")
    assert report.chain_head == "abc"
    assert report.slippage_bps is not None
    desk.later(86400)
    desk.give(c.RollDay, actor=c.SCHEDULE)
    (after,) = desk.give(c.ReportDay, actor=c.SCHEDULE, chain_head="def")
    assert isinstance(after, e.DayReported)
    assert after.day == report.day
    assert after.closed_trades == 1


def test_an_unfilled_entry_is_cancelled_after_its_timeout_and_an_exit_is_not() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    entry = desk.order(signal("eth", quantity="0.01", price_limit=3000))
    exit_ = desk.order(signal("btc", "sell", price_limit=70000))
    for name in (entry, exit_):
        desk.seen(name, "open")
    desk.later(299.9)
    assert desk.give(c.Sweep, actor=c.SCHEDULE) == ()
    desk.later(0.1)
    assert kinds(desk.give(c.Sweep, actor=c.SCHEDULE)) == ["OrderCancelRequested"]
    assert desk.state.orders[entry].cancel_requested
    assert not desk.state.orders[exit_].cancel_requested
    assert desk.give(c.Sweep, actor=c.SCHEDULE) == ()

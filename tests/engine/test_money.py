"""Money over currencies and days: the worked examples of docs/money.md, and what stands around."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine import commands as c
from engine import events as e
from engine.days import day_start_of
from engine.equity import Equity, opened
from engine.errors import InvalidInput
from engine.orders import OrderSide
from tests.engine.desk import AT, Desk, kinds

DOCS = Path(__file__).parents[2] / "docs" / "money.md"


def account(cash: str = "10000") -> Equity:
    return opened(AT, Decimal(cash), AT.date())


def test_the_document_s_example_of_drawdown() -> None:
    after = account().priced(Decimal(9000)).flowed(Decimal(9000)).priced(Decimal(18000))
    assert (after.equity, after.drawdown_pct) == (Decimal(18000), Decimal(10))
    assert "still 10% down" in DOCS.read_text()


def test_a_flow_is_priced_at_what_a_unit_is_worth_when_it_comes_not_when_it_was_last_measured() -> (
    None
):
    # Measured at 10,000; the market took 1,000 before 9,000 came in.
    assert account().flowed(Decimal(9000)).priced(Decimal(18000)).drawdown_pct == Decimal(10)


@pytest.mark.parametrize(
    ("worth", "pct"), [("14850", "1.50"), ("15000", "0"), ("99999", "0"), ("14800", "2")]
)
def test_the_document_s_example_of_a_daily_loss(worth: str, pct: str) -> None:
    after = account().flowed(Decimal(5000)).priced(Decimal(worth))
    assert after.day_loss_pct == Decimal(pct)


def test_the_document_s_example_of_equity_in_two_currencies() -> None:
    desk = Desk(cash="10000", accounts=("binance", "kraken"))
    cash = {"binance:USDT": Decimal(10000), "kraken:EUR": Decimal(1000)}
    desk.state = replace(desk.state, cash=cash)
    assert desk.give(c.SampleEquity, actor=c.SCHEDULE) == ()  # no price of EUR: frozen
    desk.quote("EUR/USDT", "1.0799", "1.0801")
    (sampled, *_) = desk.give(c.SampleEquity, actor=c.SCHEDULE)
    assert isinstance(sampled, e.EquitySampled)
    assert sampled.equity == Decimal(11080)
    assert sampled.rates == {"EUR": Decimal("1.08")}
    assert "11,080.00 USDT" in DOCS.read_text()


def test_a_fee_without_a_price_is_owed_and_settled_at_the_first_one() -> None:
    desk = Desk(cash="10000")
    name = desk.sent("BTC/USDT", OrderSide.BUY, Decimal("0.01"))
    desk.fill(name, "0.01", "61240", fee=Decimal("0.001"), fee_currency="BNB")
    assert desk.state.tally.fees == Decimal(0)
    assert desk.state.cash["binance:USDT"] == Decimal("9387.6")
    desk.quote("BNB/USDT", "654.9", "655.1")
    assert kinds(desk.give(c.SampleEquity, actor=c.SCHEDULE))[0] == "FeeSettled"
    assert desk.state.tally.fees == Decimal("0.655")
    assert desk.state.positions["binance:BTC/USDT"].realised_pnl == Decimal("-0.655")
    assert not desk.state.fees_owed


@pytest.mark.parametrize(
    ("starts", "now", "day"),
    [
        ("00:00", datetime(2026, 11, 17, 0, 0, tzinfo=UTC), date(2026, 11, 17)),
        ("22:00", datetime(2026, 11, 17, 21, 59, tzinfo=UTC), date(2026, 11, 16)),
        ("22:00", datetime(2026, 11, 17, 22, 0, tzinfo=UTC), date(2026, 11, 17)),
        ("22:00 UTC", datetime(2026, 11, 17, 22, 0, tzinfo=UTC), date(2026, 11, 17)),
    ],
)
def test_a_day_begins_when_it_is_told_to(starts: str, now: datetime, day: date) -> None:
    assert day_start_of(starts).day_of(now) == day


@pytest.mark.parametrize("text", ["24:00", "7:00", "noon", "00:00 Nowhere/Land"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        day_start_of(text)

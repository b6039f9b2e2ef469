"""Stops that follow the price, go to break-even, or are moved by hand; closes by the clock."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import commands as c
from engine import events as e
from engine.errors import InvalidInput
from engine.exit_plan import ExitPlan
from engine.exits import break_even_price, follow
from engine.instruments import Toward
from engine.positions import Position
from engine.protection import is_protection
from engine.quotes import Quote
from engine.signals import Target
from tests.engine.desk import OWNER, Desk, kinds, quote_of, signal

SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"


def D(text: str) -> Decimal:  # noqa: N802 - as short as the number it makes
    return Decimal(text)


def holding(symbol: str = SPOT, *, short: bool = False, **plan: Any) -> Desk:
    """Hold 0.01 at 61,240 with a plan."""
    desk = Desk()
    action: dict[str, Any] = {"action": "short", "leverage": 2} if short else {}
    wish = signal(symbol, quantity="0.01", plan=ExitPlan(**plan), **action)
    desk.fill(desk.order(wish), "0.01", "61240")
    return desk


def held(desk: Desk) -> Position:
    (position,) = desk.state.positions.values()
    return position


def follows(desk: Desk, price: str) -> list[str]:
    """Show a quote whose bid, ask and mark are one price, and let the stop follow it."""
    position = held(desk)
    quote = desk.quote(position.symbol, price, price)
    events = desk.give(c.FollowStop, actor=c.ENGINE, position_id=position.position_id, quote=quote)
    return [kind for kind in kinds(events) if kind == "StopFollowed"]


def give(desk: Desk, kind: Any, **fields: Any) -> list[str]:
    found = desk.give(kind, actor=OWNER, position_id=held(desk).position_id, **fields)
    return [each for each in kinds(found) if each in ("ProtectionChanged", "CommandRefused")]


def sentence(desk: Desk) -> str:
    event = desk.events[-1]
    assert isinstance(event, e.CommandRefused)
    return event.sentence


# --- trailing


def test_a_trail_begins_at_the_entry_and_each_peak_is_an_event() -> None:
    desk = holding(trail_pct=D("2"))
    assert follows(desk, "61240") == ["StopFollowed"]
    assert (held(desk).stop, held(desk).trail_peak) == (D("60015.20"), D("61240"))
    # 5 bps of 61,240 are 30.62: less moves nothing, that much does.
    assert follows(desk, "61270.61") == []
    assert follows(desk, "61270.62") == ["StopFollowed"]
    assert held(desk).stop == D("60045.21")


def test_a_price_that_falls_moves_nothing_and_a_stop_never_loosens() -> None:
    desk = holding(trail_pct=D("2"))
    follows(desk, "62000")
    assert held(desk).stop == D("60760.00")
    assert follows(desk, "61000") == []
    assert follows(desk, "61990") == []
    assert held(desk).stop == D("60760.00")


def test_a_short_trails_above_the_mark() -> None:
    desk = holding(PERP, short=True, trail_distance=D("500"))
    follows(desk, "61000")
    assert held(desk).stop == D("61500.0")
    assert follows(desk, "61200") == []
    follows(desk, "60000")
    assert held(desk).stop == D("60500.0")


def test_a_trail_that_begins_later_waits_for_its_price() -> None:
    desk = holding(trail_pct=D("1"), trail_from_pct=D("3"))
    assert held(desk).plan.trail_from is not None
    begins = held(desk).plan.trail_from or D("0")
    assert follows(desk, str(begins - D("0.01"))) == []
    assert held(desk).stop is None
    assert follows(desk, str(begins)) == ["StopFollowed"]
    assert held(desk).stop is not None


@pytest.mark.parametrize("symbol", [SPOT, PERP])
def test_spot_follows_the_bid_and_a_swap_its_mark(symbol: str) -> None:
    desk = holding(symbol, trail_pct=D("2"))
    quote = Quote(
        venue="binance", symbol=symbol, bid=D("62000"), ask=D("63000"), mark=D("62500"), at=desk.now
    )
    step = follow(held(desk), quote, desk.instruments[held(desk).key])
    assert step is not None
    assert step.peak == (D("62000") if symbol == SPOT else D("62500"))


def test_what_trailed_is_the_same_after_a_replay() -> None:
    desk = holding(trail_pct=D("2"))
    follows(desk, "63000")
    before = held(desk)
    desk.start()
    assert (held(desk).stop, held(desk).trail_peak) == (before.stop, before.trail_peak)
    assert follows(desk, "62000") == []


# --- break-even


def laddered(**plan: Any) -> Desk:
    desk = Desk()
    rungs = tuple(Target(price=D(p), fraction=D("0.5")) for p in ("62000", "63000"))
    wish = signal(SPOT, quantity="0.01", stop_loss=60000, targets=rungs, plan=ExitPlan(**plan))
    desk.fill(desk.order(wish), "0.01", "61240")
    return desk


def test_after_its_first_target_the_stop_goes_to_where_closing_costs_nothing() -> None:
    desk = laddered(break_even_after=1)
    assert follows(desk, "61900") == []
    desk.quote(SPOT, "62000", "62000")
    position = held(desk)
    desk.give(
        c.TriggerExit, actor=c.ENGINE, position_id=position.position_id, leg="target",
        price=D("62000"), quote=desk.quotes[position.key],
    )  # fmt: skip
    (name,) = [n for n, o in desk.state.orders.items() if o.is_exit and not is_protection(o)]
    if desk.state.orders[name].held:
        desk.later(3)
        desk.give(c.TendStops, actor=c.SCHEDULE)
    desk.fill(name, "0.005", "62000")
    assert follows(desk, "62000") == ["StopFollowed"]
    position = held(desk)
    even = break_even_price(position, desk.instruments[position.key])
    assert position.stop == even == D("61362.61")
    # Once is enough, and a hand may still move it.
    assert follows(desk, "62100") == []


# --- by hand


def test_a_stop_moves_to_a_price_a_distance_or_break_even() -> None:
    desk = holding()
    desk.quote(SPOT, "62000", "62000.10")
    assert give(desk, c.MoveStop, price=D("60000")) == ["ProtectionChanged"]
    assert held(desk).stop == D("60000.00")
    assert give(desk, c.MoveStop, percent=D("1")) == ["ProtectionChanged"]
    assert held(desk).stop == D("61380.00")
    assert give(desk, c.MoveStop) == ["CommandRefused"]
    assert sentence(desk) == "The stop 61380 is as good already."
    give(desk, c.MoveStop, price=D("60000"))
    assert give(desk, c.MoveStop) == ["ProtectionChanged"]
    assert held(desk).stop == D("61362.61")


@pytest.mark.parametrize(
    ("short", "price", "word"), [(False, "62000.01", "below"), (True, "61000", "above")]
)
def test_a_stop_on_the_wrong_side_is_refused_with_both_prices(
    short: bool, price: str, word: str
) -> None:
    desk = holding(PERP if short else SPOT, short=short)
    symbol = held(desk).symbol
    desk.quote(symbol, "62000", "62000")
    assert give(desk, c.MoveStop, price=D(price)) == ["CommandRefused"]
    assert f"must stand {word} the price 62000" in sentence(desk)
    assert held(desk).stop is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "0", "-1"])
def test_what_is_no_price_is_refused_at_the_edge(number: str) -> None:
    desk = holding()
    for field in ("price", "percent"):
        with pytest.raises(InvalidInput):
            give(desk, c.MoveStop, **{field: D(number)})
    assert give(desk, c.TrailStop, percent=D(number)) == ["CommandRefused"]
    assert held(desk).plan == ExitPlan()


def test_a_moved_stop_stands_still_and_a_trail_can_be_taken_up_again() -> None:
    desk = holding(trail_pct=D("2"))
    follows(desk, "61300")
    give(desk, c.MoveStop, price=D("60500"))
    assert follows(desk, "64000") == []
    assert held(desk).stop == D("60500.00")
    desk.quote(SPOT, "64000", "64000")
    assert give(desk, c.TrailStop, percent=D("1")) == ["ProtectionChanged"]
    assert follows(desk, "64000") == ["StopFollowed"]
    assert held(desk).stop == D("63360.00")
    assert give(desk, c.TrailStop) == ["ProtectionChanged"]
    assert follows(desk, "66000") == []
    assert give(desk, c.TrailStop) == ["CommandRefused"]
    assert sentence(desk) == "The stop trails nothing."


@pytest.mark.parametrize("percent", ["0.09", "100"])
def test_a_trail_too_near_or_too_far_is_refused(percent: str) -> None:
    desk = holding()
    assert give(desk, c.TrailStop, percent=D(percent)) == ["CommandRefused"]


# --- by the clock


def closes(desk: Desk) -> list[str]:
    events = desk.give(c.TendStops, actor=c.SCHEDULE)
    return [each.order.reason for each in events if isinstance(each, e.OrderSubmitted)]


def test_a_position_is_closed_by_the_clock_and_not_a_moment_before() -> None:
    desk = holding(close_after_s=3600)
    assert held(desk).plan.close_at == desk.now + timedelta(hours=1)
    desk.later(3599)
    assert closes(desk) == []
    desk.later(1)
    (reason,) = closes(desk)
    assert "time" in reason


def test_a_time_that_passed_while_nobody_ran_closes_at_the_next_look() -> None:
    desk = holding(close_after_s=60)
    desk.later(7200)
    desk.start()
    assert len(closes(desk)) == 1


def test_a_time_stop_set_by_hand_can_be_taken_away() -> None:
    desk = holding()
    assert give(desk, c.SetTimeStop, after_s=3600) == ["ProtectionChanged"]
    assert held(desk).plan.close_at == desk.now + timedelta(hours=1)
    assert give(desk, c.SetTimeStop, after_s=None) == ["ProtectionChanged"]
    desk.later(7200)
    assert closes(desk) == []
    assert give(desk, c.SetTimeStop, after_s=None) == ["CommandRefused"]


@pytest.mark.parametrize("after_s", [0, -60, 59, 366 * 86400 + 1, 10**15])
def test_a_time_stop_out_of_bounds_is_refused(after_s: int) -> None:
    desk = holding()
    assert give(desk, c.SetTimeStop, after_s=after_s) == ["CommandRefused"]
    assert sentence(desk) == "The time stop is one minute to 366 days away."


def test_nothing_moves_on_a_position_that_is_closed() -> None:
    desk = holding()
    gone = held(desk).position_id
    desk.state = replace(desk.state, positions={})
    for kind, fields in (
        (c.MoveStop, {"price": D("60000")}),
        (c.TrailStop, {"percent": D("1")}),
        (c.SetTimeStop, {"after_s": 60}),
    ):
        events = desk.give(kind, actor=OWNER, position_id=gone, **fields)
        assert kinds(events) == ["CommandRefused"]


# --- whatever the prices are


PRICES = st.lists(st.decimals("50000", "75000", places=2), min_size=1, max_size=25)


@given(prices=PRICES, short=st.booleans(), width=st.decimals("0.1", "20", places=1))
def test_a_trailing_stop_never_loosens_and_never_stands_beyond_its_peak(
    prices: list[Decimal], short: bool, width: Decimal
) -> None:
    desk = holding(PERP if short else SPOT, short=short, trail_pct=width)
    sign = -1 if short else 1
    position = held(desk)
    instrument = desk.instruments[position.key]
    for price in prices:
        before = held(desk).stop
        quote = quote_of(position.symbol, str(price), str(price), desk.now)
        if follow(held(desk), quote, instrument) is None:
            continue
        follows(desk, str(price))
        after, peak = held(desk).stop, held(desk).trail_peak
        assert after is not None
        assert peak == price
        assert before is None or (after - before) * sign >= 0
        assert (peak - after) * sign > 0
        assert instrument.price_rounded(after, Toward.UP) == after

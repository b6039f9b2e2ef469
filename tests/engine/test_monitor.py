"""The monitor: streams are hints, fills are the truth, and a cancel is repeated until it holds."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.monitor import OrderMonitor
from engine.orders import OrderSide, OrderStatus
from engine.reports import FillReported, Report
from engine.risk_limits import RiskLimits
from engine.state import State
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation
from tests.engine.world import World, signal, world

FREE: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(50)),
    "submit_timeout_s": 0.2,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.monitor.POLL_MIN_S", 0.02)
    monkeypatch.setattr("engine.monitor.POLL_MAX_S", 0.1)


async def rest(w: World, price: str = "61000", quantity: str = "0.01") -> str:
    """Let a limit order rest at the venue, below the price."""
    event = (await w.buy(quantity=quantity, price_limit=price)).events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    name = event.order.client_order_id
    await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)
    return name


def finished(w: World, name: str) -> Callable[[], bool]:
    return lambda: name in w.engine.state.orders_finished


def stream(w: World, kind: FaultKind, per_mille: int = 1000) -> None:
    w.venue.faults.rates = (
        FaultRate(operation=Operation.STREAM, fault=Fault(kind=kind), per_mille=per_mille),
    )


async def test_a_silent_stream_is_made_good_by_polling() -> None:
    async with world(**FREE) as w:
        stream(w, FaultKind.DROPPED)
        name = await rest(w)
        w.set("BTC/USDT", "60900")
        await w.until(finished(w, name))
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED
        assert_books(w)


@pytest.mark.parametrize("kind", [FaultKind.DROPPED, FaultKind.DUPLICATED, FaultKind.REORDERED])
async def test_a_broken_stream_changes_nothing(kind: FaultKind) -> None:
    async with world(**FREE) as w:
        stream(w, kind, 500)
        sizes = ("0.011", "0.012", "0.013", "0.014")
        names = [await rest(w, quantity=size) for size in sizes]
        w.set("BTC/USDT", "60990")
        await w.until(lambda: all(finished(w, name)() for name in names))
        for name in names:
            assert w.engine.state.orders_finished[name].filled == Decimal(sizes[names.index(name)])
        assert_books(w)


async def test_a_poll_is_rarer_beside_a_stream_that_speaks_and_frequent_again_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.monitor.POLL_STREAMED_S", 3600)
    async with world(**FREE) as w:
        monitor = w.engine.dispatcher._monitors["binance"]
        # given a stream that speaks, and a resting order
        await rest(w, "50000")
        await w.until(lambda: monitor._is_streamed)
        # then the pause outgrows the longest there is without one
        await w.until(lambda: monitor._interval_s > 0.1)
        # when the stream leaves out a fill, and the poll that is due finds it
        stream(w, FaultKind.DROPPED)
        name = await rest(w)
        w.set("BTC/USDT", "60900")
        await w.until(finished(w, name))
        # then it is not relied on any more
        assert not monitor._is_streamed
        await w.until(lambda: monitor._interval_s <= 0.1)


async def test_a_stream_that_ends_is_not_relied_on() -> None:
    async with world(**FREE) as w:
        monitor = w.engine.dispatcher._monitors["binance"]
        await rest(w, "50000")
        await w.until(lambda: monitor._is_streamed)
        for opened in tuple(w.venue._streams):
            opened.close()
        await w.until(lambda: not monitor._is_streamed)


async def test_what_the_stream_told_is_not_told_again_by_the_poll() -> None:
    async with world(**FREE) as w:
        reports: list[Report] = []
        monitor = OrderMonitor(
            venue=w.venue,
            clock=w.engine.clock,
            state=State,
            report=reports.append,
            timeout_s=1.0,
            jitter=random.Random(1),
        )
        following = asyncio.create_task(monitor.follow())
        await asyncio.sleep(0)

        def fills() -> list[FillReported]:
            return [report for report in reports if isinstance(report, FillReported)]

        await w.buy(quantity="0.01")
        await w.until(lambda: bool(fills()))
        assert await monitor.fetch_fills()
        following.cancel()
        assert len(fills()) == 1


def assert_books(w: World) -> None:
    """Compare our fold with the venue's own ledger, to the last digit."""
    account = w.venue.ledger
    btc = w.engine.state.positions["binance:BTC/USDT"].quantity
    assert btc == account.balances["BTC"].total
    assert w.engine.state.cash["binance:USDT"] == account.balances["USDT"].total
    booked = [event.fill.trade_id for event in w.journal.events if isinstance(event, e.FillBooked)]
    assert sorted(booked) == sorted(trade.trade_id for trade in account.trades)


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.DROPPED,
        FaultKind.SWALLOWED,
        FaultKind.LOST,
        FaultKind.HANGING,
        FaultKind.NOT_FOUND,
    ],
)
async def test_a_cancel_is_repeated_until_its_order_is_seen_finished(kind: FaultKind) -> None:
    async with world(**FREE) as w:
        name = await rest(w, "50000")
        w.venue.faults.script(Operation.CANCEL, Fault(kind=kind), Fault(kind=kind))
        await w.give(c.CancelOrder, client_order_id=name)
        await w.until(finished(w, name))
        assert w.engine.state.orders_finished[name].status is OrderStatus.CANCELED
        assert not w.venue.ledger.open


async def test_a_fill_that_raced_a_cancel_is_booked_first() -> None:
    # given an order that fills at the venue while nobody hears of it
    async with world(**FREE) as w:
        stream(w, FaultKind.DROPPED)
        name = await rest(w)
        w.venue.faults.script(Operation.FILLS, *[Fault(kind=FaultKind.STALE)] * 3)
        w.set("BTC/USDT", "60900")
        await w.venue.settle()
        # when it is cancelled
        await w.give(c.CancelOrder, client_order_id=name)
        await w.until(finished(w, name))
        # then what filled counts
        order = w.engine.state.orders_finished[name]
        assert order.status is OrderStatus.FILLED
        assert order.filled == order.quantity
        assert_books(w)


async def test_a_trade_that_the_venue_lists_after_a_younger_one_is_booked() -> None:
    # given two trades that happen while nobody hears of it
    async with world(**FREE) as w:
        stream(w, FaultKind.DROPPED)
        first, second = await rest(w, "61000"), await rest(w, "60900")
        w.venue.faults.go_down()
        for price in ("60950", "60800"):
            w.set("BTC/USDT", price)
            await w.venue.settle()
            await asyncio.sleep(0.01)
        # when the venue lists the younger one first
        late = w.venue.ledger.trades.pop(0)
        w.venue.faults.come_up()
        await w.until(finished(w, second))
        assert w.engine.state.orders[first].filled == 0
        w.venue.ledger.trades.insert(0, late)
        # then the older one is found too
        await w.until(finished(w, first))
        assert_books(w)


async def test_a_cancel_left_by_a_crash_is_sent_again() -> None:
    async with world(**FREE) as w:
        name = await rest(w, "50000")
        w.venue.faults.script(Operation.CANCEL, *[Fault(kind=FaultKind.DROPPED)] * 99)
        await w.give(c.CancelOrder, client_order_id=name)
    async with world(**FREE, journal=w.journal, store=w.store) as again:
        await again.until(finished(again, name))
        assert again.engine.state.orders_finished[name].status is OrderStatus.CANCELED


async def test_what_filled_while_nobody_looked_is_booked_at_the_start() -> None:
    async with world(**FREE) as w:
        name = await rest(w)
    # the venue goes on without us
    async with world(**FREE, journal=w.journal, store=w.store) as again:
        again.set("BTC/USDT", "60900")
        await again.until(finished(again, name))
        assert_books(again)


async def test_a_trade_made_by_hand_is_booked_as_external_and_told() -> None:
    async with world(**FREE) as w:
        w.set("BTC/USDT:USDT", "61240")
        await w.venue.trade_by_hand("BTC/USDT:USDT", OrderSide.BUY, Decimal("0.01"))
        await w.until(lambda: w.engine.state.positions)
        assert w.engine.state.positions["binance:BTC/USDT:USDT"].external
        assert w.journal.alerts


async def test_a_venue_that_falls_silent_is_told_and_so_is_its_return() -> None:
    async with world(**FREE) as w:
        w.venue.faults.go_down()
        await next(iter(w.engine.dispatcher._monitors.values())).books()
        await w.until(lambda: w.engine.state.venues_silent)
        denied = (await w.buy(quantity="0.001")).events[-1]
        assert isinstance(denied, e.OrderDenied)
        assert "venue" in [breach.rule for breach in denied.breaches]
        w.venue.faults.come_up()
        await next(iter(w.engine.dispatcher._monitors.values())).books()
        await w.until(lambda: not w.engine.state.venues_silent)


async def test_the_books_are_compared_and_a_missing_coin_blocks_its_symbol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.monitor.ORDERS_EVERY_S", 0.05)
    monkeypatch.setattr("engine.monitor.BOOKS_EVERY_S", 0.05)
    monkeypatch.setattr("engine.reconcile.SETTLING", timedelta(0))
    async with world(**FREE) as w:
        assert (await w.engine.execute_signal(signal(quantity="0.01"))).success
        await w.venue.transfer("BTC", Decimal("-0.004"))
        await w.until(lambda: w.engine.state.books_differ)
        await w.venue.transfer("BTC", Decimal("0.004"))
        await w.until(lambda: not w.engine.state.books_differ)


async def test_a_stream_that_ends_is_opened_again() -> None:
    async with world(**FREE) as w:
        await asyncio.sleep(0.01)
        for opened in tuple(w.venue._streams):
            opened.close()
        await w.until(lambda: any(not opened.is_closed for opened in w.venue._streams))


async def test_a_task_that_breaks_is_logged_and_begun_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("engine.dispatch.RESTART_S", 0.01)
    async with world(**FREE) as w:
        calls = 0

        async def breaks() -> None:
            nonlocal calls
            calls += 1
            raise ValueError("broken")

        w.engine.dispatcher._start(w.engine.dispatcher._kept, breaks)
        w.engine.dispatcher._start(breaks)
        await w.until(lambda: calls > 3)
        assert "is started again" in caplog.text
        assert "a venue task broke" in caplog.text
        assert w.engine.is_running


async def test_reports_after_the_end_are_dropped_with_a_line_in_the_log() -> None:
    async with world(**FREE) as w:
        dispatcher = w.engine.dispatcher
    await dispatcher._monitors["binance"].books()
    dispatcher._post(w.named(c.Sweep))
    assert not w.engine.is_running


# --- stops and targets, watched


async def long(w: World, **fields: Any) -> None:
    result = await w.engine.execute_signal(signal(quantity="0.01", **fields))
    assert result.success, result.error


async def test_a_gap_through_the_stop_closes_the_position() -> None:
    async with world(**FREE) as w:
        await long(w, stop_loss_pct=2)
        w.set("BTC/USDT", "61000")
        await asyncio.sleep(0.02)
        assert w.engine.state.positions
        w.set("BTC/USDT", "50000")
        await w.until(lambda: not w.engine.state.positions)
        assert [type(x) for x in w.journal.events].count(e.ExitTriggered) == 1


async def test_a_stop_is_tried_again_when_its_exit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.watch.TRIGGER_AGAIN_S", 0.01)
    async with world(**FREE) as w:
        await long(w, stop_loss_pct=2)
        w.venue.faults.script(Operation.SUBMIT, *[Fault(kind=FaultKind.REFUSED)] * 2)
        async with asyncio.timeout(10):
            while w.engine.state.positions:
                w.set("BTC/USDT", "50000")
                await asyncio.sleep(0.02)  # prices keep coming
        refused = [x for x in w.journal.events if isinstance(x, e.OrderRejected)]
        assert len(refused) == 2


async def test_a_stop_works_while_halted_and_after_a_restart() -> None:
    async with world(**FREE) as w:
        await long(w, stop_loss_pct=2)
        await w.give(c.Halt)
    async with world(**FREE, journal=w.journal, store=w.store) as again:
        again.set("BTC/USDT", "50000")
        await again.until(lambda: not again.engine.state.positions)


async def test_a_short_s_stop_is_judged_by_the_mark() -> None:
    async with world(**FREE) as w:
        perp = "BTC/USDT:USDT"
        result = await w.engine.execute_signal(
            signal(perp, "short", quantity="0.01", stop_loss_pct=2)
        )
        assert result.success
        w.market.set(perp, Decimal(63000), Decimal(63001), mark=Decimal(62000))
        await asyncio.sleep(0.02)
        assert w.engine.state.positions
        w.market.set(perp, Decimal(63000), Decimal(63001), mark=Decimal(63000))
        await w.until(lambda: not w.engine.state.positions)


async def test_a_loss_is_measured_as_the_price_falls_and_trips_the_breaker() -> None:
    async with world(**FREE) as w:
        result = await w.engine.execute_signal(signal(quantity="0.08"))
        assert result.success
        w.engine.dispatcher._watch._equity_at_s = -10.0
        w.set("BTC/USDT", "58000")  # 260 of 10,000
        await w.until(lambda: w.engine.state.breakers)
        assert [b.kind for b in w.engine.state.breakers.values()] == ["daily_loss"]

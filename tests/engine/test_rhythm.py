"""The rhythm of comparing: open orders often, all books now and then, and fills once more."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderSide
from engine.risk_limits import RiskLimits
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation
from tests.engine.world import World, signal, world

FREE: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(50)),
    "submit_timeout_s": 0.5,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.monitor.POLL_MIN_S", 0.02)
    monkeypatch.setattr("engine.monitor.POLL_MAX_S", 0.1)


def asked(w: World, operation: Operation) -> list[float]:
    """Note the moments at which the venue is asked something from now on."""
    times: list[float] = []
    draw = w.venue.faults.draw

    def drawn(each: Operation) -> Fault | None:
        if each is operation:
            times.append(w.engine.clock.monotonic())
        return draw(each)

    w.venue.faults.draw = drawn  # type: ignore[method-assign, assignment]
    return times


async def test_somebody_else_s_order_is_seen_between_two_looks_at_all_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.monitor.ORDERS_EVERY_S", 0.05)
    async with world(**FREE) as w:
        looks = asked(w, Operation.SNAPSHOT)
        await w.venue.trade_by_hand("BTC/USDT", OrderSide.BUY, Decimal("0.01"), Decimal(50000))
        await w.until(lambda: w.engine.state.external_orders.get("binance"))
        (external,) = w.engine.state.external_orders["binance"]
        assert external.price_limit == Decimal(50000)
        assert looks == []


async def test_all_books_are_asked_when_the_orders_are_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.monitor.ORDERS_EVERY_S", 0.05)
    async with world(**FREE) as w:
        looks = asked(w, Operation.SNAPSHOT)
        w.venue.faults.script(Operation.OPEN_ORDERS, Fault(kind=FaultKind.DROPPED))
        await w.until(lambda: looks)
        assert not w.engine.state.venues_silent


async def test_a_trade_that_the_venue_lists_minutes_late_is_found_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.monitor.SWEEP_EVERY_S", 0.2)
    monkeypatch.setattr("engine.monitor.FILLS_OVERLAP", timedelta(milliseconds=1))
    async with world(**FREE) as w:
        w.venue.faults.rates = (
            FaultRate(
                operation=Operation.STREAM, fault=Fault(kind=FaultKind.DROPPED), per_mille=1000
            ),
        )
        # given a trade that was left out, and a younger one, after which the cursor stands
        await w.venue.trade_by_hand("BTC/USDT:USDT", OrderSide.BUY, Decimal("0.01"))
        late = w.venue.ledger.trades.pop()
        await asyncio.sleep(0.05)
        assert (await w.engine.execute_signal(signal(quantity="0.01"))).success
        w.venue.ledger.trades.insert(0, late)
        # then what came into the list behind the cursor is booked, once
        await w.until(lambda: late.trade_id in {f.fill.trade_id for f in booked(w)})
        await asyncio.sleep(0.5)
        assert len(booked(w)) == 2


def booked(w: World) -> list[e.FillBooked]:
    """Give the fills that are journaled."""
    return [event for event in w.journal.events if isinstance(event, e.FillBooked)]


async def test_a_start_does_not_wait_for_a_silent_venue_and_looks_when_it_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.dispatch.LOOK_WAIT_S", 0.02)
    monkeypatch.setattr("engine.monitor.ORDERS_EVERY_S", 99)
    hangs = FaultRate(
        operation=Operation.SNAPSHOT, fault=Fault(kind=FaultKind.HANGING), per_mille=1000
    )
    async with world(**FREE, rates=(hangs,)) as w:
        # It has not even said yet that it is silent, and people are answered.
        assert not w.engine.state.venues_silent
        refused = (await w.buy(quantity="0.001")).events[-1]
        assert isinstance(refused, e.OrderDenied)
        assert [breach.sentence for breach in refused.breaches] == [
            "binance has not been compared since the start; no entries there yet."
        ]
        await w.until(lambda: w.engine.state.venues_silent)
        w.venue.faults.calm()
        await w.until(lambda: not w.engine.state.venues_silent)
        assert isinstance((await w.buy(quantity="0.001")).events[-1], e.OrderSubmitted)

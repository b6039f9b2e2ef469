"""A submit without an answer: never a second order, never "failed", settled on the venue's word."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.breaker_limits import BreakerLimits
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderStatus
from engine.risk_limits import RiskLimits
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import World, signal, world
from tests.simulation.virtual_time import run

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)
FAST: dict[str, Any] = {"confirm": NEVER, "submit_timeout_s": 0.2, "settle_s": 1}
ARRIVING = (FaultKind.LOST, FaultKind.HANGING, FaultKind.LATE)
NOT_ARRIVING = (FaultKind.DROPPED, FaultKind.SWALLOWED)


def go_wrong(w: World, kind: FaultKind, times: int = 1) -> None:
    fault = Fault(kind=kind, delay_s=0.4 if kind is FaultKind.LATE else 0.0)
    w.venue.faults.script(Operation.SUBMIT, *[fault] * times)


async def buy(w: World, **fields: Any) -> str:
    event = (await w.buy(**({"quantity": "0.001"} | fields))).events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    return event.order.client_order_id


def at_venue(w: World, name: str) -> int:
    return sum(1 for order in w.venue.ledger.orders.values() if order.client_order_id == name)


def statuses(w: World, name: str) -> list[str]:
    return [
        type(event).__name__
        for event in w.journal.events
        if getattr(event, "client_order_id", None) == name
    ]


@pytest.mark.parametrize("kind", ARRIVING)
async def test_what_the_venue_had_is_found_filled_and_sent_once(kind: FaultKind) -> None:
    async with world(**FAST) as w:
        go_wrong(w, kind)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 9)
        name = await buy(w)
        await w.until(lambda: w.engine.state.order(name).status is OrderStatus.FILLED)  # type: ignore[union-attr]
        assert at_venue(w, name) == 1
        assert "OrderUnknown" in statuses(w, name)
        assert "OrderRejected" not in statuses(w, name)
        assert (
            w.engine.state.positions["binance:BTC/USDT"].quantity
            == w.venue.ledger.balances["BTC"].total
        )


@pytest.mark.parametrize("kind", NOT_ARRIVING)
async def test_what_the_venue_never_had_is_rejected_after_three_searches_over_the_window(
    kind: FaultKind,
) -> None:
    async with world(**FAST) as w:
        go_wrong(w, kind)
        name = await buy(w)
        await w.until(lambda: name in w.engine.state.orders_finished)
        order = w.engine.state.orders_finished[name]
        assert order.status is OrderStatus.REJECTED
        assert order.refusal is not None
        assert order.refusal.startswith("not_found")
        assert at_venue(w, name) == 0
        unknown = next(x for x in w.journal.events if isinstance(x, e.OrderUnknown))
        asked = [x for x in w.journal.events if isinstance(x, e.OrderAsked)]
        assert len(asked) >= 3
        assert (asked[-1].at - unknown.at).total_seconds() >= 1
        # and the money is free again
        assert await buy(w, quantity="0.0011")


async def test_a_resting_limit_that_lost_its_answer_is_found_resting() -> None:
    async with world(**FAST) as w:
        go_wrong(w, FaultKind.LOST)
        name = await buy(w, price_limit=50000)
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)
        assert at_venue(w, name) == 1


async def test_searches_that_go_wrong_are_no_evidence() -> None:
    async with world(**(FAST | {"settle_s": 0})) as w:
        go_wrong(w, FaultKind.LOST)
        w.venue.faults.script(
            Operation.LOOKUP,
            Fault(kind=FaultKind.INCOMPLETE),
            Fault(kind=FaultKind.DROPPED),
            Fault(kind=FaultKind.HANGING),
            Fault(kind=FaultKind.LOST),
        )
        w.venue.faults.script(Operation.FILLS, *[Fault(kind=FaultKind.DROPPED)] * 4)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 4)
        name = await buy(w)
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED


async def test_an_adapter_that_breaks_is_no_answer_and_asking_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(**FAST) as w:
        real, calls = w.venue.lookup, 0

        async def garbage(order: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls < 3:
                raise KeyError("id")
            return await real(order)

        async def no_fills(_: Any) -> Any:
            raise ValueError("<html>")

        monkeypatch.setattr(w.venue, "lookup", garbage)
        with monkeypatch.context() as broken:
            broken.setattr(w.venue, "fills", no_fills)
            go_wrong(w, FaultKind.LOST)
            name = await buy(w, price_limit=50000)
            await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)


async def test_a_submit_that_breaks_in_our_adapter_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with world(**FAST) as w:
        real = w.venue.submit

        async def breaks_after(order: Any, gate: Any) -> Any:
            await real(order, gate)
            raise KeyError("id")

        monkeypatch.setattr(w.venue, "submit", breaks_after)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 9)
        name = await buy(w)
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED
        assert "OrderUnknown" in statuses(w, name)


async def test_entries_on_the_symbol_are_denied_meanwhile_and_exits_go() -> None:
    async with world(**(FAST | {"settle_s": 30})) as w:
        await buy(w, quantity="0.002")
        await w.until(lambda: w.engine.state.positions and not w.engine.state.orders)
        go_wrong(w, FaultKind.SWALLOWED)
        name = await buy(w, quantity="0.003")
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.UNKNOWN)
        denied = (await w.buy(quantity="0.001")).events[-1]
        assert isinstance(denied, e.OrderDenied)
        assert [breach.rule for breach in denied.breaches] == ["unknown"]
        result = await w.engine.close_position("btc")
        assert result.success
        # somebody may ask at once
        before = w.engine.state.orders[name].asks
        w.engine.ask(name)
        w.engine.ask("nobody")
        await w.until(lambda: w.engine.state.orders[name].asks > before)


async def test_a_cancel_of_an_unknown_order_follows_it() -> None:
    async with world(**FAST) as w:
        go_wrong(w, FaultKind.LATE)
        name = await buy(w, price_limit=50000)
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.UNKNOWN)
        await w.give(c.CancelOrder, client_order_id=name)
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.CANCELED
        assert not w.venue.ledger.open


async def test_an_order_that_appears_after_it_was_given_up_is_open_again_and_booked() -> None:
    async with world(**FAST) as w:
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.LATE, delay_s=2.5))
        name = await buy(w)
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.REJECTED
        await w.until(lambda: any(isinstance(x, e.OrderReappeared) for x in w.journal.events))
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED


async def test_after_a_crash_nothing_is_sent_again_and_the_venue_is_asked() -> None:
    # given an order that was journaled, sent, and filled without us
    async with world(**FAST) as w:
        go_wrong(w, FaultKind.HANGING)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 9)
        name = await buy(w)
        await asyncio.sleep(0.02)
        cut = len(w.journal.events)
    # when another process takes over from that moment
    del w.journal.events[cut:]
    async with world(**FAST, journal=w.journal, store=w.store) as again:
        await again.until(lambda: name in again.engine.state.orders_finished)
        assert again.engine.state.orders_finished[name].status is OrderStatus.FILLED
        assert at_venue(again, name) == 1
        assert again.engine.state.positions


async def test_an_order_journaled_and_never_sent_is_settled_as_never_accepted() -> None:
    async with world(**FAST) as w:
        name = await buy(w, price_limit=50000)
        cut = next(
            number
            for number, event in enumerate(w.journal.events)
            if isinstance(event, e.OrderSubmitted)
        )
    del w.journal.events[cut + 1 :]
    async with world(**FAST, journal=w.journal) as again:  # a venue that never heard of it
        await again.until(lambda: name in again.engine.state.orders_finished)
        assert again.engine.state.orders_finished[name].status is OrderStatus.REJECTED
        assert not again.venue.ledger.orders
        assert signal().symbol == "BTC/USDT"


async def test_what_was_unknown_at_a_crash_is_asked_about_by_the_next_process() -> None:
    # given an order that rests at the venue, unknown here when the process died
    async with world(**FAST) as w:
        go_wrong(w, FaultKind.LOST)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 9)
        name = await buy(w, price_limit=50000)
        await w.until(lambda: "OrderUnknown" in statuses(w, name))
    cut = [type(event) for event in w.journal.events].index(e.OrderUnknown)
    del w.journal.events[cut + 1 :]
    # when the next process starts
    async with world(**FAST, journal=w.journal, store=w.store) as again:
        # then it asks, and finds it
        await again.until(lambda: again.engine.state.orders[name].status is OrderStatus.ACCEPTED)
        assert at_venue(again, name) == 1


async def _silent_for_two_minutes() -> None:
    deaf = RiskLimits(breakers=BreakerLimits(venue_errors_pct_max=Decimal(101)))
    async with world(**FAST, limits=deaf) as w:
        # given an order that the venue has, and a venue that answers nothing for two minutes
        go_wrong(w, FaultKind.LOST)
        for operation in (Operation.STREAM, Operation.LOOKUP):
            w.venue.faults.script(operation, *[Fault(kind=FaultKind.DROPPED)] * 3)
        name = await buy(w, price_limit=50000)
        await w.until(lambda: at_venue(w, name))
        w.venue.faults.go_down()
        await asyncio.sleep(120)
        assert w.engine.state.orders[name].status is OrderStatus.UNKNOWN
        # when it answers again
        w.venue.faults.come_up()
        await asyncio.sleep(30)
        # then it was asked still, and the order is found
        assert w.engine.state.orders[name].status is OrderStatus.ACCEPTED


def test_an_unknown_order_is_asked_about_for_as_long_as_the_venue_is_silent() -> None:
    run(_silent_for_two_minutes())

"""The stop: latched before the journal, answered at once, and nothing new leaves after it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import AppendUncertain, JournalUnavailable
from engine.orders import OrderSide, OrderStatus
from engine.positions import Fill
from engine.risk_limits import RiskLimits, TradingState
from engine.scopes import Scope, ScopeKind
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.test_loop import TroubledJournal
from tests.engine.world import TRADER, World, world

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)


async def buy(w: World, symbol: str = "BTC/USDT", **fields: Any) -> str:
    event = (await w.buy(symbol, **({"quantity": "0.001"} | fields))).events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    return event.order.client_order_id


async def test_a_stop_withholds_entries_before_the_journal_has_it() -> None:
    # given a journal that blocks, with an order already decided behind it
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        journal.gate.clear()
        order = asyncio.create_task(w.buy(quantity="0.001"))
        await asyncio.sleep(0.01)
        # when somebody stops
        stop = w.engine.latch_stop(w.named(c.Halt))
        assert w.engine.loop.stop_latched
        assert w.engine.state.stop is None
        journal.gate.set()
        event = (await order).events[-1]
        await stop
        # then what was decided before is withheld, and told
        assert isinstance(event, e.OrderSubmitted)
        name = event.order.client_order_id
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.NOT_SENT
        assert not w.venue.ledger.orders


async def test_a_stop_of_one_coin_withholds_its_entries_before_the_journal_has_it() -> None:
    # given a journal that blocks, with two orders already decided behind it
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        journal.gate.clear()
        bitcoin = asyncio.create_task(w.buy(quantity="0.001"))
        ether = asyncio.create_task(w.buy("ETH/USDT", quantity="0.01"))
        await asyncio.sleep(0.01)
        # when somebody stops the one
        scope = Scope(kind=ScopeKind.SYMBOL, name="BTC")
        halted = TradingState.HALTED
        stop = w.engine.latch_stop(w.named(c.SetTradingState, scope=scope, trading=halted))
        assert not w.engine.loop.is_latched
        assert w.engine.state.restrictions == {}
        journal.gate.set()
        sent = [(await each).events[-1] for each in (bitcoin, ether)]
        names = [one.order.client_order_id for one in sent if isinstance(one, e.OrderSubmitted)]
        await stop
        # then it is withheld, and the other leaves
        await w.until(lambda: all(name in w.engine.state.orders_finished for name in names))
        statuses = [w.engine.state.orders_finished[name].status for name in names]
        assert statuses == [OrderStatus.NOT_SENT, OrderStatus.FILLED]


async def test_the_gate_withholds_what_is_halted_cancelled_or_old_and_passes_exits() -> None:
    async with world(confirm=NEVER) as w:
        gate = w.engine.dispatcher.gate
        await buy(w)
        await w.until(lambda: w.engine.state.positions and not w.engine.state.orders)
        name = await buy(w, price_limit=50000)
        order = w.engine.state.orders[name]
        assert gate(order) is None
        w.engine.loop.breaker_latched = True
        assert gate(order) == "halted before it was sent"
        w.engine.loop.breaker_latched = False
        await w.give(c.CancelOrder, client_order_id=name)
        assert gate(order) == "cancelled before it was sent"
        await w.engine.close_position("btc")
        await w.give(c.Halt)
        finished = w.engine.state.orders_finished.values()
        exit_ = next(order for order in finished if order.is_exit)
        assert gate(exit_) == "nothing is left to close"
        entry = next(order for order in finished if not order.is_exit)
        assert gate(entry) == "halted before it was sent"
        await w.give(c.Resume)
        old = entry.submitted_at
        assert old is not None
        await asyncio.sleep(0)
        assert gate(entry) in (None, "more than 2 s old before it was sent")


async def test_an_entry_decided_before_its_symbol_may_only_be_reduced_is_not_sent() -> None:
    async with world(confirm=NEVER) as w:
        # given two entries on a symbol, one of them on its way still
        name = await buy(w, price_limit=50000)
        next_to_it = await buy(w, price_limit=49000)
        on_another = await buy(w, "ETH/USDT", quantity="0.01", price_limit=3000)
        waiting, elsewhere = (w.engine.state.orders[each] for each in (next_to_it, on_another))
        gate = w.engine.dispatcher.gate
        assert gate(waiting) is None
        # when the other one is filled beyond its quantity
        fill = Fill(
            venue="binance",
            symbol="BTC/USDT",
            trade_id="over",
            side=OrderSide.BUY,
            quantity=Decimal("0.003"),
            price=Decimal(50000),
            fee=Decimal(0),
            fee_currency="USDT",
            at=w.engine.clock.now(),
            client_order_id=name,
        )
        await w.engine.loop.send(r.FillReported(fill=fill))
        assert waiting.key in w.engine.state.reducing
        # then the one on its way is withheld, and another symbol's is not
        assert gate(waiting) == "only exits there before it was sent"
        assert gate(elsewhere) is None


async def test_an_entry_that_waited_longer_than_two_seconds_is_not_sent() -> None:
    class SlowClock:
        """Give the real time, later by what a test adds."""

        def __init__(self, real: Any) -> None:
            self.real, self.ahead = real, 0

        def now(self) -> Any:
            return self.real.now() + timedelta(seconds=self.ahead)

        def monotonic(self) -> Any:
            return self.real.monotonic()

    async with world(confirm=NEVER) as w:
        name = await buy(w, price_limit=50000)
        order = w.engine.state.orders[name]
        clock = SlowClock(w.engine.clock)
        w.engine.dispatcher._clock = clock
        clock.ahead = 1
        assert w.engine.dispatcher.gate(order) is None
        clock.ahead = 3
        assert w.engine.dispatcher.gate(order) == "more than 2 s old before it was sent"


async def test_stop_cancels_entries_and_lets_exits_work() -> None:
    async with world(confirm=NEVER) as w:
        await buy(w)
        resting = await buy(w, "ETH/USDT", quantity="0.01", price_limit=3000)
        await w.until(lambda: w.engine.state.orders[resting].status is OrderStatus.ACCEPTED)
        await w.give(c.Halt)
        await w.until(lambda: resting in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[resting].status is OrderStatus.CANCELED
        denied = (await w.buy(quantity="0.002")).events[-1]
        assert isinstance(denied, e.OrderDenied)
        result = await w.engine.close_position("BTCUSDT")
        assert result.success


async def test_a_ticket_cannot_be_confirmed_while_halted() -> None:
    async with world() as w:
        opened = (await w.buy(notional=500)).events[-1]
        assert isinstance(opened, e.TicketOpened)
        await w.give(c.Halt)
        receipt = await w.give(c.ApproveTicket, ticket_id=opened.ticket.ticket_id)
        assert [type(event) for event in receipt.events] == [e.TicketEnded, e.OrderDenied]
        assert not w.venue.ledger.orders


async def test_stop_is_answered_while_ten_venue_calls_hang() -> None:
    limits = RiskLimits(
        order_notional_pct_max=Decimal(50),
        orders_per_s_max=100,
        venue_orders_per_s_max=100,
        strategy_orders_per_s_max=100,
    )
    async with world(confirm=NEVER, limits=limits, submit_timeout_s=30.0) as w:
        w.venue.faults.script(Operation.SUBMIT, *[Fault(kind=FaultKind.SWALLOWED)] * 10)
        names = [await buy(w, quantity=f"0.00{10 + n}") for n in range(10)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            receipt = await w.give(c.Halt)
        assert isinstance(receipt.events[0], e.TradingHalted)
        assert {w.engine.state.orders[name].status for name in names} == {
            OrderStatus.PENDING_CANCEL
        }


async def test_stop_is_answered_while_the_venue_answers_no_cancel() -> None:
    async with world(confirm=NEVER, submit_timeout_s=30.0) as w:
        # given an entry that rests at a venue which swallows every cancel
        name = await buy(w, price_limit=50000)
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)
        w.venue.faults.script(Operation.CANCEL, *[Fault(kind=FaultKind.SWALLOWED)] * 9)
        # when a person stops
        async with asyncio.timeout(5):
            receipt = await w.engine.latch_stop(w.named(c.Halt))
        # then the stop is journaled, and the cancel is on its way still
        assert isinstance(receipt.events[0], e.TradingHalted)
        assert w.engine.state.orders[name].status is OrderStatus.PENDING_CANCEL


async def test_stop_twice_says_so_and_resume_is_the_owner_s() -> None:
    async with world() as w:
        await w.give(c.Halt, TRADER)
        (again,) = (await w.give(c.Halt)).events
        assert isinstance(again, e.CommandRefused)
        (refused,) = (await w.give(c.Resume, TRADER)).events
        assert isinstance(refused, e.CommandRefused)
        assert w.engine.loop.stop_latched
        (resumed,) = (await w.give(c.Resume)).events
        assert isinstance(resumed, e.TradingResumed)
        assert not w.engine.loop.stop_latched


async def test_a_stop_survives_a_restart() -> None:
    async with world() as w:
        await w.give(c.Halt)
    async with world(journal=w.journal, store=w.store, confirm=NEVER) as again:
        assert again.engine.loop.stop_latched
        again.given = 100
        denied = (await again.buy(quantity="0.001")).events[-1]
        assert isinstance(denied, e.OrderDenied)


async def test_a_breaker_latches_at_once_and_is_released_by_re_arming() -> None:
    async with world(confirm=NEVER) as w:
        resting = await buy(w, price_limit=50000)
        w.engine.activate_circuit_breaker("the news")
        # at once, before the journal has it
        assert w.engine.loop.breaker_latched
        assert not w.engine.state.breakers
        assert w.engine.get_performance_metrics()["engine"]["circuit_breaker_active"]
        denied = (await w.buy(quantity="0.002")).events[-1]
        assert isinstance(denied, e.OrderDenied)
        await w.until(lambda: resting in w.engine.state.orders_finished)
        w.engine.deactivate_circuit_breaker()
        await w.until(lambda: not w.engine.loop.breaker_latched)
        assert not w.engine.get_performance_metrics()["engine"]["circuit_breaker_active"]
        assert await buy(w, quantity="0.002")


async def test_a_limit_that_is_reached_latches_like_a_breaker_that_a_person_trips() -> None:
    # given a position of 5 % of the account, which the price leaves
    async with world(confirm=NEVER) as w:
        await buy(w, quantity="0.008")
        await w.until(lambda: w.engine.state.positions)
        w.set("BTC/USDT", "30000")
        # when the equity is measured
        await w.give(c.SampleEquity)
        await w.until(lambda: w.engine.state.breakers)
        # then what the engine holds in memory is what it has journaled
        assert w.engine.loop.breaker_latched
        await w.give(c.RearmBreaker)
        assert not w.engine.loop.breaker_latched


@pytest.mark.parametrize("order", ["on-off", "off-on"])
async def test_the_last_word_about_a_breaker_holds(order: str) -> None:
    async with world() as w:
        if order == "off-on":
            w.engine.activate_circuit_breaker("first")
            w.engine.deactivate_circuit_breaker()
            w.engine.activate_circuit_breaker("again")
        else:
            w.engine.activate_circuit_breaker("first")
            w.engine.deactivate_circuit_breaker()
        await w.give(c.Acknowledge, subject="x")
        assert w.engine.loop.breaker_latched is (order == "off-on")
        assert bool(w.engine.state.breakers) is (order == "off-on")


async def test_a_breaker_survives_a_restart_and_a_journal_that_was_away() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.fault = JournalUnavailable("away")
        w.engine.activate_circuit_breaker("no journal")
        await asyncio.sleep(0.05)
        assert w.engine.loop.breaker_latched
        journal.fault = None
        await w.until(lambda: w.engine.state.breakers)
    async with world(journal=journal, store=w.store) as again:
        assert again.engine.loop.breaker_latched


@pytest.mark.parametrize("trouble", ["away", "hanging", "unsure"])
async def test_a_stop_cancels_entries_at_the_venue_while_the_journal_is_away(
    trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an entry that rests, and a journal that takes nothing from now on
    monkeypatch.setattr("engine.dispatch.STOP_WAIT_S", 0.05)
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        name = await buy(w, price_limit=50000)
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)
        match trouble:
            case "away":
                journal.fault = JournalUnavailable("the disk is full")
            case "hanging":
                journal.gate.clear()
            case _:
                journal.fault = AppendUncertain("nobody knows")
                journal.open_fault = JournalUnavailable("the disk is full")
        # when somebody stops
        stop = w.engine.latch_stop(w.named(c.Halt))
        # then the venue lets go of the entry, though nothing is written down yet
        await w.until(lambda: not w.venue.ledger.open)
        assert not stop.done() or trouble == "unsure"
        # and it is written down once that is possible
        journal.fault = None
        journal.gate.set()
        await stop
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.CANCELED


async def test_who_waits_behind_an_append_that_nobody_can_settle_is_answered() -> None:
    # given an append of unknown outcome, and a journal that cannot be read either
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        journal.fault = AppendUncertain("nobody knows")
        journal.is_unreadable = True
        first = asyncio.create_task(w.buy(quantity="0.001"))
        await asyncio.sleep(0.01)
        # when somebody else asks for something in the meantime
        with pytest.raises(JournalUnavailable):
            await w.buy("ETH/USDT", quantity="0.01")
        # then that was refused, and what nobody knew is settled later
        journal.fault, journal.is_unreadable = None, False
        with pytest.raises(JournalUnavailable):
            await first
        assert not w.engine.state.orders


@pytest.mark.parametrize("wanted", [c.Halt, c.Flatten])
async def test_a_stop_that_comes_again_after_a_resume_latches_nothing(
    wanted: type[c.CommandBase],
) -> None:
    # given a stop that was resumed from
    async with world(confirm=NEVER) as w:
        await w.give(wanted, command_id="tap")
        await w.until(lambda: w.engine.state.flattening is None)
        await w.give(c.Resume)
        # when its update is handled once more, as after a crash
        again = await w.give(wanted, command_id="tap")
        # then it is known, and nobody is locked out
        assert again.is_repeat
        assert not w.engine.loop.is_latched
        await buy(w)


async def test_a_trip_that_comes_again_after_a_re_arm_latches_nothing() -> None:
    async with world(confirm=NEVER) as w:
        await w.give(c.TripBreaker, command_id="trip", reason="drill")
        await w.give(c.RearmBreaker)
        assert (await w.give(c.TripBreaker, command_id="trip", reason="drill")).is_repeat
        assert not w.engine.loop.is_latched


async def test_an_emergency_stop_comes_back_in_time_while_the_journal_is_away() -> None:
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        journal.fault = JournalUnavailable("the disk is full")
        said = await w.engine.emergency_stop_all(timeout_s=0.05)
        assert said["errors"]
        assert w.engine.loop.stop_latched
        journal.fault = None
        await w.until(lambda: w.engine.state.flatten is not None)


async def test_an_entry_is_too_old_even_where_the_wall_clock_was_set_back() -> None:
    async with world() as w:
        # given an entry whose commit lies three seconds back, by the clock that nobody sets
        receipt = await w.buy(notional="100", price_limit="50000")
        (order,) = (one.order for one in receipt.events if isinstance(one, e.OrderSubmitted))
        dispatcher = w.engine.dispatcher
        since_s = w.engine.clock.monotonic() - 3
        # when its turn comes while the wall clock shows a younger age
        ahead = replace(order, submitted_at=w.engine.clock.now() + timedelta(seconds=1))
        # then it is held back
        assert dispatcher.gate(ahead) is None
        assert dispatcher._gate_since(since_s)(ahead) == "more than 2 s old before it was sent"

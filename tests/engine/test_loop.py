"""The loop: once per command, one commit for many, nothing sent before it, nothing lost without."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import (
    AppendUncertain,
    EngineStopped,
    InvalidInput,
    JournalLocked,
    JournalMismatch,
    JournalUnavailable,
    QueueFull,
)
from engine.fold import apply
from engine.journal_memory import MemoryJournal
from engine.orders import OrderStatus
from engine.ports import Step
from engine.receipts import Receipt
from engine.risk_limits import RiskLimits
from engine.runtime import ExecutionMode
from engine.state import COMMANDS_TAIL, State
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import World, signal, world
from tests.simulation.virtual_time import run

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)


class TroubledJournal(MemoryJournal):
    """A journal that can be away, slow, unsure or taken; it counts its appends."""

    def __init__(self) -> None:
        super().__init__()
        self.appends = 0
        self.fault: Exception | None = None
        self.open_fault: Exception | None = None
        self.loses_answers = False
        self.is_unreadable = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def open(self) -> State:
        if self.open_fault is not None:
            fault, self.open_fault = self.open_fault, None
            raise fault
        if self.is_unreadable:
            raise JournalUnavailable("it cannot be read")
        return await super().open()

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        await self.gate.wait()
        self.appends += 1
        if self.fault is not None:
            raise self.fault
        await super().append(steps, before, after)
        if self.loses_answers:
            self.loses_answers = False
            raise AppendUncertain("the commit was not confirmed")


def submitted(journal: MemoryJournal) -> list[str]:
    return [
        event.order.client_order_id
        for event in journal.events
        if isinstance(event, e.OrderSubmitted)
    ]


async def test_a_repeat_of_a_command_gives_the_first_receipt_and_does_nothing() -> None:
    async with world(confirm=NEVER) as w:
        wish: dict[str, Any] = {
            "signal": signal(quantity="0.001"),
            "venue": "binance",
            "command_id": "tap",
        }
        # within one batch
        first, second = await asyncio.gather(
            w.give(c.SubmitSignal, **wish), w.give(c.SubmitSignal, **wish)
        )
        # and later
        third = await w.give(c.SubmitSignal, **wish)
        assert (first.is_repeat, second.is_repeat, third.is_repeat) == (False, True, True)
        assert first.events == second.events == third.events
        assert len(submitted(w.journal)) == 1
    # and after a restart
    async with world(confirm=NEVER, journal=w.journal, store=w.store) as again:
        repeat = await again.give(c.SubmitSignal, **wish)
        assert repeat.is_repeat
        assert repeat.events == first.events
        assert len(submitted(w.journal)) == 1


async def test_a_repeat_is_known_though_state_has_forgotten_it() -> None:
    async with world(confirm=NEVER) as w:
        first = await w.give(c.Halt, command_id="stop")
        many = [
            w.give(c.Acknowledge, subject="x", command_id=f"a{n}") for n in range(COMMANDS_TAIL)
        ]
        await asyncio.gather(*many)
        assert "stop" not in w.engine.state.commands_known
        again, within = await asyncio.gather(
            w.give(c.Halt, command_id="stop"), w.give(c.Halt, command_id="stop")
        )
        assert again.is_repeat
        assert within.is_repeat
        assert again.events == first.events
        fresh, twin = await asyncio.gather(
            w.give(c.Acknowledge, subject="y", command_id="b"),
            w.give(c.Acknowledge, subject="y", command_id="b"),
        )
        assert (fresh.is_repeat, twin.is_repeat) == (False, True)


async def test_what_waits_together_is_committed_together() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.gate.clear()
        first = asyncio.create_task(w.give(c.Acknowledge, subject="first"))
        await asyncio.sleep(0)
        rest = [asyncio.create_task(w.give(c.Acknowledge, subject=f"{n}")) for n in range(100)]
        await asyncio.sleep(0)
        before = journal.appends
        journal.gate.set()
        await asyncio.gather(first, *rest)
        assert journal.appends - before == 2


async def test_nothing_is_sent_before_it_is_journaled() -> None:
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        journal.gate.clear()
        waiting = asyncio.create_task(w.buy(quantity="0.001"))
        await asyncio.sleep(0.05)
        assert not w.venue.ledger.orders
        assert not w.engine.state.orders
        journal.gate.set()
        await waiting
        await w.until(lambda: w.venue.ledger.orders)


async def test_while_the_journal_is_away_commands_are_refused_and_reports_and_stops_kept() -> None:
    # given an order at the venue, and a journal that goes away
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        resting = submitted_name(await w.buy(quantity="0.001", price_limit=50000))
        await w.until(lambda: w.engine.state.orders[resting].status is OrderStatus.ACCEPTED)
        journal.fault = JournalUnavailable("the disk is full")
        # when
        with pytest.raises(JournalUnavailable, match="disk is full"):
            await w.buy(quantity="0.002")
        w.set("BTC/USDT", "49000")  # the resting order fills meanwhile
        stop = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0.7)
        # then it is known that the journal is away, the stop is latched, and nothing is lost
        assert is_away(w)
        assert w.engine.loop.stop_latched
        assert not stop.done()
        journal.fault = None
        receipt = await stop
        assert isinstance(receipt.events[0], e.TradingHalted)
        await w.until(lambda: "binance:BTC/USDT" in w.engine.state.positions)
        assert not is_away(w)
        assert len(submitted(journal)) == 1


async def _filled_while_the_journal_was_away() -> None:
    journal = TroubledJournal()
    async with world(journal=journal, confirm=NEVER) as w:
        # given an order that fills while the journal is away, told by the query for fills alone
        name = submitted_name(await w.buy(quantity="0.001", price_limit=50000))
        await w.until(lambda: w.engine.state.orders[name].status is OrderStatus.ACCEPTED)
        w.venue.faults.script(Operation.STREAM, *[Fault(kind=FaultKind.DROPPED)] * 9)
        journal.fault = JournalUnavailable("the disk is full")
        w.set("BTC/USDT", "49000")
        # when the query has found it, and the journal has refused it, more than once
        await asyncio.sleep(20)
        assert journal.appends > 5
        assert not w.engine.state.positions
        journal.fault = None
        await asyncio.sleep(20)
        # then it is booked, once
        assert w.engine.state.orders_finished[name].filled == Decimal("0.001")
        assert [type(event) for event in journal.events].count(e.FillBooked) == 1


def test_a_fill_found_while_the_journal_is_away_is_kept_and_booked() -> None:
    run(_filled_while_the_journal_was_away())


def is_away(w: World) -> bool:
    return w.engine.loop.journal_down_since_s is not None


def submitted_name(receipt: Receipt) -> str:
    event = receipt.events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    return event.order.client_order_id


async def test_commands_behind_a_full_batch_are_refused_too_while_the_journal_is_away() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.fault = JournalUnavailable("away")
        sends = [w.give(c.Acknowledge, subject=f"{n}") for n in range(600)]
        results = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(result, JournalUnavailable) for result in results)
        journal.fault = None


async def test_reads_that_fail_refuse_their_command_and_leave_the_engine_running() -> None:
    class Unreadable(MemoryJournal):
        async def find_ticket(self, ticket_id: str) -> None:
            raise JournalUnavailable("the table cannot be read")

    async with world(journal=Unreadable()) as w:
        with pytest.raises(JournalUnavailable):
            await w.give(c.ApproveTicket, ticket_id="old")
        assert w.engine.is_running
        await w.give(c.Halt)


@pytest.mark.parametrize("landed", [True, False])
async def test_an_append_of_unknown_outcome_is_settled_by_reading_again(landed: bool) -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        if landed:
            journal.loses_answers = True
        else:
            journal.fault = AppendUncertain("nobody knows")
        journal.open_fault = JournalUnavailable("not yet")
        halt = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0.05)
        journal.fault = None
        receipt = await halt
        assert isinstance(receipt.events[0], e.TradingHalted)
        assert [type(event) for event in journal.events].count(e.TradingHalted) == 1


async def test_a_journal_that_another_process_wrote_stops_the_engine() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.fault = JournalLocked("another process holds it")
        with pytest.raises(JournalLocked):
            await w.give(c.Halt)
        assert isinstance(await w.engine.wait_ended(), JournalLocked)
        assert not w.engine.is_running
        assert w.engine.loop.is_latched
        with pytest.raises(EngineStopped):
            await w.give(c.Halt)


@pytest.mark.parametrize("bug", [AssertionError("a bug of ours"), KeyError("a bug of ours")])
async def test_a_bug_of_ours_halts_the_engine_loudly_and_tells_everybody_who_waits(
    bug: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise bug

    async with world(confirm=NEVER) as w:
        waiting = asyncio.create_task(
            w.engine.execute_signal(signal(quantity="0.001", price_limit=50000))
        )
        await w.until(lambda: w.engine.state.orders)
        monkeypatch.setattr("engine.loop.decided", broken)
        answers = await asyncio.gather(
            w.give(c.Halt), w.give(c.Acknowledge, subject="x"), return_exceptions=True
        )
        assert all(isinstance(answer, EngineStopped) for answer in answers)
        with pytest.raises(EngineStopped):
            await waiting
        assert await w.engine.wait_ended() is bug
        assert w.engine.loop.stop_latched
        assert "trading halted" in caplog.text


async def test_an_append_that_breaks_tells_its_waiters() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.fault = AssertionError("named twice")
        with pytest.raises(EngineStopped, match="named twice"):
            await w.give(c.Halt)


async def test_a_listener_that_breaks_tells_the_waiters_of_its_batch() -> None:
    async with world() as w:

        def broken(*_: object) -> None:
            raise RuntimeError("a listener broke")

        w.engine.loop.subscribe(broken)
        with pytest.raises(EngineStopped, match="a listener broke"):
            await w.give(c.Halt)


async def test_a_start_changes_nothing_that_no_event_says() -> None:
    # given a journal that ended with a ticket and an order open
    async with world() as w:
        await w.buy(quantity="0.001", price_limit=50000)
        wish = signal("ETH/USDT", quantity="0.01")
        await w.give(c.SubmitSignal, signal=wish, venue="binance", ticket_wanted=True)
        assert w.engine.state.tickets
    # when the next process has started
    async with world(journal=w.journal, store=w.store) as again:
        # then the events alone give the State that it works with
        state = State()
        for event in again.journal.events:
            state = apply(state, event)
        assert again.engine.state == state
        assert not state.tickets
        assert state.orders


async def test_who_waits_while_the_engine_stops_is_told() -> None:
    journal = TroubledJournal()
    async with world(journal=journal, submit_timeout_s=0.1) as w:
        journal.gate.clear()
        waiting = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0)
        await w.engine.stop()
        with pytest.raises(EngineStopped):
            await waiting


async def test_the_inbox_is_bounded_and_never_refuses_a_stop() -> None:
    journal = TroubledJournal()
    async with world(journal=journal, inbox_max=3) as w:
        journal.gate.clear()
        first = asyncio.create_task(w.give(c.Acknowledge, subject="under way"))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(w.give(c.Acknowledge, subject=str(n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="3 commands wait"):
            await w.give(c.Acknowledge, subject="one too many")
        stops = [asyncio.create_task(w.give(c.Halt)) for _ in range(20)]
        trip = w.named(c.TripBreaker, reason="x")
        w.engine.loop.post(trip)
        await asyncio.sleep(0)
        assert len(w.engine.loop.inbox) == 24
        journal.gate.set()
        await asyncio.gather(first, *waiting, *stops)


async def test_a_stop_overtakes_what_waits_and_no_resume_undoes_it() -> None:
    # given a halted engine whose journal is slow
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        await w.give(c.Halt)
        journal.gate.clear()
        busy = asyncio.create_task(w.give(c.Acknowledge, subject="under way"))
        await asyncio.sleep(0.01)
        # when an owner resumes, and a moment later somebody stops
        resume = asyncio.create_task(w.give(c.Resume))
        await asyncio.sleep(0)
        stop = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0)
        journal.gate.set()
        await asyncio.gather(busy, resume, stop)
        # then trading stands still
        assert w.engine.state.stop is not None
        assert w.engine.loop.stop_latched


async def test_a_stop_is_decided_before_everything_that_waits() -> None:
    # given a slow journal, and commands that wait behind it
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        journal.gate.clear()
        busy = asyncio.create_task(w.give(c.Acknowledge, subject="under way"))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(w.give(c.Acknowledge, subject=str(n))) for n in range(9)]
        await asyncio.sleep(0)
        # when somebody stops
        stop = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0)
        journal.gate.set()
        await asyncio.gather(busy, *waiting, stop)
        # then the stop comes next, and all of them after it
        kinds = [type(event) for event in journal.events]
        acknowledged = [n for n, kind in enumerate(kinds) if kind is e.AlertAcknowledged]
        assert acknowledged[0] < kinds.index(e.TradingHalted) < acknowledged[1]
        assert len(acknowledged) == 10


async def test_a_stop_pressed_while_a_resume_is_committed_holds() -> None:
    journal = TroubledJournal()
    async with world(journal=journal) as w:
        await w.give(c.Halt)
        journal.gate.clear()
        resume = asyncio.create_task(w.give(c.Resume))
        await asyncio.sleep(0.01)
        stop = asyncio.create_task(w.give(c.Halt))
        await asyncio.sleep(0)
        journal.gate.set()
        await resume
        assert w.engine.loop.stop_latched
        await stop
        assert w.engine.state.stop is not None


async def test_two_engines_on_one_journal_the_second_writer_stops() -> None:
    async with world() as w, world(journal=w.journal, store=w.store) as other:
        with pytest.raises(JournalLocked):
            await w.give(c.Halt)
        assert isinstance(await w.engine.wait_ended(), JournalLocked)
        await other.give(c.Halt)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": ExecutionMode.LIVE},
        {"accounts": ("kraken",)},
        {"market": "live"},
        {"currency": "EUR"},
    ],
    ids=str,
)
async def test_a_journal_of_another_mode_or_account_refuses_to_start(
    settings: dict[str, Any],
) -> None:
    async with world() as w:
        pass
    with pytest.raises(JournalMismatch, match="This journal"):
        async with world(journal=w.journal, store=w.store, **settings):
            pytest.fail("it must not start")


async def test_a_start_that_fails_leaves_nothing_running() -> None:
    journal = TroubledJournal()
    journal.fault = JournalUnavailable("away")
    with pytest.raises(JournalUnavailable):
        async with world(journal=journal):
            pytest.fail("it must not start")


async def test_two_hundred_signals_at_once_become_two_hundred_orders() -> None:
    limits = RiskLimits(
        venue_orders_per_s_max=1000, strategy_orders_per_s_max=1000, orders_per_s_max=1000
    )
    async with world(confirm=NEVER, limits=limits) as w:
        sizes = [f"0.00{100 + n}" for n in range(200)]
        wishes = [w.engine.execute_signal(signal(quantity=size)) for size in sizes]
        results = await asyncio.gather(*wishes)
        succeeded = [result for result in results if result.success]
        denied = [result for result in results if not result.success]
        # the money is what ends first, and no order slipped past the limit
        assert all("Free" in (result.error or "") for result in denied)
        assert len(succeeded) + len(denied) == 200
        assert len(submitted(w.journal)) == len(succeeded) == len(w.venue.ledger.orders)
        assert w.engine.state.cash["binance:USDT"] >= 0


async def test_two_buys_that_together_exceed_a_limit_cannot_both_pass() -> None:
    limits = RiskLimits(positions_max=1, order_notional_pct_max=Decimal(60))
    async with world(confirm=NEVER, limits=limits) as w:
        wishes = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
        receipts = await asyncio.gather(*(w.buy(symbol, notional=4000) for symbol in wishes))
        kinds = [type(receipt.events[-1]) for receipt in receipts]
        assert kinds == [e.OrderSubmitted, e.OrderDenied, e.OrderDenied]
    richer = RiskLimits(order_notional_pct_max=Decimal(60))
    async with world(confirm=NEVER, limits=richer) as w:
        receipts = await asyncio.gather(*(w.buy(symbol, notional=4000) for symbol in wishes))
        kinds = [type(receipt.events[-1]) for receipt in receipts]
        assert kinds == [e.OrderSubmitted, e.OrderSubmitted, e.OrderDenied]
        denied = receipts[-1].events[-1]
        assert isinstance(denied, e.OrderDenied)
        assert [breach.rule for breach in denied.breaches] == ["balance"]


async def test_an_unknown_venue_is_refused_at_the_edge() -> None:
    async with world() as w:
        with pytest.raises(InvalidInput, match="no venue kraken"):
            await w.engine.execute_signal(signal(quantity=1), "kraken")
    with pytest.raises(EngineStopped):
        await w.engine.execute_signal(signal(quantity=1))

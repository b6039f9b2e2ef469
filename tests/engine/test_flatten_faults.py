"""Flatten against a venue that hangs, refuses or lies, among other hands, and over every crash.

Whatever happens: it ends flat, no order is sent twice, nothing is flipped, and nobody is told that
it is flat while something of ours is open at the venue.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderSide
from engine.risk_limits import RiskLimits
from engine.venues.faults import Fault, FaultKind, Operation
from engine.venues.ledger import MemoryLedgerStore
from tests.engine.dying import DyingJournal, DyingVenue, Process
from tests.engine.world import OWNER, TRADER, World, signal, world

PERP = "BTC/USDT:USDT"
SETTLING = timedelta(milliseconds=20)
FREE: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(50)),
    "submit_timeout_s": 0.1,
    "settle_s": 0,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "engine.dispatch.FLATTEN_EVERY_S": 0.03,
        "engine.decide.flatten.LOOK_AGAIN_S": 0.01,
        "engine.decide.flatten.ASK_AGAIN_S": 0.05,
        "engine.decide.flatten.BACKOFF_S_MAX": 0,
        "engine.monitor.POLL_MIN_S": 0.02,
        "engine.monitor.POLL_MAX_S": 0.1,
        "engine.monitor.SEARCH_MAX_S": 0.1,
        "engine.monitor.CANCEL_MAX_S": 0.1,
        "engine.reconcile.SETTLING": SETTLING,
        "engine.monitor.ORDERS_EVERY_S": 0.1,
        "engine.monitor.BOOKS_EVERY_S": 0.2,
    }.items():
        monkeypatch.setattr(name, value)


async def two_sided(w: World) -> None:
    for wish in (
        signal("ETH/USDT", quantity="0.3", stop_loss_pct=2),
        signal(PERP, "short", quantity="0.01", stop_loss_pct=2),
    ):
        result = await w.engine.execute_signal(wish)
        assert result.success, result.error


def ended(w: World) -> bool:
    run = w.engine.state.flatten
    return run is not None and run.ended_at is not None


def assert_flat(w: World, *, holdings: dict[str, str] | None = None) -> None:
    """What the venue has is nothing of ours; what it traded never crossed to the other side."""
    account = w.venue.ledger
    assert not account.open
    assert all(position.quantity == 0 for position in account.positions.values())
    owned = {b.currency: b.total for b in account.balances.values() if b.total}
    del owned["USDT"]
    assert owned == {name: Decimal(q) for name, q in (holdings or {}).items()}
    assert w.engine.state.orders == {}
    names = Counter(o.client_order_id for o in account.orders.values() if o.client_order_id)
    assert max(names.values(), default=1) == 1
    held: dict[str, list[Decimal]] = {}
    for trade in account.trades:
        side = held.setdefault(trade.symbol, [Decimal(0)])
        side.append(side[-1] + trade.quantity * trade.side.sign)
    for symbol, path in held.items():
        assert min(path) >= 0 or max(path) <= 0, f"{symbol} was flipped: {path}"


# --- a venue that hangs, refuses, or lies once

LIES = [
    (Operation.SUBMIT, FaultKind.HANGING),
    (Operation.SUBMIT, FaultKind.REFUSED),
    (Operation.SUBMIT, FaultKind.LOST),
    (Operation.SUBMIT, FaultKind.SWALLOWED),
    (Operation.CANCEL, FaultKind.NOT_FOUND),
    (Operation.CANCEL, FaultKind.HANGING),
    (Operation.LOOKUP, FaultKind.STALE),
    (Operation.LOOKUP, FaultKind.INCOMPLETE),
    (Operation.FILLS, FaultKind.STALE),
    (Operation.FILLS, FaultKind.HANGING),
    (Operation.SNAPSHOT, FaultKind.STALE),
    (Operation.SNAPSHOT, FaultKind.HANGING),
]


@pytest.mark.parametrize(("operation", "kind"), LIES, ids=lambda each: str(each.value))
async def test_a_venue_that_fails_or_lies_is_flat_in_the_end(
    operation: Operation, kind: FaultKind
) -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        await w.buy("SOL/USDT", quantity="1", price_limit=100)
        for _ in range(2):
            w.venue.faults.script(operation, Fault(kind=kind))
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert_flat(w)


@pytest.mark.parametrize("symbol", ["ETH/USDT", PERP])
async def test_an_unknown_exit_that_did_arrive_is_not_sent_again(symbol: str) -> None:
    async with world(**(FREE | {"settle_s": 30})) as w:
        await two_sided(w)
        # given an exit that the venue takes, fills, and never answers, and a search that lies once
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.HANGING))
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.HANGING))
        w.venue.faults.script(Operation.LOOKUP, Fault(kind=FaultKind.STALE))
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert_flat(w)
        sent = [o for o in w.engine.state.orders_finished.values() if o.reason == "flatten"]
        assert sum(order.symbol == symbol for order in sent) == 1


async def test_a_venue_that_hangs_for_good_is_never_called_flat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.decide.flatten.ALERT_AFTER_S", 0)
    async with world(**FREE) as w:
        await two_sided(w)
        for operation in (Operation.SUBMIT, Operation.SNAPSHOT, Operation.FILLS, Operation.LOOKUP):
            for _ in range(200):
                w.venue.faults.script(operation, Fault(kind=FaultKind.SWALLOWED))
        await w.give(c.Flatten)
        run = w.engine.state.flatten
        assert run is not None
        await w.until(lambda: (found := w.engine.state.flatten) and found.still_open)
        assert w.engine.state.flattening is not None


# --- other hands


SIDES = [OrderSide.BUY, OrderSide.SELL]


@pytest.mark.parametrize("side", SIDES)
async def test_a_swap_opened_by_hand_before_a_flatten_is_closed(side: OrderSide) -> None:
    async with world(**FREE) as w:
        await w.venue.trade_by_hand(PERP, side, Decimal("0.02"))
        await w.give(c.Flatten)
        await w.until(lambda: ended(w))
        assert_flat(w)


@pytest.mark.parametrize("side", SIDES)
async def test_a_swap_opened_by_hand_during_a_flatten_is_closed(
    side: OrderSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    # between the two looks
    monkeypatch.setattr("engine.decide.flatten.LOOK_AGAIN_S", 0.3)
    async with world(**FREE) as w:
        await two_sided(w)
        await w.give(c.Flatten)
        await w.until(lambda: PERP not in str(list(w.engine.state.positions)))
        await w.venue.trade_by_hand(PERP, side, Decimal("0.02"))
        await w.until(lambda: ended(w))
        assert w.venue.ledger.positions[PERP].quantity == 0
        assert not w.engine.state.positions


async def test_coins_bought_by_hand_during_a_flatten_are_never_sold() -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        await w.give(c.Flatten)
        await w.venue.trade_by_hand("SOL/USDT", OrderSide.BUY, Decimal(2))
        await w.until(lambda: ended(w))
        assert not [t for t in w.venue.ledger.trades if t.symbol == "SOL/USDT" and t.side.sign < 0]


async def test_orders_by_hand_stay_or_go_as_the_person_says() -> None:
    for with_external in (False, True):
        async with world(**FREE) as w:
            await two_sided(w)
            await w.venue.trade_by_hand(PERP, OrderSide.BUY, Decimal("0.02"), Decimal(40000))
            await w.venue.trade_by_hand("SOL/USDT", OrderSide.BUY, Decimal(1), Decimal(90))
            await w.until(lambda: w.engine.state.external_orders)
            await w.give(c.Flatten, with_external=with_external)
            await w.until(lambda: ended(w))
            left = {
                order.symbol
                for order in w.venue.ledger.orders.values()
                if order.venue_order_id in w.venue.ledger.open
            }
            assert left == ({"SOL/USDT"} if with_external else {"SOL/USDT", PERP})


# --- two people, dust, entries


async def test_two_people_and_a_shell_pressing_flatten_at_once_send_each_exit_once() -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        await asyncio.gather(
            w.give(c.Flatten, OWNER),
            w.give(c.Flatten, TRADER),
            w.give(c.Flatten, c.Actor(kind=c.ActorKind.SHELL, name="root")),
        )
        await w.until(lambda: ended(w))
        assert_flat(w)
        started = [event for event in w.journal.events if isinstance(event, e.FlattenStarted)]
        assert len(started) == 1
        assert len(w.venue.ledger.trades) == 4


async def test_a_second_flatten_after_the_first_closes_what_came_since() -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        for _ in range(2):
            await w.give(c.Flatten)
            await w.until(lambda: ended(w))
            assert_flat(w)
            await w.give(c.Resume)
            await w.engine.execute_signal(signal("ETH/USDT", quantity="0.2"))


async def test_an_entry_that_fills_while_it_is_cancelled_is_closed() -> None:
    async with world(**FREE) as w:
        receipt = await w.buy(PERP, quantity="0.01", price_limit=61000)
        assert isinstance(receipt.events[-1], e.OrderSubmitted)
        await w.until(lambda: w.venue.ledger.open)
        # given a cancel that hangs on its way, and a price that reaches the entry meanwhile
        w.venue.faults.script(Operation.CANCEL, Fault(kind=FaultKind.SWALLOWED))
        await w.give(c.Flatten)
        w.set(PERP, "60900", "0.2")
        await w.until(lambda: ended(w))
        assert_flat(w)
        assert len(w.venue.ledger.trades) == 2


# --- a crash at every write of the journal and every call of the venue


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_write_or_venue_call_ends_flat_once_and_never_flipped(
    is_done: bool,
) -> None:
    crashes = 0
    while True:
        # given a process that dies at this step of a flatten, between what a hand did there
        process = Process()
        process.is_done = is_done
        journal, store = DyingJournal(process), MemoryLedgerStore()
        through: dict[str, Any] = {"through": lambda venue, at=process: DyingVenue(venue, at)}
        async with world(**FREE, **through, journal=journal, store=store) as w:
            await two_sided(w)
            await w.buy("SOL/USDT", quantity="1", price_limit=100)
            await w.until(lambda: w.venue.ledger.open)
            process.steps_left = crashes
            tasks = [
                asyncio.create_task(w.give(c.Flatten)),
                asyncio.create_task(w.until(lambda: ended(w))),
                asyncio.create_task(process.crashed.wait()),
            ]
            await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            process.crashed.set()  # its end in good order is no step of a dead process
        if process.steps_left >= 0:
            break
        crashes += 1
        # when the next process takes up the journal
        alive = Process()
        journal.process = alive
        async with world(**FREE, journal=journal, store=store) as again:
            if again.engine.state.flatten is None:
                # it died before the wish was written down, and so before anything was sent
                assert len(again.venue.ledger.trades) == 2
                continue
            # then it ends flat, verified, and each exit was sent once
            await again.until(lambda: ended(again))
            assert_flat(again)
            assert len(again.venue.ledger.trades) == 4
    assert crashes >= 10

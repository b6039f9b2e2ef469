"""After any session the journal gives the live State, and the venue's ledger the same sums."""

import asyncio
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.fold import apply
from engine.orders import OrderStatus
from engine.risk_limits import RiskLimits
from engine.state import OpenOrders, State
from engine.venues.faults import Fault, FaultKind, FaultRate, Operation
from engine.venues.ledger import MemoryLedgerStore
from tests.engine.test_flatten import CrashingJournal
from tests.engine.world import World, signal, world

FREE: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(20), duplicate_window_s=0),
    "submit_timeout_s": 0.1,
    "settle_s": 1,
}
SYMBOLS = {"BTC/USDT": 61240, "ETH/USDT": 3396, "SOL/USDT": 150, "BTC/USDT:USDT": 61232}
STEPS = 150
FAULTS = (
    (Operation.SUBMIT, FaultKind.LOST, 80),
    (Operation.SUBMIT, FaultKind.DROPPED, 60),
    (Operation.SUBMIT, FaultKind.REFUSED, 60),
    (Operation.CANCEL, FaultKind.LOST, 100),
    (Operation.CANCEL, FaultKind.NOT_FOUND, 100),
    (Operation.LOOKUP, FaultKind.INCOMPLETE, 100),
    (Operation.FILLS, FaultKind.STALE, 200),
    (Operation.STREAM, FaultKind.DROPPED, 200),
    (Operation.STREAM, FaultKind.DUPLICATED, 200),
    (Operation.STREAM, FaultKind.REORDERED, 200),
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dispatch.FLATTEN_EVERY_S", 0.05)
    monkeypatch.setattr("engine.monitor.POLL_MIN_S", 0.02)
    monkeypatch.setattr("engine.monitor.POLL_MAX_S", 0.1)
    monkeypatch.setattr("engine.monitor.SEARCH_MAX_S", 0.2)
    monkeypatch.setattr("engine.monitor.CANCEL_MAX_S", 0.2)


async def act(w: World, dice: random.Random) -> None:
    """Do one random thing that an operator, a strategy or a market may do."""
    symbol = dice.choice(list(SYMBOLS))
    price = SYMBOLS[symbol] * dice.uniform(0.97, 1.03)
    size = Decimal(str(round(dice.uniform(50, 900) / price, 3)))
    fields: dict[str, Any] = {"quantity": max(size, Decimal("0.001"))}
    if dice.random() < 0.4:
        fields["price_limit"] = str(round(price, 2))
    if dice.random() < 0.5:
        fields["stop_loss_pct"] = dice.choice(["0.5", "2"])
    positions = list(w.engine.state.positions.values())
    orders = list(w.engine.state.orders)
    if w.engine.state.stop is not None and dice.random() < 0.3:
        await w.give(c.Resume)
    match dice.randrange(13):
        case 0 | 1 | 2 | 3:
            await w.give(c.SubmitSignal, signal=signal(symbol, "buy", **fields), venue="binance")
        case 4:
            perp = signal("BTC/USDT:USDT", "short", **fields)
            await w.give(c.SubmitSignal, signal=perp, venue="binance")
        case 5:
            await w.give(c.SubmitSignal, signal=signal(symbol, "sell"), venue="binance")
        case 6 if positions:
            position = dice.choice(positions)
            fraction = Decimal(dice.choice(["0.3", "0.5", "1"]))
            await w.give(c.ClosePosition, position_id=position.position_id, fraction=fraction)
        case 7 if orders:
            await w.give(c.CancelOrder, client_order_id=dice.choice(orders))
        case 8 if dice.random() < 0.3:
            await w.give(c.Halt)
        case 9:
            await w.give(c.Resume)
            await w.give(c.RearmBreaker)
        case 10:
            await w.give(dice.choice([c.Sweep, c.SampleEquity, c.RollDay]), actor=c.SCHEDULE)
        case 11 if dice.random() < 0.1:
            await w.give(c.Flatten)
        case _:
            w.set(symbol, str(round(price, 2)), "0.02")
            await asyncio.sleep(0.005)


def replayed(events: list[e.Event]) -> State:
    state = State()
    for event in events:
        state = apply(state, event)
    return state


async def settled(w: World) -> None:
    """Let everything come to rest: no faults, no unknown orders, no resting ones."""
    w.venue.faults.calm()
    await w.give(c.CancelEntries)
    resting = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)

    def at_rest() -> bool:
        orders = w.engine.state.orders.values()
        only_exits = all(order.is_exit and order.status in resting for order in orders)
        return only_exits and w.engine.state.flattening is None

    await w.until(at_rest)
    for _ in range(3):
        await next(iter(w.engine.dispatcher._monitors.values())).books()
        await w.give(c.Acknowledge, subject="settled")


def assert_equal_books(w: World) -> None:
    account, state = w.venue.ledger, w.engine.state
    # Fills that came in another order realise another share of a swap's gain by now: what is
    # equal at any time is cash less what the open swaps cost.
    here, there = state.cash["binance:USDT"], account.balances["USDT"].total
    for position in state.positions.values():
        if ":" in position.symbol:
            here -= position.entry_price * position.quantity
    for swap in account.positions.values():
        there -= swap.entry_price * swap.quantity
    assert abs(here - there) < Decimal("0.000001")
    for key, position in state.positions.items():
        base = position.symbol.partition("/")[0]
        if ":" in key.partition(":")[2]:
            assert position.quantity == account.positions[position.symbol].quantity
        else:
            assert position.quantity == account.balances[base].total
    for symbol, held in account.positions.items():
        if held.quantity:
            assert f"binance:{symbol}" in state.positions


def assert_no_entry_left_after_a_stop(w: World) -> None:
    """I12: what the venue accepted while we were halted is an exit."""
    slack = timedelta(milliseconds=100)  # what was on its way to the venue's worker
    halted_at = None
    halts: list[tuple[datetime, datetime]] = []
    for event in w.journal.events:
        if isinstance(event, e.TradingHalted) and halted_at is None:
            halted_at = event.at
        elif isinstance(event, e.TradingResumed) and halted_at is not None:
            halts.append((halted_at, event.at))
            halted_at = None
    if halted_at is not None:
        halts.append((halted_at, w.engine.clock.now()))
    purposes = {
        x.order.client_order_id: x.order.is_exit
        for x in w.journal.events
        if isinstance(x, e.OrderSubmitted)
    }
    for order in w.venue.ledger.orders.values():
        if not purposes[order.client_order_id or ""]:
            inside = [1 for begin, end in halts if begin + slack < order.accepted_at < end]
            assert not inside


def assert_sums_of_open_orders(state: State) -> None:
    """What rules read instead of walking through all open orders says what the orders say."""
    orders = state.orders.values()
    assert {key for key, on in state.open_on.items() if on == OpenOrders()} == set()
    assert state.open_on.keys() == {order.key for order in orders}
    for key, on in state.open_on.items():
        here = [order for order in orders if order.key == key]
        assert on.entries == sum(not order.is_exit for order in here)
        assert sorted(on.exits) == sorted(o.client_order_id for o in here if o.is_exit)
        assert sorted(on.unknown) == sorted(
            o.client_order_id for o in here if o.status is OrderStatus.UNKNOWN
        )


def assert_invariants(w: World) -> None:
    """Check what EXECUTION 11 promises, on the journal and at the venue."""
    events = w.journal.events
    named = [x.order.client_order_id for x in events if isinstance(x, e.OrderSubmitted)]
    assert len(named) == len(set(named))
    at_venue = [o.client_order_id for o in w.venue.ledger.orders.values()]
    assert len(at_venue) == len(set(at_venue))  # I1: at most one venue order per intent
    assert set(at_venue) <= set(named)  # I2: each is journaled
    fills = [x.fill.identity for x in events if isinstance(x, e.FillBooked)]
    assert len(fills) == len(set(fills))  # I5: each trade once
    assert len(fills) == len(w.venue.ledger.trades)
    assert_no_entry_left_after_a_stop(w)
    state = State()
    last: dict[str, tuple[Decimal, bool]] = {}
    for event in events:
        state = apply(state, event)
        assert_sums_of_open_orders(state)
        for name, order in (*state.orders.items(), *state.orders_finished.items()):
            filled, was_finished = last.get(name, (Decimal(0), False))
            assert order.filled >= filled  # I6: filled never decreases
            assert order.is_finished or not was_finished  # and finished stays finished
            last[name] = (order.filled, order.is_finished)


@pytest.mark.parametrize("seed", range(6))
async def test_a_long_session_replays_to_the_live_state_and_the_venue_s_own_sums(
    seed: int,
) -> None:
    dice = random.Random(seed)
    async with world(**FREE) as w:
        w.venue.faults.rates = tuple(
            FaultRate(operation=operation, fault=Fault(kind=kind), per_mille=rate if seed else 0)
            for operation, kind, rate in FAULTS
        )
        for _ in range(STEPS):
            await act(w, dice)
        await settled(w)
        assert replayed(w.journal.events) == w.engine.state
        assert_invariants(w)
        assert_equal_books(w)
        w.venue.ledger.audit()
    # and once more in another process
    async with world(**FREE, journal=w.journal, store=w.store) as again:
        await settled(again)
        assert replayed(again.journal.events) == again.engine.state
        assert_equal_books(again)


@pytest.mark.parametrize("seed", range(4))
async def test_a_session_of_crashes_loses_nothing_and_sends_nothing_twice(seed: int) -> None:
    # given a process that dies again and again, around an append or in between, on a bad line
    dice = random.Random(seed)
    journal, store = CrashingJournal(), MemoryLedgerStore()
    for life in range(6):
        journal.crashed.clear()
        journal.appends_left = None
        async with world(**FREE, journal=journal, store=store) as w:
            w.given = 10_000 * life
            w.venue.faults.rates = tuple(
                FaultRate(operation=operation, fault=Fault(kind=kind), per_mille=rate)
                for operation, kind, rate in FAULTS
            )
            journal.is_stored = dice.random() < 0.5
            journal.appends_left = dice.randrange(5, 40)
            for _ in range(60):
                doing = asyncio.create_task(act(w, dice))
                died = asyncio.create_task(journal.crashed.wait())
                await asyncio.wait([doing, died], return_when=asyncio.FIRST_COMPLETED)
                doing.cancel()
                died.cancel()
                await asyncio.gather(doing, died, return_exceptions=True)
                if journal.crashed.is_set():
                    break
    # when it lives at last
    journal.appends_left = None
    async with world(**FREE, journal=journal, store=store) as last:
        last.given = 10_000_000
        await settled(last)
        # then
        assert replayed(journal.events) == last.engine.state
        assert_invariants(last)
        assert_equal_books(last)

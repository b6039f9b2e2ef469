"""Flatten ends flat, verified at the venue, whatever fails on the way and wherever we crash."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.journal_memory import MemoryJournal
from engine.orders import OrderSide
from engine.ports import Step
from engine.risk_limits import RiskLimits
from engine.state import State
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import World, signal, world

FREE: dict[str, Any] = {
    "confirm": ConfirmPolicy(mode=ConfirmMode.NEVER),
    "limits": RiskLimits(order_notional_pct_max=Decimal(50)),
    "submit_timeout_s": 0.2,
    "settle_s": 1,
}
PERP = "BTC/USDT:USDT"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dispatch.FLATTEN_EVERY_S", 0.05)
    monkeypatch.setattr("engine.decide.flatten.LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr("engine.monitor.POLL_MIN_S", 0.02)
    monkeypatch.setattr("engine.monitor.POLL_MAX_S", 0.2)
    monkeypatch.setattr("engine.monitor.SEARCH_MAX_S", 0.2)


async def fill(w: World, symbol: str, quantity: str, action: str = "buy", **fields: Any) -> None:
    wish = signal(symbol, action, quantity=quantity, **fields)
    result = await w.engine.execute_signal(wish)
    assert result.success, result.error


async def two_sided(w: World) -> None:
    await fill(w, "ETH/USDT", "0.3", stop_loss_pct=2)
    await fill(w, PERP, "0.01", "short", stop_loss_pct=2)


async def flat(w: World) -> None:
    await w.until(lambda: w.engine.state.flatten and w.engine.state.flatten.ended_at)
    assert w.engine.state.positions == {}
    assert w.engine.state.orders == {}
    assert_venue_flat(w)


def assert_venue_flat(w: World) -> None:
    account = w.venue.ledger
    assert not account.open
    assert all(position.quantity == 0 for position in account.positions.values())
    assert {b.currency for b in account.balances.values() if b.total} == {"USDT"}


async def test_longs_and_shorts_are_closed_and_verified() -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        resting = await w.buy("SOL/USDT", quantity="1", price_limit=100)
        assert isinstance(resting.events[-1], e.OrderSubmitted)
        answer = await w.engine.emergency_stop_all()
        assert set(answer) == {"cancelled_orders", "closed_positions", "errors"}
        assert answer["errors"] == []
        assert answer["cancelled_orders"] == [resting.events[-1].order.client_order_id]
        assert sorted(answer["closed_positions"]) == ["binance:BTC/USDT:USDT", "binance:ETH/USDT"]
        await flat(w)
        assert w.engine.state.stop is not None


async def test_a_resting_exit_does_not_stand_between_us_and_flat() -> None:
    async with world(**FREE) as w:
        await fill(w, "ETH/USDT", "0.3")
        receipt = await w.give(
            c.SubmitSignal, signal=signal("eth", "sell", price_limit=9000), venue="binance"
        )
        assert isinstance(receipt.events[-1], e.OrderSubmitted)
        await w.give(c.Flatten)
        await flat(w)


@pytest.mark.parametrize(
    "kind",
    [FaultKind.REFUSED, FaultKind.DROPPED, FaultKind.SWALLOWED, FaultKind.LOST, FaultKind.HANGING],
)
async def test_a_venue_that_fails_once_holds_up_its_own_item_only(kind: FaultKind) -> None:
    async with world(**FREE) as w:
        await two_sided(w)
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=kind))
        await w.give(c.Flatten)
        await w.until(lambda: PERP not in str(list(w.engine.state.positions)))
        await flat(w)


async def test_an_unknown_exit_on_a_swap_is_replaced_and_never_flips() -> None:
    async with world(**(FREE | {"settle_s": 30})) as w:
        await fill(w, PERP, "0.01", "short")
        w.venue.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.SWALLOWED))
        await w.give(c.Flatten)
        await w.until(lambda: not w.engine.state.positions)
        assert w.venue.ledger.positions[PERP].quantity == 0
        bought = [t for t in w.venue.ledger.trades if t.side is OrderSide.BUY]
        assert sum(trade.quantity for trade in bought) == Decimal("0.01")


async def test_a_venue_that_is_down_is_shouted_and_flat_comes_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.decide.flatten.ALERT_AFTER_S", 0)
    monkeypatch.setattr("engine.decide.flatten.ASK_AGAIN_S", 0)
    async with world(**FREE) as w:
        await fill(w, "ETH/USDT", "0.3")
        w.venue.faults.go_down()
        answer = await w.engine.emergency_stop_all(timeout_s=0.5)
        assert answer["errors"]
        assert answer["closed_positions"] == []
        assert any(isinstance(event, e.FlattenStillOpen) for event in w.journal.events)
        w.venue.faults.come_up()
        await flat(w)


async def test_dust_does_not_hold_up_flat() -> None:
    async with world(**FREE) as w:
        await fill(w, "ETH/USDT", "0.3")
        sold = await w.engine.execute_signal(signal("eth", "sell", quantity="0.299"))
        assert sold.success
        await w.give(c.Flatten)
        await w.until(lambda: w.engine.state.flatten and w.engine.state.flatten.ended_at)
        assert w.engine.state.positions["binance:ETH/USDT"].quantity == Decimal("0.001")


async def test_what_a_falling_price_made_dust_does_not_hold_up_flat_nor_its_resume() -> None:
    async with world(**FREE) as w:
        # given a remainder that was worth an order at its entry, and is not at today's price
        await fill(w, "ETH/USDT", "0.3")
        sold = await w.engine.execute_signal(signal("eth", "sell", quantity="0.2985"))
        assert sold.success
        w.set("ETH/USDT", "3300")
        # when everything is to be closed
        await w.give(c.Flatten)
        await w.until(lambda: w.engine.state.flatten and w.engine.state.flatten.ended_at)
        # then no order is sent that the venue must refuse, and nobody is locked out
        assert w.engine.state.positions["binance:ETH/USDT"].quantity == Decimal("0.0015")
        assert not [o for o in w.engine.state.orders_finished.values() if o.intent == "flatten"]
        receipt = await w.give(c.Resume)
        assert isinstance(receipt.events[-1], e.TradingResumed)


class CrashingJournal(MemoryJournal):
    """Let the process die around one append: just before it is stored, or just after."""

    def __init__(self) -> None:
        super().__init__()
        self.appends_left: int | None = None
        self.is_stored = False
        self.crashed = asyncio.Event()

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        if self.appends_left == 0:
            if self.is_stored:
                await super().append(steps, before, after)
            self.crashed.set()
            await asyncio.Event().wait()  # nobody lives to see the answer
        if self.appends_left is not None:
            self.appends_left -= 1
        await super().append(steps, before, after)


@pytest.mark.parametrize("is_stored", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_step_of_a_flatten_is_continued_to_flat(
    is_stored: bool,
) -> None:
    settings = FREE | {"settle_s": 0, "submit_timeout_s": 0.1}
    crashes, appends = 0, 0
    while True:
        # given a process that dies at this step of a flatten
        journal = CrashingJournal()
        async with world(**settings, journal=journal) as w:
            await two_sided(w)
            await w.buy("SOL/USDT", quantity="1", price_limit=100)
            journal.is_stored = is_stored
            journal.appends_left = appends
            stop = asyncio.create_task(w.give(c.Flatten))
            ended = asyncio.create_task(flat(w))
            died = asyncio.create_task(journal.crashed.wait())
            await asyncio.wait([ended, died], return_when=asyncio.FIRST_COMPLETED)
            for task in (stop, ended, died):
                task.cancel()
            await asyncio.gather(stop, ended, died, return_exceptions=True)
        if not journal.crashed.is_set():
            break
        crashes, appends = crashes + 1, appends + 1
        # when the next process takes up the journal
        journal.appends_left = None
        async with world(**settings, journal=journal, store=w.store) as again:
            # then it ends flat, by exits that each were sent once
            if again.engine.state.flatten is None:
                assert (appends, is_stored) == (1, False)
                continue
            await flat(again)
            sold = sum(t.quantity for t in again.venue.ledger.trades if t.symbol == "ETH/USDT")
            assert sold == Decimal("0.6")
    assert crashes >= 4

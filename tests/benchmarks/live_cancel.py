"""Live cancel: how long a cancel takes to the exchange while entries wait in the budget."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import count

from engine import SignalAction, TradingSignal
from engine import commands as c
from engine import events as e
from engine.orders import Order, OrderStatus
from engine.state import State
from tests.benchmarks.account import PROGRAM
from tests.benchmarks.causes import sampled
from tests.benchmarks.effort import Effort
from tests.benchmarks.live_account import SWAP, LiveRoom, live_room
from tests.benchmarks.rows import MS, Row, baseline_of, p99_below, row_of

# Its budget is the tightest of the deep venues': 24 entries a second, and 16 kept for the way out.
VENUE = "bybit"
WAITING = 50
RESTING, IDLE = 16, 6
TURN_S, WAIT_S = 0.002, 30.0
FAR = Decimal(50000)
TICK = Decimal("0.1")
LOT = Decimal("0.001")


async def cancels(effort: Effort) -> list[Row]:
    """Cancel resting orders one by one: with nobody waiting, then behind fifty entries."""
    async with live_room(effort.room("live-cancel"), VENUE) as room:
        trial = _Trial(room)
        await trial.round()
        trial.idle.clear()
        trial.behind.clear()
        for _ in effort.turns(20, quick=1, budget_s=100.0):
            await trial.round()
        row = await _row(trial)
        if row.missed:
            with sampled() as shares:
                await trial.round()
            row = replace(row, measured=(shares.sentence(),))
    return [row]


class _Trial:
    """Take samples; a decision is noted when it is committed, and when it was asked for."""

    def __init__(self, room: LiveRoom) -> None:
        self.room = room
        self.idle: dict[str, float] = {}
        self.behind: dict[str, float] = {}
        self._numbers = count(1)
        self._decided_s: dict[str, float] = {}
        self._wishes: set[asyncio.Task[None]] = set()
        room.engine.loop.subscribe(self._see)

    async def round(self) -> None:
        """Rest some orders, cancel a few, fill the budget's queue, and cancel the others."""
        for _ in range(RESTING):
            self._wish()
        await self._until(lambda: len(self._resting()) >= RESTING)
        resting = self._resting()
        for order in resting[:IDLE]:
            await self._cancel(order, self.idle)
        for order in resting[IDLE:]:
            missing = WAITING - self.room.venue.vitals.waiting
            for _ in range(missing):
                self._wish()
            await self._until(lambda: self.room.venue.vitals.waiting >= WAITING)
            await self._cancel(order, self.behind)
        await asyncio.gather(*self._wishes)
        await self.room.engine.send(
            c.CancelEntries(
                command_id=f"clear {next(self._numbers)}", actor=PROGRAM, at=self._now()
            )
        )
        await self._until(lambda: not self.room.engine.state.orders)

    def _wish(self) -> None:
        """Ask for an entry far below the market, which rests."""
        number = next(self._numbers)
        signal = TradingSignal(
            symbol=SWAP,
            action=SignalAction.BUY,
            quantity=LOT * (1 + number % 7),
            price_limit=FAR + TICK * number,
        )
        command = c.SubmitSignal(
            command_id=f"wish {number}", actor=PROGRAM, at=self._now(), signal=signal, venue=VENUE
        )

        async def send() -> None:
            receipt = await self.room.engine.send(command)
            assert any(isinstance(each, e.OrderSubmitted) for each in receipt.events), receipt

        # No TaskGroup: it ends by itself, and each round waits for all of them.
        task = asyncio.create_task(send())
        self._wishes.add(task)
        task.add_done_callback(self._wishes.discard)

    async def _cancel(self, order: Order, into: dict[str, float]) -> None:
        """Cancel an order and wait until it is seen gone."""
        name = order.client_order_id
        await self.room.engine.send(
            c.CancelOrder(
                command_id=f"cancel {name}", actor=PROGRAM, at=self._now(), client_order_id=name
            )
        )
        into[name] = self._decided_s[name]
        await self._until(lambda: name not in self.room.engine.state.orders)

    def _see(self, event: e.Event, _state: State, _received_s: float) -> None:
        if isinstance(event, e.OrderCancelRequested):
            self._decided_s[event.client_order_id] = time.monotonic()

    def _resting(self) -> list[Order]:
        orders = self.room.engine.state.orders.values()
        return [each for each in orders if each.status is OrderStatus.ACCEPTED]

    def _now(self) -> datetime:
        return self.room.engine.clock.now()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not is_so():  # noqa: ASYNC110 - a queue that grows wakes nobody
                await asyncio.sleep(TURN_S)


async def _row(trial: _Trial) -> Row:
    arrived_s = (await trial.room.arrivals()).cancelled
    behind, idle = (
        [(arrived_s[name] - decided_s) * MS for name, decided_s in samples.items()]
        for samples in (trial.behind, trial.idle)
    )
    return row_of(
        "live.cancel",
        "ms",
        behind,
        p99_below(20.0),
        beside=baseline_of("nobody waiting", "ms", idle, note="the same cancel, an idle budget"),
        note=f"a cancel from its committed decision until it reached the test exchange, while "
        f"{WAITING} entries wait in the request budget",
        cause="its turn in the budget, ccxt's signing, a connection of its own",
    )

"""ExecutionEngine: the engine as a program holds it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine import commands as c
from engine import events as e
from engine.commands import Actor, ActorKind
from engine.copies import quick
from engine.emergency import Emergency
from engine.errors import EngineStopped, InvalidInput
from engine.instruments import symbol_named
from engine.numbers import HUNDRED, ONE, positive
from engine.orders import Order, OrderStatus
from engine.performance import metrics_of
from engine.ports import Clock, Journal, Lease, Quotes, Venue
from engine.positions import Position
from engine.runtime import EngineSettings, Runtime
from engine.signals import TradingSignal
from engine.state import State
from engine.tickets import Ticket

log = logging.getLogger("engine.execution")

CALLBACKS = ("on_filled", "on_partial_fill", "on_cancelled", "on_rejected", "on_timeout")
PROGRAM = Actor(kind=ActorKind.PROGRAM, name="python")

Callback = Callable[[Order], Awaitable[None] | None]


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """Say what became of a signal; `success` only for a complete fill."""

    success: bool
    order: Order | None = None
    position: Position | None = None
    ticket: Ticket | None = None
    error: str | None = None


class ExecutionEngine(Runtime):
    """Add the Python interface to the runtime."""

    def __init__(
        self,
        *,
        journal: Journal,
        venues: Mapping[str, Venue],
        quotes: Quotes,
        clock: Clock,
        settings: EngineSettings,
        jitter: random.Random,
        lease: Lease | None = None,
        emergency: Emergency | None = None,
    ) -> None:
        """Wire the parts; nothing runs before `start`. Without a `lease` it is alone."""
        super().__init__(
            journal=journal,
            venues=venues,
            quotes=quotes,
            clock=clock,
            settings=settings,
            jitter=jitter,
            lease=lease,
            emergency=emergency,
        )
        self._waiters: dict[str, list[asyncio.Future[Order]]] = {}
        self._flat_waiters: list[asyncio.Future[None]] = []
        self._callbacks: dict[str, list[Callback]] = {name: [] for name in CALLBACKS}
        self._calls: set[asyncio.Task[None]] = set()
        self._sent = 0
        self.loop.subscribe(self._see)

    async def stop(self) -> None:
        """End in good order; who still waits for an order is told that the engine stopped."""
        await super().stop()
        self._give_up()

    def _give_up(self) -> None:
        stopped = EngineStopped("The engine has stopped; the order goes on at the venue.")
        futures: list[asyncio.Future[Any]] = [*self._flat_waiters]
        for waiters in self._waiters.values():
            futures.extend(waiters)
        for future in futures:
            if not future.done():
                future.set_exception(stopped)

    def _ended(self, task: asyncio.Task[None]) -> None:
        super()._ended(task)
        self._give_up()

    async def execute_signal(
        self, signal: TradingSignal, venue: str | None = None
    ) -> ExecutionResult:
        """Trade a signal; return when its order is finished, or a ticket was opened, or in time.

        A signal with a `signal_id` is consumed once, whatever happens; a repeat gives the first
        outcome. The wait ends after the order's timeout, with `success` False for less than a fill.

        Raises: EngineStopped, QueueFull, JournalUnavailable, InvalidInput for an unknown venue.
        """
        where = venue or signal.venue or self.settings.accounts[0]
        if where not in self.settings.accounts:
            known = ", ".join(self.settings.accounts)
            raise InvalidInput(f"There is no venue {where} here; there is {known}.")
        receipt = await self.send(
            c.SubmitSignal(
                command_id=self._command_id(signal.signal_id, signal.strategy),
                actor=PROGRAM,
                at=self.clock.now(),
                signal=signal,
                venue=where,
            )
        )
        events = receipt.events
        # A receipt holds a whole State: a thousand who wait for fills must not keep one each.
        del receipt
        return await self._result(events)

    async def close_position(
        self, symbol: str, venue: str | None = None, percent: Decimal | float | str = 100
    ) -> ExecutionResult:
        """Close a share of the position on a symbol, in percent, at market."""
        share = min(ONE, positive(percent, "The percentage") / HUNDRED)
        for key, position in self.state.positions.items():
            named = symbol_named(symbol, [position.symbol], quote=self.state.currency)
            if named is not None and venue in (None, position.venue):
                command = c.ClosePosition(
                    command_id=self._command_id(None, "close"),
                    actor=PROGRAM,
                    at=self.clock.now(),
                    position_id=self.state.positions[key].position_id,
                    fraction=share,
                )
                return await self._result((await self.send(command)).events)
        return ExecutionResult(success=False, error=f"There is no position on {symbol}.")

    async def emergency_stop_all(
        self, reason: str = "emergency stop", timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Halt, cancel, close everything, and verify at the venues.

        Returns `cancelled_orders` and `closed_positions` as lists of names, and `errors`, which is
        empty when everything is flat, verified.
        """
        before = self.state
        flat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flat_waiters.append(flat)
        command_id = self._command_id(None, reason)
        errors: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                await self.send(
                    c.Flatten(command_id=command_id, actor=PROGRAM, at=self.clock.now())
                )
                await flat
        except TimeoutError:
            # Latched all the same; the engine goes on, and journals it as soon as it can.
            run = self.state.flattening
            lines = run.still_open if run is not None else ()
            errors = list(lines) or [f"not verified flat within {timeout_s:.0f} s"]
        after = self.state
        return {
            "cancelled_orders": [
                order.client_order_id
                for order in before.entries()
                if (now := after.order(order.client_order_id)) is not None
                and now.status is OrderStatus.CANCELED
            ],
            "closed_positions": [key for key in before.positions if key not in after.positions],
            "errors": errors,
        }

    def activate_circuit_breaker(self, reason: str) -> None:
        """Latch the breaker at once; it is journaled as soon as the loop turns."""
        command_id = self._command_id(None, "trip")
        self.loop.post(
            c.TripBreaker(command_id=command_id, actor=PROGRAM, at=self.clock.now(), reason=reason)
        )

    def deactivate_circuit_breaker(self) -> None:
        """Re-arm every breaker; entries are allowed again once that is journaled."""
        command_id = self._command_id(None, "rearm")
        self.loop.post(c.RearmBreaker(command_id=command_id, actor=PROGRAM, at=self.clock.now()))

    def register_callback(self, name: str, callback: Callback) -> None:
        """Call back with the Order on `on_filled`, `on_partial_fill`, `on_cancelled`,
        `on_rejected` or `on_timeout`; plain and async functions both work.

        Raises: InvalidInput for another name.
        """
        if name not in self._callbacks:
            raise InvalidInput(f"There is no {name}; there is {', '.join(CALLBACKS)}.")
        self._callbacks[name].append(callback)

    def get_performance_metrics(self) -> dict[str, Any]:
        """Give counts, positions, risk, slippage and latency as plain numbers."""
        return metrics_of(
            self.performance,
            self.state,
            self.quotes.latest(),
            is_running=self.is_running,
            is_latched=self.loop.breaker_latched,
        )

    def _command_id(self, signal_id: str | None, name: str) -> str:
        """Name a command: by the source's own id where it has one, else never used before."""
        if signal_id is not None:
            return f"signal:{name}:{signal_id}"
        self._sent += 1
        return f"run:{self.started_at_seq}:{self._sent}:{name}"

    async def _result(self, events: tuple[e.Event, ...]) -> ExecutionResult:
        """Wait for the order that a command led to, if there is one."""
        for event in events:
            match event:
                case e.OrderSubmitted(order=order):
                    return await self._finished(order)
                case e.TicketOpened(ticket=ticket):
                    return ExecutionResult(
                        success=False,
                        ticket=self.state.ticket(ticket.ticket_id) or ticket,
                        error=f"{ticket.short_id} waits for a person.",
                    )
                case e.OrderDenied(breaches=breaches):
                    return ExecutionResult(
                        success=False, error="; ".join(breach.sentence for breach in breaches)
                    )
                case e.CommandRefused(sentence=sentence):
                    return ExecutionResult(success=False, error=sentence)
                case _:
                    continue
        return ExecutionResult(success=False, error="Nothing was done.")

    async def _finished(self, submitted: Order) -> ExecutionResult:
        identity = submitted.client_order_id
        order = self.state.order(identity) or await self.journal.find_order(identity) or submitted
        if not order.is_finished:
            order = await self._wait(order)
        position = self.state.positions.get(order.key)
        if order.status is OrderStatus.FILLED:
            return ExecutionResult(success=True, order=order, position=position)
        why = f": {order.refusal}" if order.refusal else ""
        error = f"{order.short_id} is {order.status}{why}"
        return ExecutionResult(success=False, order=order, position=position, error=error)

    async def _wait(self, order: Order) -> Order:
        future: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(order.client_order_id, [])
        waiters.append(future)
        try:
            async with asyncio.timeout(self.settings.order_timeout_s):
                return await future
        except TimeoutError:
            now = self.state.order(order.client_order_id) or order
            self._call("on_timeout", now)
            # A program may run without the schedule that cancels what waited too long.
            name = self._command_id(None, "timeout")
            self.loop.post(c.Sweep(command_id=name, actor=c.ENGINE, at=self.clock.now()))
            return now
        finally:
            waiters.remove(future)
            if not waiters:
                self._waiters.pop(order.client_order_id, None)

    def _see(self, event: e.Event, state: State, _received_s: float) -> None:
        """Wake who waits, and call back who asked to be told."""
        if isinstance(event, e.FlattenEnded):
            for flat in self._flat_waiters:
                if not flat.done():
                    flat.set_result(None)
            self._flat_waiters.clear()
        identity = _order_of(event)
        order = state.order(identity) if identity is not None else None
        if order is None:
            return
        if order.is_finished:
            for future in self._waiters.get(order.client_order_id, ()):
                if not future.done():
                    future.set_result(order)
        name = _callback_of(event, order)
        if name is not None:
            self._call(name, order)

    def _call(self, name: str, order: Order) -> None:
        for callback in self._callbacks[name]:
            task = asyncio.get_running_loop().create_task(_called(callback, order), name=name)
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)


async def _called(callback: Callback, order: Order) -> None:
    try:
        answer = callback(order)
        if answer is not None:
            await answer
    except Exception:  # task boundary: a program's own callback must not stop the engine
        log.exception("a callback failed for %s", order.client_order_id)


def _order_of(event: e.Event) -> str | None:
    match event:
        case e.FillBooked(fill=fill):
            return fill.client_order_id
        case (
            e.OrderNotSent()
            | e.OrderRejected()
            | e.OrderCanceled()
            | e.OrderExpired()
            | e.OrderAccepted()
        ):
            return event.client_order_id
        case _:
            return None


def _callback_of(event: e.Event, order: Order) -> str | None:
    match event:
        case e.FillBooked():
            return "on_filled" if order.status is OrderStatus.FILLED else "on_partial_fill"
        case e.OrderCanceled() | e.OrderExpired():
            return "on_cancelled"
        case e.OrderRejected() | e.OrderNotSent():
            return "on_rejected"
        case _:
            return None

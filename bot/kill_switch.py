"""The kill switch from a shell: give the command, say what becomes of it, give an exit code.

The side door of a running process and the direct way both work through this, so they say the same.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from engine import commands as c
from engine import events as e
from engine.commands import Actor
from engine.errors import EngineError
from engine.execution import ExecutionEngine
from engine.numbers import plain
from engine.orders import Order
from engine.ports import Clock
from engine.receipts import Receipt
from engine.risk_limits import TradingState
from engine.state import State

Say = Callable[[str], None]

DONE: Final = 0
NOT_DONE: Final = 1
CONFIRM_S: Final = 10.0
CANCEL_S: Final = 15.0
FLATTEN_S: Final = 120.0
LOOK_S: Final = 1.0
EVENTS_WAITING_MAX: Final = 1000


class _Watch:
    """Keep the newest events until they are read; the oldest go when too many wait."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[e.Event, State]] = deque(maxlen=EVENTS_WAITING_MAX)
        self._news = asyncio.Event()

    def put(self, event: e.Event, state: State) -> None:
        self._waiting.append((event, state))
        self._news.set()

    async def get(self, timeout_s: float) -> tuple[e.Event, State] | None:
        """Give the next event; None when none came in time."""
        if not self._waiting:
            self._news.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
            except TimeoutError:
                return None
        return self._waiting.popleft()


class KillSwitch:
    """Stop or flatten a running engine, and tell in lines what happens.

    `cancel_s` and `flatten_s` bound how long an outcome is waited for; the engine goes on after.
    """

    def __init__(
        self,
        engine: ExecutionEngine,
        clock: Clock,
        *,
        cancel_s: float = CANCEL_S,
        flatten_s: float = FLATTEN_S,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._cancel_s = cancel_s
        self._flatten_s = flatten_s
        self._watches: list[_Watch] = []
        engine.loop.subscribe(self._see)

    def status(self, say: Say) -> int:
        """Say how things stand."""
        state = self._engine.state
        say(f"Trading is {state.trading.upper()}{_why(state)}.")
        positions, orders = len(state.positions), len(state.orders)
        say(f"{positions} positions and {orders} open orders; the journal is at {state.seq}.")
        if state.flattening is not None:
            say("A flatten is under way.")
        if not self._engine.is_running:
            say("The engine has stopped: nothing new leaves, and nothing is watched.")
            return NOT_DONE
        return DONE

    async def stop(self, actor: Actor, say: Say) -> int:
        """Halt, cancel the open entries; DONE once both are confirmed."""
        command = c.Halt(command_id=_named("stop"), actor=actor, at=self._clock.now())
        with self._watching() as watch:
            receipt = await self._confirmed(lambda: self._engine.latch_stop(command), say)
            if receipt is None:
                return NOT_DONE
            say(f"Halted{_why(receipt.state)}: no new entries. Exits and watched stops go on.")
            await self._told(watch, say, self._cancel_s, lambda _: not self._engine.state.entries())
        entries = self._engine.state.entries()
        if entries:
            lines = "; ".join(_order_words(order) for order in entries)
            say(f"Still open: {lines}. The cancels are repeated as long as the process runs.")
            return NOT_DONE
        say("No entry is open.")
        return DONE

    async def flatten(self, actor: Actor, say: Say, *, with_external: bool = False) -> int:
        """Halt, close everything; DONE once every venue has shown itself flat, but for dust."""
        command = c.Flatten(
            command_id=_named("flatten"),
            actor=actor,
            at=self._clock.now(),
            with_external=with_external,
        )
        with self._watching() as watch:
            receipt = await self._confirmed(lambda: self._engine.loop.send(command), say)
            if receipt is None:
                return NOT_DONE
            if self._engine.loop.in_emergency:
                say("The journal is away: this is recorded beside it, and merged when it is back.")
            if not any(isinstance(event, e.FlattenStarted) for event in receipt.events):
                say("A flatten is under way already; this waits for its end.")
            ended = await self._told(
                watch, say, self._flatten_s, lambda event: isinstance(event, e.FlattenEnded)
            )
        if ended:
            dust = [
                f"{key} {plain(position.quantity)}"
                for key, position in self._engine.state.positions.items()
            ]
            but = f" but dust: {'; '.join(dust)}" if dust else ""
            say(f"Flat: every venue was asked and shows nothing of ours{but}.")
            return DONE
        say(f"Still open: {'; '.join(_open_lines(self._engine.state))}.")
        return NOT_DONE

    async def _confirmed(
        self, give: Callable[[], asyncio.Future[Receipt]], say: Say
    ) -> Receipt | None:
        """Give a command and wait for the journal's word; None, and a line, when there is none.

        The engine keeps a stop that the journal could not take, and goes on trying.
        """
        try:
            async with asyncio.timeout(CONFIRM_S):
                return await asyncio.shield(give())
        except TimeoutError:
            say(
                "Halted in memory, nothing new leaves; but the journal does not confirm it. "
                "Is the disk full, or the database down?"
            )
        except EngineError as fault:
            say(f"The engine did not take it: {fault}")
        return None

    async def _told(
        self, watch: _Watch, say: Say, patience_s: float, done: Callable[[e.Event | None], bool]
    ) -> bool:
        """Say events as they come until one is the last; False when patience or engine ends."""
        until = self._clock.monotonic() + patience_s
        if done(None):
            return True
        while (left := until - self._clock.monotonic()) > 0 and self._engine.is_running:
            found = await watch.get(min(LOOK_S, left))
            if found is None:
                if done(None):
                    return True
                continue
            event, state = found
            line = line_of(event, state)
            if line is not None:
                say(line)
            if done(event):
                return True
        if not self._engine.is_running:
            say("The engine has stopped.")
        return False

    @contextmanager
    def _watching(self) -> Iterator[_Watch]:
        watch = _Watch()
        self._watches.append(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)

    def _see(self, event: e.Event, state: State, _: float) -> None:
        for watch in self._watches:
            watch.put(event, state)


def line_of(event: e.Event, state: State) -> str | None:
    """Put an event in a line, if it belongs to a stop or a flatten."""
    match event:
        case e.FlattenStarted(keys=keys, quantities=quantities):
            if not keys:
                return "Halted. No position is open; the venues are asked."
            held = "; ".join(
                f"{key} {plain(quantity)}" for key, quantity in zip(keys, quantities, strict=True)
            )
            return f"Halted. Closing {held}."
        case e.FillBooked(fill=fill):
            if fill.key in state.positions:
                left = plain(state.positions[fill.key].quantity)
                return f"{fill.key}: {fill.side} {plain(fill.quantity)} filled, {left} left."
            return f"{fill.key}: closed at {plain(fill.price)}."
        case (
            e.OrderCanceled(client_order_id=client_order_id)
            | e.OrderExpired(client_order_id=client_order_id)
            | e.OrderNotSent(client_order_id=client_order_id)
            | e.OrderRejected(client_order_id=client_order_id)
            | e.OrderUnknown(client_order_id=client_order_id)
        ):
            order = state.order(client_order_id)
            return None if order is None else f"{_order_words(order)}."
        case e.FlattenHurried():
            return "Tried again at once."
        case e.FlattenVerified(venue=venue):
            return f"{venue} shows itself flat."
        case e.FlattenStillOpen(lines=lines):
            return f"Still open so far: {'; '.join(lines)}."
        case e.VenueWentSilent(venue=venue):
            return f"{venue} does not answer; it is asked again and again."
        case _:
            return None


def _order_words(order: Order) -> str:
    status = order.status.replace("_", " ").lower()
    why = f" ({order.refusal})" if order.refusal else ""
    return f"{order.key}: {order.side} order {order.short_id} is {status}{why}"


def _open_lines(state: State) -> list[str]:
    run = state.flattening
    if run is not None and run.still_open:
        return list(run.still_open)
    held = [f"{key} {plain(position.quantity)}" for key, position in state.positions.items()]
    orders = [_order_words(order) for order in state.orders.values()]
    return held + orders or ["a venue has not shown itself flat yet"]


def _why(state: State) -> str:
    if state.trading is TradingState.ACTIVE:
        return ""
    if state.stop is not None:
        return f" since {state.stop.since:%Y-%m-%d %H:%M:%S} UTC by {state.stop.by}"
    kinds = [breaker.kind for breaker in state.breakers.values() if not breaker.scope.key]
    if not kinds:
        return f" by {state.restrictions[''].by}"
    return f" by the breaker {', '.join(kinds)}"


def _named(verb: str) -> str:
    return f"shell:{verb}:{secrets.token_hex(8)}"

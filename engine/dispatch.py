"""Dispatch: what committed events set in motion. Every venue call runs in a task of its own."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import ParamSpec, assert_never

from engine import commands as c
from engine import events as e
from engine.counted import Counted
from engine.decide import decide
from engine.errors import EngineStopped
from engine.loop import Loop
from engine.monitor import OrderMonitor
from engine.orders import Order, OrderStatus
from engine.ports import Clock, Gate, Known, Lease, Quotes, Venue
from engine.rates import route
from engine.reports import Report
from engine.sending import HALTED, withheld
from engine.state import State
from engine.watch import Watch

ENTRY_AGE_MAX = timedelta(seconds=2)
TOO_OLD = "more than 2 s old before it was sent"
LEASE_LOST = "the lease was lost before it was sent: another process may trade by now"
FLATTEN_EVERY_S = 1.0
STOP_WAIT_S = 1.0
TEND_EVERY_S = 1.0
BREAKERS_EVERY_S = 1.0
RESTART_S = 1.0

log = logging.getLogger("engine.dispatch")

LOOK_WAIT_S = 3.0  # how long a start waits for the venues' books

NOTHING_KNOWN = Known()

P = ParamSpec("P")


class Dispatcher:
    """Own the tasks: the loop, a monitor per venue, the watch, the ticks of flatten and stop."""

    def __init__(
        self,
        *,
        loop: Loop,
        venues: Mapping[str, Venue],
        quotes: Quotes,
        clock: Clock,
        lease: Lease,
        timeout_s: float,
        jitter: random.Random,
        sent: Callable[[str], None] = lambda _client_order_id: None,
    ) -> None:
        """Wire the parts; `timeout_s` bounds every venue call, `sent` hears of each order."""
        self._sent = sent
        self._loop = loop
        self._clock = clock
        self._lease = lease
        self._quotes = quotes
        self._group: asyncio.TaskGroup | None = None
        self._ready = asyncio.Event()
        self._asking = False
        counted = {name: Counted(venue, clock) for name, venue in venues.items()}
        self._monitors = {
            name: OrderMonitor(
                venue=venue,
                clock=clock,
                state=lambda: loop.state,
                report=self._report,
                timeout_s=timeout_s,
                jitter=jitter,
            )
            for name, venue in counted.items()
        }
        loop.gathering.count(counted)
        self._watch = Watch(quotes=quotes, clock=clock, state=lambda: loop.state, post=self._post)
        loop.subscribe(self._see)

    async def run(self) -> None:
        """Run until cancelled; the loop's end ends everything."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._loop.run(), name="loop")
            self._ready.set()

    async def recover(self) -> None:
        """Take up what the last process left: open questions, cancels, a flatten, the books."""
        await self._ready.wait()
        state = self._loop.state
        keys = (*state.positions, *(order.key for order in state.orders.values()))
        for key in dict.fromkeys(keys):
            self._quotes.follow(key)
        self._follow_rates(state)
        looks = [self._start(monitor.books) for monitor in self._monitors.values()]
        # One that is silent is looked at when it speaks; no entry goes there before.
        await asyncio.wait([look for look in looks if look is not None], timeout=LOOK_WAIT_S)
        for order in state.orders.values():
            monitor = self._monitors[order.venue]
            if order.status is OrderStatus.UNKNOWN:
                self._start(monitor.search, order.client_order_id)
            if order.cancel_requested and not order.held:
                self._start(monitor.cancel, order.client_order_id)
            monitor.wake()
        for monitor in self._monitors.values():
            self._start(self._kept, monitor.follow)
            self._start(self._kept, monitor.poll)
            self._start(self._kept, monitor.watch_books)
            self._start(self._kept, monitor.sweep_fills)
        self._start(self._kept, self._tick_flatten)
        self._start(self._kept, self._tick_stop)
        self._start(self._kept, self._tick_protection)
        self._start(self._kept, self._tick_breakers)
        self._watch.start()
        self._quotes.subscribe(self._loop.gathering.volatility.see)

    def _follow_rates(self, state: State) -> None:
        """Follow the pairs that give cash and unpriced fees their worth in the reporting currency.

        A venue that has not told its symbols yet is followed when its books are next compared.
        """
        currencies = {*state.cash_currencies, *(owed.currency for owed in state.fees_owed.values())}
        currencies |= {purse.rpartition(":")[2] for purse in state.cash}
        instruments, venues = self._quotes.instruments(), state.venues_from()
        for currency in sorted(currencies):
            for key in route(currency, state.currency, instruments, venues=venues) or ():
                self._quotes.follow(key)

    def ask(self, client_order_id: str) -> None:
        """Look an order up now."""
        order = self._loop.state.order(client_order_id)
        if order is not None and order.venue in self._monitors:
            self._start(self._monitors[order.venue].ask, client_order_id)

    def gate(self, order: Order) -> str | None:
        """Judge an order just before the socket write; a text withholds it.

        Without the lease nothing leaves, an exit least of all: whoever holds it by now may send one
        as well, and two exits are one too many, but while a flatten goes on without a journal: then
        nobody can take it either. A cancel is harmless twice and asks nobody. With it
        exits pass that still only reduce. An entry is withheld once its venue, symbol, strategy or
        everything is held back, or when more than two seconds have passed since its commit.
        """
        state = self._loop.state
        now = state.order(order.client_order_id)
        if now is not None and now.cancel_requested:
            return "cancelled before it was sent"
        if not self._lease.is_held() and not (order.is_exit and self._loop.in_emergency):
            return LEASE_LOST
        why = withheld(state, now or order)
        if why is not None or order.is_exit:
            return why
        if self._loop.is_latched or self._loop.is_latched_for(order):
            return HALTED
        since = order.submitted_at
        if since is None or self._clock.now() - since > ENTRY_AGE_MAX:
            return TOO_OLD
        return None

    def _gate_since(self, committed_s: float) -> Gate:
        """Give the gate of one order; its age also counts by the clock that nobody sets back."""

        def gate(order: Order) -> str | None:
            withheld = self.gate(order)
            age_s = self._clock.monotonic() - committed_s
            if withheld is None and not order.is_exit and age_s > ENTRY_AGE_MAX.total_seconds():
                withheld = TOO_OLD
            if withheld is None:
                self._sent(order.client_order_id)
            return withheld

        return gate

    def _see(self, event: e.Event, state: State, _received_s: float) -> None:
        match event:
            case (
                e.OrderSubmitted(order=Order(client_order_id=name))
                | e.ExitReleased(client_order_id=name)
            ):
                order = state.order(name)
                if order is not None and not order.held:
                    monitor = self._monitors[order.venue]
                    self._quotes.follow(order.key)
                    gate = self._gate_since(self._clock.monotonic())
                    self._start(monitor.submit, order, gate)
            case e.OrderCancelRequested(client_order_id=client_order_id):
                order = state.order(client_order_id)
                if order is not None and not order.held:
                    self._start(self._monitors[order.venue].cancel, client_order_id)
            case e.OrderUnknown(client_order_id=client_order_id):
                order = state.order(client_order_id)
                if order is not None:
                    self._start(self._monitors[order.venue].search, client_order_id)
            case e.ExternalCancelRequested(venue=venue, venue_order_id=name):
                for external in state.external_orders.get(venue, ()):
                    if external.venue_order_id == name:
                        self._start(self._monitors[venue].cancel_external, external)
            case e.FlattenAsked():
                self._start(self._ask_venues)
            case e.CashFlowed() | e.HoldingsSeen() | e.FillBooked() if _is_foreign(event, state):
                self._follow_rates(state)
            case _:
                pass

    async def _ask_venues(self) -> None:
        """Ask every venue what it shows, once at a time."""
        if self._asking:
            return
        self._asking = True
        try:
            async with asyncio.TaskGroup() as group:
                for monitor in self._monitors.values():
                    group.create_task(monitor.books())
        finally:
            self._asking = False

    async def _tick_flatten(self) -> None:
        """Let a flatten that is under way go on, each second."""
        while True:
            await asyncio.sleep(FLATTEN_EVERY_S)
            run = self._loop.state.flattening
            if run is None:
                continue
            now = self._clock.now()
            command_id = f"flatten:{now.isoformat()}"
            self._post(c.ContinueFlatten(command_id=command_id, actor=c.ENGINE, at=now))
            if run.asked:
                self._start(self._ask_venues)

    async def _tick_protection(self) -> None:
        """Let what waits for its time at the venues be seen to, each second."""
        while True:
            state = self._loop.state
            if any(p.is_guarded for p in state.positions.values()) or any(
                on.exits for on in state.open_on.values()
            ):
                now = self._clock.now()
                name = f"tend:{now.isoformat()}"
                self._post(c.TendStops(command_id=name, actor=c.ENGINE, at=now))
            await asyncio.sleep(TEND_EVERY_S)

    async def _tick_stop(self) -> None:
        """Cancel open entries at the venues once a stop has waited for its journal too long.

        A cancel needs no journal to be right; it is repeated, and journaled when that is possible.
        """
        was_waiting = False
        while True:
            await asyncio.sleep(STOP_WAIT_S)
            is_waiting = self._loop.is_stop_waiting
            if was_waiting and is_waiting:
                for order in self._loop.state.entries():
                    self._start(self._monitors[order.venue].cancel, order.client_order_id)
            was_waiting = is_waiting

    async def _tick_breakers(self) -> None:
        """Ask each second whether time alone trips, eases or clears a breaker; post what does."""
        while True:
            await asyncio.sleep(BREAKERS_EVERY_S)
            now = self._clock.now()
            name = f"breakers:{now.isoformat()}"
            command = c.CheckBreakers(command_id=name, actor=c.ENGINE, at=now)
            context = await self._loop.gathering.context(command, self._loop.state, NOTHING_KNOWN)
            if decide(self._loop.state, command, context):
                self._post(command)

    async def _kept(self, work: Callable[[], Awaitable[None]]) -> None:
        """Keep a task of the engine going: a fault is logged, and the work begun again."""
        while True:
            try:
                await work()
            except Exception:  # task boundary: one venue's fault must not stop the others
                log.exception("%s broke and is started again", work)
            await asyncio.sleep(RESTART_S)

    def _start(
        self, work: Callable[P, Awaitable[None]], *args: P.args, **named: P.kwargs
    ) -> asyncio.Task[None] | None:
        """Run the work in a task of its own, if the engine still runs."""
        assert self._group is not None, "the engine is not running"
        task = _logged(work, *args, **named)
        try:
            return self._group.create_task(task)
        except RuntimeError:
            # The group is ending. What is left open is taken up at the next start.
            task.close()
            log.info("the engine ends; a venue task is not begun")
            return None

    def _report(self, report: Report) -> None:
        try:
            self._loop.post(report)
        except EngineStopped:
            log.info("a report came after the end; the venue is asked again at the start")

    def _post(self, command: c.Command) -> None:
        try:
            self._loop.post(command)
        except EngineStopped:
            log.info("the engine has stopped; %s is not run", type(command).__name__)


def _is_foreign(event: e.CashFlowed | e.HoldingsSeen | e.FillBooked, state: State) -> bool:
    """Tell whether an event brought something that needs a price in the reporting currency."""
    match event:
        case e.CashFlowed(currency=currency):
            return currency != state.currency
        case e.HoldingsSeen(holdings=holdings):
            return any(currency in holdings for currency in state.cash_currencies)
        case e.FillBooked(fee_owed=owed):
            return owed != 0
        case _:
            assert_never(event)


async def _logged(work: Callable[P, Awaitable[None]], *args: P.args, **named: P.kwargs) -> None:
    """Await the work only once the task runs: cancelled before that, nothing is left over."""
    try:
        await work(*args, **named)
    except Exception:  # task boundary: a bug in one venue call must not stop the engine
        log.exception("a venue task broke")

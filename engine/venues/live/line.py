"""The line to a venue: every call goes over it, within the budget and a time, and is measured.

The gate of a create is asked at the last place before ccxt writes to the socket, so nothing that
was halted while it waited, for a turn or for anything ccxt does before, slips out.
"""

import asyncio
import contextvars
import random
from collections.abc import Callable, Mapping
from typing import Any

from engine.markets.asking import PARSING
from engine.markets.budget import Sleep
from engine.orders import Order
from engine.ports import Clock, Gate, VenueRefusal, VenueUnavailable
from engine.venues.ccxt_library import fault_classes
from engine.venues.live.answers import is_about_clock, silence
from engine.venues.live.asking import ask, stamped
from engine.venues.live.budget import RULES, USUAL, Priority, RequestBudget
from engine.venues.live.calls import Call
from engine.venues.live.refusals import SPEAKS_WITH
from engine.venues.live.settling import GATE_S
from engine.venues.live.vitals import Pulse

_asked: contextvars.ContextVar[Callable[[], None] | None] = contextvars.ContextVar(
    "asked before the socket write", default=None
)

_status: contextvars.ContextVar[int] = contextvars.ContextVar("status of the answer", default=0)
SERVER_FAULT = 500
# Of the time for an answer, what may pass before a request has its turn.
PATIENCE = 4 / 5


class Withheld(Exception):
    """Say that the gate kept a create from being sent."""


class ServerFault(OSError):
    """Say that the venue's server failed: whatever its answer holds, it proves nothing."""


class NoAnswer(ValueError):
    """Say that a body came which holds nothing; ccxt would make an empty list of it."""


class Line:
    """Send calls through ccxt clients; `hooked` must see each client before it is used."""

    def __init__(
        self, *, venue: str, clock: Clock, jitter: random.Random, timeout_s: float, sleep: Sleep
    ) -> None:
        self.venue = venue
        self.pulse = Pulse()
        self.budget = RequestBudget(
            rules=RULES.get(venue, USUAL), clock=clock, sleep=sleep, jitter=jitter
        )
        self._clock = clock
        self._timeout_s = timeout_s

    def hooked(self, client: Any) -> None:  # ccxt ships no types
        """Ask the gate before each write of a client; take as answers only what is one.

        Each answer's status and headers are heard, so that the budget obeys them.
        """
        fetch, heard = client.fetch, client.on_rest_response

        async def gated(*args: Any, **named: Any) -> Any:
            before = _asked.get()
            if before is not None:
                before()
                if (named.get("method") or (*args, "GET", "GET")[1]) != "GET":
                    # The create leaves now; what ccxt may still ask afterwards is no second one.
                    _asked.set(None)
            found = await fetch(*args, **named)
            if not isinstance(found, dict | list) or found == {}:
                raise NoAnswer
            return found

        def hear(code: Any, *rest: Any) -> Any:
            headers = rest[3] if len(rest) > 3 and isinstance(rest[3], Mapping) else {}
            _status.set(code if isinstance(code, int) else 0)
            self.budget.heard(_status.get(), headers)
            return heard(code, *rest)

        client.fetch, client.on_rest_response = gated, hear
        stamped(client)

    async def send(self, client: Any, call: Call, order: Order, gate: Gate) -> object:
        """Send one create, once, and give its outcome: what ccxt returned, or what it raised.

        Raises: Withheld when the gate said no, and VenueUnavailable when no turn came: nothing was
        sent then.
        """
        await self._turn(Priority.EXIT if order.is_exit else Priority.ENTRY, call.weight)

        def judge() -> None:
            withheld = gate(order)
            if withheld is not None:
                raise Withheld(withheld)

        judge()
        token = _asked.set(judge)
        try:
            return await self._tried(client, call)
        finally:
            _asked.reset(token)

    async def outcome(self, client: Any, call: Call, priority: Priority) -> object:
        """Ask, and give what ccxt returned, or what it raised. Raises: VenueUnavailable."""
        await self._turn(priority, call.weight)
        return await self._tried(client, call)

    async def answer(self, client: Any, call: Call, priority: Priority = Priority.QUERY) -> Any:
        """Ask, and give what ccxt returned.

        Raises: VenueUnavailable; VenueRefusal where the venue answered that it will not say.
        """
        found = await self.outcome(client, call, priority)
        if isinstance(found, BaseException):
            is_refusal = isinstance(found, fault_classes().ExchangeError)
            is_refusal = is_refusal and not is_about_clock(self.venue, found)
            raise (VenueRefusal if is_refusal else VenueUnavailable)(
                silence(self.venue, found)
            ) from found
        return found

    async def _turn(self, priority: Priority, weight: int) -> None:
        """Wait for a turn, less long than who asked waits for an answer.

        What is given up here was never sent; given up there, nobody would know.
        Raises: VenueUnavailable when no turn came.
        """
        patience_s = self._timeout_s * PATIENCE
        if priority is Priority.ENTRY:
            patience_s = min(patience_s, GATE_S)
        try:
            async with asyncio.timeout(patience_s):
                await self.budget.take(priority, weight)
        except TimeoutError as late:
            text = f"no turn came in {patience_s:.0f} s: {self.venue} takes no more requests now"
            raise VenueUnavailable(text) from late

    async def _tried(self, client: Any, call: Call) -> object:  # ccxt ships no types
        _status.set(0)
        try:
            return await self._timed(client, call)
        except (fault_classes().BaseError, TimeoutError, *PARSING) as fault:
            self._failed(fault)
            # One that fails may have passed a create on, and finds nothing that is there,
            # whatever code it answers with.
            is_failing = _status.get() >= SERVER_FAULT
            is_failing = is_failing and _status.get() != SPEAKS_WITH.get(self.venue)
            return ServerFault() if is_failing else fault

    async def _timed(self, client: Any, call: Call) -> Any:  # ccxt ships no types
        begun_s = self._clock.monotonic()
        async with asyncio.timeout(self._timeout_s):
            found = await ask(client, call)
        self.pulse.answered(self._clock.now(), round((self._clock.monotonic() - begun_s) * 1000))
        return found

    def _failed(self, fault: BaseException) -> None:
        self.pulse.failed(self._clock.now(), silence(self.venue, fault))

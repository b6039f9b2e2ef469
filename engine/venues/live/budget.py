"""The request budget of one account: so much a window, and the most urgent first.

It stands in for ccxt's own limiter, which is one queue: there a cancel waits behind everything. Of
each window a share is kept for cancels, and a smaller one for exits, so that entries and questions
can never use up the way to flat.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from engine.markets.budget import Sleep
from engine.markets.metadata import number
from engine.ports import Clock, VenueUnavailable

WAITING_MAX: Final = 1000
RETRY_AFTER_S_MAX: Final = 600
# Binance bans for three days at most; asking again earlier makes it longer.
BAN_S_MAX: Final = 3 * 86_400
# What is waited after a 429 that names no time.
PAUSE_S: Final = 2
# So that many who were paused at once do not all come back at once.
PAUSE_GROWTH_MAX: Final = 2
# Past the end of a window, not on it.
MARGIN_S: Final = 1 / 1000
# What is waited after a 418 that names no time: each breach makes the ban longer.
BAN_S: Final = 120
TOO_MANY: Final = 429
BANNED: Final = 418


class Priority(IntEnum):
    """What goes first; the lowest number is the most urgent."""

    CANCEL = 0
    EXIT = 1
    ENTRY = 2
    QUERY = 3
    DATA = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """Allow `weight_max` of weight within any `window_s` seconds.

    Below CANCEL only `weight_max` less `cancels_kept` may be used, below EXIT also less
    `exits_kept`. `used_header` names the response header in which the venue counts for itself.
    """

    weight_max: int
    window_s: float
    cancels_kept: int
    exits_kept: int
    used_header: str | None = None

    def allowed(self, priority: Priority) -> int:
        """Give how much of a window requests of this priority may bring it to."""
        if priority is Priority.CANCEL:
            return self.weight_max
        if priority is Priority.EXIT:
            return self.weight_max - self.cancels_kept
        return self.weight_max - self.cancels_kept - self.exits_kept


USUAL: Final = BudgetRules(weight_max=10, window_s=1, cancels_kept=2, exits_kept=2)
RULES: Final[Mapping[str, BudgetRules]] = {
    "binance": BudgetRules(
        weight_max=5000,
        window_s=60,
        cancels_kept=400,
        exits_kept=400,
        used_header="x-mbx-used-weight-1m",
    ),
    "bybit": BudgetRules(weight_max=40, window_s=1, cancels_kept=8, exits_kept=8),
    "okx": BudgetRules(weight_max=40, window_s=2, cancels_kept=8, exits_kept=8),
    "kraken": BudgetRules(weight_max=15, window_s=15, cancels_kept=3, exits_kept=3),
    "kucoin": BudgetRules(weight_max=30, window_s=1, cancels_kept=6, exits_kept=6),
    "gate": BudgetRules(weight_max=10, window_s=1, cancels_kept=2, exits_kept=2),
    "bitfinex": BudgetRules(weight_max=60, window_s=60, cancels_kept=12, exits_kept=12),
    "bitstamp": BudgetRules(weight_max=20, window_s=1, cancels_kept=4, exits_kept=4),
}
"""Below each venue's published limits; a venue that is not named keeps to `USUAL`."""


@dataclass(order=True, slots=True)
class _Waiting:
    priority: Priority
    number: int
    weight: int
    turn: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class _Spent:
    at_s: float
    weight: int


class RequestBudget:
    """Let requests out within the rules, the most urgent first; equals in the order of asking.

    `heard` takes in what the venue says of its own count: it is believed when it is higher.
    """

    def __init__(
        self, *, rules: BudgetRules, clock: Clock, sleep: Sleep, jitter: random.Random
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._used: deque[_Spent] = deque()
        self._waiting: list[_Waiting] = []
        self._numbers = 0
        self._paused_until_s: float = 0
        self._banned_until_s: float = 0
        self._server: asyncio.Task[None] | None = None

    @property
    def left(self) -> int:
        """Give how much weight is left of the present window."""
        return max(0, self._rules.weight_max - self._spent(self._clock.monotonic()))

    @property
    def weight_max(self) -> int:
        """Give how much weight a window holds."""
        return self._rules.weight_max

    @property
    def waiting(self) -> int:
        """Give how many requests wait for their turn."""
        return sum(not each.turn.done() for each in self._waiting)

    @property
    def banned_s(self) -> float:
        """Give for how long the venue takes nothing but cancels; 0 when it does."""
        return max(0, self._banned_until_s - self._clock.monotonic())

    async def take(self, priority: Priority, weight: int = 1) -> None:
        """Wait for a turn and use it up.

        A request heavier than the window counts as one that fills it.
        Raises: VenueUnavailable during a ban for all but cancels, and when too many wait.
        """
        if self.banned_s > 0 and priority is not Priority.CANCEL:
            raise VenueUnavailable(f"the venue takes nothing but cancels for {self.banned_s:.0f} s")
        if self.waiting >= WAITING_MAX and priority is not Priority.CANCEL:
            raise VenueUnavailable("too many requests wait for their turn")
        weight = min(weight, self._rules.allowed(priority))
        now_s = self._clock.monotonic()
        if not self._waiting and self._wait_s(priority, weight, now_s) <= 0:
            self._used.append(_Spent(now_s, weight))
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._numbers += 1
        if len(self._waiting) >= WAITING_MAX:  # who has gone counts nowhere, and still takes room
            self._waiting = [each for each in self._waiting if not each.turn.done()]
            heapq.heapify(self._waiting)
        heapq.heappush(self._waiting, _Waiting(priority, self._numbers, weight, turn))
        self._wake()
        await turn

    def heard(self, status: int | None, headers: Mapping[str, object]) -> None:
        """Take in an answer's status and headers: Retry-After, 429, 418, the venue's own count."""
        lowered = {str(name).lower(): value for name, value in headers.items()}
        now_s = self._clock.monotonic()
        asked = number(lowered.get("retry-after"))
        longest_s = BAN_S_MAX if status == BANNED else RETRY_AFTER_S_MAX
        wait_s = min(int(asked) + 1, longest_s) if asked is not None and asked > 0 else None
        if status == BANNED:
            self._banned_until_s = max(self._banned_until_s, now_s + (wait_s or BAN_S))
            self._refuse_waiting()
        elif status == TOO_MANY:
            pause_s = (wait_s or PAUSE_S) * self._jitter.uniform(1, PAUSE_GROWTH_MAX)
            self._paused_until_s = max(self._paused_until_s, now_s + pause_s)
        counted = number(lowered.get(self._rules.used_header or ""))
        if counted is not None and counted > Decimal(self._spent(now_s)):
            self._used.append(_Spent(now_s, int(counted) - self._spent(now_s)))

    def close(self) -> None:
        """Let nobody wait any longer."""
        server, self._server = self._server, None
        if server is not None:
            server.cancel()
        for each in self._waiting:
            each.turn.cancel()
        self._waiting.clear()

    def _refuse_waiting(self) -> None:
        kept = [each for each in self._waiting if each.priority is Priority.CANCEL]
        for each in self._waiting:
            if each.priority is not Priority.CANCEL and not each.turn.done():
                each.turn.set_exception(VenueUnavailable("the venue has banned us for a while"))
        self._waiting = kept
        heapq.heapify(self._waiting)

    def _wake(self) -> None:
        """Serve who waits; a task runs only while somebody does."""
        if self._server is not None and not self._server.done():
            # Somebody more urgent may have come: the pause is measured anew.
            self._server.cancel()
        # close() cancels it, and it ends by itself when nobody waits
        self._server = asyncio.create_task(self._serve(), name="request budget")  # see above

    async def _serve(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.turn.done():  # whoever asked has gone
                heapq.heappop(self._waiting)
                continue
            now_s = self._clock.monotonic()
            wait_s = self._wait_s(first.priority, first.weight, now_s)
            if wait_s > 0:
                await self._sleep(wait_s)
                continue
            heapq.heappop(self._waiting)
            self._used.append(_Spent(now_s, first.weight))
            first.turn.set_result(None)

    def _wait_s(self, priority: Priority, weight: int, now_s: float) -> float:
        """Give how long until a request may go; 0 when it may now."""
        if priority is not Priority.CANCEL:
            held_s = max(self._paused_until_s, self._banned_until_s) - now_s
            if held_s > 0:
                return held_s
        allowed, spent = self._rules.allowed(priority), self._spent(now_s)
        if spent + weight <= allowed:
            return 0
        for each in self._used:
            spent -= each.weight
            if spent + weight <= allowed:
                return max(0, each.at_s + self._rules.window_s - now_s) + MARGIN_S
        return self._rules.window_s

    def _spent(self, now_s: float) -> int:
        while self._used and self._used[0].at_s + self._rules.window_s <= now_s:
            self._used.popleft()
        return sum(each.weight for each in self._used)

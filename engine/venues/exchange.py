"""The far side of the paper venue: one worker that matches, stores, and only then answers.

Requests and quotes wait in one inbox and are worked off in order, a batch at a time: the batch's
change is stored in one transaction before anybody hears of it. A request that has arrived is worked
off whether or not its sender still listens, as at a real venue.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, setcontext
from typing import Generic, TypeVar

from engine.identities import digest
from engine.numbers import ARITHMETIC
from engine.ports import Clock, Quotes, VenueUnavailable
from engine.quotes import Quote
from engine.reports import FillReported, OrderSeen
from engine.venues.account import Account
from engine.venues.desk import Desk
from engine.venues.ledger import LedgerError, LedgerHead, LedgerStore
from engine.venues.matching import Depth, Publish
from engine.venues.terms import PaperSettings

BATCH = 256
QUOTES_WAITING_MAX = 10_000
Sleep = Callable[[float], Awaitable[None]]
AnswerT = TypeVar("AnswerT")
_log = logging.getLogger(__name__)


class TooManyRequests(VenueUnavailable):
    """Say that the venue refused a request unread, because too many wait."""


@dataclass(slots=True)
class _Request(Generic[AnswerT]):
    work: Callable[[Desk], AnswerT]
    answer: asyncio.Future[AnswerT]
    result: AnswerT | None = None
    fault: Exception | None = None

    def run(self, desk: Desk) -> None:
        try:
            self.result = self.work(desk)
        except ValueError as fault:  # a wrong request is its sender's fault alone
            self.fault = fault

    def settle(self, fault: Exception | None) -> None:
        if self.answer.done():
            return  # the sender has gone
        reason = fault or self.fault
        if reason is not None:
            self.answer.set_exception(reason)
        else:
            self.answer.set_result(self.result)  # type: ignore[arg-type]  # run() has set it


class PaperExchange:
    """Own the ledger of one venue and serve requests on it, one after another."""

    def __init__(
        self,
        *,
        name: str,
        quotes: Quotes,
        clock: Clock,
        store: LedgerStore,
        cash: Mapping[str, Decimal],
        settings: PaperSettings,
        depth: Depth | None,
        publish: Publish,
        sleep: Sleep,
    ) -> None:
        self._name = name
        self._quotes = quotes
        self._clock = clock
        self._store = store
        self._cash = dict(cash)
        self._settings = settings
        self._depth = depth
        self._publish = publish
        self._sleep = sleep
        self._desk: Desk | None = None
        self._inbox: deque[_Request[object]] = deque()
        self._quotes_waiting: deque[Quote] = deque(maxlen=QUOTES_WAITING_MAX)
        self._reports: list[FillReported | OrderSeen] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_subscribed = False

    @property
    def account(self) -> Account:
        """Give the account as it stands. Raises: VenueUnavailable before it was loaded."""
        if self._desk is None:
            raise VenueUnavailable(f"the paper venue {self._name} has not opened its ledger")
        return self._desk.account

    async def start(self) -> None:
        """Open the ledger and begin to serve. Raises: LedgerError."""
        if self._task is not None:
            return
        self._desk = await self._open()
        if not self._is_subscribed:
            self._quotes.subscribe(self._on_quote)
            self._is_subscribed = True
        # start and stop are two calls, so the group of tasks lives in a task of its own
        self._task = asyncio.create_task(self._serve(), name=f"paper {self._name}")

    async def stop(self) -> None:
        """Stop serving; what waits is not worked off, as when a line is cut."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._desk = None

    def post(self, work: Callable[[Desk], AnswerT]) -> asyncio.Future[AnswerT]:
        """Put a request in the inbox; its answer comes once it is worked off and stored."""
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            answer.set_exception(VenueUnavailable(f"the paper venue {self._name} does not run"))
        elif len(self._inbox) >= self._settings.requests_max:
            answer.set_exception(TooManyRequests(f"{self._name}: too many requests"))
        else:
            self._inbox.append(_Request(work=work, answer=answer))  # type: ignore[arg-type]
            self._wake.set()
        return answer

    def _on_quote(self, quote: Quote) -> None:
        if quote.venue != self._name or self._desk is None:
            return
        if quote.symbol in self._desk.symbols():
            self._quotes_waiting.append(quote)
            self._wake.set()

    async def _serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._work(), name=f"paper {self._name} matching")
                group.create_task(self._sweep(), name=f"paper {self._name} sweep")
        except* Exception:
            # task boundary: a bug of ours; nothing is answered from here on, and the log says why
            _log.exception("the paper venue stopped", extra={"venue": self._name})
        finally:
            while self._inbox:
                request = self._inbox.popleft()
                request.settle(VenueUnavailable(f"the paper venue {self._name} stopped"))

    async def _sweep(self) -> None:
        while True:
            await self._sleep(self._settings.sweep_s)
            # opens the ledger again after a fault of its store, and finds what a quote missed
            with contextlib.suppress(VenueUnavailable):
                await self.post(lambda desk: desk.sweep())

    async def _work(self) -> None:
        # This task's own, for all that it will ever reckon; nobody else's is changed.
        setcontext(ARITHMETIC.copy())
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._inbox or self._quotes_waiting:
                quotes = [self._quotes_waiting.popleft() for _ in range(len(self._quotes_waiting))]
                size = min(BATCH, len(self._inbox))
                batch = [self._inbox.popleft() for _ in range(size)]
                fault: Exception | None = VenueUnavailable(f"the paper venue {self._name} stopped")
                try:
                    fault = await self._run(quotes, batch)
                finally:
                    for request in batch:
                        request.settle(fault)

    async def _run(
        self, quotes: list[Quote], batch: list[_Request[object]]
    ) -> VenueUnavailable | None:
        """Work off one batch and store it; a fault of the store means: nobody knows."""
        self._reports = []
        try:
            desk = self._desk = self._desk or await self._open()
            for quote in quotes:
                desk.on_quote(quote)
            for request in batch:
                request.run(desk)
            change = desk.account.change()
            if change is not None:
                await self._store.save(change)
        except LedgerError as fault:
            self._desk = None  # what is in memory may not be what is stored: load it again
            _log.warning(
                "the paper ledger failed", extra={"venue": self._name, "fault": str(fault)}
            )
            return VenueUnavailable(f"{self._name}: the ledger could not be written")
        for report in self._reports:
            self._publish(report)
        return None

    async def _open(self) -> Desk:
        snapshot = await self._store.load()
        head = snapshot.head or self._new_head()
        desk = Desk(
            venue=self._name,
            quotes=self._quotes,
            clock=self._clock,
            settings=self._settings,
            head=head,
            snapshot=snapshot,
            depth=self._depth,
            publish=self._note,
        )
        if snapshot.head is None:
            desk.open_with(self._cash)
            change = desk.account.change()
            if change is not None:
                await self._store.save(change)
        return desk

    def _new_head(self) -> LedgerHead:
        at = self._clock.now()
        ledger_id = digest(self._name, at.isoformat(), self._settings.seed, length=6)
        return LedgerHead(ledger_id=ledger_id, opened_at=at)

    def _note(self, report: FillReported | OrderSeen) -> None:
        self._reports.append(report)

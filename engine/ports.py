"""Ports: what the engine needs from outside. Each has a real and an in-repo implementation."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.alerts import Alert
from engine.candles import CandlePage, Series
from engine.events import Event
from engine.fold import apply
from engine.instruments import Instrument
from engine.orders import Order
from engine.quotes import Quote
from engine.reports import (
    CancelAnswer,
    FillReported,
    LookupAnswer,
    OrderSeen,
    OrdersOpen,
    SubmitAnswer,
    VenueSnapshot,
)
from engine.state import State
from engine.tickets import Ticket

Gate = Callable[[Order], str | None]
"""Asked just before the socket write: None lets the order pass, a text withholds it."""


class VenueUnavailable(Exception):
    """Say that a venue did not answer a question; never evidence of anything."""


class VenueRefusal(VenueUnavailable):
    """Say that a venue answered a question by refusing it: asking again changes nothing."""


class Books(Protocol):
    """What an exchange account holds, and what happened to it. Every method may hang."""

    async def fills(self, since: datetime) -> Sequence[FillReported]:
        """Give all own fills since a time, oldest first. Raises: VenueUnavailable."""
        ...

    async def open_orders(self) -> OrdersOpen:
        """Give the open orders of both books. Raises: VenueUnavailable."""
        ...

    async def snapshot(self) -> VenueSnapshot:
        """Give open orders of both books, balances, positions. Raises: VenueUnavailable."""
        ...


class Venue(Books, Protocol):
    """An exchange account. Every method may hang: the caller sets the timeout."""

    @property
    def name(self) -> str:
        """Give the venue's ccxt id."""
        ...

    async def submit(self, order: Order, gate: Gate) -> SubmitAnswer:
        """Send one create, once. Never raises for what the venue did or did not say."""
        ...

    async def cancel(self, order: Order) -> CancelAnswer:
        """Send one cancel; an order without a client id is external: its venue's id names it."""
        ...

    async def lookup(self, order: Order) -> LookupAnswer:
        """Search for an order by its client order id in every source the venue has."""
        ...

    def reports(self) -> AsyncIterator[FillReported | OrderSeen]:
        """Stream fills and order changes as they happen; hints, `fills` is the truth."""
        ...


class Quotes(Protocol):
    """The market: instruments and the latest quote of each symbol; last value wins."""

    async def start(self) -> None:
        """Load the instruments and begin to follow prices. Raises: VenueUnavailable."""
        ...

    async def stop(self) -> None:
        """Stop following."""
        ...

    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by `instrument_key`."""
        ...

    def latest(self) -> Mapping[str, Quote]:
        """Give the newest quote of each followed symbol by `instrument_key`."""
        ...

    def follow(self, key: str) -> None:
        """Follow a symbol from now on; it stays followed."""
        ...

    def subscribe(self, listener: Callable[[Quote], None]) -> None:
        """Call the listener on every new quote, in the event loop; it must return at once."""
        ...


class CandleSource(Protocol):
    """Where candles come from: a venue's public history, or a simulated market's."""

    async def candles(self, series: Series, since: datetime, count: int) -> CandlePage:
        """Ask once for at most `count` candles that begin at or after a time.

        Keeps to the venue's limits, so it may wait, and give fewer.
        Raises: VenueUnavailable, which proves nothing; InvalidInput for a symbol or timeframe that
        is not there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message's worth of journal: its events in order, and the alerts they raise.

    `states` holds State after each event, where who decided them has it already.
    """

    events: tuple[Event, ...]
    alerts: tuple[Alert, ...]
    states: tuple[State, ...] = ()

    def folded(self, before: State) -> Iterator[tuple[Event, State]]:
        """Give each event with State after it, which is folded here unless it is known."""
        if self.states:
            yield from zip(self.events, self.states, strict=True)
            return
        state = before
        for event in self.events:
            state = apply(state, event)
            yield event, state


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Name the commands that were consumed, and the fills that were booked, of those asked for."""

    commands: frozenset[str] = frozenset()
    fills: frozenset[str] = frozenset()


class Journal(Protocol):
    """The append-only sequence of events, with projections and alert outbox beside it."""

    async def open(self) -> State:
        """Take the journal and fold it. Raises: JournalLocked, JournalCorrupt."""
        ...

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Store the steps in one durable transaction; `before.seq` is the fence.

        Raises: JournalUnavailable when it did not happen, AppendUncertain when nobody knows,
        JournalLocked when another process wrote past `before.seq`.
        """
        ...

    async def find_command(self, command_id: str) -> Sequence[Event]:
        """Give the events of the command with this id; empty when it was never consumed."""
        ...

    async def find_order(self, client_order_id: str) -> Order | None:
        """Give an order of any age."""
        ...

    async def find_ticket(self, ticket_id: str) -> Ticket | None:
        """Give a ticket of any age, with its final status."""
        ...

    async def known(self, commands: Collection[str], fills: Collection[str]) -> Known:
        """Give which of these commands were consumed and fills booked, at any time."""
        ...


class Lease(Protocol):
    """The right to be the one engine of an account."""

    def is_held(self) -> bool:
        """Tell, without asking anybody, whether it may be relied on in this moment."""
        ...


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """Give the wall clock's time in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        ...

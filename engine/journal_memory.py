"""A journal in memory: what the database keeps, in dictionaries; for tests and for embedding.

It grows for ever and ends with the process. `alerts` stands in for the outbox.
"""

from collections.abc import Collection, Sequence

from engine import events as e
from engine.alerts import Alert
from engine.errors import JournalLocked
from engine.events import Event
from engine.fold import apply
from engine.orders import Order
from engine.ports import Known, Step
from engine.state import State
from engine.tickets import Ticket


class MemoryJournal:
    """Keep events in a list; implements `engine.ports.Journal`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self._commands: dict[str, list[Event]] = {}
        self._orders: dict[str, Order] = {}
        self._tickets: dict[str, Ticket] = {}
        self._fills: set[str] = set()

    async def open(self) -> State:
        """Fold every event."""
        state = State()
        for event in self.events:
            state = apply(state, event)
        return state

    async def close(self) -> None:
        """Do nothing: the events stay, so that the journal can be opened again."""

    async def append(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Keep the steps.

        Raises: JournalLocked when `before` is not at the last event, AssertionError when a command,
        an order, a ticket or a fill is there already.
        """
        if before.seq != len(self.events):
            raise JournalLocked(
                f"The journal stands at event {len(self.events)}, the decision at {before.seq}."
            )
        written = _Written()
        state = before
        for step in steps:
            consumed: set[str] = set()
            for event, then in step.folded(state):
                written.take(event, then)
                if event.command_id is not None:
                    consumed.add(event.command_id)
                state = then
            for command_id in sorted(consumed):
                assert command_id not in self._commands, f"{command_id} is consumed twice"
                assert command_id not in written.consumed, f"{command_id} is consumed twice"
            written.consumed |= consumed
            written.alerts.extend(step.alerts)
        assert state.seq == after.seq, f"the steps lead to {state.seq}, State is at {after.seq}"
        self._check_new(written)
        self._keep(written)

    async def find_command(self, command_id: str) -> Sequence[Event]:
        """Give the events of a command; empty when it was never consumed."""
        return tuple(self._commands.get(command_id, ()))

    async def find_order(self, client_order_id: str) -> Order | None:
        """Give an order of any age."""
        return self._orders.get(client_order_id)

    async def find_ticket(self, ticket_id: str) -> Ticket | None:
        """Give a ticket of any age."""
        return self._tickets.get(ticket_id)

    async def known(self, commands: Collection[str], fills: Collection[str]) -> Known:
        """Give which of these commands were consumed and fills booked."""
        return Known(
            commands=frozenset(commands) & self._commands.keys(),
            fills=frozenset(fills) & self._fills,
        )

    def _check_new(self, written: "_Written") -> None:
        for name, new, known in (
            ("order", written.orders_new, self._orders.keys()),
            ("ticket", written.tickets_new, self._tickets.keys()),
            ("fill", written.fills, self._fills),
        ):
            twice = new & known
            assert not twice, f"{name} {min(twice)} is there twice"

    def _keep(self, written: "_Written") -> None:
        self.events.extend(written.events)
        self.alerts.extend(written.alerts)
        for event in written.events:
            if event.command_id is not None:
                self._commands.setdefault(event.command_id, []).append(event)
        self._orders.update(written.orders)
        self._tickets.update(written.tickets)
        self._fills |= written.fills


class _Written:
    """Gather what one append adds, so that a refused append changes nothing."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self.consumed: set[str] = set()
        self.orders: dict[str, Order] = {}
        self.tickets: dict[str, Ticket] = {}
        self.orders_new: set[str] = set()
        self.tickets_new: set[str] = set()
        self.fills: set[str] = set()

    def take(self, event: Event, after: State) -> None:
        """Take in one event with State after it."""
        self.events.append(event)
        match event:
            case e.FillBooked(fill=fill):
                self.fills.add(fill.identity)
                self._order(fill.client_order_id, after)
            case e.OrderSubmitted(order=order):
                assert order.client_order_id not in self.orders_new, "an order is named twice"
                self.orders_new.add(order.client_order_id)
                self._order(order.client_order_id, after)
            case e.OrderRecalled(order=order):
                self._order(order.client_order_id, after)
            case (
                e.OrderNotSent()
                | e.ExitReleased()
                | e.OrderAccepted()
                | e.OrderRejected()
                | e.OrderUnknown()
                | e.OrderAsked()
                | e.OrderCancelRequested()
                | e.OrderCanceled()
                | e.OrderExpired()
            ):
                self._order(event.client_order_id, after)
            case e.TicketOpened(ticket=ticket):
                assert ticket.ticket_id not in self.tickets_new, "a ticket is opened twice"
                self.tickets_new.add(ticket.ticket_id)
                self._ticket(ticket.ticket_id, after)
            case e.TicketConfirmed(ticket_id=ticket_id) | e.TicketEnded(ticket_id=ticket_id):
                self._ticket(ticket_id, after)
            case _:
                # No other kind changes an order or a ticket.
                return

    def _order(self, client_order_id: str | None, after: State) -> None:
        order = after.order(client_order_id) if client_order_id is not None else None
        if order is not None:
            self.orders[order.client_order_id] = order

    def _ticket(self, ticket_id: str, after: State) -> None:
        ticket = after.ticket(ticket_id)
        if ticket is not None:
            self.tickets[ticket_id] = ticket

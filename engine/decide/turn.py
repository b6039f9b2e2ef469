"""A turn: one message being decided. Events are added in order, each upon the State before it."""

from datetime import datetime

from engine.commands import Actor, CommandBase
from engine.context import Context
from engine.events import CommandRefused, Event
from engine.fold import apply
from engine.identities import client_order_id, form_of, instrument_key
from engine.portfolio import is_swap
from engine.state import State


class Turn:
    """Collect the events of one decision; local to it, so that deciding stays pure.

    `states` holds State after each event.
    """

    def __init__(self, state: State, context: Context, message: object) -> None:
        """Begin on a State."""
        self.state = state
        self.context = context
        self.events: list[Event] = []
        self.states: list[State] = []
        self.command_id = message.command_id if isinstance(message, CommandBase) else None

    @property
    def now(self) -> datetime:
        """Give the time of the decision."""
        return self.context.now

    @property
    def journal_id(self) -> str:
        """Give the journal's random id."""
        assert self.state.journal is not None, "the journal is not open"
        return self.state.journal.journal_id

    @property
    def epoch(self) -> int:
        """Give the journal's epoch."""
        assert self.state.journal is not None, "the journal is not open"
        return self.state.journal.epoch

    def order_name(self, venue: str, symbol: str, intent: str, leg: str, attempt: int) -> str:
        """Name an order in the form of its venue.

        A name that another order of State bears already is passed over; that of this very intent
        is not, for it may never make a second order.
        """
        form = form_of(venue, is_swap=is_swap(symbol))
        again = leg
        while True:
            name = client_order_id(self.journal_id, self.epoch, intent, again, attempt, form=form)
            if not self._is_taken(name, intent, instrument_key(venue, symbol)):
                return name
            again += "#"

    def _is_taken(self, name: str, intent: str, key: str) -> bool:
        known = self.state.order(name)
        if known is not None:
            return (known.intent, known.key) != (intent, key)
        tickets = self.state.tickets
        return any(t.client_order_id == name and t.ticket_id != intent for t in tickets.values())

    def add(self, event: Event) -> None:
        """Add an event and fold it."""
        self.state = apply(self.state, event)
        self.events.append(event)
        self.states.append(self.state)

    def refuse(self, actor: Actor, command: str, rule: str, sentence: str) -> None:
        """Say that the command cannot run, and why."""
        self.add(
            CommandRefused(
                at=self.now,
                command_id=self.command_id,
                command=command,
                rule=rule,
                sentence=sentence,
                actor=actor,
            )
        )

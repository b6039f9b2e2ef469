"""Emergency: how a flatten goes on while the journal is away, and what waits meanwhile.

A flatten is decided as ever, and recorded in a file beside the journal before anything is sent.
Nothing else is: a command that could add exposure is refused, and what only the journal could tell
apart waits until it is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from engine import commands as c
from engine import reports as r
from engine.inbox import Entry, is_tightening
from engine.ports import Step
from engine.reconcile import looks_ours
from engine.state import COMMANDS_TAIL, FILLS_TAIL, State

FILLS_OVERLAP = timedelta(seconds=60)


class Emergency(Protocol):
    """The record beside the journal. It begins with a flatten and ends when the journal is back."""

    @property
    def is_on(self) -> bool:
        """Tell whether what is decided goes to the record."""
        ...

    def hurry(self, *, is_wanted: bool) -> None:
        """Say whether a flatten waits: then nobody waits for the journal longer than needs be."""
        ...

    async def begin(self, steps: Sequence[Step], before: State, after: State) -> None:
        """Go by the record from now on; `steps` are in the journal or not, nobody knows.

        Raises: JournalUnavailable when it cannot be written either.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parted:
    """Part a batch into what is decided now, what waits for the journal, and what is refused."""

    now: list[Entry]
    later: list[Entry]
    refused: list[Entry]


def parted_in_emergency(batch: Sequence[Entry], state: State) -> Parted:
    """Part what has come while the journal is away."""
    parted = Parted([], [], [])
    for entry in batch:
        if must_wait(entry, state):
            parted.later.append(entry)
        elif is_urgent(entry):
            parted.now.append(_renamed(entry, state))
        else:
            parted.refused.append(entry)
    return parted


def _renamed(entry: Entry, state: State) -> Entry:
    """Name a command anew whose name only the journal could tell to be new."""
    message = entry.message
    if not isinstance(message, c.Halt | c.Flatten | c.CancelOrder | c.CancelEntries):
        return entry
    is_settled = len(state.commands_known) < COMMANDS_TAIL
    if is_settled or message.command_id in state.commands_known or state.stop is None:
        return entry
    name = f"emergency:{state.stop.since.isoformat()}:{message.command_id}"
    return replace(entry, message=replace(message, command_id=name))


def is_urgent(entry: Entry) -> bool:
    """Tell what a flatten without a journal needs, and what does no harm, from all else."""
    match entry.message:
        case (
            c.Halt()
            | c.Flatten()
            | c.ContinueFlatten()
            | c.CancelOrder()
            | c.CancelEntries()
            | c.Acknowledge()
            | c.TripBreaker()
            | c.StopEngine()
            | c.NoteEmergency()
        ):
            return True
        case message:
            return is_tightening(message) or not isinstance(message, c.CommandBase)


def must_wait(entry: Entry, state: State) -> bool:
    """Tell a fill that only the journal can place: of an order, or a time, outside State's window.

    Booked without it, it might be booked twice, or on no order.
    """
    if not isinstance(entry.message, r.FillReported):
        return False
    fill = entry.message.fill
    name = fill.client_order_id
    if name is not None and state.order(name) is None:
        return looks_ours(name, fill.venue, fill.symbol)
    if fill.identity in state.fills_known or len(state.fills_known) < FILLS_TAIL:
        return False
    run = state.flatten
    return run is None or fill.at < run.since - FILLS_OVERLAP

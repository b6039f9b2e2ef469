"""Receipts: what became of a command."""

from dataclasses import dataclass

from engine.events import Event
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Give a command's events, and State after them.

    `is_repeat` when the command was consumed before: then the events are those of the first time,
    and nothing was done now.
    """

    command_id: str
    events: tuple[Event, ...]
    state: State
    is_repeat: bool = False

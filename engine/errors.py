"""Faults of the engine.

    EngineError
    ├── InvalidInput          no order can be made of it; tell the sender, nothing was done
    ├── JournalError          the journal could not be read or written
    │   ├── JournalLocked     another process holds it; stop, or stand by
    │   ├── JournalMismatch   it belongs to another mode or other accounts; start with its own
    │   ├── JournalCorrupt    chain, row or replay is broken; restore a backup, do not trade
    │   ├── JournalUnavailable  the append did not happen; nothing was sent, try again later
    │   └── AppendUncertain   the append may or may not have happened; re-read the tail
    ├── QueueFull             more messages wait than the engine holds; slow down
    └── EngineStopped         the engine is not running; start it

What a venue or a risk rule refuses is no fault: it is a Report or an Event.
"""


class EngineError(Exception):
    """Stand at the root of every fault the engine raises."""


class InvalidInput(EngineError, ValueError):
    """Refuse a value at the edge, with a sentence that names what would be accepted."""


class JournalError(EngineError):
    """Say that the journal could not be read or written."""


class JournalLocked(JournalError):
    """Say that another process holds the journal."""


class JournalMismatch(JournalError):
    """Say that the journal belongs to another mode or to other accounts."""


class JournalCorrupt(JournalError):
    """Say that the stored chain or a stored row cannot be trusted."""


class JournalUnavailable(JournalError):
    """Say that an append did not happen, so nothing may be sent for it."""


class AppendUncertain(JournalError):
    """Say that an append may have happened; only the stored tail can tell."""


class QueueFull(EngineError):
    """Refuse a message because the inbox holds its limit."""


class EngineStopped(EngineError):
    """Refuse a message because nothing would ever read it."""

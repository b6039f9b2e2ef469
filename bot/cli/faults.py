"""Which faults are expected, and the sentence that each becomes on standard error, with exit code 2.

Whatever is not named here is a bug of ours and shows its traceback.
"""

from bot.environment import EnvironmentFileError
from bot.settings import SettingsError
from bot.side_door import DoorTaken, DoorUnsafe
from bot.telegram_api import TelegramFault
from bot.web import PortTaken
from engine.errors import InvalidInput, JournalError
from engine.venues.ledger import LedgerError

USAGE = 2


class CommandRefused(Exception):
    """Refuse to run a command of the shell; the message says what to do instead."""


def sentence_of(fault: BaseException) -> str | None:
    """Give what a person reads, a line for each thing to mend; None for a bug of ours."""
    match fault:
        case SettingsError(faults=faults) | EnvironmentFileError(faults=faults):
            return "\n".join(faults)
        case PortTaken() | DoorTaken() | DoorUnsafe():
            return _finished(fault.strerror or str(fault))
        case JournalError() | LedgerError() | TelegramFault() | InvalidInput() | CommandRefused():
            return _finished(str(fault))
        case BaseExceptionGroup(exceptions=faults):
            sentences = [sentence_of(each) for each in faults]
            known = [sentence for sentence in sentences if sentence is not None]
            return "\n".join(dict.fromkeys(known)) if len(known) == len(sentences) else None
        case _:
            return None


def _finished(text: str) -> str:
    """Give a text on one line, ending as a sentence does."""
    line = " ".join(text.split()) or "The program cannot go on."
    return line if line.endswith((".", "!", "?")) else f"{line}."

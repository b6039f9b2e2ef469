"""Which faults are expected, and the sentence that each becomes; the exit code is 2 then.

Whatever is not named here is a bug of ours and shows its traceback.
"""

from bot.cli.refusal import CommandRefused
from bot.environment import EnvironmentFileError
from bot.settings import SettingsError
from bot.side_door import DoorTaken, DoorUnsafe
from bot.telegram_api import TelegramFault
from bot.web import PortTaken
from engine.errors import InvalidInput, JournalCorrupt, JournalError
from engine.venues.ledger import LedgerError

__all__ = ["CommandRefused", "sentence_of", "sentences_of"]


def sentences_of(fault: BaseException) -> tuple[str, ...] | None:
    """Give what a person reads, a sentence for each thing to mend; None for a bug of ours."""
    match fault:
        case SettingsError() | EnvironmentFileError():
            return tuple(_finished(each) for each in fault.faults)
        case PortTaken() | DoorTaken() | DoorUnsafe():
            return (_finished(fault.strerror or str(fault)),)
        case JournalCorrupt() if "backup" not in str(fault):
            return (f"The journal is damaged; restore a backup. {_finished(str(fault))}",)
        case JournalError() | LedgerError() | TelegramFault() | InvalidInput() | CommandRefused():
            return (_finished(str(fault)),)
        case BaseExceptionGroup():
            found: dict[str, None] = {}
            for each in fault.exceptions:
                sentences = sentences_of(each)
                if sentences is None:
                    return None
                found |= dict.fromkeys(sentences)
            return tuple(found)
        case _:
            return None


def sentence_of(fault: BaseException) -> str | None:
    """Give the sentences of a fault, a line each; None for a bug of ours."""
    sentences = sentences_of(fault)
    return None if sentences is None else "\n".join(sentences)


def _finished(text: str) -> str:
    """Give a text on one line, ending as a sentence does."""
    line = " ".join(text.split()) or "The program cannot go on."
    return line if line.endswith((".", "!", "?")) else f"{line}."

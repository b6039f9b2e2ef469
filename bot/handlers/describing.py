"""Describing: one line for the journal that says what an update asked for."""

from typing import Final

from bot.access import COMMANDS
from bot.callbacks import Button, ForgedCallback
from bot.incoming import Incoming

ITEM_CHARACTERS_MAX: Final = 60


def described(update: Incoming) -> str:
    """Give one line for the journal: a command as it was written, anything else by kind."""
    at = update.sent_at or update.received_at
    clock = f"{at:%H:%M}"
    if update.is_tap:
        try:
            return f"{clock} tap on {_spoken(update.button())}"
        except ForgedCallback:
            return f"{clock} tap on an unknown button"
    if update.is_stop:
        return f"{clock} STOP"
    command = update.command
    if command is None or command[0] not in COMMANDS:
        # Whatever else was written may be a code or a secret, and the journal is for ever.
        return f"{clock} a message"
    name, words = command
    text = " ".join(f"/{name} {words}".split())
    return f"{clock} {text[:ITEM_CHARACTERS_MAX]}"


def _spoken(button: Button) -> str:
    """Name a kind of button in words: ConfirmTicket becomes confirm ticket."""
    name = type(button).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()

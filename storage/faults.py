"""Faults: what a driver's error means for the journal, in a sentence a person can act on."""

from sqlalchemy.exc import DBAPIError

from engine.errors import JournalCorrupt, JournalError, JournalUnavailable

_CORRUPT = ("not a database", "malformed", "file is encrypted", "unsupported file format")
_SENTENCES = (
    ("disk is full", "the disk is full. Free some space; nothing was stored."),
    ("unable to open", "it cannot be opened. Does the folder exist, and may we write in it?"),
    ("readonly", "it is read-only. Give this user the right to write the file and its folder."),
    ("database is locked", "another program is writing to it. Close that program."),
    ("disk i/o error", "the disk reports an error. Check it before anything else."),
)


def fault_of(error: DBAPIError, name: str) -> JournalError:
    """Translate a driver's error about the database `name`; nothing was stored by what failed."""
    text = str(error.orig)
    lowered = text.lower()
    if any(words in lowered for words in _CORRUPT):
        return corrupt(name, text)
    for words, sentence in _SENTENCES:
        if words in lowered:
            return JournalUnavailable(f"{name}: {sentence}")
    return JournalUnavailable(f"{name}: the database does not answer: {text}")


def corrupt(name: str, text: str) -> JournalCorrupt:
    """Say that the file itself cannot be trusted."""
    return JournalCorrupt(
        f"{name} is damaged or is no database ({text}). Do not trade on it: restore a backup, "
        "or move the file away to start a new journal."
    )

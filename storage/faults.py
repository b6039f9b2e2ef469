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
    # What a server says before it lets anybody in carries no code.
    ("password authentication failed", "user or password is wrong. Check DATABASE_URL."),
    ("no pg_hba.conf entry", "the server lets this user or address not in, or not without TLS."),
    ("starting up", "the server is starting."),
    ("shutting down", "the server is shutting down."),
    ("too many clients", "the server has no connection left. Close what else works on it."),
    ("certificate", "the server's certificate is not the one that DATABASE_URL asks for."),
    ("does not support ssl", "the server speaks no TLS, and DATABASE_URL asks for it."),
    ("encoding is not utf8", "make the database with ENCODING 'UTF8'."),
)
_STATES = {
    "25006": "it is read-only: a copy, or set so. Give DATABASE_URL the one that is written to.",
    "42501": "this user may not work on it. Give it the right to make tables and to write them.",
    "42P01": "a table is missing. Was another database meant, or was it emptied?",
    "53100": "the disk is full. Free some space; nothing was stored.",
    "53300": "the server has no connection left. Close what else works on it.",
    "55P03": "another program holds what is to be written. Close that program.",
    "57014": "the server was too slow, and what it was asked was given up.",
    "57P01": "the server has ended the connection.",
}
_CORRUPT_STATES = ("XX001", "XX002")


def fault_of(error: DBAPIError, name: str) -> JournalError:
    """Translate a driver's error about the database `name`; nothing was stored by what failed."""
    text = " ".join(str(error.orig).split())
    state = getattr(error.orig, "sqlstate", None)
    if state in _CORRUPT_STATES:
        return corrupt(name, text)
    if state in _STATES:
        return JournalUnavailable(f"{name}: {_STATES[state]}")
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

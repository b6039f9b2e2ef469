"""Presence: whether a database holds a journal at all."""

from sqlalchemy import Connection, inspect

from storage.tables import JOURNAL


def holds_journal(connection: Connection) -> bool:
    """Tell whether the journal's table was ever made here."""
    return inspect(connection).has_table(JOURNAL.name)

"""What outlives the process: messages, files, pending updates, counters, in one SQLite file.

Without a folder the same tables stand in memory, so there is one way through the code.
"""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

from bot.sandbox.chats import Group, Media, Message, Person
from bot.sandbox.entities import Entity, Formatted
from bot.sandbox.wire import Json

LOCK_S_MAX = 1.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (id TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Archive:
    """Records by kind and id; every write is durable against the end of the process.

    One process holds the file at a time. Raises: sqlite3.DatabaseError where another one does, or
    the file is damaged.
    """

    def __init__(self, folder: Path | None) -> None:
        place = ":memory:"
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            place = str(folder / "sandbox.sqlite3")
        # Autocommit: a record is one statement, and the loop's thread is the only writer.
        self._database = sqlite3.connect(
            place, isolation_level=None, check_same_thread=False, timeout=LOCK_S_MAX
        )
        try:
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(SCHEMA)
        except sqlite3.DatabaseError:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def put(self, kind: str, identity: int | str, body: Json) -> None:
        """Write one record over an earlier one."""
        self._database.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
            (kind, str(identity), json.dumps(body, separators=(",", ":"))),
        )

    def drop(self, kind: str, identity: int | str) -> None:
        """Forget one record."""
        self._database.execute("DELETE FROM records WHERE kind=? AND id=?", (kind, str(identity)))

    def all(self, kind: str) -> dict[str, Json]:
        """Read every record of a kind."""
        rows = self._database.execute("SELECT id, body FROM records WHERE kind=?", (kind,))
        return {str(identity): json.loads(body) for identity, body in rows}

    def put_content(self, identity: str, content: bytes) -> None:
        """Write a file's bytes."""
        self._database.execute("INSERT OR REPLACE INTO contents VALUES (?, ?)", (identity, content))

    def content(self, identity: str) -> bytes:
        """Read a file's bytes. Raises: KeyError."""
        row = self._database.execute(
            "SELECT content FROM contents WHERE id=?", (identity,)
        ).fetchone()
        if row is None:
            raise KeyError(identity)
        return bytes(row[0])

    def drop_content(self, identity: str) -> None:
        """Forget a file's bytes."""
        self._database.execute("DELETE FROM contents WHERE id=?", (identity,))


def message_record(message: Message) -> Json:
    """Write a message for the archive."""
    return asdict(message)


def message_from(record: Json) -> Message:
    """Read a message; its monotonic times belong to a process that is gone, so they become 0."""
    text = record["formatted"]
    entities = tuple(
        Entity(**(one | {"extra": tuple((k, v) for k, v in one["extra"])}))
        for one in text["entities"]
    )
    media = record["media"]
    return Message(
        **(
            record
            | {
                "formatted": Formatted(text=text["text"], entities=entities),
                "media": Media(**media) if media else None,
                "arrived_s": 0.0,
                "changed_s": 0.0,
            }
        )
    )


def person_from(record: Json) -> Person:
    """Read a person."""
    return Person(**record)


def group_from(record: Json) -> Group:
    """Read a group."""
    return Group(**(record | {"member_ids": tuple(record["member_ids"])}))

"""A lock on a database file: one process at a time; the system lets go of it at our death."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import JournalLocked, JournalUnavailable

_USED = "used"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class FileLock:
    """Hold `<file>.lock`.

    The lock file stays where it is when the lock is let go of: removing it would let two processes
    lock two files of one name. It also remembers that the database was once in use, so that a file
    emptied since is not taken for a new one, and how it was left: closed, with its size and time,
    or in use, with the machine's start.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = file.with_name(file.name + ".lock")
        self._handle: int | None = None
        self.was_used = False
        self.is_as_left = False

    def acquire(self) -> None:
        """Take the lock at once.

        Raises: JournalLocked naming the holder, JournalUnavailable when the folder refuses.
        """
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalUnavailable(
                f"{self._file} cannot be used: {error.strerror} ({self._path.parent}). "
                "Does the folder exist, and may we write in it?"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 100, 0).decode(errors="replace").split()
            os.close(handle)
            who = f"process {holder[0]}" if holder else "another process"
            raise JournalLocked(
                f"{self._file} is in use by {who}. Stop it first, or use another DATABASE_URL."
            ) from error
        words = os.pread(handle, 200, 0).decode(errors="replace").split()
        self.was_used = _USED in words
        self.is_as_left = bool({_closed_mark(self._file), _boot_mark()}.intersection(words))
        self._handle = handle
        self._write(_USED if self.was_used else None)

    def mark_used(self) -> None:
        """Remember that the database is sound, and holds something from now on."""
        self.was_used = True
        self._write(_USED, _boot_mark())

    def mark_closed(self) -> None:
        """Remember the file as it is now, closed and sound."""
        self._write(_USED, _closed_mark(self._file))

    def release(self) -> None:
        """Let go; without effect when not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _write(self, *marks: str | None) -> None:
        assert self._handle is not None, "the lock is not held"
        text = " ".join([str(os.getpid()), *filter(None, marks)]).encode() + b"\n"
        os.pwrite(self._handle, text, 0)
        os.ftruncate(self._handle, len(text))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _closed_mark(file: Path) -> str | None:
    """Give the mark of a closed file: whatever changes it afterwards changes its size or time."""
    # What a write-ahead log holds is not in the file yet: then it was not closed.
    if file.with_name(file.name + "-wal").exists():
        return None
    with suppress(OSError):
        found = file.stat()
        return f"closed:{found.st_size}:{found.st_mtime_ns}"
    return None


def _boot_mark() -> str | None:
    """Give the mark of a file in use since this start of the machine; None where nobody knows.

    A process that is killed leaves its file whole, since the system goes on writing what it was
    given. A machine that stops may not.
    """
    with suppress(OSError):
        return f"open:{_BOOT_ID.read_text().strip()}"
    return None

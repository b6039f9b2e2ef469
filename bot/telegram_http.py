"""HTTP to the Bot API for python-telegram-bot, on aiohttp, which the process has loaded anyway.

The library's own way, on httpx, keeps the event loop busy for some 2 ms with each request; this one
for less than half of that, which is what a STOP waits for while the chat is busy.
"""

import ssl
from typing import Any, Final

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

# The request surely never reached Telegram: trying again makes no second message.
NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class TelegramHttp(BaseRequest):
    """Send requests over a pool of `connections`, kept open between them.

    `connect_s` bounds the wait for a connection, from the pool or a new one; `read_s` each wait for
    bytes, where a call gives no other. Proxies are taken from the environment.
    """

    def __init__(
        self, *, connections: int, connect_s: float, read_s: float, certificates: ssl.SSLContext
    ) -> None:
        self._connections = connections
        self._connect_s = connect_s
        self._read_s = read_s
        self._certificates = certificates
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Give the wait for bytes, in seconds, that long polling adds its own to."""
        return self._read_s

    async def initialize(self) -> None:
        """Open the pool; without effect when it is open."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._certificates),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
                trust_env=True,
            )

    async def shutdown(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(  # noqa: PLR0917 - the library's own signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Send one request; give the answer's status and body.

        A longer `pool_timeout` than `connect_timeout` lengthens the wait for a connection;
        `write_timeout` is not needed: what is written lies in the socket's buffer at once, and its
        answer is waited for.

        Raises: TimedOut, NetworkError; neither repeats the address, of which the token is a part.
        """
        session = self._session
        if session is None:
            raise RuntimeError("The client has not been opened, or was closed.")
        connect_s = max(self._given(connect_timeout, self._connect_s), self._given(pool_timeout, 0))
        timeout = aiohttp.ClientTimeout(
            total=None, connect=connect_s, sock_read=self._given(read_timeout, self._read_s)
        )
        try:
            async with session.request(
                method, url, data=_form_of(request_data), timeout=timeout
            ) as response:
                return response.status, await response.read()
        except TimeoutError as fault:
            raise TimedOut(type(fault).__name__) from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise NetworkError(type(fault).__name__) from fault

    @staticmethod
    def _given(timeout_s: Any, otherwise_s: float) -> float:
        # What a call leaves open comes as the library's own default value. None asks to wait for
        # ever, which nothing here does.
        return timeout_s if isinstance(timeout_s, int | float) else otherwise_s


def _form_of(request_data: RequestData | None) -> aiohttp.FormData | None:
    if request_data is None:
        return None
    form = aiohttp.FormData(request_data.json_parameters)
    if request_data.contains_files:
        for name, (file_name, content, kind) in request_data.multipart_data.items():
            form.add_field(name, content, filename=file_name, content_type=kind)
    return form

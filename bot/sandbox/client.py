"""A sandbox in another process, by the same verbs."""

from types import TracebackType
from typing import Self

import aiohttp

from bot.sandbox.acts import ActRefused
from bot.sandbox.verbs import Verbs
from bot.sandbox.wire import Json

TIMEOUT_S = 75.0


class SandboxClient(Verbs):
    """Speaks the control API of a sandbox at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def perform(self, verb: str, body: Json) -> Json:
        """Post a verb. Raises: ActRefused, aiohttp.ClientError where nobody answers."""
        if self._session is None:
            raise RuntimeError("use it as: async with SandboxClient(url) as client")
        async with self._session.post(f"{self.url}/sandbox/{verb}", json=body) as response:
            answer: Json = await response.json()
        if response.status != 200:
            raise ActRefused(str(answer.get("error")))
        return answer

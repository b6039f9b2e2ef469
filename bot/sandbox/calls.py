"""The calls that arrived, for tests and benchmarks."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.sandbox.wire import Json

KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; times are monotonic seconds, `code` is None unless it was answered."""

    number: int
    method: str
    chat_id: int | None
    parameters: Json
    arrived_s: float
    answered_s: float | None = None
    code: int | None = None
    fault: str | None = None


class Calls:
    """The last 20,000 calls."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT_MAX)
        self._next = 1
        self._arrived = asyncio.Event()

    def arrive(self, method: str, chat_id: int | None, parameters: Json, now_s: float) -> int:
        """Note a call and give its number."""
        number = self._next
        self._next += 1
        self._calls.append(
            Call(
                number=number,
                method=method,
                chat_id=chat_id,
                parameters=parameters,
                arrived_s=now_s,
            )
        )
        self._arrived.set()
        self._arrived = asyncio.Event()
        return number

    def answer(self, number: int, *, code: int | None, fault: str | None, now_s: float) -> None:
        """Note how a call ended."""
        index = number - self._next + len(self._calls)
        if 0 <= index < len(self._calls):
            self._calls[index] = replace(
                self._calls[index], answered_s=now_s, code=code, fault=fault
            )

    async def wait_for(self, number: int, method: str | None, timeout_s: float) -> list[Call]:
        """Wait until a call after `number` arrives, at most `timeout_s`; list what there is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self.after(number, method):
                    await self._arrived.wait()
        return self.after(number, method)

    def after(self, number: int = 0, method: str | None = None) -> list[Call]:
        """List the calls after one, of one method or of all."""
        return [
            one
            for one in self._calls
            if one.number > number and (method is None or one.method.lower() == method.lower())
        ]

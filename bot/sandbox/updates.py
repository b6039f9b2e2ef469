"""Updates for the bot: kept until confirmed, handed out by long polling."""

import asyncio
from collections import deque
from contextlib import suppress

from bot.sandbox.archive import Archive
from bot.sandbox.refusals import bad_request, other_poller, webhook_active
from bot.sandbox.wire import Json

PENDING_MAX = 10_000
FIRST_UPDATE_ID = 700_000_001
LIMIT_MAX = 100
TIMEOUT_S_MAX = 50.0
# As at Telegram: these come only when they are asked for by name.
ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class QueueFull(Exception):
    """Nobody has fetched 10,000 updates; start the bot or clear the queue."""


class Updates:
    """The queue of one bot; ids go on over restarts."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        kept = archive.all("update").values()
        self.pending: deque[Json] = deque(sorted(kept, key=lambda one: int(one["update_id"])))
        counters = archive.all("counter")
        self._next_id = int(counters.get("update", {}).get("next", FIRST_UPDATE_ID))
        polling = archive.all("polling").get("settings", {})
        self.allowed: list[str] = list(polling.get("allowed", []))
        self.webhook_active = False
        self._arrived = asyncio.Event()
        self._poller = 0

    def push(self, body: Json) -> int | None:
        """Queue one update and give its id; None where the bot did not allow its kind.

        Raises: QueueFull.
        """
        kind = next(key for key in body if key != "update_id")
        wanted = kind in self.allowed if self.allowed else kind not in ON_REQUEST_ONLY
        if not wanted:
            return None
        if len(self.pending) >= PENDING_MAX:
            raise QueueFull
        update_id = self._next_id
        self._next_id += 1
        self._archive.put("counter", "update", {"next": self._next_id})
        update = {"update_id": update_id, **{k: v for k, v in body.items() if k != "update_id"}}
        self._archive.put("update", update_id, update)
        self.pending.append(update)
        self.wake()
        return update_id

    def again(self, update: Json) -> None:
        """Queue an update once more under its own id, as after a lost confirmation."""
        self._archive.put("update", int(update["update_id"]), update)
        self.pending.append(update)
        self.wake()

    def wake(self) -> None:
        """Let a waiting poller look again."""
        self._arrived.set()
        self._arrived = asyncio.Event()

    async def wait(self) -> None:
        """Wait until something arrives or changes."""
        await self._arrived.wait()

    def drop_first(self) -> None:
        """Confirm the oldest update."""
        gone = self.pending.popleft()
        self._archive.drop("update", int(gone["update_id"]))

    def clear(self) -> None:
        """Forget all that waits."""
        while self.pending:
            self.drop_first()

    def allow(self, kinds: list[str] | None) -> None:
        """Choose which kinds come from now on; None leaves the choice, an empty list resets it."""
        if kinds is not None and kinds != self.allowed:
            self.allowed = list(kinds)
            self._archive.put("polling", "settings", {"allowed": self.allowed})

    def interrupt(self) -> None:
        """End a running poll, as a cut connection does."""
        self._poller += 1
        self.wake()

    async def poll(
        self, *, offset: int, limit: int, timeout_s: float, kinds: list[str] | None
    ) -> list[Json]:
        """Confirm what lies before `offset` and wait for what follows.

        Raises: Refusal 409 when another poller comes, or a webhook is set.
        """
        if self.webhook_active:
            raise webhook_active()
        self._poller += 1
        mine = self._poller
        self.wake()
        self.allow(kinds)
        self._confirm(offset)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(timeout_s, 0.0), TIMEOUT_S_MAX)):
                while not self.pending and mine == self._poller:
                    await self._arrived.wait()
        if mine != self._poller:
            raise other_poller()
        return list(self.pending)[: min(max(limit, 1), LIMIT_MAX)]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self.pending) > -offset:
                self.drop_first()
            return
        while self.pending and int(self.pending[0]["update_id"]) < offset:
            self.drop_first()


def kinds_from(given: object) -> list[str] | None:
    """Read allowed_updates. Raises: Refusal."""
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise bad_request("can't parse allowed_updates: expected an Array of String")
    return list(given)

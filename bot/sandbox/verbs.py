"""The verbs as Python methods; in the same process or over HTTP is the subclass's business."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict

from bot.sandbox.chats import Group, Person
from bot.sandbox.faults import FaultKind
from bot.sandbox.limits import Rates
from bot.sandbox.seen import SeenAnswer, SeenCall, SeenMessage, seen_message
from bot.sandbox.wire import Json

WAIT_S = 30.0


class NothingCame(AssertionError):
    """What a test waited for did not come in time; the message lists what did."""


class Verbs(ABC):
    """What a test can do: act as persons, see the chats, break the network.

    Every method raises ActRefused where a phone would not allow it.
    """

    @abstractmethod
    async def perform(self, verb: str, body: Json) -> Json:
        """Do what the verb says, see control."""

    async def say(
        self, user_id: int, text: str, *, chat_id: int | None = None, reply_to: int | None = None
    ) -> int:
        """Write a text as a person; give the message's id."""
        body = {"user_id": user_id, "text": text, "chat_id": chat_id, "reply_to": reply_to}
        return int((await self.perform("say", body))["message_id"])

    async def press(
        self,
        user_id: int,
        message_id: int,
        label: str | None = None,
        *,
        row: int | None = None,
        column: int | None = None,
        callback_data: str | None = None,
        gone_ok: bool = False,
    ) -> str:
        """Press a button by a part of its label, its place or its data; give the query's id.

        `gone_ok` allows what an old phone or a forger could do: data that stands on no button,
        buttons that are gone, deleted messages.
        """
        body = {
            "user_id": user_id, "message_id": message_id, "label": label, "row": row,
            "column": column, "callback_data": callback_data, "gone_ok": gone_ok,
        }  # fmt: skip
        return str((await self.perform("press", body))["query_id"])

    async def tap_key(self, user_id: int, label: str, *, chat_id: int | None = None) -> int:
        """Tap a key of the reply keyboard; give the id of the message it sends."""
        body = {"user_id": user_id, "label": label, "chat_id": chat_id}
        return int((await self.perform("tap_key", body))["message_id"])

    async def messages(
        self, chat_id: int | None = None, *, deleted: bool = False
    ) -> list[SeenMessage]:
        """List the messages of a chat, or of all, oldest first."""
        answer = await self.perform("messages", {"chat_id": chat_id, "deleted": deleted})
        return [seen_message(one) for one in answer["messages"]]

    async def message(self, message_id: int) -> SeenMessage:
        """Give one message as it stands, deleted or not. Raises: KeyError."""
        for one in await self.messages(deleted=True):
            if one.message_id == message_id:
                return one
        raise KeyError(message_id)

    async def pinned(self, chat_id: int) -> list[SeenMessage]:
        """List the pinned messages of a chat."""
        return [one for one in await self.messages(chat_id) if one.pinned]

    async def wait_for_message(
        self,
        predicate: Callable[[SeenMessage], bool],
        *,
        chat_id: int | None = None,
        timeout_s: float = WAIT_S,
    ) -> SeenMessage:
        """Wait until a message stands in a chat, new or edited, that fits; give the newest.

        Raises: NothingCame.
        """
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            answer = await self.perform("messages", {"chat_id": chat_id})
            seen = [seen_message(one) for one in answer["messages"]]
            for one in reversed(seen):
                if predicate(one):
                    return one
            left_s = deadline_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                last = "\n---\n".join(f"{one.text}\n{one.labels}" for one in seen[-6:])
                raise NothingCame(f"no such message in {timeout_s} s; the last ones:\n{last}")
            body = {"revision": answer["revision"], "timeout_s": min(left_s, 30.0)}
            await self.perform("changes", body)

    async def wait_for_text(
        self, part: str, *, chat_id: int | None = None, after: int = 0, timeout_s: float = WAIT_S
    ) -> SeenMessage:
        """Wait for a message of the bot that contains `part` and is newer than message `after`."""
        return await self.wait_for_message(
            lambda one: one.from_bot and part in one.text and one.message_id > after,
            chat_id=chat_id,
            timeout_s=timeout_s,
        )

    async def answers(self, query_id: str | None = None) -> list[SeenAnswer]:
        """List presses with their answers."""
        answer = await self.perform("answers", {"query_id": query_id})
        return [SeenAnswer(**one) for one in answer["answers"]]

    async def wait_for_answer(self, query_id: str, *, timeout_s: float = WAIT_S) -> SeenAnswer:
        """Wait until a press is answered. Raises: NothingCame."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            revision = int((await self.perform("state", {}))["revision"])
            found = await self.answers(query_id)
            if found and found[0].answered_s is not None:
                return found[0]
            left_s = deadline_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                raise NothingCame(f"press {query_id} was not answered in {timeout_s} s")
            body = {"revision": revision, "timeout_s": min(left_s, 30.0)}
            await self.perform("changes", body)

    async def inject(self, update: Json) -> int | None:
        """Queue a raw update; one with an update_id is delivered under it, as a repeat is."""
        answer = await self.perform("inject", {"update": update})
        update_id = answer["update_id"]
        return None if update_id is None else int(update_id)

    async def block(self, user_id: int) -> None:
        """Let a person block the bot."""
        await self.perform("block", {"user_id": user_id})

    async def unblock(self, user_id: int) -> None:
        """Let a person unblock the bot."""
        await self.perform("unblock", {"user_id": user_id})

    async def fail(
        self,
        method: str,
        kind: FaultKind,
        *,
        count: int = 1,
        retry_after_s: int = 5,
        hang_s: float = 5.0,
        code: int = 400,
        description: str = "Bad Request",
        chat_id: int | None = None,
    ) -> None:
        """Plan a fault for the next `count` calls of a method ("*": any but getUpdates)."""
        body = {
            "method": method, "kind": kind.value, "count": count, "retry_after_s": retry_after_s,
            "hang_s": hang_s, "code": code, "description": description, "chat_id": chat_id,
        }  # fmt: skip
        await self.perform("fail", body)

    async def heal(self) -> None:
        """Forget planned faults; the network is up again."""
        await self.perform("heal", {})

    async def network(self, *, up: bool) -> None:
        """Cut every connection of the bot, or stop doing so."""
        await self.perform("network", {"up": up})

    async def calls(self, method: str | None = None, *, after: int = 0) -> list[SeenCall]:
        """List the Bot API calls that arrived after a number."""
        answer = await self.perform("calls", {"method": method, "after": after})
        return [SeenCall(**one) for one in answer["calls"]]

    async def wait_for_call(
        self, method: str, *, after: int = 0, timeout_s: float = WAIT_S
    ) -> SeenCall:
        """Wait until a call of a method arrives, answered or not; give the first after a number.

        Raises: NothingCame.
        """
        body = {"method": method, "after": after, "timeout_s": timeout_s}
        found = (await self.perform("wait_for_call", body))["calls"]
        if not found:
            raise NothingCame(f"no call of {method} in {timeout_s} s")
        return SeenCall(**found[0])

    async def add_person(self, person: Person) -> None:
        """Give somebody a phone."""
        await self.perform("add_person", asdict(person))

    async def add_group(self, group: Group) -> None:
        """Make a group with the bot in it."""
        await self.perform("add_group", asdict(group))

    async def limit(self, rates: Rates | None) -> None:
        """Enforce rate limits from now on, or none."""
        await self.perform("limit", {"rates": None if rates is None else asdict(rates)})

    async def set_query_age(self, age_s_max: float) -> None:
        """Refuse answers to presses older than this, in seconds."""
        await self.perform("query_age", {"age_s_max": age_s_max})

    async def state(self) -> Json:
        """Show who is there; the bot, people, groups, updates that wait."""
        return await self.perform("state", {})

"""The world of the sandbox: everything Telegram would know, in one place."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from bot.sandbox.archive import Archive, group_from, message_from, message_record, person_from
from bot.sandbox.chats import BotIdentity, Group, Message, Person
from bot.sandbox.feed import Clock, Feed
from bot.sandbox.files import Files
from bot.sandbox.limits import Limits, Rates
from bot.sandbox.queries import Queries
from bot.sandbox.updates import Updates
from bot.sandbox.wire import Json

MESSAGES_MAX = 5000
FORMER_MAX = 8


class World:
    """State of every chat; each change is archived and published before the next one."""

    def __init__(
        self,
        *,
        identity: BotIdentity,
        people: Iterable[Person],
        groups: Iterable[Group],
        folder: Path | None,
        rates: Rates | None,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self.identity = identity
        self.clock = clock
        self.monotonic = monotonic
        self.archive = Archive(folder)
        self.feed = Feed()
        self.updates = Updates(self.archive)
        self.files = Files(self.archive)
        self.queries = Queries()
        self.limits = Limits(rates)
        self.closing = asyncio.Event()
        self.webhook: Json = {}
        self.people = {int(k): person_from(v) for k, v in self.archive.all("person").items()}
        self.groups = {int(k): group_from(v) for k, v in self.archive.all("group").items()}
        self.started = {int(k) for k in self.archive.all("started")}
        self.blocked = {int(k) for k in self.archive.all("blocked")}
        self.pinned: dict[int, list[int]] = {
            int(k): list(v["ids"]) for k, v in self.archive.all("pinned").items()
        }
        self.keyboards: dict[int, Json] = {
            int(k): v for k, v in self.archive.all("keyboard").items()
        }
        self.commands: dict[str, list[Json]] = {
            k: list(v["commands"]) for k, v in self.archive.all("commands").items()
        }
        kept = sorted(
            (message_from(one) for one in self.archive.all("message").values()),
            key=lambda one: one.message_id,
        )
        self.messages: OrderedDict[int, Message] = OrderedDict((m.message_id, m) for m in kept)
        self.former: dict[int, deque[Json]] = {}
        counter = self.archive.all("counter").get("message", {})
        self._next_message_id = int(counter.get("next", 101))
        for person in people:
            self.add_person(person)
        for group in groups:
            self.add_group(group)

    def close(self) -> None:
        """Cut off listeners and close the archive."""
        self.closing.set()
        self.feed.close()
        self.archive.close()

    def add_person(self, person: Person) -> None:
        """Give somebody a phone."""
        self.people[person.id] = person
        self.archive.put("person", person.id, asdict(person))
        if person.started:
            self.start_chat(person.id)
        self.feed.publish("people")

    def add_group(self, group: Group) -> None:
        """Make a group with the bot in it."""
        self.groups[group.id] = group
        self.archive.put("group", group.id, asdict(group))
        self.feed.publish("people")

    def start_chat(self, user_id: int) -> None:
        """Let the bot write to somebody, as the first message of a person does."""
        if user_id not in self.started:
            self.started.add(user_id)
            self.archive.put("started", user_id, {})

    def set_blocked(self, user_id: int, blocked: bool) -> None:
        """Let a person block or unblock the bot."""
        if blocked:
            self.blocked.add(user_id)
            self.archive.put("blocked", user_id, {})
        else:
            self.blocked.discard(user_id)
            self.archive.drop("blocked", user_id)
        self.feed.publish("people")

    def next_message_id(self) -> int:
        """Draw an id; ids rise over all chats and over restarts."""
        drawn = self._next_message_id
        self._next_message_id += 1
        self.archive.put("counter", "message", {"next": self._next_message_id})
        return drawn

    def message(self, chat_id: int, message_id: int | None) -> Message | None:
        """Find a message that stands in a chat."""
        found = self.messages.get(message_id) if message_id is not None else None
        return found if found and found.chat_id == chat_id and not found.deleted else None

    def chat_messages(self, chat_id: int, *, deleted: bool = False) -> list[Message]:
        """List a chat, oldest first."""
        return [
            m for m in self.messages.values() if m.chat_id == chat_id and (deleted or not m.deleted)
        ]

    def add_message(self, message: Message) -> None:
        """Let a message arrive."""
        self.messages[message.message_id] = message
        self.archive.put("message", message.message_id, message_record(message))
        while len(self.messages) > MESSAGES_MAX:
            gone, _ = self.messages.popitem(last=False)
            self.archive.drop("message", gone)
            self.former.pop(gone, None)
        if message.keyboard is not None:
            self._set_keyboard(message.chat_id, message.keyboard)
        self.feed.publish("message", chat_id=message.chat_id, message_id=message.message_id)

    def change_message(self, message: Message, *, counts_as_edit: bool = True) -> Message:
        """Replace a message by what it has become."""
        before = self.messages[message.message_id]
        if before.inline and before.inline != message.inline:
            kept = self.former.setdefault(message.message_id, deque(maxlen=FORMER_MAX))
            kept.append(before.inline)
        changed = replace(message, changed_s=self.monotonic())
        if counts_as_edit:
            changed = replace(changed, edits=before.edits + 1, edit_date=int(self.clock()))
        self.messages[message.message_id] = changed
        self.archive.put("message", message.message_id, message_record(changed))
        self.feed.publish("edit", chat_id=message.chat_id, message_id=message.message_id)
        return changed

    def delete_message(self, message: Message) -> None:
        """Take a message out of its chat; its tombstone stays for tests."""
        if message.message_id in self.pinned.get(message.chat_id, []):
            self.unpin(message.chat_id, message.message_id)
        self.change_message(replace(message, deleted=True), counts_as_edit=False)

    def pin(self, chat_id: int, message_id: int) -> None:
        """Put a message on top of the pinned ones."""
        others = [one for one in self.pinned.get(chat_id, []) if one != message_id]
        self._set_pinned(chat_id, [*others, message_id])

    def unpin(self, chat_id: int, message_id: int) -> None:
        """Take a message off the pinned ones."""
        self._set_pinned(
            chat_id, [one for one in self.pinned.get(chat_id, []) if one != message_id]
        )

    def unpin_all(self, chat_id: int) -> None:
        """Empty the pinned bar."""
        self._set_pinned(chat_id, [])

    def _set_pinned(self, chat_id: int, ids: list[int]) -> None:
        self.pinned[chat_id] = ids
        self.archive.put("pinned", chat_id, {"ids": ids})
        self.feed.publish("pin", chat_id=chat_id)

    def _set_keyboard(self, chat_id: int, keyboard: Json) -> None:
        if "keyboard" in keyboard:
            self.keyboards[chat_id] = keyboard
            self.archive.put("keyboard", chat_id, keyboard)
        elif keyboard.get("remove_keyboard"):
            self.keyboards.pop(chat_id, None)
            self.archive.drop("keyboard", chat_id)
        self.feed.publish("keyboard", chat_id=chat_id)

    def set_commands(self, scope: str, commands: list[Json]) -> None:
        """Keep the menu of a scope; an empty one is forgotten."""
        if commands:
            self.commands[scope] = commands
            self.archive.put("commands", scope, {"commands": commands})
        else:
            self.commands.pop(scope, None)
            self.archive.drop("commands", scope)
        self.feed.publish("commands")

"""Who talks where: persons, groups, messages. Values only; the world keeps them."""

from dataclasses import dataclass
from typing import Literal

from bot.sandbox.entities import Formatted
from bot.sandbox.wire import Json

MediaKind = Literal["photo", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a phone; `started` opens the private chat without a first message."""

    id: int
    name: str
    username: str | None = None
    started: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group chat that the bot is in; its id is negative."""

    id: int
    title: str
    member_ids: tuple[int, ...]
    bot_is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """The bot as Telegram knows it."""

    token: str
    name: str
    username: str

    @property
    def id(self) -> int:
        """Give the number that a token starts with."""
        return int(self.token.partition(":")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A photo or document in a message; sizes in pixels, 0 where it has none."""

    kind: MediaKind
    file_id: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it stands now; `formatted` is its text, or the caption of its media.

    `date` and `edit_date` are unix seconds, `arrived_s` and `changed_s` monotonic seconds of this
    process. `inline` is the inline keyboard, `keyboard` any other reply markup it was sent with.
    """

    chat_id: int
    message_id: int
    sender_id: int
    date: int
    arrived_s: float
    changed_s: float
    formatted: Formatted
    media: Media | None = None
    media_group_id: str | None = None
    inline: Json | None = None
    keyboard: Json | None = None
    reply_to: int | None = None
    quote: str | None = None
    silent: bool = False
    protected: bool = False
    edits: int = 0
    edit_date: int | None = None
    pinned_id: int | None = None
    reaction: str | None = None
    deleted: bool = False


DEFAULT_PEOPLE = (
    Person(id=4242, name="Olivia", username="owner_olivia"),
    Person(id=77, name="Tom", username="trader_tom"),
    Person(id=99, name="Vera", username="viewer_vera"),
    Person(id=555019283, name="Stranger"),
)

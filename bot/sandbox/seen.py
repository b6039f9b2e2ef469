"""What a test sees: messages, answers and calls as values."""

from dataclasses import dataclass, fields

from bot.sandbox.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMessage:
    """A message in a chat; `html` is its text with markup, `buttons` the inline keyboard's rows."""

    chat_id: int
    message_id: int
    sender_id: int
    from_bot: bool
    date: int
    arrived_s: float
    changed_s: float
    text: str
    html: str
    entities: list[Json]
    media: Json | None
    buttons: list[list[Json]]
    keyboard: Json | None
    reply_to: int | None
    quote: str | None
    silent: bool
    protected: bool
    edits: int
    pinned: bool
    pinned_id: int | None
    reaction: str | None
    deleted: bool

    @property
    def labels(self) -> list[str]:
        """List the labels of the inline buttons."""
        return [str(button["text"]) for row in self.buttons for button in row]

    def has_button(self, label: str) -> bool:
        """Say whether a button's label contains `label`."""
        return any(label in one for one in self.labels)

    def callback_data(self, label: str) -> str:
        """Give what the first button with `label` in it carries. Raises: KeyError."""
        for row in self.buttons:
            for button in row:
                if label in button["text"] and "callback_data" in button:
                    return str(button["callback_data"])
        raise KeyError(label)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """A press and, once `answered_s` is set, how it was answered; times are the sandbox's."""

    query_id: str
    user_id: int
    chat_id: int
    message_id: int
    callback_data: str
    asked_s: float
    answered_s: float | None
    text: str | None
    show_alert: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """A request that arrived; times are the sandbox's monotonic seconds."""

    number: int
    method: str
    chat_id: int | None
    parameters: Json
    arrived_s: float
    answered_s: float | None
    code: int | None
    fault: str | None


def seen_message(view: Json) -> SeenMessage:
    """Read a message view."""
    return SeenMessage(**{one.name: view[one.name] for one in fields(SeenMessage)})

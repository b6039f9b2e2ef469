"""Incoming: what an update is, before anybody decides what to do with it."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from telegram import MaybeInaccessibleMessage, Message, Update

from bot import callbacks
from bot.callbacks import Button, ForgedCallback
from bot.parsing.words import split_command

STALE_AFTER: Final = timedelta(seconds=60)
STOP_WORD: Final = "STOP"
REASON_CHARACTERS_MAX: Final = 80
CODE: Final = re.compile(r"\s*([0-9]{3})[ -]?([0-9]{3})\s*\Z")
AMOUNT: Final = re.compile(
    r"\s*((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.[0-9]{1,18})?)\s*\Z", re.ASCII
)
CODE_UNREAD: Final = "(a code, not kept)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Hold one update with what every handler asks of it.

    `sent_at` is None for a tap: Telegram does not say when it happened, only since when its card
    looked as it did, `shown_at`; no tap is older than that. `text` is None unless a person wrote
    words. `is_edit` when an old message was changed.
    """

    update: Update
    received_at: datetime
    user_id: int | None
    chat_id: int | None
    message_id: int | None
    text: str | None
    callback_id: str | None
    callback_text: str | None
    sent_at: datetime | None
    is_edit: bool
    shown_at: datetime | None = None

    @property
    def update_id(self) -> int:
        """Give Telegram's number of the update."""
        return self.update.update_id

    @property
    def command_id(self) -> str:
        """Name what the person wants, so that a repeat is recognised (EXECUTION 2)."""
        if self.callback_id is not None:
            return f"tgcb:{self.callback_id}"
        if self.message_id is not None:
            return f"tg:{self.chat_id}:{self.message_id}"
        return f"tgu:{self.update_id}"

    @property
    def is_tap(self) -> bool:
        """Tell whether an inline button was pressed."""
        return self.callback_id is not None

    @property
    def is_stop(self) -> bool:
        """Tell whether this is STOP: the command, or the key's text; never an edit of one."""
        return self.text is not None and not self.is_edit and is_stop_text(self.text)

    @property
    def command(self) -> tuple[str, str] | None:
        """Give the command and its words, where the text is one."""
        return split_command(self.text) if self.text is not None else None

    def is_for_another(self, bot_name: str | None) -> bool:
        """Tell whether a command names another bot, as `/buy@other_bot` does in a group.

        STOP is ours whatever it names: halting too often is the smaller harm.
        """
        if self.text is None or bot_name is None or self.is_stop:
            return False
        named = re.match(r"/[A-Za-z0-9_]{1,32}@(\w+)", self.text.strip())
        return named is not None and named[1].casefold() != bot_name.casefold()

    def button(self) -> Button:
        """Give the button that was pressed. Raises: ForgedCallback."""
        if self.callback_text is None:
            raise ForgedCallback("This button carries nothing.")
        return callbacks.decode(self.callback_text)

    def is_old_tap(self, now: datetime) -> bool:
        """Tell whether a tap that nobody heard may be older than the limit."""
        return self.is_tap and (self.shown_at is None or now - self.shown_at > STALE_AFTER)

    def age(self, now: datetime) -> timedelta:
        """Give how long ago it was sent; a tap counts from when it was received."""
        return now - (self.sent_at if self.sent_at is not None else self.received_at)


def is_stop_text(text: str) -> bool:
    """Tell whether a text means STOP: `/stop` with anything after it, or the word alone.

    The key of the keyboard says `⛔ STOP`. Whoever types it in a hurry may shout, or dot it.
    """
    command = split_command(text)
    if command is not None:
        return command[0] == "stop"
    letters = "".join(c for c in text if c.isalpha())
    others = "".join(c for c in text if c.isalnum() and not c.isalpha())
    return letters.upper() == STOP_WORD and not others


def incoming(update: Update, received_at: datetime) -> Incoming:
    """Take an update apart; a kind that we do not serve keeps only who sent it."""
    message = update.message or update.edited_message
    query = update.callback_query
    user = update.effective_user
    chat = update.effective_chat
    target = query.message if query is not None else message
    return Incoming(
        update=update,
        received_at=received_at,
        user_id=user.id if user is not None and not user.is_bot else None,
        chat_id=chat.id if chat is not None else (user.id if query and user else None),
        message_id=target.message_id if target is not None else None,
        text=message.text if message is not None else None,
        callback_id=query.id if query is not None else None,
        callback_text=query.data if query is not None else None,
        sent_at=message.date if message is not None else None,
        shown_at=_shown_at(query.message if query is not None else None),
        is_edit=update.edited_message is not None,
    )


def _shown_at(card: MaybeInaccessibleMessage | None) -> datetime | None:
    """Give since when a card looks as it does; None where Telegram shows it no more."""
    return (card.edit_date or card.date) if isinstance(card, Message) else None


def code_in(text: str) -> str | None:
    """Give the six digits of a text that is nothing but a code; None for any other text."""
    found = CODE.match(text)
    return found[1] + found[2] if found is not None else None


def amount_in(text: str) -> Decimal | None:
    """Give the number of a text that is nothing but a number, with or without commas."""
    found = AMOUNT.match(text)
    return Decimal(found[1].replace(",", "")) if found is not None else None


def payload_of(update: Update) -> bytes:
    """Write an update as it is stored: what may be a code is not kept."""
    written = update.to_dict()
    for kind in ("message", "edited_message"):
        message = written.get(kind)
        if isinstance(message, dict) and code_in(str(message.get("text", ""))) is not None:
            message["text"] = CODE_UNREAD
            message.pop("entities", None)
    return json.dumps(written).encode()


def update_from(payload: bytes) -> Update:
    """Read a stored update. Raises: ValueError when it is none."""
    read = json.loads(payload)
    if not isinstance(read, dict) or "update_id" not in read:
        raise ValueError("a stored update has no id")
    return Update.de_json(read, None)

"""Markup: a screen's text, buttons and keys as Telegram takes them."""

import html
import re
from typing import Final

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from telegram.constants import KeyboardButtonStyle

from bot.screens.layout import ButtonView, KeyView, Screen, Style

COLOURS: Final[dict[Style, str | None]] = {
    Style.PLAIN: None,
    Style.RED: KeyboardButtonStyle.DANGER,
    Style.GREEN: KeyboardButtonStyle.SUCCESS,
    Style.BLUE: KeyboardButtonStyle.PRIMARY,
}
REPEAT_LINE: Final = "<i>repeat, it may stand above already</i>"
_TAG = re.compile(r"<[^<>]*>")


def bare(text: str) -> str:
    """Give what a reader sees of a text in Telegram's HTML."""
    return html.unescape(_TAG.sub("", text))


def unformatted(text: str) -> str:
    """Give a text in Telegram's HTML that reads the same and has no markup left to go wrong."""
    return html.escape(bare(text), quote=False)


def marked(text: str, repeat: bool) -> str:
    """Say of a repeat that it is one."""
    return f"{text}\n{REPEAT_LINE}" if repeat else text


def reply_to_message(message_id: int | None) -> ReplyParameters | None:
    """Answer a message; where it is gone, the answer stands by itself."""
    if message_id is None:
        return None
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def inline_markup(screen: Screen) -> InlineKeyboardMarkup | None:
    """Give the buttons under a message; None when there are none, which also takes them away."""
    rows = [[_button(button) for button in row] for row in screen.rows if row]
    return InlineKeyboardMarkup(rows) if rows else None


def reply_markup(screen: Screen) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | None:
    """Give what goes with a new message.

    Telegram takes one of the two: a keyboard, where there is one, else the buttons.
    """
    if screen.keyboard is None:
        return inline_markup(screen)
    keys = [[_key(key) for key in row] for row in screen.keyboard]
    return ReplyKeyboardMarkup(keys, is_persistent=True, resize_keyboard=True)


def _button(button: ButtonView) -> InlineKeyboardButton:
    style = COLOURS[button.style]
    if button.copy_text is not None:
        copied = CopyTextButton(button.copy_text)
        return InlineKeyboardButton(button.label, copy_text=copied, style=style)
    assert button.callback is not None, f"{button.label!r} does nothing"
    return InlineKeyboardButton(button.label, callback_data=button.callback, style=style)


def _key(key: KeyView) -> KeyboardButton:
    return KeyboardButton(key.text, style=COLOURS[key.style])

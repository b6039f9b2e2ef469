"""Markup: a screen's buttons and keys as Telegram's objects."""

from typing import Final

from telegram import (
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
)
from telegram.constants import KeyboardButtonStyle

from bot.screens.layout import ButtonView, KeyView, Screen, Style

COLOURS: Final[dict[Style, str | None]] = {
    Style.PLAIN: None,
    Style.RED: KeyboardButtonStyle.DANGER,
    Style.GREEN: KeyboardButtonStyle.SUCCESS,
    Style.BLUE: KeyboardButtonStyle.PRIMARY,
}


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

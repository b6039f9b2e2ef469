"""Delivery: the only place that sends. Every screen goes through here, in its lane."""

import asyncio
import logging
import os
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from telegram import Bot, InputFile, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.attempts import (
    Attempts,
    ChatBlocked,
    DeliveryError,
    Patience,
    RefusedByTelegram,
    Undelivered,
)
from bot.buckets import Rates
from bot.lanes import Lanes, LanesFull, Turn
from bot.markup import (
    bare,
    inline_markup,
    marked,
    reply_markup,
    reply_to_message,
    unformatted,
)
from bot.screens.layout import Screen
from bot.screens.splitting import CAPTION_MAX, for_group, split
from engine.alerts import Lane
from engine.ports import Clock

__all__ = [
    "ChatBlocked",
    "Delivery",
    "DeliveryError",
    "Patience",
    "Rates",
    "RefusedByTelegram",
    "Undelivered",
]

log = logging.getLogger(__name__)

POPUP_CHARACTERS_MAX: Final = 200
EDIT_GONE: Final = ("to edit not found", "can't be edited", "message_id_invalid", "no text in")


class Delivery:
    """Send, edit, delete and pin within Telegram's limits; answer taps at once.

    `count_flood` is called for each 429. Unless it says otherwise, every method raises ChatBlocked,
    RefusedByTelegram or Undelivered.
    """

    def __init__(
        self,
        *,
        bot: Bot,
        clock: Clock,
        rates: Rates | None = None,
        patience: Patience | None = None,
        count_flood: Callable[[], None] = lambda: None,
        jitter: random.Random | None = None,
    ) -> None:
        # python-telegram-bot warns at every 429 unless told that its pauses are read as timedelta.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        self._bot = bot
        self._patience = patience or Patience()
        self._lanes = Lanes(rates=rates or Rates(), monotonic=clock.monotonic)
        self._attempts = Attempts(
            lanes=self._lanes,
            patience=self._patience,
            count_flood=count_flood,
            jitter=jitter or random.Random(),  # noqa: S311 - it spreads load, it guards nothing
        )

    @property
    def depth(self) -> int:
        """Give how many requests wait for their turn."""
        return self._lanes.depth

    def paused_s(self, chat_id: int) -> float:
        """Give for how long Telegram wants silence in a chat; 0 when it does not."""
        return self._lanes.paused_s(chat_id)

    async def turn(self, chat_id: int, lane: Lane) -> Turn:
        """Wait for the turn to make one request, so that what is said is of that moment.

        Raises: Undelivered when too many wait already.
        """
        try:
            return await self._lanes.turn(chat_id, lane)
        except LanesFull as full:
            raise Undelivered(str(full)) from full

    async def send(
        self,
        chat_id: int,
        screen: Screen,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        repeat: bool = False,
        lane: Lane,
        turn: Turn | None = None,
    ) -> int:
        """Send a screen as a new message and give its id.

        A text that is too long goes as several messages; the last one carries the buttons, and its
        id is given. A `repeat`, and a second try after an answer that never came, says so.
        """
        message_id = 0
        for part in split(_fitted(chat_id, screen)):
            message_id = await self._send_one(
                chat_id,
                part,
                reply_to=reply_to,
                silent=silent,
                repeat=repeat,
                lane=lane,
                turn=turn,
            )
        return message_id

    async def send_photo(
        self,
        chat_id: int,
        png: bytes,
        screen: Screen,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        repeat: bool = False,
        lane: Lane,
        turn: Turn | None = None,
        protected: bool = False,
    ) -> int:
        """Send a picture with the screen as its caption and give the message's id.

        A caption that is too long goes on in messages of its own; then their last id is given.
        A `protected` one can be neither passed on nor saved.
        """
        caption, *rest = split(_fitted(chat_id, screen), CAPTION_MAX)

        async def call(chat: int, maybe_sent: bool) -> int:
            message = await self._bot.send_photo(
                chat,
                InputFile(png, filename="quarterdeck.png"),
                caption=marked(caption.text, repeat or maybe_sent),
                parse_mode=ParseMode.HTML,
                reply_markup=reply_markup(caption),
                reply_parameters=reply_to_message(reply_to),
                disable_notification=silent,
                protect_content=protected,
                write_timeout=self._patience.upload_s,
            )
            return message.message_id

        timeout_s = self._patience.upload_s
        message_id = await self._attempts.run(chat_id, lane, call, turn=turn, timeout_s=timeout_s)
        for part in rest:
            message_id = await self._send_one(
                chat_id,
                part,
                reply_to=message_id,
                silent=True,
                repeat=False,
                lane=lane,
                turn=None,
            )
        return message_id

    async def edit(
        self,
        chat_id: int,
        message_id: int,
        screen: Screen,
        *,
        lane: Lane,
        turn: Turn | None = None,
    ) -> bool:
        """Make a message show a screen; False when there is no such message any more.

        Of a text that is too long the last part is shown, with its first line and its buttons.
        """
        shown = split(_fitted(chat_id, screen))[-1]
        try:
            try:
                return await self._edit_once(chat_id, message_id, shown, lane, turn)
            except RefusedByTelegram as refusal:
                if not _is_markup_fault(refusal):
                    raise
                _log_refusal(refusal, shown)
                as_read = replace(shown, text=unformatted(shown.text))
                return await self._edit_once(chat_id, message_id, as_read, lane, None)
        except RefusedByTelegram as refusal:
            reason = str(refusal).lower()
            if "not modified" in reason:
                return True
            if any(words in reason for words in EDIT_GONE):
                return False
            _log_refusal(refusal, shown)
            raise

    async def answer(
        self, callback_query_id: str, text: str | None = None, show_alert: bool = False
    ) -> None:
        """Answer a tap, without waiting for any limit; never raises a DeliveryError.

        A tap that is too old to be answered is logged: its card tells the outcome anyway.
        """
        if text is not None and len(text) > POPUP_CHARACTERS_MAX:
            text = text[: POPUP_CHARACTERS_MAX - 1] + "…"
        try:
            async with asyncio.timeout(self._patience.answer_s):
                await self._bot.answer_callback_query(
                    callback_query_id, text=text, show_alert=show_alert
                )
        except (TelegramError, TimeoutError) as fault:
            log.warning(
                "tap not answered",
                extra={"callback_query_id": callback_query_id, "reason": str(fault)},
            )

    async def delete(self, chat_id: int, message_id: int, *, lane: Lane = Lane.REPORT) -> bool:
        """Delete a message; False when it is gone already, or may not be deleted any more."""

        async def call(chat: int, _maybe_sent: bool) -> bool:
            return await self._bot.delete_message(chat, message_id)

        try:
            return await self._attempts.run(chat_id, lane, call)
        except RefusedByTelegram as refusal:
            log.info("not deleted", extra={"chat_id": chat_id, "reason": str(refusal)})
            return False

    async def pin(self, chat_id: int, message_id: int, *, lane: Lane = Lane.REPORT) -> bool:
        """Pin a message without a sound; False when the chat does not let us, or it is gone."""

        async def call(chat: int, _maybe_sent: bool) -> bool:
            return await self._bot.pin_chat_message(chat, message_id, disable_notification=True)

        try:
            return await self._attempts.run(chat_id, lane, call)
        except RefusedByTelegram as refusal:
            log.info("not pinned", extra={"chat_id": chat_id, "reason": str(refusal)})
            return False

    async def _send_one(
        self,
        chat_id: int,
        part: Screen,
        *,
        reply_to: int | None,
        silent: bool,
        repeat: bool,
        lane: Lane,
        turn: Turn | None,
    ) -> int:
        formatted = True

        async def call(chat: int, maybe_sent: bool) -> int:
            text = marked(part.text, repeat or maybe_sent)
            message = await self._bot.send_message(
                chat,
                text if formatted else unformatted(text),
                parse_mode=ParseMode.HTML,
                reply_markup=reply_markup(part),
                reply_parameters=reply_to_message(reply_to),
                disable_notification=silent,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
            return message.message_id

        try:
            return await self._attempts.run(chat_id, lane, call, turn=turn)
        except RefusedByTelegram as refusal:
            _log_refusal(refusal, part)
            if not _is_markup_fault(refusal):
                raise
            # A card that looks odd is better than an alert that never comes.
            formatted = False
            return await self._attempts.run(chat_id, lane, call, turn=turn)

    async def _edit_once(
        self, chat_id: int, message_id: int, shown: Screen, lane: Lane, turn: Turn | None
    ) -> bool:
        async def call(chat: int, _maybe_sent: bool) -> bool:
            await self._bot.edit_message_text(
                shown.text,
                chat_id=chat,
                message_id=message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=inline_markup(shown),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
            return True

        return await self._attempts.run(chat_id, lane, call, turn=turn)


def _fitted(chat_id: int, screen: Screen) -> Screen:
    return for_group(screen) if chat_id < 0 else screen


def _is_markup_fault(refusal: RefusedByTelegram) -> bool:
    return "can't parse entities" in str(refusal).lower()


def _log_refusal(refusal: RefusedByTelegram, screen: Screen) -> None:
    """Log a bug of ours by its reason and the card's first line."""
    first, _, _ = bare(screen.text).partition("\n")
    log.error("telegram refused a card", extra={"reason": str(refusal), "card": first})

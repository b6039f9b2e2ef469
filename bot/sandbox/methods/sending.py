"""Methods that put messages into chats."""

import secrets
from typing import Any

from bot.sandbox.bot_json import message_json
from bot.sandbox.chats import Media, Message
from bot.sandbox.entities import Formatted
from bot.sandbox.keyboards import Markup, read_markup
from bot.sandbox.methods.media import input_media, media_of
from bot.sandbox.methods.targets import (
    caption,
    checked_caption,
    formatted_text,
    message_text,
    open_chat_of,
    reply_of,
)
from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json
from bot.sandbox.world import World

ALBUM_MAX = 10


def post(
    world: World,
    given: Parameters,
    *,
    chat_id: int,
    formatted: Formatted,
    media: Media | None = None,
    markup: Markup | None = None,
    media_group_id: str | None = None,
) -> Message:
    """Put one message of the bot into a chat. Raises: Refusal."""
    reply_to, quote = reply_of(world, given, chat_id)
    world_s = world.monotonic()
    message = Message(
        chat_id=chat_id,
        message_id=world.next_message_id(),
        sender_id=world.identity.id,
        date=int(world.clock()),
        arrived_s=world_s,
        changed_s=world_s,
        formatted=formatted,
        media=media,
        media_group_id=media_group_id,
        inline=markup.inline if markup else None,
        keyboard=markup.keyboard if markup else None,
        reply_to=reply_to,
        quote=quote,
        silent=given.flag("disable_notification"),
        protected=given.flag("protect_content"),
    )
    world.add_message(message)
    return message


def send_message(world: World, given: Parameters) -> Json:
    """Send a text."""
    chat_id = open_chat_of(world, given)
    formatted = message_text(given)
    markup = read_markup(given.mapping("reply_markup"))
    return message_json(
        world, post(world, given, chat_id=chat_id, formatted=formatted, markup=markup)
    )


def _send_media(world: World, given: Parameters, kind: Any) -> Json:
    chat_id = open_chat_of(world, given)
    formatted = caption(given)
    markup = read_markup(given.mapping("reply_markup"))
    reply_of(world, given, chat_id)  # refused before the file is stored
    media = media_of(world, given, kind)
    sent = post(world, given, chat_id=chat_id, formatted=formatted, media=media, markup=markup)
    return message_json(world, sent)


def send_photo(world: World, given: Parameters) -> Json:
    """Send a picture."""
    return _send_media(world, given, "photo")


def send_document(world: World, given: Parameters) -> Json:
    """Send a file."""
    return _send_media(world, given, "document")


def send_media_group(world: World, given: Parameters) -> list[Json]:
    """Send up to ten pictures, or up to ten files, as one album."""
    chat_id = open_chat_of(world, given)
    items = given.structure("media")
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise bad_request("expected an Array of InputMedia")
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > ALBUM_MAX:
        raise bad_request("too many messages to send as an album")
    if len({one.get("type") for one in items}) > 1:
        raise bad_request("document can't be mixed with other media types")
    read = [
        (
            input_media(world, given, one),
            checked_caption(
                formatted_text(
                    str(one.get("caption") or ""),
                    one.get("parse_mode"),
                    one.get("caption_entities"),
                )
            ),
        )
        for one in items
    ]
    group_id = str(13_000_000_000_000_000 + secrets.randbits(50))
    return [
        message_json(
            world,
            post(
                world,
                given,
                chat_id=chat_id,
                formatted=formatted,
                media=media,
                media_group_id=group_id,
            ),
        )
        for media, formatted in read
    ]

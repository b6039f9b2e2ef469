"""Methods that change or remove messages, and answer presses."""

from dataclasses import replace
from typing import Literal

from bot.sandbox.bot_json import message_json
from bot.sandbox.chats import Message
from bot.sandbox.files import StoredFile
from bot.sandbox.keyboards import read_inline
from bot.sandbox.methods.media import input_media
from bot.sandbox.methods.targets import (
    caption,
    chat_of,
    checked_caption,
    formatted_text,
    message_of,
    message_text,
    open_chat_of,
)
from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request, not_modified, query_too_old
from bot.sandbox.wire import Json
from bot.sandbox.world import World

DELETABLE_S_MAX = 48 * 3600
DELETED_MAX = 100


def _editable(world: World, given: Parameters) -> Message:
    if given.text("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    open_chat_of(world, given)
    message = message_of(world, given, "to edit")
    mine = message.sender_id == world.identity.id and message.pinned_id is None
    # Telegram lets a bot edit only messages without reply markup or with inline keyboards.
    if not mine or message.keyboard is not None:
        raise bad_request("message can't be edited")
    return message


def _edited(world: World, before: Message, after: Message) -> Json:
    same_media = before.media == after.media
    same_text = before.formatted == after.formatted
    if same_media and same_text and before.inline == after.inline:
        raise not_modified()
    return message_json(world, world.change_message(after))


def edit_message_text(world: World, given: Parameters) -> Json:
    """Change a text; without a markup the inline keyboard goes."""
    message = _editable(world, given)
    formatted = message_text(given)
    inline = read_inline(given.mapping("reply_markup"))
    if message.media is not None:
        raise bad_request("there is no text in the message to edit")
    return _edited(world, message, replace(message, formatted=formatted, inline=inline))


def edit_message_caption(world: World, given: Parameters) -> Json:
    """Change the caption of a picture or file; without a markup the inline keyboard goes."""
    message = _editable(world, given)
    formatted = caption(given)
    inline = read_inline(given.mapping("reply_markup"))
    if message.media is None:
        raise bad_request("there is no caption in the message to edit")
    return _edited(world, message, replace(message, formatted=formatted, inline=inline))


def edit_message_media(world: World, given: Parameters) -> Json:
    """Change picture or file and caption at once."""
    message = _editable(world, given)
    item = given.mapping("media")
    if not item:
        raise bad_request("media not found")
    if message.media is None:
        raise bad_request("there is no media in the message to edit")
    formatted = checked_caption(
        formatted_text(
            str(item.get("caption") or ""), item.get("parse_mode"), item.get("caption_entities")
        )
    )
    inline = read_inline(given.mapping("reply_markup"))
    media = input_media(world, given, item)
    if message.media_group_id and media.kind != message.media.kind:
        raise bad_request("message can't be edited")
    return _edited(
        world, message, replace(message, media=media, formatted=formatted, inline=inline)
    )


def edit_message_reply_markup(world: World, given: Parameters) -> Json:
    """Change the inline keyboard alone."""
    message = _editable(world, given)
    inline = read_inline(given.mapping("reply_markup"))
    return _edited(world, message, replace(message, inline=inline))


def _delete(world: World, message: Message) -> None:
    mine = message.sender_id == world.identity.id
    group = world.groups.get(message.chat_id)
    old = world.clock() - message.date > DELETABLE_S_MAX
    # In a private chat a bot may delete incoming messages; in a group only an administrator.
    if (old and not (group and group.bot_is_admin)) or not (
        mine or group is None or group.bot_is_admin
    ):
        raise bad_request("message can't be deleted for everyone")
    world.delete_message(message)


def delete_message(world: World, given: Parameters) -> Literal[True]:
    """Remove a message."""
    _delete(world, message_of(world, given, "to delete"))
    return True


def delete_messages(world: World, given: Parameters) -> Literal[True]:
    """Remove up to 100 messages; those that are gone are passed over."""
    chat_id = chat_of(world, given)
    ids = given.structure("message_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= DELETED_MAX:
        raise bad_request("message identifiers are not specified")
    for message_id in ids:
        message = world.message(chat_id, int(message_id))
        if message is not None:
            _delete(world, message)
    return True


def answer_callback_query(world: World, given: Parameters) -> Literal[True]:
    """Answer a press."""
    query_id = given.text("callback_query_id")
    if not query_id:
        raise query_too_old()
    query = world.queries.answer(
        query_id,
        text=given.text("text"),
        show_alert=given.flag("show_alert"),
        url=given.text("url"),
        now_s=world.monotonic(),
    )
    world.feed.publish(
        "answer",
        query_id=query.id,
        user_id=query.user_id,
        chat_id=query.chat_id,
        message_id=query.message_id,
        text=query.text,
        show_alert=query.show_alert,
    )
    return True


def get_file(world: World, given: Parameters) -> Json:
    """Tell where a file can be fetched."""
    stored = world.files.by_id(given.text("file_id") or "")
    if stored is None:
        raise bad_request("invalid file_id")
    return _file_json(stored)


def _file_json(stored: StoredFile) -> Json:
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": stored.size_bytes,
        "file_path": stored.path,
    }

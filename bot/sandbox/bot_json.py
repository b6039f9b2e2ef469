"""The world as the Bot API writes it."""

from bot.sandbox.chats import Message
from bot.sandbox.wire import Json
from bot.sandbox.world import World


def user_json(world: World, user_id: int) -> Json:
    """Write a User."""
    if user_id == world.identity.id:
        return {
            "id": user_id,
            "is_bot": True,
            "first_name": world.identity.name,
            "username": world.identity.username,
        }
    person = world.people[user_id]
    written: Json = {"id": user_id, "is_bot": False, "first_name": person.name}
    if person.username:
        written["username"] = person.username
    return written | {"language_code": "en"}


def chat_json(world: World, chat_id: int) -> Json:
    """Write a Chat."""
    if chat_id < 0:
        return {"id": chat_id, "type": "group", "title": world.groups[chat_id].title}
    person = world.people[chat_id]
    written: Json = {"id": chat_id, "type": "private", "first_name": person.name}
    if person.username:
        written["username"] = person.username
    return written


def full_chat_json(world: World, chat_id: int) -> Json:
    """Write a ChatFullInfo."""
    full = chat_json(world, chat_id) | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }
    pinned = world.pinned.get(chat_id)
    top = world.message(chat_id, pinned[-1]) if pinned else None
    if top is not None:
        full["pinned_message"] = message_json(world, top, with_reply=False)
    return full


def media_json(world: World, message: Message) -> Json:
    """Write the photo or document of a message."""
    media = message.media
    stored = world.files.by_id(media.file_id) if media else None
    if media is None or stored is None:
        return {}
    size: Json = {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": stored.size_bytes,
    }
    if media.kind == "photo":
        return {"photo": [size | {"width": media.width, "height": media.height}]}
    return {"document": size | {"file_name": stored.name, "mime_type": stored.mime_type}}


def message_json(world: World, message: Message, *, with_reply: bool = True) -> Json:
    """Write a Message; a deleted one becomes an inaccessible message."""
    chat = chat_json(world, message.chat_id)
    if message.deleted:
        return {"message_id": message.message_id, "date": 0, "chat": chat}
    written: Json = {
        "message_id": message.message_id,
        "from": user_json(world, message.sender_id),
        "chat": chat,
        "date": message.date,
    }
    if message.edit_date is not None:
        written["edit_date"] = message.edit_date
    replied = world.messages.get(message.reply_to) if message.reply_to else None
    if with_reply and replied is not None and not replied.deleted:
        written["reply_to_message"] = message_json(world, replied, with_reply=False)
        if message.quote:
            written["quote"] = {"text": message.quote, "position": 0, "is_manual": True}
    if message.pinned_id is not None:
        pinned = world.messages.get(message.pinned_id)
        gone: Json = {"message_id": message.pinned_id, "date": 0, "chat": chat}
        told = message_json(world, pinned, with_reply=False) if pinned else gone
        return written | {"pinned_message": told}
    entities = [one.as_json() for one in message.formatted.entities]
    if message.media is None:
        written["text"] = message.formatted.text
        if entities:
            written["entities"] = entities
    else:
        written |= media_json(world, message)
        if message.formatted.text:
            written["caption"] = message.formatted.text
        if entities:
            written["caption_entities"] = entities
    if message.media_group_id:
        written["media_group_id"] = message.media_group_id
    if message.protected:
        written["has_protected_content"] = True
    if message.inline:
        written["reply_markup"] = message.inline
    return written

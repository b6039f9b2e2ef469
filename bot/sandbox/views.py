"""The world as the page and the tests see it."""

from bot.sandbox.chats import Message
from bot.sandbox.entities import to_html
from bot.sandbox.methods.menus import menu_for
from bot.sandbox.queries import Query
from bot.sandbox.wire import Json
from bot.sandbox.world import World


def message_view(world: World, message: Message) -> Json:
    """Show one message."""
    mine = message.sender_id == world.identity.id
    person = world.people.get(message.sender_id)
    return {
        "chat_id": message.chat_id,
        "message_id": message.message_id,
        "sender_id": message.sender_id,
        "sender_name": world.identity.name if mine else (person.name if person else "?"),
        "from_bot": mine,
        "date": message.date,
        "arrived_s": message.arrived_s,
        "changed_s": message.changed_s,
        "text": message.formatted.text,
        "entities": [one.as_json() for one in message.formatted.entities],
        "html": to_html(message.formatted),
        "media": _media_view(world, message),
        "media_group_id": message.media_group_id,
        "buttons": message.inline["inline_keyboard"] if message.inline else [],
        "keyboard": message.keyboard,
        "reply_to": message.reply_to,
        "quote": message.quote,
        "silent": message.silent,
        "protected": message.protected,
        "edits": message.edits,
        "edit_date": message.edit_date,
        "pinned": message.message_id in world.pinned.get(message.chat_id, []),
        "pinned_id": message.pinned_id,
        "reaction": message.reaction,
        "deleted": message.deleted,
    }


def _media_view(world: World, message: Message) -> Json | None:
    media = message.media
    stored = world.files.by_id(media.file_id) if media else None
    if media is None or stored is None:
        return None
    return {
        "kind": media.kind,
        "file_id": stored.file_id,
        "url": f"/sandbox/files/{stored.file_id}",
        "name": stored.name,
        "mime_type": stored.mime_type,
        "size_bytes": stored.size_bytes,
        "width": media.width,
        "height": media.height,
    }


def state_view(world: World, *, network_up: bool) -> Json:
    """Show who is there and which chats they have."""
    return {
        "revision": world.feed.revision,
        "network_up": network_up,
        "bot": {
            "id": world.identity.id,
            "name": world.identity.name,
            "username": world.identity.username,
        },
        "people": [
            {
                "id": person.id,
                "name": person.name,
                "username": person.username,
                "started": person.id in world.started,
                "blocked": person.id in world.blocked,
            }
            for person in world.people.values()
        ],
        "groups": [
            {"id": group.id, "title": group.title, "member_ids": list(group.member_ids)}
            for group in world.groups.values()
        ],
        "pending_updates": len(world.updates.pending),
    }


def chat_view(world: World, chat_id: int, user_id: int, *, last: int) -> Json:
    """Show a chat as it stands on a person's phone, its `last` newest messages."""
    return {
        "revision": world.feed.revision,
        "messages": [message_view(world, one) for one in world.chat_messages(chat_id)[-last:]],
        "pinned": [
            message_view(world, one)
            for one in (world.message(chat_id, i) for i in world.pinned.get(chat_id, []))
            if one is not None
        ],
        "keyboard": world.keyboards.get(chat_id),
        "commands": menu_for(world, chat_id, user_id),
        "blocked": chat_id in world.blocked,
    }


def query_view(query: Query) -> Json:
    """Show a press and its answer."""
    return {
        "query_id": query.id,
        "user_id": query.user_id,
        "chat_id": query.chat_id,
        "message_id": query.message_id,
        "callback_data": query.callback_data,
        "asked_s": query.asked_s,
        "answered_s": query.answered_s,
        "text": query.text,
        "show_alert": query.show_alert,
    }

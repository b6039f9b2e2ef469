"""Methods about chats: pins, reactions, what the bot is doing, who is there."""

from dataclasses import replace
from typing import Literal

from bot.sandbox.bot_json import full_chat_json, message_json, user_json
from bot.sandbox.chats import Message
from bot.sandbox.entities import Formatted
from bot.sandbox.methods.targets import chat_of, message_of, open_chat_of
from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json
from bot.sandbox.world import World

ACTIONS = frozenset(
    "typing upload_photo record_video upload_video record_voice upload_voice upload_document "
    "choose_sticker find_location record_video_note upload_video_note".split()
)
REACTIONS = frozenset(
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 "
    "🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 "
    "💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 "
    "😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 "
    "😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡".split()
)
RIGHTLESS = "not enough rights to manage pinned messages in the chat"


def _check_pin_rights(world: World, chat_id: int) -> None:
    group = world.groups.get(chat_id)
    if group is not None and not group.bot_is_admin:
        raise bad_request(RIGHTLESS)


def pin_chat_message(world: World, given: Parameters) -> Literal[True]:
    """Pin a message; the chat is told by a service message, which the bot gets as an update."""
    chat_id = open_chat_of(world, given)
    message = message_of(world, given, "to pin")
    _check_pin_rights(world, chat_id)
    if world.pinned.get(chat_id, [])[-1:] == [message.message_id]:
        return True
    world.pin(chat_id, message.message_id)
    now_s = world.monotonic()
    service = Message(
        chat_id=chat_id,
        message_id=world.next_message_id(),
        sender_id=world.identity.id,
        date=int(world.clock()),
        arrived_s=now_s,
        changed_s=now_s,
        formatted=Formatted(text=""),
        silent=given.flag("disable_notification"),
        pinned_id=message.message_id,
    )
    world.add_message(service)
    world.updates.push({"message": message_json(world, service)})
    return True


def unpin_chat_message(world: World, given: Parameters) -> Literal[True]:
    """Unpin one message, the newest pinned one by default."""
    chat_id = chat_of(world, given)
    _check_pin_rights(world, chat_id)
    pinned = world.pinned.get(chat_id, [])
    message_id = given.integer("message_id")
    if message_id is None:
        if not pinned:
            raise bad_request("message to unpin not found")
        message_id = pinned[-1]
    if world.message(chat_id, message_id) is None:
        raise bad_request("message to unpin not found")
    world.unpin(chat_id, message_id)
    return True


def unpin_all_chat_messages(world: World, given: Parameters) -> Literal[True]:
    """Unpin everything."""
    chat_id = chat_of(world, given)
    _check_pin_rights(world, chat_id)
    world.unpin_all(chat_id)
    return True


def send_chat_action(world: World, given: Parameters) -> Literal[True]:
    """Show for five seconds what the bot is doing."""
    chat_id = open_chat_of(world, given)
    action = given.text("action")
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    world.feed.publish("action", chat_id=chat_id, action=action)
    return True


def set_message_reaction(world: World, given: Parameters) -> Literal[True]:
    """Put one emoji under a message, or take it away."""
    open_chat_of(world, given)
    message = message_of(world, given, "to react")
    reactions = given.structure("reaction") or []
    if not isinstance(reactions, list) or len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    emoji = reactions[0].get("emoji") if reactions and isinstance(reactions[0], dict) else None
    if reactions and emoji not in REACTIONS:
        raise bad_request("REACTION_INVALID")
    world.change_message(replace(message, reaction=emoji), counts_as_edit=False)
    return True


def get_chat(world: World, given: Parameters) -> Json:
    """Tell about a chat."""
    return full_chat_json(world, chat_of(world, given))


def get_chat_member(world: World, given: Parameters) -> Json:
    """Tell what somebody is in a chat."""
    chat_id, user_id = chat_of(world, given), given.integer("user_id")
    group = world.groups.get(chat_id)
    members = {world.identity.id, *(group.member_ids if group else (chat_id,))}
    if user_id is None or user_id not in members:
        raise bad_request("member not found")
    return {"status": "member", "user": user_json(world, user_id)}

"""What persons do on their phones: write, press, block. Each act becomes an update for the bot."""

from bot.sandbox.bot_json import chat_json, message_json, user_json
from bot.sandbox.chats import Message
from bot.sandbox.detection import detect
from bot.sandbox.entities import Formatted
from bot.sandbox.queries import Query
from bot.sandbox.tidying import tidy
from bot.sandbox.updates import QueueFull
from bot.sandbox.wire import Json
from bot.sandbox.world import World

TEXT_UNITS_MAX = 4096


class ActRefused(Exception):
    """A phone would not let that person do this; the message says why."""


def _check_presence(world: World, user_id: int, chat_id: int) -> None:
    if user_id not in world.people:
        raise ActRefused(f"there is no person {user_id}")
    group = world.groups.get(chat_id)
    if chat_id != user_id and (group is None or user_id not in group.member_ids):
        raise ActRefused(f"person {user_id} is not in chat {chat_id}")


def _push(world: World, body: Json) -> int | None:
    try:
        return world.updates.push(body)
    except QueueFull as full:
        raise ActRefused(str(QueueFull.__doc__)) from full


def say(
    world: World,
    user_id: int,
    text: str,
    *,
    chat_id: int | None = None,
    reply_to: int | None = None,
) -> Message:
    """Write a text. Raises: ActRefused."""
    chat_id = user_id if chat_id is None else chat_id
    _check_presence(world, user_id, chat_id)
    if chat_id in world.blocked:
        raise ActRefused(f"person {user_id} has blocked the bot; unblock it first")
    formatted = detect(tidy(Formatted(text=text)))
    if not formatted.text:
        raise ActRefused("an empty text cannot be sent")
    if formatted.length_units > TEXT_UNITS_MAX:
        raise ActRefused("a text has 4096 characters at most")
    if reply_to is not None and world.message(chat_id, reply_to) is None:
        raise ActRefused(f"there is no message {reply_to} in chat {chat_id}")
    if chat_id > 0:
        world.start_chat(user_id)
    now_s = world.monotonic()
    message = Message(
        chat_id=chat_id,
        message_id=world.next_message_id(),
        sender_id=user_id,
        date=int(world.clock()),
        arrived_s=now_s,
        changed_s=now_s,
        formatted=formatted,
        reply_to=reply_to,
    )
    world.add_message(message)
    _push(world, {"message": message_json(world, message)})
    return message


def press(
    world: World,
    user_id: int,
    message_id: int,
    *,
    label: str | None = None,
    row: int | None = None,
    column: int | None = None,
    callback_data: str | None = None,
    gone_ok: bool = False,
) -> Query:
    """Press an inline button, by a part of its label, its place, or its very callback data.

    Callback data that stands on no button of the message, a button that the message once had, and
    a deleted message need `gone_ok`: a phone could still hold them, and so could a forger.

    Raises: ActRefused.
    """
    message = world.messages.get(message_id)
    if message is None or (message.deleted and not gone_ok):
        raise ActRefused(f"there is no message {message_id}")
    _check_presence(world, user_id, message.chat_id)
    if callback_data is not None and gone_ok:
        pressed = callback_data
    else:
        pressed = _find(
            world, message, label=label, row=row, column=column, wanted=callback_data, gone=gone_ok
        )
    query = world.queries.ask(
        user_id=user_id,
        chat_id=message.chat_id,
        message_id=message_id,
        callback_data=pressed,
        asked_s=world.monotonic(),
    )
    world.feed.publish("pressed", query_id=query.id, user_id=user_id, message_id=message_id)
    body: Json = {
        "id": query.id,
        "from": user_json(world, user_id),
        "message": message_json(world, message),
        "chat_instance": str(5_000_000_000 + abs(message.chat_id)),
        "data": pressed,
    }
    _push(world, {"callback_query": body})
    return query


def _find(
    world: World,
    message: Message,
    *,
    label: str | None,
    row: int | None,
    column: int | None,
    wanted: str | None,
    gone: bool,
) -> str:
    markups = [message.inline] if message.inline else []
    if gone:
        markups += reversed(world.former.get(message.message_id, []))
    for markup in markups:
        for i, buttons in enumerate(markup["inline_keyboard"]):
            for j, button in enumerate(buttons):
                if "callback_data" not in button:
                    continue
                found = (
                    (label is not None and label in button["text"])
                    or (wanted is not None and wanted == button["callback_data"])
                    or (row is not None and (i, j) == (row, column or 0))
                )
                if found:
                    return str(button["callback_data"])
    labels = [b["text"] for m in markups for r in m["inline_keyboard"] for b in r]
    raise ActRefused(f"message {message.message_id} has no such button; it has {labels}")


def tap_key(world: World, user_id: int, label: str, *, chat_id: int | None = None) -> Message:
    """Tap a key of the reply keyboard, which sends its text. Raises: ActRefused."""
    chat_id = user_id if chat_id is None else chat_id
    keyboard = world.keyboards.get(chat_id, {"keyboard": []})
    texts = [str(key["text"]) for row in keyboard["keyboard"] for key in row]
    for text in texts:
        if label in text:
            return say(world, user_id, text, chat_id=chat_id)
    raise ActRefused(f"chat {chat_id} has no key {label!r}; it has {texts}")


def set_blocked(world: World, user_id: int, *, blocked: bool) -> None:
    """Block or unblock the bot. Raises: ActRefused."""
    _check_presence(world, user_id, user_id)
    if (user_id in world.blocked) == blocked:
        return
    world.set_blocked(user_id, blocked)
    bot = user_json(world, world.identity.id)
    states = ["member", "kicked"] if blocked else ["kicked", "member"]
    old, new = ({"status": one, "user": bot} | _until(one) for one in states)
    body: Json = {
        "chat": chat_json(world, user_id),
        "from": user_json(world, user_id),
        "date": int(world.clock()),
        "old_chat_member": old,
        "new_chat_member": new,
    }
    _push(world, {"my_chat_member": body})


def _until(status: str) -> Json:
    return {"until_date": 0} if status == "kicked" else {}

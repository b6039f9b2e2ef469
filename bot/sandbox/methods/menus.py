"""Command menus by scope."""

import re
from typing import Literal

from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json
from bot.sandbox.world import World

COMMANDS_MAX = 100
PLAIN_SCOPES = frozenset(
    {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
)


def _scope(world: World, given: Parameters) -> str:
    scope = given.mapping("scope") or {"type": "default"}
    kind = scope.get("type")
    if kind in PLAIN_SCOPES:
        return str(kind)
    if kind not in {"chat", "chat_administrators", "chat_member"}:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    arguments = Parameters(values=scope)
    chat_id = arguments.integer("chat_id")
    if chat_id not in world.groups and chat_id not in world.started:
        raise bad_request("chat not found")
    if kind == "chat_member":
        return f"chat_member {chat_id} {arguments.integer('user_id')}"
    return f"{kind} {chat_id}"


def set_my_commands(world: World, given: Parameters) -> Literal[True]:
    """Set the menu of a scope."""
    scope = _scope(world, given)
    commands = given.structure("commands")
    if not isinstance(commands, list):
        raise bad_request("expected an Array of BotCommand")
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    read: list[Json] = []
    for one in commands:
        name = str(one.get("command", "")).removeprefix("/")
        about = str(one.get("description", ""))
        if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(about) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        read.append({"command": name, "description": about})
    world.set_commands(scope, read)
    return True


def get_my_commands(world: World, given: Parameters) -> list[Json]:
    """Give the menu of a scope."""
    return world.commands.get(_scope(world, given), [])


def delete_my_commands(world: World, given: Parameters) -> Literal[True]:
    """Forget the menu of a scope."""
    world.set_commands(_scope(world, given), [])
    return True


def menu_for(world: World, chat_id: int, user_id: int) -> list[Json]:
    """Give the menu that a person sees in a chat: the narrowest scope that has one."""
    everywhere = "all_group_chats" if chat_id < 0 else "all_private_chats"
    scopes = (f"chat_member {chat_id} {user_id}", f"chat {chat_id}", everywhere, "default")
    return next((world.commands[one] for one in scopes if one in world.commands), [])

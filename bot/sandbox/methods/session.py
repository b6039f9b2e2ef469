"""Methods about the bot itself and the way its updates take."""

import re
from typing import Literal
from urllib.parse import urlsplit

from bot.sandbox.bot_json import user_json
from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request
from bot.sandbox.updates import kinds_from
from bot.sandbox.wire import Json
from bot.sandbox.world import World

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def get_me(world: World, given: Parameters) -> Json:
    """Tell who the bot is."""
    return user_json(world, world.identity.id) | {
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def set_webhook(world: World, given: Parameters) -> Literal[True]:
    """Send updates to an address from now on; the sandbox knows only this machine."""
    url = given.text("url") or ""
    if not url:
        return delete_webhook(world, given)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname not in LOOPBACK:
        raise bad_request("bad webhook: the sandbox delivers to loopback addresses only")
    secret = given.text("secret_token") or ""
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    world.updates.allow(kinds_from(given.structure("allowed_updates")))
    if given.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = {"url": url, "secret_token": secret}
    world.updates.webhook_active = True
    world.updates.interrupt()
    return True


def delete_webhook(world: World, given: Parameters) -> Literal[True]:
    """Go back to getUpdates."""
    if given.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = {}
    world.updates.webhook_active = False
    world.updates.wake()
    return True


def get_webhook_info(world: World, given: Parameters) -> Json:
    """Tell where updates go and what went wrong last."""
    info: Json = {
        "url": world.webhook.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.pending),
    }
    for key in ("last_error_date", "last_error_message"):
        if key in world.webhook:
            info[key] = world.webhook[key]
    if world.updates.allowed:
        info["allowed_updates"] = world.updates.allowed
    return info


def log_out(world: World, given: Parameters) -> Literal[True]:
    """Do nothing, successfully: there is no cloud to leave."""
    return True

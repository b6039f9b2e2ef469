"""The Bot API's methods, by their lower-case names, as Telegram looks them up."""

from collections.abc import Callable

from bot.sandbox.methods import editing, menus, rooms, sending, session
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

Method = Callable[[World, Parameters], object]

METHODS: dict[str, Method] = {
    "getme": session.get_me,
    "setwebhook": session.set_webhook,
    "deletewebhook": session.delete_webhook,
    "getwebhookinfo": session.get_webhook_info,
    "logout": session.log_out,
    "close": session.log_out,
    "sendmessage": sending.send_message,
    "sendphoto": sending.send_photo,
    "senddocument": sending.send_document,
    "sendmediagroup": sending.send_media_group,
    "editmessagetext": editing.edit_message_text,
    "editmessagecaption": editing.edit_message_caption,
    "editmessagemedia": editing.edit_message_media,
    "editmessagereplymarkup": editing.edit_message_reply_markup,
    "deletemessage": editing.delete_message,
    "deletemessages": editing.delete_messages,
    "answercallbackquery": editing.answer_callback_query,
    "getfile": editing.get_file,
    "pinchatmessage": rooms.pin_chat_message,
    "unpinchatmessage": rooms.unpin_chat_message,
    "unpinallchatmessages": rooms.unpin_all_chat_messages,
    "sendchataction": rooms.send_chat_action,
    "setmessagereaction": rooms.set_message_reaction,
    "getchat": rooms.get_chat,
    "getchatmember": rooms.get_chat_member,
    "setmycommands": menus.set_my_commands,
    "getmycommands": menus.get_my_commands,
    "deletemycommands": menus.delete_my_commands,
}

# What counts against the rate limits: whatever shows in a chat.
LIMITED = frozenset(
    {"sendmessage", "sendphoto", "senddocument", "sendmediagroup", "editmessagetext",
     "editmessagecaption", "editmessagemedia", "editmessagereplymarkup"}
)  # fmt: skip

"""What the methods have in common in their arguments: which chat, which message, which text."""

from typing import Any

from bot.sandbox.chats import Message
from bot.sandbox.detection import detect
from bot.sandbox.entities import Formatted, entities_from_json, parse_html
from bot.sandbox.parameters import Parameters
from bot.sandbox.refusals import bad_request, blocked
from bot.sandbox.tidying import tidy
from bot.sandbox.world import World

TEXT_UNITS_MAX = 4096
CAPTION_UNITS_MAX = 1024


def chat_of(world: World, given: Parameters) -> int:
    """Find the chat that is meant. Raises: Refusal."""
    if not given.text("chat_id"):
        raise bad_request("chat_id is empty")
    chat_id = given.integer("chat_id")
    if chat_id in world.groups:
        return int(chat_id)
    if chat_id is None or chat_id not in world.people or chat_id not in world.started:
        raise bad_request("chat not found")
    return chat_id


def open_chat_of(world: World, given: Parameters) -> int:
    """Find the chat, which must let the bot in. Raises: Refusal 403 where it is blocked."""
    chat_id = chat_of(world, given)
    if chat_id in world.blocked:
        raise blocked()
    return chat_id


def message_of(world: World, given: Parameters, what: str) -> Message:
    """Find the message of a chat, for `what` ("to edit"). Raises: Refusal."""
    chat_id = chat_of(world, given)
    message_id = given.integer("message_id")
    if message_id is None:
        raise bad_request("message identifier is not specified")
    message = world.message(chat_id, message_id)
    if message is None:
        raise bad_request(f"message {what} not found")
    return message


def formatted_of(given: Parameters, name: str, entities_name: str) -> Formatted:
    """Read a text with its markup. Raises: Refusal."""
    text = given.text(name) or ""
    return formatted_text(text, given.text("parse_mode"), given.structure(entities_name))


def formatted_text(text: str, parse_mode: str | None, entities: Any) -> Formatted:
    """Read `text` by its parse mode or with given entities. Raises: Refusal."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise bad_request("strings must be encoded in UTF-8")
    if parse_mode:
        if parse_mode.lower() != "html":
            raise bad_request("unsupported parse_mode")
        formatted = parse_html(text)
    elif entities:
        formatted = Formatted(text=text, entities=entities_from_json(entities, text))
    else:
        formatted = Formatted(text=text)
    return detect(tidy(formatted))


def message_text(given: Parameters) -> Formatted:
    """Read the text of a message. Raises: Refusal where it is empty or too long."""
    formatted = formatted_of(given, "text", "entities")
    if not formatted.text:
        raise bad_request("message text is empty")
    if formatted.length_units > TEXT_UNITS_MAX:
        raise bad_request("message is too long")
    return formatted


def checked_caption(formatted: Formatted) -> Formatted:
    """Pass a caption on. Raises: Refusal where it is too long."""
    if formatted.length_units > CAPTION_UNITS_MAX:
        raise bad_request("message caption is too long")
    return formatted


def caption(given: Parameters) -> Formatted:
    """Read a caption, which may be empty. Raises: Refusal."""
    return checked_caption(formatted_of(given, "caption", "caption_entities"))


def reply_of(world: World, given: Parameters, chat_id: int) -> tuple[int | None, str | None]:
    """Read which message is answered, and the quote. Raises: Refusal where it is gone."""
    reply = given.mapping("reply_parameters")
    if reply is None:
        plain = given.integer("reply_to_message_id")
        if plain is None:
            return None, None
        reply = {
            "message_id": plain,
            "allow_sending_without_reply": given.flag("allow_sending_without_reply"),
        }
    arguments = Parameters(values=reply)
    message_id = arguments.integer("message_id")
    replied = world.message(chat_id, message_id)
    if replied is None:
        if arguments.flag("allow_sending_without_reply"):
            return None, None
        raise bad_request("message to be replied not found")
    quote = arguments.text("quote")
    if quote:
        quote = formatted_text(quote, arguments.text("quote_parse_mode"), None).text
        if quote not in replied.formatted.text:
            raise bad_request("QUOTE_TEXT_INVALID")
    return replied.message_id, quote or None

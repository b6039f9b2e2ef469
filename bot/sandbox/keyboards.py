"""Reply markup: read, checked and refused as the Bot API does."""

from dataclasses import dataclass

from bot.sandbox.entities import link_entity
from bot.sandbox.refusals import bad_request
from bot.sandbox.wire import Json

CALLBACK_BYTES_MAX = 64
COPY_CHARACTERS_MAX = 256
BUTTONS_MAX = 100
STYLES = frozenset({"danger", "success", "primary"})
ACTIONS = ("callback_data", "url", "copy_text", "switch_inline_query",
           "switch_inline_query_current_chat", "web_app", "login_url", "pay")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """A reply markup taken apart: the inline keyboard, or anything else."""

    inline: Json | None = None
    keyboard: Json | None = None


def read_markup(given: Json | None) -> Markup:
    """Check a reply markup. Raises: Refusal."""
    if not given:
        return Markup()
    if "inline_keyboard" in given:
        rows = _rows(given["inline_keyboard"], "inline keyboard")
        read = [row for row in ([_inline_button(one) for one in row] for row in rows) if row]
        if sum(map(len, read)) > BUTTONS_MAX:
            raise bad_request("REPLY_MARKUP_TOO_LONG")
        return Markup(inline={"inline_keyboard": read} if read else None)
    if "keyboard" in given:
        rows = _rows(given["keyboard"], "keyboard")
        keys = [[_key(one) for one in row] for row in rows if row]
        return Markup(keyboard={**given, "keyboard": keys})
    if given.get("remove_keyboard") or given.get("force_reply"):
        return Markup(keyboard=dict(given))
    return Markup()


def read_inline(given: Json | None) -> Json | None:
    """Check the markup of an edit, which is an inline keyboard or nothing. Raises: Refusal."""
    return read_markup(given).inline


def _rows(given: object, what: str) -> list[list[object]]:
    if not isinstance(given, list) or not all(isinstance(row, list) for row in given):
        raise bad_request(f"can't parse {what} markup: expected an Array of Arrays of buttons")
    return given


def _label(button: object, what: str) -> tuple[Json, str]:
    if not isinstance(button, dict):
        raise bad_request(f"can't parse {what} button: Expected an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise bad_request(f'can\'t parse {what} button: Field "text" must be of type String')
    if not text.strip():
        raise bad_request(f"can't parse {what} button: Button text must be non-empty")
    style = button.get("style")
    if style is not None and style not in STYLES:
        raise bad_request(f"can't parse {what} button: Invalid button style specified")
    return button, text


def _inline_button(given: object) -> Json:
    button, _ = _label(given, "inline keyboard")
    if not any(action in button for action in ACTIONS):
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if "callback_data" in button:
        size = len(str(button["callback_data"]).encode())
        if not 1 <= size <= CALLBACK_BYTES_MAX:
            raise bad_request("BUTTON_DATA_INVALID")
    if "copy_text" in button:
        copied = button["copy_text"].get("text") if isinstance(button["copy_text"], dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= COPY_CHARACTERS_MAX:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if "url" in button and link_entity(str(button["url"]), 0, 1) is None:
        raise bad_request(
            f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL"
        )
    return dict(button)


def _key(given: object) -> Json:
    if isinstance(given, str):
        given = {"text": given}
    button, _ = _label(given, "keyboard")
    return dict(button)

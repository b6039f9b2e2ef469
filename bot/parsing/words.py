"""Words: a message made plain, so that only one spelling of everything is left to read."""

import re
import unicodedata

TEXT_CHARACTERS_MAX = 300
WORDS_MAX = 40
_DASHES = "‐‑‒–—―−﹣－"
_PLAIN = str.maketrans(dict.fromkeys(_DASHES, "-") | {"٫": ".", "٬": ","})


def plain(text: str) -> str:
    """Fold width, digits of any script, dashes, spaces and case into plain lower-case text."""
    folded = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)
    return " ".join("".join(map(_plain_character, folded)).casefold().split())


def _plain_character(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    # Zero-width characters and direction marks come with pasted text and mean nothing.
    return "" if unicodedata.category(character) == "Cf" else character


def words_of(text: str) -> list[str]:
    """Split an order's text into words: `2 %` is one, `@61200` and `sl=2%` are two each."""
    made = re.sub(r"(?<=[0-9])\s+%", "%", plain(text))
    made = made.replace("@", " @ ").replace("%,", "% ")
    made = re.sub(r"\b(sl|tp|risk|stop|target|limit)\s*[=:]\s*", r"\1 ", made)
    made = re.sub(r"\b(sl|tp)(?=[0-9])", r"\1 ", made)
    made = re.sub(r"[;]|,(?=\s|$)", " ", made)
    return made.split()


def split_command(text: str) -> tuple[str, str] | None:
    """Part `/buy@quarterdeck_bot btc 1` into `buy` and `btc 1`; None where it is no command."""
    match = re.match(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?$", text.strip(), re.DOTALL)
    if match is None:
        return None
    return match[1].lower(), (match[2] or "").strip()

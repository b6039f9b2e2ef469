"""What Telegram finds in plain text by itself: commands, mentions, tags, links."""

import re

from bot.sandbox.entities import Entity, Formatted
from bot.sandbox.utf16 import unit_offsets

PATTERNS = (
    ("url", re.compile(r"\bhttps?://[^\s<>\"']+[^\s<>\"'.,:;!?)]")),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", re.ASCII)),
    ("bot_command", re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{2,31})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z]\w{3,31}\b", re.ASCII)),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{3,8}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d_])\w{1,256}")),
)
CLOSED_TO_DETECTION = frozenset({"code", "pre", "text_link", "text_mention"})


def detect(formatted: Formatted) -> Formatted:
    """Add the entities that Telegram finds outside of code and links."""
    units = unit_offsets(formatted.text)
    taken = [(e.offset, e.end) for e in formatted.entities if e.type in CLOSED_TO_DETECTION]
    found: list[Entity] = []
    for kind, pattern in PATTERNS:
        for hit in pattern.finditer(formatted.text):
            offset, end = units[hit.start()], units[hit.end()]
            if all(end <= start or offset >= stop for start, stop in taken):
                taken.append((offset, end))
                found.append(Entity(type=kind, offset=offset, length=end - offset))
    together = sorted((*formatted.entities, *found), key=lambda e: (e.offset, -e.length))
    return Formatted(text=formatted.text, entities=tuple(together))

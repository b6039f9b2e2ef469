"""Splitting: a text over Telegram's limit becomes several, each with valid markup.

It is cut at line ends; every part repeats the first line, and what was open where it was cut is
closed there and opened again.
"""

import re
from dataclasses import replace

from bot.screens.layout import Screen

TEXT_MAX = 4096
CAPTION_MAX = 1024
_TAG = re.compile(r"<(/?)([a-z]+)[^>]*>")
_PANEL = re.compile(r"<code>([^<]*\n[^<]*)</code>")
_PIECE = re.compile(r"<[^>]*>|&[a-z]+;|.", re.DOTALL)


def parts_of(text: str, limit: int = TEXT_MAX) -> tuple[str, ...]:
    """Split a text into parts of at most `limit` UTF-16 units, markup counted.

    Telegram counts without markup, so a part is never too long. A line longer than a part is cut
    between two characters, which no card of ours has.
    """
    if _units(text) <= limit:
        return (text,)
    first, _, rest = text.partition("\n")
    assert _units(first) <= limit // 4, "the first line must leave room for the others"
    parts: list[str] = []
    body: list[str] = []
    opened: list[str] = []
    room = limit - _units(first) - 1
    for line in _lines(rest, room // 2):
        after = _open_after(line, opened_before := list(opened))
        candidate = "\n".join([*body, line]) + _closing(after)
        if body and _units(candidate) > room:
            parts.append("\n".join([first, *body]) + _closing(opened_before))
            body = [_opening(opened_before) + line]
        else:
            body.append(line)
        opened = after
    parts.append("\n".join([first, *body]) + _closing(opened))
    return tuple(parts)


def for_group(screen: Screen) -> Screen:
    """Set the panels as `<pre>`, which a group's narrower bubbles show unbroken."""
    return replace(screen, text=_PANEL.sub(r"<pre>\1</pre>", screen.text))


def split(screen: Screen, limit: int = TEXT_MAX) -> tuple[Screen, ...]:
    """Split a screen; the buttons stand under the last part."""
    *before, last = parts_of(screen.text, limit)
    return (*(Screen(text=text) for text in before), replace(screen, text=last))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _open_after(line: str, opened: list[str]) -> list[str]:
    stack = list(opened)
    for slash, name in _TAG.findall(line):
        if slash:
            assert stack[-1:] == [name], f"</{name}> closes nothing"
            stack.pop()
        else:
            stack.append(name)
    return stack


def _closing(opened: list[str]) -> str:
    return "".join(f"</{name}>" for name in reversed(opened))


def _opening(opened: list[str]) -> str:
    return "".join(f"<{name}>" for name in opened)


def _lines(text: str, units_max: int) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if _units(line) <= units_max:
            lines.append(line)
            continue
        piece = ""
        for token in _PIECE.findall(line):
            if _units(piece + token) > units_max:
                lines.append(piece)
                piece = ""
            piece += token
        lines.append(piece)
    return lines

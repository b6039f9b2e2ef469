"""Telegram's HTML: the tokenizer, as strict and as lenient as the Bot API server.

Its rules and error texts follow TDLib: an unknown named entity stays as it stands, `>` needs no
escaping, `</>` closes whatever is open, and every other slip is refused with its byte offset.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.refusals import unparsable

FORMATS = "a b strong i em s strike del u ins span tg-spoiler tg-emoji tg-time pre code blockquote"
TAGS = frozenset(FORMATS.split())
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
MARKED = re.compile("[&<]")
SPACES = " \t\r\n\v\0"
BROKEN_UNICODE = (
    "Text contains invalid Unicode characters after decoding HTML entities, "
    "check for unmatched surrogate code units"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTag:
    """An opening tag; `attributes` are those that mean something on it."""

    name: str
    attributes: dict[str, str]
    at_byte: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTag:
    """A closing tag; an empty name closes whatever is open, and `closed` says that it has a `>`."""

    name: str
    closed: bool
    at_byte: int


Token: TypeAlias = str | StartTag | EndTag


class Tokenizer:
    """Cuts a text with markup into stretches of plain text and tags."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._at = 0

    def tokens(self) -> Iterator[Token]:
        """Read on, token by token. Raises: Refusal for markup that Telegram refuses."""
        while self._at < len(self._markup):
            match self._peek():
                case "&":
                    yield self._character()
                case "<" if self._markup.startswith("</", self._at):
                    yield self._end_tag()
                case "<":
                    yield self._start_tag()
                case _:
                    yield self._plain()

    def _plain(self) -> str:
        """Read up to what may mean something."""
        begin = self._at
        found = MARKED.search(self._markup, begin)
        self._at = found.start() if found is not None else len(self._markup)
        return self._markup[begin : self._at]

    def _peek(self) -> str:
        return self._markup[self._at] if self._at < len(self._markup) else "\0"

    def _byte(self, at: int) -> int:
        return len(self._markup[:at].encode("utf-8", "surrogatepass"))

    def _skip_spaces(self) -> None:
        while self._at < len(self._markup) and self._peek() in SPACES:
            self._at += 1

    def _take_until(self, stops: str) -> str:
        begin = self._at
        while self._peek() not in stops and self._at < len(self._markup):
            self._at += 1
        return self._markup[begin : self._at]

    def _character(self) -> str:
        """Read one character, which may be written as `&...;`."""
        begin = self._at
        self._at += 1
        if self._peek() == "#":
            self._at += 1
            base, digits = 10, "0123456789"
            if self._peek() in "xX":
                self._at += 1
                base, digits = 16, "0123456789abcdefABCDEF"
            number = self._take_while(digits)
            code = int(number, base) if 0 < len(number) < 10 else 0
            if 0 < code < 0x10FFFF:
                if 0xD800 <= code <= 0xDFFF:
                    raise unparsable(BROKEN_UNICODE)
                return self._close_entity(chr(code))
        else:
            letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            named = NAMED.get(self._take_while(letters))
            if named is not None:
                return self._close_entity(named)
        self._at = begin + 1
        return "&"

    def _take_while(self, allowed: str) -> str:
        begin = self._at
        while self._at < len(self._markup) and self._peek() in allowed:
            self._at += 1
        return self._markup[begin : self._at]

    def _close_entity(self, character: str) -> str:
        if self._peek() == ";":
            self._at += 1
        return character

    def _end_tag(self) -> EndTag:
        at_byte = self._byte(self._at)
        self._at += 2
        name = self._take_until(SPACES + ">").lower()
        self._skip_spaces()
        closed = self._peek() == ">"
        self._at += 1
        return EndTag(name=name, closed=closed, at_byte=at_byte)

    def _start_tag(self) -> StartTag:
        begin = self._at
        at_byte = self._byte(begin)
        self._at += 1
        name = self._take_until(SPACES + ">").lower()
        if self._at >= len(self._markup):
            raise unparsable(f"Unclosed start tag at byte offset {at_byte}")
        if name not in TAGS:
            raise unparsable(f'Unsupported start tag "{name}" at byte offset {at_byte}')
        attributes: dict[str, str] = {}
        while self._peek() != ">":
            self._skip_spaces()
            if self._peek() == ">":
                break
            self._attribute(name, at_byte, attributes)
        self._at += 1
        return StartTag(name=name, attributes=attributes, at_byte=at_byte)

    def _attribute(self, tag: str, at_byte: int, attributes: dict[str, str]) -> None:
        key = self._take_until(SPACES + "=>/\"'")
        if not key:
            raise unparsable(f'Empty attribute name in the tag "{tag}" at byte offset {at_byte}')
        self._skip_spaces()
        if self._peek() != "=":
            if self._at >= len(self._markup):
                raise unparsable(f'Unclosed start tag "{tag}" at byte offset {at_byte}')
            attributes[key.lower()] = ""
            return
        self._at += 1
        self._skip_spaces()
        if self._at >= len(self._markup):
            raise unparsable(f'Unclosed start tag "{tag}" at byte offset {at_byte}')
        attributes[key.lower()] = self._attribute_value(at_byte)

    def _attribute_value(self, at_byte: int) -> str:
        quote = self._peek()
        if quote not in "'\"":
            begin = self._at
            while self._at < len(self._markup) and (
                (self._peek().isascii() and self._peek().isalnum()) or self._peek() in ".-"
            ):
                self._at += 1
            value = self._markup[begin : self._at].lower()
            if self._at >= len(self._markup) or self._peek() not in SPACES + ">":
                raise unparsable(f"Unexpected end of name token at byte offset {self._byte(begin)}")
            return value
        self._at += 1
        read: list[str] = []
        while self._at < len(self._markup) and self._peek() != quote:
            if self._peek() == "&":
                read.append(self._character())
            else:
                read.append(self._peek())
                self._at += 1
        self._at += 1
        if self._at >= len(self._markup):
            raise unparsable(f"Unclosed start tag at byte offset {at_byte}")
        return "".join(read)

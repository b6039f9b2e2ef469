"""Formatted text: HTML to text with entities and back, as the Bot API server does it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urlsplit

from bot.sandbox.markup_html import EndTag, StartTag, Tokenizer
from bot.sandbox.refusals import bad_request, unparsable
from bot.sandbox.utf16 import length_units, slice_units
from bot.sandbox.wire import Json

TYPES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline",
    "ins": "underline", "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "span": "spoiler", "tg-spoiler": "spoiler", "tg-emoji": "custom_emoji", "tg-time": "date_time",
    "pre": "pre", "code": "code", "blockquote": "blockquote", "a": "text_link",
}  # fmt: skip
MARKUPS = {
    "bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "spoiler": "tg-spoiler",
    "code": "code",
}  # fmt: skip
PLACE = frozenset({"type", "offset", "length"})
ORDER = (
    "expandable_blockquote", "blockquote", "pre", "code", "text_link", "text_mention",
    "date_time", "bold", "italic", "underline", "strikethrough", "spoiler", "custom_emoji",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A stretch of text with a meaning; offset and length in UTF-16 code units."""

    type: str
    offset: int
    length: int
    extra: tuple[tuple[str, str | int], ...] = ()

    @property
    def end(self) -> int:
        """Give the unit after the last one."""
        return self.offset + self.length

    def as_json(self) -> Json:
        """Give the entity as the Bot API writes it."""
        plain: Json = {"type": self.type, "offset": self.offset, "length": self.length}
        return plain | dict(self.extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A text with its entities."""

    text: str
    entities: tuple[Entity, ...] = ()

    @property
    def length_units(self) -> int:
        """Count as Telegram counts."""
        return length_units(self.text)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What the parser holds: text so far, open tags, finished entities."""

    stretches: list[str] = field(default_factory=list)
    units: int = 0
    opened: list[tuple[StartTag, int, int]] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)


def parse_html(markup: str) -> Formatted:
    """Read Telegram's HTML. Raises: Refusal, worded as Telegram words it."""
    reading = _Reading()
    for token in Tokenizer(markup).tokens():
        match token:
            case str():
                reading.stretches.append(token)
                reading.units += length_units(token)
            case StartTag():
                _check_span(token)
                reading.opened.append((token, reading.units, len(reading.stretches)))
            case EndTag():
                _close(reading, token)
    if reading.opened:
        name = reading.opened[-1][0].name
        raise unparsable(f'Can\'t find end tag corresponding to start tag "{name}"')
    return Formatted(text="".join(reading.stretches), entities=in_order(reading.entities))


def _check_span(tag: StartTag) -> None:
    if tag.name == "span" and tag.attributes.get("class") != "tg-spoiler":
        raise unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {tag.at_byte}')


def _close(reading: _Reading, end: EndTag) -> None:
    if not reading.opened:
        raise unparsable(f"Unexpected end tag at byte offset {end.at_byte}")
    if not end.closed:
        raise unparsable(f"Unclosed end tag at byte offset {end.at_byte}")
    tag, offset, index = reading.opened.pop()
    if end.name and end.name != tag.name:
        raise unparsable(
            f"Unmatched end tag at byte offset {end.at_byte}, "
            f'expected "</{tag.name}>", found "</{end.name}>"'
        )
    length = reading.units - offset
    if length:
        entity = _entity(tag, "".join(reading.stretches[index:]), offset, length)
        if entity is not None:
            reading.entities.append(entity)


def _entity(tag: StartTag, inner: str, offset: int, length: int) -> Entity | None:
    kind = TYPES[tag.name]
    extra: tuple[tuple[str, str | int], ...] = ()
    match tag.name:
        case "a":
            return link_entity(tag.attributes.get("href") or inner, offset, length)
        case "blockquote" if "expandable" in tag.attributes:
            kind = "expandable_blockquote"
        case "code" if tag.attributes.get("class", "").startswith("language-"):
            language = tag.attributes["class"].removeprefix("language-")
            extra = (("language", language),) if language else ()
        case "tg-emoji":
            identifier = tag.attributes.get("emoji-id", "")
            if not (identifier.isascii() and identifier.isdigit() and int(identifier)):
                raise unparsable("Invalid custom emoji identifier specified")
            extra = (("custom_emoji_id", identifier),)
        case "tg-time":
            extra = _date_time(tag)
        case _:
            pass  # the rest carry nothing but their name
    return Entity(type=kind, offset=offset, length=length, extra=extra)


def _date_time(tag: StartTag) -> tuple[tuple[str, str | int], ...]:
    unix, form = tag.attributes.get("unix", ""), tag.attributes.get("format", "")
    if not (unix.isascii() and unix.isdigit()):
        raise unparsable("Invalid date specified")
    if not re.fullmatch(r"r?|[tTdDwW]+", form):
        raise unparsable("Invalid date format used")
    written = (("date_time_format", form),) if form else ()
    return (("unix_time", int(unix)), *written)


def link_entity(url: str, offset: int, length: int) -> Entity | None:
    """Link to `url` if it is one, as `text_link`; None where Telegram drops the link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https", "tg", "ton"}:
        if "://" in url or not re.match(r"[\w-]+(\.[\w-]+)+([/?#:]|$)", url):
            return None
        url = "http://" + url
        parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        if not re.fullmatch(r"[^\s@<>]+", parts.netloc) or any(c.isspace() for c in url):
            return None
        if not parts.path:
            cut = len(parts.scheme) + 3 + len(parts.netloc)
            url = url[:cut] + "/" + url[cut:]
    return Entity(type="text_link", offset=offset, length=length, extra=(("url", url),))


def in_order(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Sort as Telegram lists: by place, the outer before the inner."""

    def key(entity: Entity) -> tuple[int, int, int]:
        rank = ORDER.index(entity.type) if entity.type in ORDER else len(ORDER)
        return entity.offset, -entity.length, rank

    return tuple(sorted(entities, key=key))


def entities_from_json(given: list[Json], text: str) -> tuple[Entity, ...]:
    """Read entities a client sent. Raises: Refusal for one outside the text."""
    read, units = [], length_units(text)
    for one in given:
        try:
            entity = Entity(
                type=str(one["type"]),
                offset=int(one["offset"]),
                length=int(one["length"]),
                extra=tuple((k, v) for k, v in one.items() if k not in PLACE),
            )
        except (KeyError, TypeError, ValueError):
            raise bad_request("can't parse MessageEntity") from None
        if entity.offset < 0 or entity.length <= 0 or entity.end > units:
            raise bad_request(
                f"entity beginning at UTF-16 offset {entity.offset} ends after the end of the text "
                f"at UTF-16 offset {units}"
            )
        read.append(entity)
    return in_order(read)


def to_html(formatted: Formatted) -> str:
    """Write the text with its entities as Telegram's HTML; nested entities only."""
    written: list[str] = []
    opened: list[tuple[int, str]] = []
    at = 0

    def write_until(unit: int) -> None:
        nonlocal at
        if unit > at:
            written.append(escape(slice_units(formatted.text, at, unit - at), quote=False))
            at = unit

    def close_until(unit: int) -> None:
        while opened and opened[-1][0] <= unit:
            end, tag = opened.pop()
            write_until(end)
            written.append(tag)

    for one in formatted.entities:
        tags = _tags(one)
        if tags is None:
            continue
        close_until(one.offset)
        write_until(one.offset)
        written.append(tags[0])
        opened.append((one.end, tags[1]))
    close_until(formatted.length_units)
    write_until(formatted.length_units)
    return "".join(written)


def _tags(entity: Entity) -> tuple[str, str] | None:
    extra = {name: escape(str(given)) for name, given in entity.extra}
    match entity.type:
        case "pre" if "language" in extra:
            return f'<pre><code class="language-{extra["language"]}">', "</code></pre>"
        case "pre" | "blockquote" as tag:
            return f"<{tag}>", f"</{tag}>"
        case "expandable_blockquote":
            return "<blockquote expandable>", "</blockquote>"
        case "text_link":
            return f'<a href="{extra["url"]}">', "</a>"
        case "custom_emoji":
            return f'<tg-emoji emoji-id="{extra["custom_emoji_id"]}">', "</tg-emoji>"
        case "date_time":
            form = f' format="{extra["date_time_format"]}"' if "date_time_format" in extra else ""
            return f'<tg-time unix="{extra["unix_time"]}"{form}>', "</tg-time>"
        case kind if kind in MARKUPS:
            return f"<{MARKUPS[kind]}>", f"</{MARKUPS[kind]}>"
        case _:
            return None

"""What Telegram does to a formatted text before it stores it."""

from dataclasses import replace

from bot.sandbox.entities import Entity, Formatted, in_order
from bot.sandbox.utf16 import length_units, slice_units

QUOTES = frozenset({"blockquote", "expandable_blockquote"})
MONOSPACED = frozenset({"pre", "code"})
SPLITTABLE = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})


def tidy(formatted: Formatted) -> Formatted:
    """Clean as Telegram cleans before storing: trim, drop what is empty, keep code plain."""
    text = formatted.text.replace("\r", "").rstrip()
    entities = list(formatted.entities)
    if "\r" in formatted.text:
        entities = [_without_returns(one, formatted.text) for one in entities]
    end = length_units(text)
    first = min((one.offset for one in entities), default=end)
    lead = 0
    while lead < min(first, len(text)) and text[lead] in " \n":
        lead += 1
    kept = []
    for one in entities:
        stop = min(one.end, end)
        if stop > one.offset:
            kept.append(replace(one, offset=one.offset - lead, length=stop - one.offset))
    text = text[lead:]
    kept = [one for one in kept if slice_units(text, one.offset, one.length).strip()]
    return Formatted(text=text, entities=in_order(_apart(kept)))


def _without_returns(entity: Entity, text: str) -> Entity:
    before = slice_units(text, 0, entity.offset).count("\r")
    within = slice_units(text, entity.offset, entity.length).count("\r")
    return replace(entity, offset=entity.offset - before, length=entity.length - within)


def _apart(entities: list[Entity]) -> list[Entity]:
    """Keep code free of other entities: split around it what reaches further."""
    blocks: list[Entity] = []
    for one in sorted(entities, key=lambda e: (e.offset, -e.length, e.type != "pre")):
        if one.type not in MONOSPACED:
            continue
        around = blocks[-1] if blocks and blocks[-1].end > one.offset else None
        if around is None:
            blocks.append(one if one.type == "pre" else replace(one, extra=()))
        elif (around.offset, around.length) == (one.offset, one.length) and one.extra:
            blocks[-1] = replace(around, type="pre", extra=one.extra)
    apart = list(blocks)
    for one in entities:
        if one.type in MONOSPACED:
            continue
        if one.type in SPLITTABLE:
            apart.extend(_around(one, blocks))
        elif one.type in QUOTES or not any(b.offset <= one.offset < b.end for b in blocks):
            apart.append(one)
    return apart


def _around(entity: Entity, blocks: list[Entity]) -> list[Entity]:
    pieces, at = [], entity.offset
    for block in blocks:
        if block.end <= at or block.offset >= entity.end:
            continue
        if block.offset > at:
            pieces.append(replace(entity, offset=at, length=block.offset - at))
        at = max(at, block.end)
    if at < entity.end:
        pieces.append(replace(entity, offset=at, length=entity.end - at))
    return pieces

"""Offsets in UTF-16 code units, in which Telegram counts text."""


def length_units(text: str) -> int:
    """Count the UTF-16 code units of `text`."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def slice_units(text: str, offset: int, length: int) -> str:
    """Cut `length` units from `offset` on; half a surrogate pair is left out."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    return encoded[2 * offset : 2 * (offset + length)].decode("utf-16-le", "ignore")


def unit_offsets(text: str) -> list[int]:
    """Give the unit offset of every character of `text`, and of its end."""
    offsets, at = [], 0
    for character in text:
        offsets.append(at)
        at += 2 if ord(character) > 0xFFFF else 1
    offsets.append(at)
    return offsets

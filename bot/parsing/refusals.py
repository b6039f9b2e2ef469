"""Refusals: what was read, what is missing or wrong, and what to copy instead."""

from dataclasses import dataclass

TITLE_CHARACTERS_MAX = 24
SHOWN_CHARACTERS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Offer one button: its label, and the whole command that a tap stands for."""

    label: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Say why a command cannot run; nothing was sent.

    `title` has at most 24 characters, so that it fits the first line beside mode and symbol.
    """

    title: str
    sentence: str
    examples: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


class Malformed(Exception):
    """Carry a refusal out of the middle of a sentence; never leaves bot.parsing."""

    def __init__(self, title: str, sentence: str, suggestions: tuple[Suggestion, ...] = ()) -> None:
        super().__init__(sentence)
        self.title = title
        self.sentence = sentence
        self.suggestions = suggestions


def shown(text: str) -> str:
    """Show what somebody wrote: printable, at most 20 characters."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    if len(printable) <= SHOWN_CHARACTERS_MAX:
        return printable
    return printable[: SHOWN_CHARACTERS_MAX - 1] + "…"

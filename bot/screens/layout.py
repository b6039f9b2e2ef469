"""Layout: the visual language that every card is made of.

A screen is a text of Telegram's HTML and rows of buttons. The first line is mode, state, what, in
at most 36 characters; the panel is 27 columns; labels have limits. A figure is never cut: where it
does not fit its column it takes a line of its own, and where it does not fit the first line or a
label, that one says less, because the figure stands on the card as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from html import escape
from itertools import pairwise

from bot.callbacks import Button, encode

TITLE_MAX = 36
PANEL_COLUMNS = 27
PANEL_ROWS_MAX = 11
_NUMBER_END = 18
_NOTE_START = 20
_LABEL_MAX = {1: 34, 2: 17, 3: 9, 4: 9}
_COPY_MAX = 256


class Sign(StrEnum):
    """The symbols of a card's state; each stands before a word that says the same."""

    FINE = "✅"
    WAITING = "⏳"
    LOOK = "⚠️"
    STOPPED = "⛔"
    UNKNOWN = "❓"
    ALARM = "🚨"


class Style(StrEnum):
    """A button's colour: red ends exposure, green commits real money, blue simulated money."""

    PLAIN = "plain"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonView:
    """Show a button: what it says, and either what it carries or what it copies."""

    label: str
    callback: str | None = None
    copy_text: str | None = None
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """Show a key of the persistent keyboard; tapping it sends its text."""

    text: str
    style: Style = Style.PLAIN


Row = tuple[ButtonView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Show a card: its text in Telegram's HTML, its button rows, and a keyboard to set with it."""

    text: str
    rows: tuple[Row, ...] = ()
    keyboard: tuple[tuple[KeyView, ...], ...] | None = None

    def without_buttons(self) -> "Screen":
        """Give the card as it stands in the second after a tap."""
        return replace(self, rows=())


def press(label: str | Sequence[str], button: Button, style: Style = Style.PLAIN) -> ButtonView:
    """Make a button; of several labels, fullest first, its row takes the first that fits."""
    text = label if isinstance(label, str) else "\x1f".join(label)
    return ButtonView(label=text, callback=encode(button), style=style)


def copy(label: str, text: str) -> ButtonView:
    """Make a button that copies a text to the clipboard."""
    return ButtonView(label=label, copy_text=text[:_COPY_MAX])


def row(*buttons: ButtonView) -> Row:
    """Set buttons side by side.

    Raises: AssertionError when there are more than four, or a label exceeds the limit of its row.
    """
    limit = _LABEL_MAX[len(buttons)]
    return tuple(replace(button, label=_label(button.label, limit)) for button in buttons)


def _label(choices: str, limit: int) -> str:
    labels = choices.split("\x1f")
    for label in labels:
        if visible_length(label) <= limit:
            return label
    raise AssertionError(f"{labels[-1]!r} is longer than {limit} characters")


def in_threes(buttons: Sequence[ButtonView]) -> tuple[Row, ...]:
    """Set many short buttons in rows of three."""
    return tuple(row(*buttons[at : at + 3]) for at in range(0, len(buttons), 3))


def in_twos(buttons: Sequence[ButtonView]) -> tuple[Row, ...]:
    """Set many buttons in rows of two."""
    return tuple(row(*buttons[at : at + 2]) for at in range(0, len(buttons), 2))


def visible_length(text: str) -> int:
    """Count characters as they are seen: a variation selector is none."""
    return len(text.replace("\ufe0f", ""))


def shortened(name: str, length: int) -> str:
    """Cut a name, never a number, to a length, and show that it was cut."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def bold(text: str) -> str:
    """Escape a text and set it bold."""
    return f"<b>{escape(text, quote=False)}</b>"


def code(text: str) -> str:
    """Escape a text and set it so that a tap copies it."""
    return f"<code>{escape(text, quote=False)}</code>"


def plain_text(text: str) -> str:
    """Escape a text for Telegram's HTML."""
    return escape(text, quote=False)


def mode_mark(*, live: bool) -> str:
    """Give the symbol and the word of the mode."""
    return "💵 <b>LIVE</b>" if live else "📝 <b>PAPER</b>"


def title_line(what: str | Sequence[str], *, sign: Sign | None, live: bool | None) -> str:
    """Write the first line: mode, state, what; `live` None on a screen without money.

    Of several wordings, fullest first, the first that fits 36 characters is taken.
    Raises: AssertionError when none does.
    """
    choices = (what,) if isinstance(what, str) else what
    for choice in choices:
        if title_fits(choice, sign=sign, live=live):
            marks = [mode_mark(live=live)] if live is not None else []
            return " ".join([*marks, *([str(sign)] if sign is not None else []), bold(choice)])
    raise AssertionError(f"{choices[-1]!r} does not fit a first line")


def title_fits(what: str, *, sign: Sign | None, live: bool | None) -> bool:
    """Tell whether a wording fits the first line beside mode and state."""
    modes = {None: "", True: "💵 LIVE ", False: "📝 PAPER "}
    before = modes[live] + (f"{sign} " if sign is not None else "")
    return visible_length(before + what) <= TITLE_MAX


def line(name: str, number: str = "", note: str = "", *, second: str = "") -> str:
    """Write one row of a panel: name, number right-aligned to 18, note from 20.

    Or a second number, right-aligned to 27. What does not fit beside the rest goes below it.
    """
    number, second = _narrow(number), _narrow(second)
    room = _NUMBER_END - len(name) - (1 if name else 0)
    if len(number) <= room:
        head = f"{name}{number:>{_NUMBER_END - len(name)}}" if number or note or second else name
        rows = [head]
    elif len(name) + 1 + len(number) <= PANEL_COLUMNS:
        rows = [f"{name} {number}"]
    else:
        rows = [name, f"{number:>{PANEL_COLUMNS}}"] if name else [f"{number:>{PANEL_COLUMNS}}"]
    if note:
        rows = _beside(rows, note, max(_NOTE_START, len(rows[-1]) + 2))
    if second:
        rows = _beside(rows, second, max(PANEL_COLUMNS - len(second) + 1, len(rows[-1]) + 2))
    return "\n".join(text.rstrip() for text in rows)


def _narrow(number: str) -> str:
    """Leave commas, then trailing zeros, out of a number wider than the whole panel."""
    if len(number) <= PANEL_COLUMNS:
        return number
    bare = number.replace(",", "")
    is_bare = len(bare) <= PANEL_COLUMNS or "." not in bare
    return bare if is_bare else bare.rstrip("0").rstrip(".")


def _beside(rows: list[str], text: str, start: int) -> list[str]:
    if start - 1 + len(text) <= PANEL_COLUMNS:
        return [*rows[:-1], f"{rows[-1]:<{start - 1}}{text}"]
    return [*rows, *_wrapped(text)]


def _wrapped(text: str) -> list[str]:
    """Break a text that is wider than the panel between words; every row stands at the right."""
    rows = [""]
    for word in text.split(" "):
        longer = f"{rows[-1]} {word}".strip()
        rows = [*rows[:-1], longer] if len(longer) <= PANEL_COLUMNS else [*rows, word]
    return [f"{text:>{PANEL_COLUMNS}}" for text in rows]


def listed(name: str, number: str, second: str = "", note: str = "") -> str:
    """Write one item of a list: a name with its quantity to 11, numbers to 19 and 27.

    With a `note` instead of the second number, the note stands from 13 and the number ends at 27.
    What does not fit in one line continues, right-aligned, in the next.
    """
    rows = [name] if len(name) <= PANEL_COLUMNS else [text.lstrip() for text in _wrapped(name)]
    number, second = _narrow(number), _narrow(second)
    first = (note, 12 + len(note)) if note else (number, 19)
    cells = [first, (second, PANEL_COLUMNS)]
    for text, end in cells:
        last = rows[-1]
        if not text:
            continue
        room = end - len(last)
        if room > len(text):
            rows[-1] = f"{last}{text:>{room}}"
        elif len(last) + 1 + len(text) <= PANEL_COLUMNS:
            rows[-1] = f"{last} {text}"
        else:
            rows.append(f"{text:>{PANEL_COLUMNS}}")
    return "\n".join(rows)


def columns(text: str, second: str) -> str:
    """Write a text on the left and a number right-aligned to 27, below it where it must be."""
    second = _narrow(second)
    if len(text) + 1 + len(second) <= PANEL_COLUMNS:
        return f"{text}{second:>{PANEL_COLUMNS - len(text)}}"
    return f"{text}\n{second:>{PANEL_COLUMNS}}"


class Panel(str):
    """A panel's markup; `text_of` sets it apart by empty lines."""

    __slots__ = ()


def panel(*lines: str | None) -> Panel:
    """Set rows in the panel; None is left out, "" parts what it costs from what may follow.

    Raises: AssertionError when there are more than eleven rows, or one is wider than 27 columns.
    """
    kept = [text for text in lines if text is not None]
    while kept and kept[-1] == "":
        kept.pop()
    kept = [text for before, text in pairwise(["", *kept]) if text or before]
    assert len(kept) <= PANEL_ROWS_MAX, f"{len(kept)} rows are more than a panel holds"
    for text in "\n".join(kept).split("\n"):
        assert len(text) <= PANEL_COLUMNS, f"{text!r} is wider than a panel"
    return Panel(f"<code>{escape(chr(10).join(kept), quote=False)}</code>")


def quote(*lines: str | None) -> str | None:
    """Set rules and reasons in the quote; None when there are none. Lines are HTML."""
    kept = [text for text in lines if text]
    return f"<blockquote>{chr(10).join(kept)}</blockquote>" if kept else None


def text_of(*blocks: str | None) -> str:
    """Join the blocks of a card: one under the other, with an empty line around a panel.

    A quote stands tight under a panel, and what follows a quote stands tight under it. None is
    left out; "" makes an empty line where the rule makes none.
    """
    text = ""
    before: str | None = None
    is_parted = False
    for block in blocks:
        if block is None:
            continue
        if block == "":
            is_parted = True
            continue
        if before is not None:
            text += "\n\n" if is_parted or not _tight(before, block) else "\n"
        text += block
        before, is_parted = block, False
    return text


def _tight(before: str, block: str) -> bool:
    if before.startswith("<blockquote>") or block.startswith("<blockquote>"):
        return True
    return not (isinstance(before, Panel) or isinstance(block, Panel))

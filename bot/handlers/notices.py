"""Notices: the plain card of a failure or a short answer."""

from collections.abc import Sequence

from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    plain_text,
    text_of,
    title_fits,
    title_line,
)
from bot.views.scene import Scene
from engine.errors import EngineStopped, JournalUnavailable, QueueFull

FAILED_SENTENCE = "The console could not finish this. Look at Status before you try again."


def notice(
    scene: Scene,
    title: str | Sequence[str],
    *lines: str,
    sign: Sign = Sign.FINE,
    rows: tuple[Row, ...] = (),
) -> Screen:
    """Say something short; `lines` are plain text. A title that does not fit says less."""
    choices = (title,) if isinstance(title, str) else tuple(title)
    fitting = [one for one in choices if title_fits(one, sign=sign, live=scene.live)]
    head = title_line(fitting or ("Done" if sign is Sign.FINE else "Look here"), sign=sign,
                      live=scene.live)  # fmt: skip
    return Screen(text=text_of(head, *(plain_text(line) for line in lines)), rows=rows)


def failure(scene: Scene, reason: str | None = None) -> Screen:
    """Say that something went wrong here, without pretending to know what was done."""
    return notice(scene, "Failed here", reason or FAILED_SENTENCE, sign=Sign.LOOK)


def reason_of(fault: Exception) -> str | None:
    """Say in a sentence why handling failed, where it is known; None for any other fault."""
    match fault:
        case JournalUnavailable():
            return "The database does not answer. Nothing was sent. STOP works."
        case EngineStopped():
            return "The engine is not running. Nothing was sent."
        case QueueFull():
            return f"Nothing was sent. {fault}"
        case _:
            return None

"""Notices: the plain card of a refusal, a failure or a short answer; M4's layout."""

from collections.abc import Sequence

from bot.parsing.refusals import Refusal
from bot.screens.layout import (
    ButtonView,
    Row,
    Screen,
    Sign,
    code,
    in_twos,
    plain_text,
    text_of,
    title_fits,
    title_line,
)
from bot.views.scene import Scene

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


def refusal(
    scene: Scene, fault: Refusal, buttons: Sequence[ButtonView] = (), closing: Row = ()
) -> Screen:
    """M1, M4: say what was read and what is wrong, with examples that a tap copies."""
    title = (
        fault.title if title_fits(fault.title, sign=Sign.STOPPED, live=scene.live) else "Refused"
    )
    examples = ("", "Tap one to copy:", *(code(one) for one in fault.examples))
    return Screen(
        text=text_of(
            title_line(title, sign=Sign.STOPPED, live=scene.live),
            plain_text(fault.sentence),
            *(examples if fault.examples else ()),
        ),
        rows=(*in_twos(buttons), *((closing,) if closing else ())),
    )


def failure(scene: Scene, reason: str | None = None) -> Screen:
    """Say that something went wrong here, without pretending to know what was done."""
    return notice(scene, "Failed here", reason or FAILED_SENTENCE, sign=Sign.LOOK)

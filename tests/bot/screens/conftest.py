"""Goldens: `UPDATE_GOLDENS=1 pytest tests/bot/screens` writes them anew; never where CI is set."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.screens.layout import ButtonView, Screen, Style

FOLDER = Path(__file__).parent / "golden"
_MARKS = {Style.PLAIN: "", Style.RED: "!", Style.GREEN: "+", Style.BLUE: "*"}

Golden = Callable[[str, Screen], None]


def written(screen: Screen) -> str:
    """Write a screen as its golden: the text, then a line for each row of buttons."""
    rows = ["  ".join(_button(button) for button in row) for row in screen.rows]
    return screen.text + "\n\n" + ("\n".join(rows) if rows else "no buttons") + "\n"


def _button(button: ButtonView) -> str:
    carried = f"copies {button.copy_text}" if button.callback is None else button.callback
    return f"[{button.label}]{_MARKS[button.style]} {carried}"


@pytest.fixture
def golden() -> Golden:
    def check(name: str, screen: Screen) -> None:
        path = FOLDER / f"{name}.txt"
        if os.environ.get("UPDATE_GOLDENS") == "1" and not os.environ.get("CI"):
            path.write_text(written(screen), encoding="utf-8")
        assert written(screen) == path.read_text(encoding="utf-8")

    return check

"""Progress on a shell: a bar that moves on a terminal, and elsewhere a line now and then."""

import sys
from typing import Final

from bot.kill_switch import Say

BAR_SIGNS: Final = 30
TENTHS: Final = 10
# A log wants no lines about what is done before anybody could read them.
LINES_FROM: Final = 10_000


class Interrupted(Exception):
    """End work that nobody waits for any more."""


class Bar:
    """Show how much of `what` is done: on standard error where a person looks, else by `say`.

    It is told from the thread that works, and stopped from the one that waits.
    """

    def __init__(self, what: str, say: Say, *, on_terminal: bool | None = None) -> None:
        self._what = what
        self._say = say
        self._on_terminal = sys.stderr.isatty() if on_terminal is None else on_terminal
        self._is_stopped = False
        self._tenth = 0

    def stop(self) -> None:
        """End the work the next time that it tells how far it is."""
        self._is_stopped = True

    def told(self, done: int, whole: int) -> None:
        """Show that so much of it is done. Raises: Interrupted after a stop."""
        if self._is_stopped:
            raise Interrupted
        if whole <= 0:
            return
        if self._on_terminal:
            self._draw(done, whole)
        elif whole >= LINES_FROM and done * TENTHS // whole > self._tenth:
            self._tenth = done * TENTHS // whole
            self._say(f"{done:,} of {whole:,} {self._what}, {done * 100 // whole} %.")

    def _draw(self, done: int, whole: int) -> None:
        signs = "#" * (BAR_SIGNS * done // whole)
        words = f"{done * 100 // whole:3} %  {done:,} of {whole:,} {self._what}"
        end = "\n" if done == whole else ""
        sys.stderr.write(f"\r[{signs:<{BAR_SIGNS}}] {words}{end}")
        sys.stderr.flush()

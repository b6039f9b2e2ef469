"""Progress: how far long work has come, told to whoever waits for it."""

from collections.abc import Callable

Told = Callable[[int, int], None]
"""Take how much is done, and how much there is; what it raises ends the work, undone."""


def untold(_done: int, _whole: int) -> None:
    """Tell nobody."""

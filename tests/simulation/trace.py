"""The trace: what happened, line by line. The same seed writes the same trace, byte for byte."""

import asyncio
import hashlib

STORY_LINES = 40
LINES_MAX = 200_000
# What a story leaves out: it is in the trace, and explains nothing.
DULL = ("asks", "polls")


class Trace:
    """Write down what crosses the border of the process, with the virtual time."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Add a line. Raises: AssertionError when a session has gone out of bounds."""
        assert len(self.lines) < LINES_MAX, "a session without an end"
        self.lines.append(f"{asyncio.get_running_loop().time():10.4f} {who:6} {what}")

    def digest(self) -> str:
        """Give the hash of every line."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    def story(self) -> str:
        """Give the last lines that a person would want to read first."""
        told = [line for line in self.lines if line[11:].split(" ", 1)[0] not in DULL]
        return "\n".join(line[:160] for line in told[-STORY_LINES:])

"""Effort: how much a run may measure, and where it may put its files."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Carry the choice between a full and a quick run; `folder` is empty and ends with the run."""

    quick: bool
    folder: Path

    def n(self, full: int, *, quick: int) -> int:
        """Choose a number of samples."""
        return quick if self.quick else full

    def room(self, name: str) -> Path:
        """Make a folder of its own for one measurement."""
        room = self.folder / name
        room.mkdir()
        return room

"""Effort: how much a run may measure, and where it may put its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Carry the choice between a full and a quick run; `folder` is empty and ends with the run."""

    quick: bool
    folder: Path

    def n(self, full: int, *, quick: int) -> int:
        """Choose a number of samples."""
        return quick if self.quick else full

    def turns(self, full: int, *, quick: int, budget_s: float) -> Iterator[int]:
        """Number the samples; a busy machine ends them early, after one at least.

        `budget_s` is a full run's; a quick one has a fifth of it.
        """
        ends_s = monotonic() + (budget_s / 5 if self.quick else budget_s)
        for number in range(self.n(full, quick=quick)):
            if number and monotonic() > ends_s:
                return
            yield number

    def room(self, name: str) -> Path:
        """Make a folder of its own for one measurement."""
        room = self.folder / name
        room.mkdir()
        return room

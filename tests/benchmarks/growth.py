"""Growth: how the median of a row moves with the size of what it works on."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Give one row's medians, a size each; None where that size was not measured."""

    name: str
    unit: str
    medians: tuple[float | None, ...]
    n: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Give the rows that grow along the same sizes; `name` says what is counted."""

    name: str
    sizes: tuple[int, ...]
    rows: tuple[Grown, ...]


class Grower:
    """Gather samples of several rows at several sizes."""

    def __init__(self, name: str, sizes: Sequence[int]) -> None:
        self.name = name
        self.sizes = tuple(sizes)
        self._samples: dict[tuple[str, str], dict[int, list[float]]] = {}

    def add(self, row: str, unit: str, size: int, samples: Sequence[float]) -> None:
        """Add what one row took at one size."""
        self._samples.setdefault((row, unit), {}).setdefault(size, []).extend(samples)

    def table(self) -> Growth:
        """Give the medians of everything that was added."""
        return Growth(
            name=self.name,
            sizes=self.sizes,
            rows=tuple(
                Grown(
                    name=row,
                    unit=unit,
                    medians=tuple(_median(found.get(size)) for size in self.sizes),
                    n=tuple(len(found.get(size, ())) for size in self.sizes),
                )
                for (row, unit), found in self._samples.items()
            ),
        )


def _median(samples: Sequence[float] | None) -> float | None:
    return sorted(samples)[len(samples) // 2] if samples else None

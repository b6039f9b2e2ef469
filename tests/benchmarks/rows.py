"""Rows: what was measured, in one unit, beside the target that it has to meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from engine.performance import percentile

MS = 1e3
US = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Bound one figure of a row: `low`, `median` or `p99`; a rate has to reach the bound."""

    figure: str
    bound: float
    at_least: bool = False

    def text(self, unit: str) -> str:
        word = {"low": "min", "median": "median", "p99": "p99"}[self.figure]
        return f"{word} {'>=' if self.at_least else '<'} {self.bound:g} {unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Give a measurement: `low` is the least, `p99` the nearest-rank percentile of `n` samples.

    `cause` says what the time goes into, for whoever reads a miss; `note` what was done.
    """

    name: str
    unit: str
    n: int
    low: float
    median: float
    p99: float
    targets: tuple[Target, ...] = ()
    note: str = ""
    cause: str = ""

    @property
    def missed(self) -> tuple[Target, ...]:
        """Give the targets that are not met."""
        return tuple(target for target in self.targets if not self._meets(target))

    def _meets(self, target: Target) -> bool:
        value = {"low": self.low, "median": self.median, "p99": self.p99}[target.figure]
        return value >= target.bound if target.at_least else value < target.bound


def row_of(
    name: str,
    unit: str,
    samples: Sequence[float],
    *targets: Target,
    note: str = "",
    cause: str = "",
) -> Row:
    """Sum samples up; they are in `unit` already. Raises: AssertionError without any."""
    assert samples, f"{name} measured nothing"
    return Row(
        name=name,
        unit=unit,
        n=len(samples),
        low=min(samples),
        median=percentile(samples, 0.5),
        p99=percentile(samples, 0.99),
        targets=targets,
        note=note,
        cause=cause,
    )


def p99_below(bound: float) -> Target:
    return Target(figure="p99", bound=bound)


def median_below(bound: float) -> Target:
    return Target(figure="median", bound=bound)


def median_of_at_least(bound: float) -> Target:
    return Target(figure="median", bound=bound, at_least=True)


def timed(work: Callable[[], object], n: int, scale: float, *, warm: int = 20) -> list[float]:
    """Run work `n` times after a warm-up and give how long each run took; `scale` is per second."""
    for _ in range(warm):
        work()
    samples = []
    for _ in range(n):
        begun = perf_counter()
        work()
        samples.append((perf_counter() - begun) * scale)
    return samples

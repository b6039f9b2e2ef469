"""Rows: what was measured, beside what a user would have otherwise and the target to meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from engine.performance import percentile

MS = 1e3
US = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sum samples of one unit up: the least, the median, the nearest-rank p99, and how many.

    For a rate `p99` is the slow end: 99 of 100 samples are at least that fast.
    """

    n: int
    low: float
    median: float
    p99: float

    def figure(self, name: str) -> float:
        return {"low": self.low, "median": self.median, "p99": self.p99}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Give what stands beside a row: its name, what it is, and its own samples of this run."""

    name: str
    figures: Figures
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Bound one figure of a row: `low`, `median` or `p99`; a rate has to reach the bound.

    With `over_baseline` the bound is on top of the same figure of the row's baseline.
    """

    figure: str
    bound: float
    at_least: bool = False
    over_baseline: bool = False

    def text(self, unit: str) -> str:
        word = {"low": "min", "median": "median", "p99": "p99"}[self.figure]
        over = "bare + " if self.over_baseline else ""
        return f"{word} {'>=' if self.at_least else '<'} {over}{self.bound:g} {unit}"

    def is_met(self, value: float, beside: float | None) -> bool:
        """Judge a figure; `beside` is the baseline's."""
        if self.over_baseline:
            assert beside is not None, "a target over a baseline needs one"
            return value < beside + self.bound
        return value >= self.bound if self.at_least else value < self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Give a measurement, its baseline and its targets.

    `note` says what was done; `cause` what the time goes into, for whoever reads a miss; `measured`
    what this very run found out about a miss.
    """

    name: str
    unit: str
    figures: Figures
    targets: tuple[Target, ...] = ()
    baseline: Baseline | None = None
    note: str = ""
    cause: str = ""
    measured: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Target, ...]:
        """Give the targets that are not met."""
        return tuple(target for target in self.targets if not self._meets(target))

    def _meets(self, target: Target) -> bool:
        beside = self.baseline.figures.figure(target.figure) if self.baseline else None
        return target.is_met(self.figures.figure(target.figure), beside)

    def ratio(self, figure: str) -> float | None:
        """Give the figure in multiples of the baseline's; None where nothing stands beside it."""
        if self.baseline is None:
            return None
        beside = self.baseline.figures.figure(figure)
        return self.figures.figure(figure) / beside if beside else None


def figures_of(name: str, samples: Sequence[float], *, is_rate: bool = False) -> Figures:
    """Sum samples up. Raises: AssertionError without any."""
    assert samples, f"{name} measured nothing"
    return Figures(
        n=len(samples),
        low=min(samples),
        median=percentile(samples, 0.5),
        p99=percentile(samples, 0.01) if is_rate else percentile(samples, 0.99),
    )


def row_of(
    name: str,
    unit: str,
    samples: Sequence[float],
    *targets: Target,
    beside: Baseline | None = None,
    note: str = "",
    cause: str = "",
) -> Row:
    """Make a row of samples that are in `unit` already. Raises: AssertionError without any."""
    return Row(
        name=name,
        unit=unit,
        figures=figures_of(name, samples, is_rate=unit.endswith("/s")),
        targets=targets,
        baseline=beside,
        note=note,
        cause=cause,
    )


def baseline_of(name: str, unit: str, samples: Sequence[float], note: str = "") -> Baseline:
    """Sum up what a user would have otherwise. Raises: AssertionError without a sample."""
    figures = figures_of(name, samples, is_rate=unit.endswith("/s"))
    return Baseline(name=name, figures=figures, note=note)


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

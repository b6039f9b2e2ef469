"""The table: each mutant with what caught it, for a person and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.trial import Simulated, Suited


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Hold what became of one mutant."""

    mutant: Mutant
    simulated: Simulated
    suited: Suited

    @property
    def survives(self) -> bool:
        """Tell whether nothing noticed the mistake."""
        return self.simulated.caught == 0 and not self.suited.failed

    @property
    def seeds_text(self) -> str:
        """Give on how many of how many seeds the simulation objected."""
        return f"{self.simulated.caught}/{self.simulated.seeds}"

    @property
    def by_text(self) -> str:
        """Give what objected most often in the simulation."""
        return next(iter(self.simulated.promises), "-")

    @property
    def test_text(self) -> str:
        """Give the failing test without its folders."""
        return self.suited.failed.rpartition("/")[2] or "-"

    @property
    def verdict(self) -> str:
        """Give who caught it, in a word or two."""
        if self.survives:
            return "SURVIVES"
        if self.simulated.caught == 0:
            return "suite only"
        return "both" if self.suited.failed else "simulation only"


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Give the table line by line."""
    yield f"{'mutant':27} {'breaks':14} {'seeds':>8}  {'caught by':15} by what"
    for row in rows:
        yield line(row)
    caught = [row for row in rows if not row.survives]
    by_simulation = sum(1 for row in rows if row.simulated.caught)
    by_suites = sum(1 for row in rows if row.suited.failed)
    yield (
        f"{len(rows)} mutants, {len(caught)} caught: {by_simulation} by the simulation, "
        f"{by_suites} by the suites."
    )
    yield from (
        f"SURVIVES: {row.mutant.name}: {row.mutant.mistake}" for row in rows if row.survives
    )


def line(row: Row) -> str:
    """Give the table's line of one mutant."""
    mutant = row.mutant
    return (
        f"{mutant.name:27} {mutant.breaks:14} {row.seeds_text:>8}  {row.verdict:15} "
        f"{row.by_text} | {row.test_text}"
    )


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Give the table as the document of proof shows it."""
    yield "| mutant | breaks | the mistake | seeds | simulation says | first test that fails |"
    yield "|---|---|---|---:|---|---|"
    for row in rows:
        mutant = row.mutant
        test = row.test_text.rpartition("::")[2].partition("[")[0].replace("_", " ")
        yield (
            f"| {mutant.name} | {mutant.breaks} | {mutant.mistake} | {row.seeds_text} "
            f"| {row.by_text} | {test} |"
        )


def write_json(rows: Sequence[Row], seeds: range, path: Path) -> None:
    """Write everything that is known about each mutant."""
    document = {
        "seeds": {"first": seeds.start, "count": len(seeds)},
        "mutants": [
            {
                "name": row.mutant.name,
                "breaks": row.mutant.breaks,
                "mistake": row.mutant.mistake,
                "files": row.mutant.paths,
                "verdict": row.verdict,
                "simulation": asdict(row.simulated),
                "first_failing_test": row.suited.failed,
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

"""Results: what became of each mutant, kept in a file while the rest is tried."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.trial import Simulated, Suited

BEGIN, END = "<!-- mutants -->\n", "<!-- end of mutants -->\n"


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
        """Give on how many of how many seeds the simulation objected; a dash where none ran."""
        return f"{self.simulated.caught}/{self.simulated.seeds}" if self.simulated.seeds else "-"

    @property
    def by_text(self) -> str:
        """Give what objected in the simulation, most often first."""
        return ", ".join(self.simulated.promises) or "-"

    @property
    def test_text(self) -> str:
        """Give the failing test without its folders."""
        return self.suited.failed.rpartition("/")[2] or "-"

    @property
    def sentence(self) -> str:
        """Give the failing test as the sentence that its name is."""
        name = self.suited.failed.rpartition("::")[2].partition("[")[0]
        return name.removeprefix("test_").replace("_", " ") or "-"

    @property
    def verdict(self) -> str:
        """Give who caught it, in a word or two."""
        if self.survives:
            return "SURVIVES"
        if self.simulated.seeds == 0:
            return "suite"
        if self.simulated.caught == 0:
            return "suite only"
        return "both" if self.suited.failed else "simulation only"


def line(row: Row) -> str:
    """Give the table's line of one mutant."""
    mutant = row.mutant
    return (
        f"{mutant.name:27} {mutant.breaks:14} {row.seeds_text:>8}  {row.verdict:15} "
        f"{row.by_text} | {row.test_text}"
    )


def summary(rows: Sequence[Row]) -> str:
    """Give the sum of it in a sentence."""
    caught = sum(1 for row in rows if not row.survives)
    by_suites = sum(1 for row in rows if row.suited.failed)
    by_simulation = sum(1 for row in rows if row.simulated.caught)
    lived = sum(1 for row in rows if row.simulated.seeds)
    return (
        f"{len(rows)} mutants, {caught} caught: {by_suites} by the suites, {by_simulation} by the "
        f"simulation (of {lived} that it was tried on)."
    )


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Give the table line by line."""
    yield f"{'mutant':27} {'breaks':14} {'seeds':>8}  {'caught by':15} by what"
    yield from (line(row) for row in rows)
    yield summary(rows)
    yield from (
        f"SURVIVES: {row.mutant.name}: {row.mutant.mistake}" for row in rows if row.survives
    )


def document(rows: Sequence[Row]) -> Iterator[str]:
    """Give the table as the document of proof shows it."""
    yield summary(rows)
    yield ""
    yield "| mutant | breaks | the mistake | seeds | the simulation says | first test that fails |"
    yield "|---|---|---|---:|---|---|"
    for row in rows:
        mutant = row.mutant
        yield (
            f"| {mutant.name} | {mutant.breaks} | {mutant.mistake} | {row.seeds_text} "
            f"| {row.by_text} | {row.sentence} |"
        )


def put_into(path: Path, rows: Sequence[Row]) -> None:
    """Replace the table of a document, between its two marks. Raises: ValueError without them."""
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{path} has no place for the table: {BEGIN.strip()} ... {END.strip()}")
    table = "\n".join(document(rows)) + "\n"
    path.write_text(before + found + table + ended + after, encoding="utf-8")


def read(path: Path, mutants: Sequence[Mutant]) -> dict[str, Row]:
    """Give what a file holds about these mutants; nothing when there is none."""
    if not path.exists():
        return {}
    held = json.loads(path.read_text(encoding="utf-8"))
    return {
        mutant.name: Row(
            mutant=mutant,
            simulated=Simulated(**held[mutant.name]["simulation"]),
            suited=Suited(failed=held[mutant.name]["first_failing_test"]),
        )
        for mutant in mutants
        if mutant.name in held
    }


def write(rows: Mapping[str, Row], path: Path) -> None:
    """Write everything that is known about each mutant."""
    held = {
        name: {
            "breaks": row.mutant.breaks,
            "mistake": row.mutant.mistake,
            "files": row.mutant.paths,
            "verdict": row.verdict,
            "simulation": asdict(row.simulated),
            "first_failing_test": row.suited.failed,
        }
        for name, row in rows.items()
    }
    path.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")

"""Results: what became of each mutant, counted by module, and what each survivor changes."""

import ast
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KILLED = frozenset({"killed", "out of time"})
MARK = "__mutmut_"
RESULTS = "results.json"
OUTCOMES = "outcomes.txt"
WORK = "work.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Name the mutants of one file, and the text that they were made from."""

    digest: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Count the mutants of one module; what no test runs has survived."""

    module: str
    mutants: int
    killed: int
    survived: int

    @property
    def percent(self) -> float:
        """Give the share of the killed among the tried; 100 when none was tried."""
        tried = self.killed + self.survived
        return 100 * self.killed / tried if tried else 100.0


def score_of(module: str, names: Iterable[str], found: Mapping[str, str]) -> Score:
    """Count what became of a module's mutants."""
    ends = [found.get(name) for name in names]
    killed = sum(end in KILLED for end in ends)
    tried = sum(end is not None for end in ends)
    return Score(module=module, mutants=len(ends), killed=killed, survived=tried - killed)


def survivors(names: Iterable[str], found: Mapping[str, str]) -> list[str]:
    """Name the mutants that passed every test, and those that no test ran."""
    return [name for name in names if name in found and found[name] not in KILLED]


def read(folder: Path, noted: Mapping[str, Noted]) -> dict[str, str]:
    """Read what an earlier run found, but for files that have changed since."""
    path = folder / RESULTS
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    same = {name for path, each in noted.items() if stored["digests"].get(path) == each.digest
            for name in each.names}  # fmt: skip
    found = stored["found"] | outcomes(folder)
    return {name: end for name, end in found.items() if name in same}


def outcomes(folder: Path) -> dict[str, str]:
    """Read what the trial has noted so far, a line for each mutant."""
    path = folder / OUTCOMES
    if not path.exists():
        return {}
    return dict(line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines())


def write(folder: Path, noted: Mapping[str, Noted], found: Mapping[str, str]) -> None:
    """Keep what was found, so that an interrupted run goes on."""
    digests = {path: each.digest for path, each in noted.items()}
    text = json.dumps({"digests": digests, "found": dict(found)})
    (folder / RESULTS).write_text(text, encoding="utf-8")


def changed_lines(mutated: str, names: Iterable[str]) -> Iterator[str]:
    """Show what each mutant changes, a line for each."""
    bodies = _bodies(mutated)
    for name in names:
        last = name.rpartition(".")[2]
        before = bodies[last.partition(MARK)[0] + f"{MARK}orig"]
        changes = [
            line
            for line in difflib.unified_diff(before, bodies[last], lineterm="", n=0)
            if line[:1] in "+-" and line[:3] not in ("---", "+++")
        ]
        yield f"{name}: {'  '.join(changes)}"


def _bodies(source: str) -> dict[str, list[str]]:
    """Give the stripped lines of every function, without its head, whose name differs anyway."""
    lines = source.splitlines()
    return {
        node.name: [line.strip() for line in lines[node.lineno : node.end_lineno]]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def table(scores: Iterable[Score]) -> list[str]:
    """Draw a line for each module."""
    rows = [f"{'module':<30}{'mutants':>8}{'killed':>8}{'survived':>10}{'score':>9}"]
    for each in scores:
        untried = each.mutants - each.killed - each.survived
        rows.append(
            f"{each.module:<30}{each.mutants:>8}{each.killed:>8}{each.survived:>10}"
            f"{each.percent:>8.1f}%" + (f"  ({untried} not tried)" if untried else "")
        )
    return rows

"""Making: a copy of the source in which every mutant sleeps until it is called by its name.

mutmut writes each mutant beside the function that it changes, and a switch before both.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from tests.mutation.results import Noted
from tests.mutation.rewriting import opened

ROOT = Path(__file__).parents[2]
COPIED = ("engine", "storage", "bot", "tests")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "golden", "*.db", "*.lock")
# mutmut asks for its settings when it notes which test calls which function.
SETTINGS = '\n[tool.mutmut]\nsource_paths = ["engine"]\ntrack_dependencies = false\n'


def copied(folder: Path, paths: Sequence[str]) -> dict[str, Noted]:
    """Copy source and tests with the mutants of some files, and give what to note of each file."""
    for name in COPIED:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(project + SETTINGS, encoding="utf-8")
    return {path: _mutated(folder, path) for path in paths}


def _mutated(folder: Path, path: str) -> Noted:
    """Write one file's mutants; made anew only when the source has changed: it takes a while."""
    source = opened((folder / path).read_text(encoding="utf-8"))
    digest = hashlib.sha256(source.encode()).hexdigest()
    made = folder / "made" / path
    known = made.with_suffix(".json")
    if known.exists():
        noted: dict[str, object] = json.loads(known.read_text(encoding="utf-8"))
        if noted["digest"] == digest:
            shutil.copy2(made, folder / path)
            return Noted(digest=digest, names=tuple(map(str, _listed(noted["names"]))))
    with contextlib.chdir(folder):  # mutmut reads its settings where it stands
        mutated = mutate_file_contents(path, source)
    names = tuple(get_mutant_name(Path(path), name) for name in mutated.mutant_names)
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(mutated.code, encoding="utf-8")
    known.write_text(json.dumps({"digest": digest, "names": names}), encoding="utf-8")
    shutil.copy2(made, folder / path)
    return Noted(digest=digest, names=names)


def _listed(value: object) -> list[object]:
    assert isinstance(value, list), "names are written as a list"
    return value
